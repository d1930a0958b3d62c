"""A real number of a run, as Rocq knows it, and its name there."""

import itertools
import re
from dataclasses import dataclass

from pellucid.prove.rocq.enclosure import Enclosure

INTERVAL, LARGER, DECIDABLE = "enclosed {bits}", "larger_of_two", "decided"
"""How a lemma is proved: the tactics of Tactics.v, with the bits that Interval computes with."""

ERF = "erf_enclosed"
"""That of Erf.v, which is told how many terms of the series to take."""


@dataclass(frozen=True, eq=False)
class RealNumber:
    """A real number of the run.

    `label` is its name on the tape, with the index; `text` how it is made of others, in Rocq's
    notation, and `inputs` are these others. A number without a text is not made here: it was given
    and is exact, or is `open`, known by its enclosure alone.
    """

    name: str
    label: str
    enclosure: Enclosure
    text: str = ""
    inputs: tuple["RealNumber", ...] = ()
    how: str = INTERVAL
    open: bool = False


class Names:
    """Names that Rocq can read, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, label: str) -> str:
        """One like the label, that no other number has."""
        plain = re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_")
        name = plain if plain[:1].isalpha() else f"n_{plain}"
        same = (name if tried == 1 else f"{name}_{tried}" for tried in itertools.count(1))
        found = next(n for n in same if n not in self._given and n not in RESERVED)
        self._given.add(found)
        return found


RESERVED = frozenset(
    {
        *("as", "at", "cofix", "do", "else", "end", "exists", "exists2", "fix", "for", "forall"),
        *("fun", "if", "in", "let", "match", "mod", "return", "Prop", "Set", "SProp", "Type"),
        *("then", "where", "with", "by", "R", "exp", "ln", "sqrt", "tanh", "cos", "sin", "Rabs"),
        *("Rmax", "within", "above", "sign", "run", "exactly", "conj"),
        *("erf", "term", "terms", "tail", "nested", "odds", "series", "error", "increasing"),
        *("tanh_by_exp", "odd_positive", "even_term", "at_0", "tail_small", "scale_bounds"),
    }
)
"""Words of Rocq's, of the expressions and of the files."""
