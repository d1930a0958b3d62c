"""A document whose digits are proved: the true digits where floats print others, and a stamp."""

from math import prod
from typing import NamedTuple

from pellucid.documents.model import Stamp
from pellucid.numbers import at
from pellucid.prove import Proof


class Certified(NamedTuple):
    """What a document takes from a proof, under the names of its arguments."""

    stamp: Stamp
    true: dict[str, str]


def certified(proof: Proof, file: str) -> Certified:
    """The stamp of a proof whose certificate has that file name, and the digits to put right.

    These are by the numbers' names, under all names that a tensor has.
    """
    true = {
        at(name, found.place): found.true
        for tensor in proof.tensors
        for name in (tensor.name, *tensor.also)
        for found in tensor.misprints
    }
    return Certified(Stamp(_claim(proof), file), true)


def _claim(proof: Proof) -> str:
    if not proof.proved:
        first = f" {proof.not_finite}." if proof.not_finite else ""
        return f"NOT proved: {', '.join(proof.failures)}.{first}"
    count = sum(prod(tensor.shape) for tensor in proof.tensors)
    wrong = sum(tensor.misprinted for tensor in proof.tensors)
    claim = (
        f"Every digit in the tables is proved: {count:,} numbers, each enclosed in a ball of "
        f"{proof.bits} bits."
    )
    if not wrong:
        return claim
    return (
        f"{claim} Where {proof.dtype} would print others, as of {wrong:,} of the numbers, the true "
        "ones stand."
    )
