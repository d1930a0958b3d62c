"""Compare: where does another program's run first differ from ours, and by which mistake?

    mine = Mine.open(path, config)   the other program's tensors, under our names
    compare(pack, mine)              every step of it judged, and what differs explained
    with watch(module, model): …     the same of a PyTorch module, while it runs

`judging_tape` runs the model's own code from the other program's numbers; `judge` sets each tensor
beside what its step makes; `diagnose` looks among the `mistakes` for the one that makes it, each
put in the stead of the right function for one run (`mutation`).
"""

from pellucid.compare.against import TensorDistance
from pellucid.compare.compare import Comparison, compare, tensors_of
from pellucid.compare.finding import Finding
from pellucid.compare.fit import Fit
from pellucid.compare.judge import STATED, Verdict
from pellucid.compare.later import Later
from pellucid.compare.mine import Mine
from pellucid.compare.mistakes import FAMILIES, MISTAKES, SOLVED, Family, Mistake, SolvedMistake
from pellucid.compare.module_watch import ModuleWatch
from pellucid.compare.rules import read_rules
from pellucid.compare.tolerance import Tolerance, tolerances
from pellucid.compare.watch import watch

__all__ = [
    "FAMILIES",
    "MISTAKES",
    "SOLVED",
    "STATED",
    "Comparison",
    "Family",
    "Finding",
    "Fit",
    "Later",
    "Mine",
    "Mistake",
    "ModuleWatch",
    "SolvedMistake",
    "TensorDistance",
    "Tolerance",
    "Verdict",
    "compare",
    "read_rules",
    "tensors_of",
    "tolerances",
    "watch",
]
