"""Arrays of terms that answer like tensors, so that the layers' own functions run on them.

Such an array holds no elements: it knows its shape and how to make the term of any one element from
its operands' elements. A layer re-run on them costs a few steps an operation, however large it is,
and only the arithmetic behind the element that is asked for is ever written out.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.numbers import views
from pellucid.numbers.elementwise import Elementwise
from pellucid.numbers.reader import reader
from pellucid.numbers.term import Index, Term, added_to, apply, leaf, number, over
from pellucid.numbers.views import Rearranged, View


class TermArray(Rearranged, Elementwise):
    """A tensor-like array whose elements are terms, made when they are asked for.

    `local` is what the code calls the array, `source` its name on the tape; an element of one that
    has a source is a leaf, with the value that is on the tape.
    """

    def __init__(self, shape: Sequence[int], make: Callable[[Index], Term], like: Any) -> None:
        self.shape = torch.Size(shape)
        self.dtype, self.device = like.dtype, like.device
        self.local: str | None = None
        self.source: str | None = None
        self._make = make
        self._read: Callable[[Index], float] | None = None
        self._known: dict[Index, Term] = {}
        self._settle: Callable[[dict[Index, Term]], None] | None = None

    @classmethod
    def given(cls, value: Tensor, source: str | None) -> "TermArray":
        """The elements of a tensor, under its name on the tape; without one, plain numbers."""
        read = reader(value)
        array = cls(value.shape, lambda index: number(read(index)), value)
        if source is not None:
            array.mark(source, read)
        return array

    @classmethod
    def setting(cls, value: float, name: str) -> "TermArray":
        """A float that a function was given, such as its learning rate, under its name."""
        like = torch.empty((), dtype=torch.float64)
        array = cls((), lambda _: leaf(value, array.local or name, None), like)
        return array

    def mark(self, source: str, read: Callable[[Index], float]) -> None:
        """Say what the array is on the tape, and how to read it there; the first name stays."""
        if self.source is None:
            self.source, self._read = source, read

    def settled(self, by: Callable[[dict[Index, Term]], None]) -> None:
        """Let all elements be made when the first is asked for, and hand those it makes to `by`.

        They are those that no array with a name holds already: of a view there are none.
        """
        self._settle = by

    def term(self, index: Index) -> Term:
        """The element as an operand of others."""
        if self._settle is not None and self.source is None:
            by, self._settle = self._settle, None
            by(self._all())
        known = self._known.get(index)
        if known is None:
            if self.source is None or self._read is None:
                known = self.made(index)
            else:
                name = self.local or self.source
                known = leaf(self._read(index), name, self.source, index)
            self._known[index] = known
        return known

    def made(self, index: Index) -> Term:
        """The element as it is made, even where it has a name on the tape."""
        term = self._make(index)
        if self.local and term.name is None and term.operation:
            term.name, term.place = self.local, index
        return term

    def _all(self) -> dict[Index, Term]:
        """Make all elements; returns those that bear this array's name and no other's."""
        places = itertools.product(*map(range, self.shape))
        self._known = {index: self._make(index) for index in places}
        own = {at: term for at, term in self._known.items() if term.operation and not term.name}
        for index, term in own.items():
            term.name, term.place = self.local, index
        return own

    def __bool__(self) -> bool:
        return bool(self.term((0,) * len(self.shape)).value)

    # -- shapes -------------------------------------------------------------------------------

    def _view(self, view: View) -> "TermArray":
        shape, back = view
        return TermArray(shape, lambda index: self.term(back(index)), self)

    def __getitem__(self, key: Any) -> "TermArray":
        if isinstance(key, Tensor) and key.dim():
            key = TermArray.given(key, None)
        if not isinstance(key, TermArray):
            return self._view(views.part(self.shape, key))
        size = key.dim()

        def make(index: Index) -> Term:
            row = key.term(index[:size])
            return apply("at", self.term((int(row.value), *index[size:])), row)

        return TermArray((*key.shape, *self.shape[1:]), make, self)

    # -- element by element -------------------------------------------------------------------

    def _each(self, name: str, *others: Any) -> "TermArray":
        arrays = [self, *(terms(other, self) for other in others)]
        shape = views.common(*(array.shape for array in arrays))
        found = [(array, views.broadcast(array.shape)) for array in arrays]
        return TermArray(
            shape,
            lambda index: apply(name, *(array.term(back(index)) for array, back in found)),
            next((array for array in arrays if array.shape), self),
        )

    def _swapped(self, name: str, other: Any) -> "TermArray":
        return terms(other, self)._each(name, self)

    def where(self, condition: Any, other: Any) -> "TermArray":
        """See torch.Tensor.where: the element itself where the condition holds."""
        arrays = [self, terms(condition, self), terms(other, self)]
        shape = views.common(*(array.shape for array in arrays))
        mine, asked, others = ((array, views.broadcast(array.shape)) for array in arrays)

        def make(index: Index) -> Term:
            holds = asked[0].term(asked[1](index))
            array, back = mine if holds.value else others
            chosen, kind = array.term(back(index)), "if" if holds.value else "unless"
            if holds.operation == "not" and not holds.name:
                return apply("unless" if holds.value else "if", chosen, *holds.operands)
            return apply(kind, chosen, holds)

        return TermArray(shape, make, self)

    def masked_fill(self, mask: Any, value: float) -> "TermArray":
        """See torch.Tensor.masked_fill."""
        return terms(value, self).where(mask, self)

    def clamp(self, min: float) -> "TermArray":  # noqa: A002 (PyTorch's name)
        """See torch.Tensor.clamp."""
        return self._each("max", min)

    # -- sums and products --------------------------------------------------------------------

    def _along(self, name: str, axis: int | None, *, keepdim: bool) -> "TermArray":
        if axis is None:
            whole = tuple(itertools.product(*map(range, self.shape)))
            return TermArray((), lambda _: over(name, map(self.term, whole)), self)
        place = axis % self.dim()
        kept = (*self.shape[:place], 1, *self.shape[place + 1 :])

        def make(index: Index) -> Term:
            before, after = index[:place], index[place + 1 :]
            row = ((*before, position, *after) for position in range(self.shape[place]))
            return over(name, map(self.term, row))

        reduced = TermArray(kept, make, self)
        return reduced if keepdim else reduced.squeeze(place)

    def sum(self, axis: int | None = None, *, keepdim: bool = False) -> "TermArray":
        """See torch.Tensor.sum."""
        return self._along("sum", axis, keepdim=keepdim)

    def amax(self, axis: int, *, keepdim: bool = False) -> "TermArray":
        """See torch.Tensor.amax."""
        return self._along("max", axis, keepdim=keepdim)

    def mean(self, axis: int | None = None, *, keepdim: bool = False) -> "TermArray":
        """See torch.Tensor.mean."""
        count = self.numel() if axis is None else self.shape[axis]
        return self.sum(axis, keepdim=keepdim)._each("div", count)

    def __matmul__(self, other: Any) -> "TermArray":
        right = terms(other, self)
        batch = views.common(self.shape[:-2], right.shape[:-2])
        back, back_right = (views.broadcast(array.shape[:-2]) for array in (self, right))

        def make(index: Index) -> Term:
            *outer, row, column = index
            mine, others = back(tuple(outer)), back_right(tuple(outer))
            return over(
                "sum",
                (
                    apply("mul", self.term((*mine, row, k)), right.term((*others, k, column)))
                    for k in range(self.shape[-1])
                ),
            )

        return TermArray((*batch, self.shape[-2], right.shape[-1]), make, self)

    def gather(self, axis: int, index: "TermArray") -> "TermArray":
        """See torch.Tensor.gather."""
        place, chosen = axis % self.dim(), terms(index, self)

        def make(at_: Index) -> Term:
            by = chosen.term(at_)
            return apply("at", self.term((*at_[:place], int(by.value), *at_[place + 1 :])), by)

        return TermArray(chosen.shape, make, self)

    def scatter_add(self, axis: int, index: "TermArray", source: "TermArray") -> "TermArray":
        """See torch.Tensor.scatter_add."""
        place, chosen, added = axis % self.dim(), terms(index, self), terms(source, self)

        def make(at_: Index) -> Term:
            before, after = at_[:place], at_[place + 1 :]
            rows = [(*before, row, *after) for row in range(chosen.shape[place])]
            hits = [(row, chosen.term(row)) for row in rows]
            return added_to(
                self.term(at_),
                [apply("at", added.term(row), by) for row, by in hits if by.value == at_[place]],
            )

        return TermArray(self.shape, make, self)

    def index_add(self, axis: int, index: "TermArray", source: "TermArray") -> "TermArray":
        """See torch.Tensor.index_add."""
        rows = terms(index, self).reshape(-1, *(1 for _ in self.shape[1:]))
        if axis:
            raise NotImplementedError("rows are added along the first axis")
        wide = TermArray(
            source.shape, lambda at_: rows.term((at_[0],) + (0,) * len(at_[1:])), source
        )
        return self.scatter_add(0, wide, source) if source.shape[0] else self

    @classmethod
    def __torch_function__(
        cls, func: Any, _: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Answer torch.cat and the like, and tensors that meet terms in an expression."""
        if func in _FUNCTIONS:
            return _FUNCTIONS[func](*args, **(kwargs or {}))
        name = _SHORT.get(func.__name__.strip("_"), func.__name__.strip("_"))
        first, *rest = args
        method = getattr(cls, name, None) or getattr(cls, f"__{name}__")
        return method(terms(first, rest[0]), *rest, **(kwargs or {}))


