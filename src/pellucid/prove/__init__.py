"""Proof by balls: enclose every number of a recorded step, and certify its digits."""

from pellucid.prove.certificate import certificate, floats_beside
from pellucid.prove.checkable import Checkable, checkable, fitting
from pellucid.prove.enclose import Digits, Enclosed, Misprint, enclose
from pellucid.prove.finite_difference import Slope, finite_differences
from pellucid.prove.likeliest import Likeliest, likeliest
from pellucid.prove.prove import Proof, Stepped, prove
from pellucid.prove.replay import replay
from pellucid.prove.rocq import Development, rocq_files
from pellucid.prove.watch import Watch

__all__ = [
    "Checkable",
    "Development",
    "Digits",
    "Enclosed",
    "Likeliest",
    "Misprint",
    "Proof",
    "Slope",
    "Stepped",
    "Watch",
    "certificate",
    "checkable",
    "enclose",
    "finite_differences",
    "fitting",
    "floats_beside",
    "likeliest",
    "prove",
    "replay",
    "rocq_files",
]
