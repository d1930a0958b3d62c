"""What each part of a formula's tree comes to, for given values.

A part is computed for all indices at once: `indices` are those in scope, each with the places that
it runs over, and the axes of a result begin with theirs (`axes`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

import torch
from torch import Tensor

from pellucid.documents.formulas.axes import (
    COMPARISONS,
    compared,
    elementwise,
    gathered,
    juxtaposed,
    side_by_side,
    transposed,
)
from pellucid.documents.formulas.functions import called
from pellucid.documents.formulas.parts import (
    ELSE,
    WHERE,
    Items,
    chosen_indices,
    commas,
    ends,
    is_line,
    is_sigma,
    split,
    trimmed,
    within,
)
from pellucid.documents.formulas.read import FUNCTIONS as BARE
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import (
    Applied,
    Bracketed,
    Fraction,
    Gap,
    Name,
    Node,
    Number,
    Prose,
    Root,
    Scripted,
    Sign,
    Stop,
    letters,
    plain,
)
from pellucid.errors import FormulaError

CONSTANTS = {"½": 0.5, "∞": math.inf, "π": math.pi}

MANY = 20
"""So many names an error lists."""

KEPT = {"t": 1, "n": 2}
"""How many of the last axes a Σ keeps that has no bracketed index: Σₜ a row, Σₙ a matrix."""


@dataclass(frozen=True)
class Calculation:
    """The values by name, the indices in scope, and the condition that a Σ's index must meet.

    Where not `strict`, a value outside its axes is NaN, as a `where` may leave it out.
    """

    values: Mapping[str, Tensor]
    indices: Mapping[str, Tensor]
    condition: tuple[str, Items] | None = None
    strict: bool = True

    @property
    def k(self) -> int:
        """How many axes the indices have."""
        return len(self.indices)

    def row(self, items: Items) -> Tensor:
        """A row: a sum, a comparison, or sums chosen among by `where` and `else`."""
        main, *conditions = split(items, WHERE)
        if not conditions:
            return self.comparison(items)
        if len(conditions) > 1:
            raise FormulaError("one `where` at a time: more of them need parentheses")
        condition, *others = split(conditions[0], ELSE)
        if not others:
            chosen = chosen_indices(main, condition)
            if len(chosen) != 1:
                raise FormulaError("`where` without `else` takes one Σ whose index it has")
            return replace(self, condition=(chosen[0], condition)).comparison(main)
        comma = bool(condition) and isinstance(condition[-1], Stop)
        lenient = replace(self, strict=False)
        return elementwise(
            self.k,
            "`where`",
            torch.where,
            self.holds(condition[:-1] if comma else condition),
            lenient.comparison(main),
            lenient.comparison(others[0]),
        )

    def holds(self, condition: Items) -> Tensor:
        """Where a condition is not 0."""
        return replace(self, condition=None, strict=True).comparison(condition) != 0

    def comparison(self, items: Items) -> Tensor:
        """A sum, or 1 where comparisons of sums hold and 0 elsewhere."""
        signs = [item for item in items if isinstance(item, Sign) and item.text in COMPARISONS]
        sums = [self.sum(part) for part in split(items, *signs)]
        if not signs:
            return sums[0]
        pairs = zip(sums[:-1], signs, sums[1:], strict=True)
        steps = [compared(a, sign.text, b, self.k) for a, sign, b in pairs]
        return reduce(lambda a, b: elementwise(self.k, "a comparison", torch.mul, a, b), steps)

    def sum(self, items: Items) -> Tensor:
        """Terms, added and subtracted."""
        terms: list[list[Node | Tensor]] = [[]]
        for item in items:
            last = next(reversed(trimmed(terms[-1])), None)
            leads = last is None or isinstance(last, Sign) or is_sigma(last)
            if isinstance(item, Sign) and item.text in "+-−" and not leads:
                terms.append([])
            terms[-1].append(item)
        values = [self.term(trimmed(term)) for term in terms]
        return reduce(lambda a, b: elementwise(self.k, "a sum", torch.add, a, b), values)

    def term(self, items: Items) -> Tensor:
        """Factors between `·`, with a sign in front; a Σ takes all that follows it."""
        if items and isinstance(items[0], Sign) and items[0].text in "+-−":
            value = self.term(trimmed(items[1:]))
            return value if items[0].text == "+" else -value
        for place, item in enumerate(items):
            if is_sigma(item):
                below = letters(item.below) if isinstance(item, Scripted) else ""
                if isinstance(item, Scripted) and item.above:
                    raise FormulaError("a Σ has an index below it and nothing above")
                items = [*items[:place], self.summed(below, trimmed(items[place + 1 :]))]
                break
        first, *others = split(items, Sign("·"))
        values = [self.factors(first), *map(self.term, others)]
        return reduce(lambda a, b: elementwise(self.k, "·", torch.mul, a, b), values)

    def summed(self, below: str, items: Items) -> Tensor:
        """The Σ of a term: over its last axis, which is kept, or over the indices below the Σ."""
        if not below:
            value = self.term(items)
            if value.dim() == self.k:
                raise FormulaError("Σ without an index adds up a last axis, and a number has none")
            return value.sum(-1, keepdim=True)
        index, rest = below[0], below[1:]
        if index in self.indices:
            raise FormulaError(f"the index {index} of a Σ is already given outside of it")
        condition = self.condition[1] if self.condition and self.condition[0] == index else ()
        places = self.places(index, [*items, *condition])
        if places is None:
            if rest or index not in KEPT:
                raise FormulaError(f"Σ runs over {index}, which stands in no brackets behind it")
            value = self.term(items)
            leading = tuple(range(self.k, value.dim() - KEPT[index]))
            return value.sum(leading) if leading else value
        inner = replace(self, indices={**self.indices, index: places})
        if condition:
            inner = replace(inner, condition=None, strict=False)
        value = inner.summed(rest, items) if rest else inner.term(items)
        if condition:
            chosen, zero = inner.holds(condition), value.new_zeros(())
            value = elementwise(inner.k, "`where`", torch.where, chosen, value, zero)
        return value.sum(self.k)  # the index's axis is the last of those in front

    def places(self, index: str, items: Items) -> Tensor | None:
        """The places over which an index runs: those for which its brackets lie within axes."""
        found: dict[tuple[int, int], str] = {}
        for node in within(items):
            if isinstance(node, Applied) and node.to.left == "[":
                name = plain(node.base)
                sizes = self.values[name].shape if name in self.values else ()
                for position, size in zip(commas(node.to.inside), sizes, strict=False):
                    if is_line(position, index):
                        alone = replace(self, indices={index: torch.arange(3)})
                        found[ends(alone.row(position), index, size)] = plain(node)
        if len(found) > 1:
            raise FormulaError(f"{index} runs over different places in {', '.join(found.values())}")
        return next((torch.arange(*between) for between in found), None)

    def factors(self, items: Items) -> Tensor:
        """Factors side by side; those without a space between them hold together first."""
        groups = split(items, Gap())
        values: list[Tensor] = []
        while groups:
            bare: list[str] = []
            while len(groups) > 1 and (name := self.bare(groups[0])):
                bare.append(name)
                groups.pop(0)
            group = groups.pop(0)
            if bare and len(group) > 1:
                raise FormulaError(f"{bare[-1]} needs parentheses around more than one factor")
            value = self.group(group)
            for name in reversed(bare):
                value = called(name, [value], self.k, self.values)
            values.append(value)
        return reduce(lambda a, b: juxtaposed(a, b, self.k), values)

    def bare(self, group: Items) -> str:
        """The name of a function that stands before its argument without parentheses, or none."""
        match group:
            case [Name(text)] if text in BARE and text not in self.values:
                return text
            case _:
                return ""

    def group(self, items: Items) -> Tensor:
        """Factors without spaces between them, such as 2i/C: 2i over C."""
        over, *under = split(items, Sign("/"))
        if any(len(part) != 1 for part in under):
            raise FormulaError("a slash without spaces takes one factor behind it")
        if not over:
            raise FormulaError("a factor is missing beside a sign")
        value = reduce(lambda a, b: juxtaposed(a, b, self.k), map(self.factor, over))
        for part in under:
            value = elementwise(self.k, "/", torch.div, value, self.factor(part[0]))
        return value

    def factor(self, node: Node | Tensor) -> Tensor:
        """One factor."""
        match node:
            case Tensor():
                return node
            case Name(text):
                return self.named(text)
            case Scripted(base, below, above):
                value = self.named(plain(base) + below) if below else self.factor(base)
                return self.raised(value, above) if above else value
            case Root(of):
                return self.row(of.items).sqrt()
            case Fraction(over, under):
                return elementwise(
                    self.k, "/", torch.div, *map(self.row, (over.items, under.items))
                )
            case Bracketed("(", inside):
                return self.row(inside.items)
            case Bracketed("|", inside):
                return self.row(inside.items).abs()
            case Bracketed("[", inside):
                parts = commas(inside)
                parts = parts if len(parts) > 1 else split(parts[0], Gap())
                return side_by_side(list(map(self.row, parts)), self.k)
            case Applied(base, Bracketed("(", inside)):
                parts = commas(inside)
                return called(plain(base), list(map(self.row, parts)), self.k, self.values)
            case Applied(base, Bracketed("[", inside)):
                places = [self.row(part) for part in commas(inside)]
                value = self.factor(base)
                return gathered(value, places, self.k, plain(node), strict=self.strict)
            case Number(text) if text != "…":
                return self.number(CONSTANTS[text] if text in CONSTANTS else float(text))
            case Prose(text):
                raise FormulaError(f"the words `{text}` have no value")
            case _:
                raise FormulaError(f"`{plain(node).strip()}` has no value here")

    def number(self, number: float) -> Tensor:
        """A number, the same for all indices."""
        return torch.full((1,) * self.k, number, dtype=torch.float64)

    def named(self, name: str) -> Tensor:
        """What a name stands for: an index, a value, or π."""
        if name in self.indices:
            axis = list(self.indices).index(name)
            shape = [-1 if place == axis else 1 for place in range(self.k)]
            return self.indices[name].double().reshape(shape)
        if name in self.values:
            value = self.values[name]
            return value.reshape((*(1,) * self.k, *value.shape))
        if name in CONSTANTS:
            return self.number(CONSTANTS[name])
        given = ", ".join([*self.values][:MANY]) + ", …" * (len(self.values) > MANY)
        raise FormulaError(f"there is no value named {name}; given are {given or 'none'}")

    def raised(self, value: Tensor, above: str | Bracketed) -> Tensor:
        """A power, or with ᵀ a transposed matrix."""
        if above == "ᵀ":
            return transposed(value, self.k)
        if isinstance(above, str):
            if "ᵀ" in above:
                raise FormulaError(f"a power and ᵀ need parentheses between them, not {above}")
            exponent = self.row(formula(letters(above)).items)
        else:
            exponent = self.row(above.inside.items)
        return elementwise(self.k, "a power", torch.pow, value, exponent)