def terms(value: Any, like: Any) -> TermArray:
    """The value as an array of terms: a tensor, or a number as it stands in the code."""
    if isinstance(value, TermArray):
        return value
    if isinstance(value, Tensor):
        return TermArray.given(value, None)
    return TermArray((), lambda _: number(value), like)


def _cat(parts: Sequence[Any], dim: int = 0) -> TermArray:
    own = next(part for part in parts if isinstance(part, TermArray))
    arrays = [terms(part, own) for part in parts]
    place = dim % own.dim()
    ends = list(itertools.accumulate(array.shape[place] for array in arrays))

    def make(index: Index) -> Term:
        which = next(piece for piece, end in enumerate(ends) if index[place] < end)
        start = ends[which] - arrays[which].shape[place]
        return arrays[which].term((*index[:place], index[place] - start, *index[place + 1 :]))

    return TermArray((*own.shape[:place], ends[-1], *own.shape[place + 1 :]), make, own)


def _full_like(array: TermArray, value: Any, **_: Any) -> TermArray:
    return TermArray(array.shape, lambda _: number(value), array)


_FUNCTIONS: dict[Any, Callable[..., TermArray]] = {
    torch.cat: _cat,
    torch.full_like: _full_like,
    torch.zeros_like: lambda array: _full_like(array, 0.0),
    torch.ones_like: lambda array: _full_like(array, 1.0),
    torch.where: lambda condition, one, other: terms(one, condition).where(condition, other),
}
_SHORT = {
    "div": "truediv",
    "divide": "truediv",
    "true_divide": "truediv",
    "multiply": "mul",
    "subtract": "sub",
    "bitwise_and": "and",
    "rdiv": "rtruediv",
}
"""Names under which PyTorch passes on an operator, where they are not the operator's own."""
