"""From a run of a layer to a theorem: the numbers that its code makes are the definitions' own."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch

from linking.code import Code
from linking.terms import HIDDEN, applied, constant, number, operation
from pellucid import layers
from pellucid.numbers.term import Index, Term
from pellucid.numbers.term_array import TermArray

ALWAYS = (
    "sum mean INR fst snd dot add Nat.add Nat.mul Nat.sub Nat.eqb Nat.leb Nat.ltb Nat.div "
    "Nat.modulo Nat.divmod andb negb one_of_two two_of_three"
)
"""What is unfolded everywhere: sums, numbers of places, and what is held together."""


class Stage(NamedTuple):
    """A value of the code and what it is in the theorem's words, place by place.

    `array` is the value or its name on the tape; `text` has {0}, {1} for its indices, and where it
    has none it is applied to all of them; `unfold` are the definitions that it takes to see the
    line; `by` is a proof of its own.
    """

    array: Any
    text: str
    unfold: str = ""
    by: str = ""

    def general(self, index: Index) -> str:
        """The definition at a place."""
        places = [f"{at}%nat" for at in index]
        return self.text.format(*places) if "{" in self.text else " ".join([self.text, *places])

    @property
    def label(self) -> str:
        """What its variables are called."""
        shown = self.array if isinstance(self.array, str) else self.text.split()[0].strip("(")
        return str(shown).replace(".", "_")


def within(path: str, stages: Sequence[Stage]) -> list[Stage]:
    """The stages of a part, under its path on the tape of the whole."""
    return [stage._replace(array=f"{path}.{stage.array}") for stage in stages]


VARIABLE = re.compile(r"\bc\d+_\w+")
"""A number on a line before."""


class Line(NamedTuple):
    """One number: its variable, how the code made it, and what it is by the definitions."""

    variable: str
    made: str
    general: str
    stage: Stage
    place: Index


def paired(texts: Sequence[str], form: str) -> str:
    """One text of many, half by half: Rocq reads a long chain of pairs slowly."""
    if len(texts) == 1:
        return texts[0]
    half = (len(texts) + 1) // 2
    return form.format(paired(texts[:half], form), paired(texts[half:], form))


class Writing:
    """One layer at one width: its inputs, the run of its code, and the theorem that it makes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.code = Code()
        self.inputs: list[tuple[str, str]] = []
        self.definitions: list[str] = []
        self.leaves: dict[str, Callable[[Index], str]] = {}
        self.known: dict[int, str] = {}
        self.general: dict[str, str] = {}
        self.kept: list[Term] = []  # an id is a term's as long as the term is there

    # -- inputs and the run ---------------------------------------------------------------------

    def input(self, name: str, *shape: int, as_: str | None = None) -> TermArray:
        """An array of any reals: a variable of the theorem, or what `as_` says of it."""
        if as_ is None:
            self.also(name, " -> ".join(["nat"] * len(shape) + ["R"]))
        self.leaves[name] = lambda index: applied(as_ or name, index)
        # The values decide nothing; ones that are not alike let no choice go unseen.
        count = math.prod(shape)
        values = torch.arange(1, count + 1, dtype=torch.float64).reshape(shape) / 7
        return TermArray.given(values, name)

    def also(self, name: str, kind: str) -> None:
        """A further variable of the theorem."""
        self.inputs.append((name, kind))

    def define(self, name: str, kind: str, text: str) -> str:
        """A name for what the theorem's words say at length; returns it."""
        self.definitions.append(f"Definition {name} : {kind} := {text}.\n")
        return name

    def pair(
        self,
        layer: str,
        *given: Any,
        gradient: tuple[Any, ...],
        out: str = "out",
        back: Sequence[str] = ("dx",),
        shared: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Any:
        """Run a layer's forward, and its backward on a new input: `gradient`, a name and its shape.

        `shared` is what both are told; `out` and `back` are the names on the tape of what forward
        and backward hand back, and "" is a value that is not shown. Returns the backward's.
        """
        shared = shared or {}
        forward, backward = (getattr(layers, f"{layer}{way}") for way in ("", "_backward"))
        _, cache = self.code.running(forward, out)(*given, **named, **shared)
        result, _ = self.code.running(backward, *back)(self.input(*gradient), cache, **shared)
        return result

    # -- terms ----------------------------------------------------------------------------------

    def array(self, stage: Stage) -> TermArray:
        """The value of a stage."""
        shown = stage.array
        return self.code.tape.kept[shown] if isinstance(shown, str) else shown

    def text(self, term: Term) -> str:
        """The term in Rocq, down to values that stand on lines before, and to inputs."""
        known = self.known.get(id(term))
        return known if known is not None else self.made(term)

    def made(self, term: Term) -> str:
        """The same, of what the term was made from."""
        if term.tape_name is not None:
            return self.leaves[term.tape_name](term.place)
        if (fixed := constant(term)) is not None:
            return number(fixed)
        if term.operation in {"at", "if", "unless"}:
            chosen, *by = term.operands
            if any(constant(one) is None for one in by):
                raise ValueError(f"{self.name}: a choice depends on a number that is not fixed")
            return self.text(chosen)
        return operation(term, [self.text(one) for one in term.operands])

    # -- the theorem ----------------------------------------------------------------------------

    def theorem(self, title: str, *stages: Stage) -> str:
        """The theorem that numbers which obey the code's lines are those of the definitions."""
        self.code.check(self.name, [self.array(stage) for stage in stages])
        lines: list[Line] = []
        for stage in stages:
            lines += self.lines(stage, len(lines))
        self.general = {line.variable: line.general for line in lines}
        given = "\n    ".join(f"({name} : {kind})" for name, kind in self.inputs)
        named = "".join(f"{one}\n" for one in self.definitions)
        numbers = "\n".join(map(self.number, lines))
        said = paired([f"{line.variable} = {line.general}" for line in lines], "({} /\\\n  {})")
        shown = paired([f"is_{line.variable}" for line in lines], "(conj {} {})")
        return (
            f"(** {title} *)\nModule Of_{self.name}.\nSection Code.\n\n"
            f"Context\n    {given}.\n\n{named}{numbers}\n"
            f"Theorem {self.name} :\n  {said}.\nProof.\n  exact {shown}.\nQed.\n\n"
            f"End Code.\nEnd Of_{self.name}.\n"
        )

    def lines(self, stage: Stage, count: int) -> list[Line]:
        """The lines of a value, number by number; `count` stand before them."""
        array = self.array(stage)
        made: list[tuple[Line, Term]] = []
        for index in product(*map(range, array.shape)):
            term = array.term(index)
            if (text := self.text(term)) != HIDDEN:
                variable = "_".join([f"c{count + len(made)}", stage.label, *map(str, index)])
                made.append((Line(variable, text, stage.general(index), stage, index), term))
        for line, term in made:  # numbers of one value are not made from each other
            self.kept.append(term)
            if term.tape_name is None:
                self.known[id(term)] = line.variable
        return [line for line, _ in made]

    def number(self, line: Line) -> str:
        """A number as the code makes it, and that it is the definitions' own, as its uses are."""
        variable, made, general, stage, index = line
        unfold = f"cbv beta iota zeta delta [{ALWAYS} {stage.unfold}]"
        row = self.shift(stage, index) if "{shift}" in stage.by else ""
        by = stage.by.format(*(f"{at}%nat" for at in index), unfold=unfold, shift=row)
        by = by or f"{unfold}; roots; same"
        uses = dict.fromkeys(VARIABLE.findall(made))
        known = f" rewrite {', '.join(f'is_{one}' for one in uses)}." if uses else ""
        return (
            f"Definition {variable} : R := {made}.\n"
            f"Lemma is_{variable} : {variable} = {general}.\n"
            f"Proof. unfold {variable}.{known} {by}. Qed.\n"
        )

    def shift(self, stage: Stage, index: Index) -> str:
        """What the code subtracts from the row of this place before it takes exponentials."""
        path = stage.array.rpartition(".")[0]
        for name, array in self.code.tape.kept.items():
            if name.startswith(path) and name.split(".")[-1] == "shifted":
                for column in range(array.shape[-1]):
                    term = array.term((*index[:-1], column))
                    if self.text(term) != HIDDEN:
                        row = self.text(term.operands[1])
                        return VARIABLE.sub(lambda at: f"({self.general[at[0]]})", row)
        return ""
