// The panels, all at once.

import "./analyze.js";
import "./chart.js";
import "./compare.js";
import "./generate.js";
import "./learn.js";
import "./touch.js";
import "./train.js";
import "./why.js";
