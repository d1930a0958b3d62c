"""Evaluate a printed equation on the values of a run, to compare it with what ran.

The tree is the one that the writers show, so what is computed is what is seen:

- Factors side by side are a matrix product over the last two axes, leading axes broadcast, or a
  product with a number; `·` is the elementwise product and binds less: `a · x W` is `a · (x W)`.
- ` / ` with spaces divides the factors to its left, back to a `·` or a sign, by the one behind it;
  a slash without spaces joins the two that touch it: `√(2/π) x`, `2i/C`.
- `xᵀ` turns the last two axes; `x²`, `β₁ᵗ`, `x^(…)` are powers; `√`, `|x|`, `½`, `π`, `∞` as usual.
- `[q k v]` lies side by side along the last axis. A comparison in parentheses is 1 or 0.
- `Σ` takes all that follows it in its term: over the last axis, kept as an axis of 1; over an index
  below it that brackets use, `Σⱼ att[t, j]`; otherwise `Σₜ` over all axes but the last, which is
  what a weight's gradient sums, and `Σₙ` over all but the last two, the texts of a batch.
- Indices, single small letters, count from 0. Those in brackets on the left run over the left's
  axes, those of a Σ over the axes that they index; an axis without an index stays whole.
- `… where condition, else …` chooses by element. A `where` without `else` limits the Σ that uses
  its index, and without such a Σ the equation itself: it is claimed only there.

`docs/notation.md` says it with examples, and lists the functions.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.documents.formulas.axes import aligned, own
from pellucid.documents.formulas.calculation import Calculation
from pellucid.documents.formulas.parts import (
    ELSE,
    WHERE,
    Items,
    chosen_indices,
    commas,
    index_letters,
    split,
    trimmed,
    within,
)
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import Applied, Gap, Node, Prose, Row, Sign, Stop, plain
from pellucid.errors import FormulaError


class Evaluated(NamedTuple):
    """The two sides of an equation, in float64 and of one shape."""

    left: Tensor
    right: Tensor


class Clause(NamedTuple):
    """A part of a line: an equation of two sides, or prose, which is not computed."""

    text: str
    prose: bool


def equations(line: str) -> list[Clause]:
    """The equations of a line and the prose between them; a chain a = b = c is a = b and a = c.

    >>> equations("m = μ m + dw,   0 before the first step")
    [Clause(text='m = μ m + dw', prose=False), Clause(text='0 before the first step', prose=True)]
    >>> [clause.text for clause in equations("dx = dy = dout")]
    ['dx = dy', 'dx = dout']
    """
    clauses: list[Clause] = []
    for items in _between_stops(formula(line).items):
        sides, condition = _sides(items)
        words = [node for node in within(items) if isinstance(node, Prose)]
        if len(sides) < 2 or not all(sides) or any(word not in {WHERE, ELSE} for word in words):
            clauses.append(Clause(_text(items), prose=True))
            continue
        left, *others = sides
        clauses += [
            Clause(_text((*left, Sign("="), *right, Gap(), *condition)), prose=False)
            for right in others
        ]
    return clauses


def evaluate(equation: str, values: Mapping[str, Tensor | float]) -> Evaluated:
    """Both sides of one equation, computed in float64 from values under the names that it uses.

    The right side is broadcast to the shape of the left, of which a last axis of 1 that a Σ or a
    mean kept may be missing. Where indices run, their axes come first.

    Raises `FormulaError` for prose, an unknown name or function, or shapes that do not fit.

    >>> x = torch.tensor([1.0, -2.0])
    >>> left, right = evaluate("loss = Σ |x| / C", {"x": x, "C": 2, "loss": 1.5})
    >>> left.item(), right.item()
    (1.5, 1.5)
    """
    given = {
        name: torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
        for name, value in values.items()
    }
    try:
        return _evaluated(formula(equation).items, given)
    except FormulaError as error:
        raise FormulaError(f"`{equation}` cannot be computed: {error}") from None


def _between_stops(items: Items) -> list[Items]:
    """The parts of a line between stops, but for the comma before an `else`."""
    parts: list[list[Node | Tensor]] = [[]]
    for item, after in zip_longest(items, items[1:]):
        if isinstance(item, Stop) and after != ELSE:
            parts.append([])
        else:
            parts[-1].append(item)
    return [trimmed(part) for part in parts if trimmed(part)]


def _sides(items: Items) -> tuple[list[Items], Items]:
    """The sides of an equation, and its `where` with all that follows."""
    place = next((place for place, item in enumerate(items) if item == WHERE), len(items))
    return split(items[:place], Sign("=")), items[place:]


def _text(items: Items) -> str:
    return plain(Row(tuple(item for item in items if not isinstance(item, Tensor)))).strip()


def _evaluated(items: Items, values: Mapping[str, Tensor]) -> Evaluated:
    if len(_between_stops(items)) != 1:
        raise FormulaError("it has several parts, which `equations` takes apart")
    sides, condition = _sides(items)
    if len(sides) != 2:
        raise FormulaError("it has no =" if len(sides) < 2 else "it is a chain, for `equations`")
    calculation = Calculation(values, _free_indices(sides[0], values))
    k = calculation.k
    left = calculation.row(sides[0])
    left = left.expand((*map(len, calculation.indices.values()), *own(left, k)))
    limited = condition and ELSE not in condition
    if limited and not chosen_indices(sides[1], condition):
        right = replace(calculation, strict=False).row(sides[1])
        holds = _like(left, calculation.holds(condition[1:]), k)
        left, right = left[holds], _like(left, right, k)[holds]
    else:
        right = _like(left, calculation.row([*sides[1], *condition]), k)
    if not left.numel():
        raise FormulaError("it says nothing of these values: there is no number to compare")
    return Evaluated(left, right)


def _free_indices(left: Items, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The indices in brackets on the left, in order, with the places that they run over."""
    positions = [
        position
        for node in within(left)
        if isinstance(node, Applied) and node.to.left == "["
        for position in commas(node.to.inside)
    ]
    letters = dict.fromkeys(letter for part in positions for letter in sorted(index_letters(part)))
    places = {letter: Calculation(values, {}).places(letter, left) for letter in letters}
    return {letter: place for letter, place in places.items() if place is not None}


def _like(left: Tensor, right: Tensor, k: int) -> Tensor:
    """The right side broadcast to the left, without a last axis of 1 that the left has not."""
    if right.dim() == left.dim() + 1 and right.shape[-1] == 1:
        right = right.squeeze(-1)
    try:
        return aligned(k, right, left)[0].expand_as(left)
    except RuntimeError:
        shapes = f"{own(left, k)}, its right {own(right, k)}"
        raise FormulaError(f"its left side has the shape {shapes}") from None
