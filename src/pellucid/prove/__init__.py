"""Proof by balls: enclose every number of a recorded step, and certify its digits."""

from pellucid.prove.enclose import Digits, Enclosed, Misprint, enclose
from pellucid.prove.finite_difference import Slope, finite_differences
from pellucid.prove.likeliest import Likeliest, likeliest
from pellucid.prove.prove import Proof, Stepped, Watch, prove
from pellucid.prove.replay import replay

__all__ = [
    "Digits",
    "Enclosed",
    "Likeliest",
    "Misprint",
    "Proof",
    "Slope",
    "Stepped",
    "Watch",
    "enclose",
    "finite_differences",
    "likeliest",
    "prove",
    "replay",
]
