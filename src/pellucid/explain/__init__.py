"""The arithmetic behind any one number of a run, exact or as a student works it out by hand."""

from pellucid.explain.by_hand import ByHand, Figures, by_hand
from pellucid.explain.deviation import Deviation, FarthestNumber, deviation
from pellucid.explain.explain import Explanation, explain, operands, place, shown

__all__ = [
    "ByHand",
    "Deviation",
    "Explanation",
    "FarthestNumber",
    "Figures",
    "by_hand",
    "deviation",
    "explain",
    "operands",
    "place",
    "shown",
]
