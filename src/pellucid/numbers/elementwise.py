"""Operators and functions that work element by element, as tensors have them."""

from abc import ABC, abstractmethod
from typing import Any

_ELEMENTWISE = {
    name: name
    for name in (
        *("exp", "log", "sqrt", "rsqrt", "square", "tanh", "erf", "cos", "sin", "abs", "sign"),
    )
} | {"logical_not": "not"}
"""Methods of one operand, and the operation that each is."""


class Elementwise(ABC):
    """A tensor's operators; `_each` makes an array of what an operation makes of each element."""

    @abstractmethod
    def _each(self, name: str, *others: Any) -> Any:
        """The operation on each element, with those of other operands."""

    @abstractmethod
    def _swapped(self, name: str, other: Any) -> Any:
        """The operation with this array as its second operand."""

    def to(self, *_: Any) -> Any:
        """Itself: these numbers are exact in every dtype and on every device."""
        return self

    def __neg__(self) -> Any:
        return self._each("neg")

    def __add__(self, other: Any) -> Any:
        return self._each("add", other)

    def __radd__(self, other: Any) -> Any:
        return self._swapped("add", other)

    def __sub__(self, other: Any) -> Any:
        return self._each("sub", other)

    def __rsub__(self, other: Any) -> Any:
        return self._swapped("sub", other)

    def __mul__(self, other: Any) -> Any:
        return self._each("mul", other)

    def __rmul__(self, other: Any) -> Any:
        return self._swapped("mul", other)

    def __truediv__(self, other: Any) -> Any:
        return self._each("div", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._swapped("div", other)

    def __pow__(self, other: Any) -> Any:
        return self._each("pow", other)

    def __gt__(self, other: Any) -> Any:
        return self._each("above", other)

    def __and__(self, other: Any) -> Any:
        return self._each("and", other)

    def __eq__(self, other: Any) -> Any:
        return self._each("equal", other)

    def __ne__(self, other: Any) -> Any:
        return self._each("unequal", other)

    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Any:
        """A method such as exp that makes each element from one, if there is such an operation."""
        operation = _ELEMENTWISE.get(name)
        if operation is None:
            raise AttributeError(
                f"these arrays have no {name!r}: give them the operation in {__name__}"
            )
        return lambda: self._each(operation)
