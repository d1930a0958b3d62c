// The panels, all at once.

import "./analyze.js";
import "./chart.js";
import "./compare.js";
import "./generate.js";
import "./learning.js";
import "./touch.js";
import "./why.js";
