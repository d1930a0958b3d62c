"""Proof by balls: enclose every number of a recorded step, and certify its digits."""

from pellucid.prove.answers import Margin, ProvedAnswers, hashes_of, prove_answers
from pellucid.prove.boxed import Boxed, boxed
from pellucid.prove.certificate import certificate, floats_beside
from pellucid.prove.checkable import Checkable, checkable, fitting
from pellucid.prove.enclose import Digits, Enclosed, Misprint, enclose
from pellucid.prove.finite_difference import Slope, finite_differences
from pellucid.prove.lead import Lead
from pellucid.prove.likeliest import Likeliest, likeliest
from pellucid.prove.prove import Proof, Stepped, prove
from pellucid.prove.refute import Refuted
from pellucid.prove.replay import replay
from pellucid.prove.rocq import Development, rocq_files, rocq_parts
from pellucid.prove.set_certificate import answers_certificate, set_certificate
from pellucid.prove.texts import Read, all_texts
from pellucid.prove.watch import Watch
from pellucid.prove.within import Within, within

__all__ = [
    "Boxed",
    "Checkable",
    "Development",
    "Digits",
    "Enclosed",
    "Lead",
    "Likeliest",
    "Margin",
    "Misprint",
    "Proof",
    "ProvedAnswers",
    "Read",
    "Refuted",
    "Slope",
    "Stepped",
    "Watch",
    "Within",
    "all_texts",
    "answers_certificate",
    "boxed",
    "certificate",
    "checkable",
    "enclose",
    "finite_differences",
    "fitting",
    "floats_beside",
    "hashes_of",
    "likeliest",
    "prove",
    "prove_answers",
    "replay",
    "rocq_files",
    "rocq_parts",
    "set_certificate",
    "within",
]
