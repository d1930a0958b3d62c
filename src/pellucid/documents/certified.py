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


def enclosed(proof: Proof) -> str:
    """What is proved of a run whose digits are shown as the floats that they are."""
    if not proof.proved:
        return _failed(proof)
    wrong = sum(tensor.misprinted for tensor in proof.tensors)
    others = f"; of {wrong:,} the digits that {proof.dtype} prints are not the true ones"
    return f"{_enclosed(proof)}{others if wrong else ''}."


def _claim(proof: Proof) -> str:
    if not proof.proved:
        return _failed(proof)
    claim = f"Every digit in the tables is proved. {_enclosed(proof)}"
    wrong = sum(tensor.misprinted for tensor in proof.tensors)
    if wrong:
        claim += (
            f"; where {proof.dtype} would print other digits, as of {wrong:,}, the tables have the "
            "true ones"
        )
    return f"{claim}. Statistics, and figures in lines and sentences, are of floats."


def _enclosed(proof: Proof) -> str:
    count = sum(prod(tensor.shape) for tensor in proof.tensors)
    return f"All {count:,} numbers of the run are enclosed, in balls of {proof.bits} bits"


def _failed(proof: Proof) -> str:
    first = f" {proof.not_finite}." if proof.not_finite else ""
    return f"NOT proved: {', '.join(proof.failures)}.{first}"
