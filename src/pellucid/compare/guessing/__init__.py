"""Guessing: which of ours an unknown tensor is, by its shape and its numbers.

`targets` are tensors of a pack, parts of them and several together, at some of their numbers;
`pairing` sets those of another program beside them; `named` says what names tell where numbers do
not; `proposal` makes rules of the pairs that are sure, and lists those that are not.
"""

from pellucid.compare.guessing.named import shown
from pellucid.compare.guessing.pairing import Guess
from pellucid.compare.guessing.proposal import Proposal, guess

__all__ = ["Guess", "Proposal", "guess", "shown"]
"""What the rest of the house uses."""
