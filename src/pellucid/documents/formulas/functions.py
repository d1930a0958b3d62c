"""The functions that an equation may call, each with its meaning in one line.

A function is given its arguments with all their axes; it may use own axes from the last, never the
first, which belong to the indices. To add one is to add a line; `docs/notation.md` lists them.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.documents.formulas.axes import elementwise, own
from pellucid.errors import FormulaError


class FormulaFunction(NamedTuple):
    """How it is called, what it is, how many axes its argument must have, and what computes it.

    `size` is the letter of a size among the values that `compute` is given behind the arguments.
    """

    call: str
    meaning: str
    axes: int
    compute: Callable[..., Tensor]
    size: str = ""


def _normal(x: Tensor) -> Tensor:
    return (-x.square() / 2).exp() / math.sqrt(2 * math.pi)


def _one_hot(ids: Tensor, size: int) -> Tensor:
    return (ids.unsqueeze(-1) == torch.arange(size)).double()


def _masked(x: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask != 0, x, -torch.inf)


def _kept(reduce: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    def kept(x: Tensor) -> Tensor:
        return reduce(x, -1, keepdim=True)

    return kept


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def _concat(z: Tensor) -> Tensor:
    return z.movedim(-3, -2).flatten(-2)


def _heads(x: Tensor, count: int) -> Tensor:
    return x.reshape(*x.shape[:-1], count, -1).movedim(-2, -3)


def _repeat(x: Tensor, count: int) -> Tensor:
    return x.repeat_interleave(count // x.shape[-3], -3)


def _add_up(x: Tensor, count: int) -> Tensor:
    several: Tensor = x.unflatten(-3, (count, -1))
    return several.sum(-3)


_TABLE = (
    FormulaFunction("exp(x)", "e to the x", 0, torch.exp),
    FormulaFunction("log(x)", "the natural logarithm", 0, torch.log),
    FormulaFunction("sin(x)", "the sine", 0, torch.sin),
    FormulaFunction("cos(x)", "the cosine", 0, torch.cos),
    FormulaFunction("tanh(x)", "the hyperbolic tangent", 0, torch.tanh),
    FormulaFunction("erf(x)", "the error function", 0, torch.erf),
    FormulaFunction("Φ(x)", "the normal distribution, ½ (1 + erf(x/√2))", 0, torch.special.ndtr),
    FormulaFunction("φ(x)", "its density, exp(-x²/2) / √(2π)", 0, _normal),
    FormulaFunction("sigmoid(x)", "1 / (1 + exp(-x))", 0, torch.sigmoid),
    FormulaFunction("sign(x)", "1, 0 or -1", 0, torch.sign),
    FormulaFunction("max(x)", "the largest of the last axis, kept", 1, _kept(torch.amax)),
    FormulaFunction("min(x)", "the smallest of the last axis, kept", 1, _kept(torch.amin)),
    FormulaFunction("mean(x)", "the mean over the last axis, kept", 1, _kept(torch.mean)),
    FormulaFunction("max(x, y)", "the larger of two, element by element", 0, torch.maximum),
    FormulaFunction("min(x, y)", "the smaller of two, element by element", 0, torch.minimum),
    FormulaFunction("softmax(x)", "exp(x) / Σ exp(x), over the last axis", 1, _softmax),
    FormulaFunction("masked(x, m)", "x where m is not 0, else -∞", 0, _masked),
    FormulaFunction(
        "concat(z)", "heads side by side: (…, H, T, d) becomes (…, T, H·d)", 3, _concat
    ),
    FormulaFunction("heads(x)", "cut into heads: (…, T, H·d) becomes (…, H, T, d)", 2, _heads, "H"),
    FormulaFunction(
        "kv_heads(x)", "into those of keys: (…, T, G·d) becomes (…, G, T, d)", 2, _heads, "G"
    ),
    FormulaFunction("front(x)", "the first half of the last axis", 1, lambda x: x.chunk(2, -1)[0]),
    FormulaFunction("back(x)", "the second half of the last axis", 1, lambda x: x.chunk(2, -1)[1]),
    FormulaFunction(
        "repeat(x)", "each head for its group: (…, G, S, d) becomes (…, H, S, d)", 3, _repeat, "H"
    ),
    FormulaFunction(
        "add_up(x)", "each group's heads in one: (…, H, S, d) becomes (…, G, S, d)", 3, _add_up, "G"
    ),
    FormulaFunction("one_hot(t)", "for each id a row of V: 1 at the id, else 0", 0, _one_hot, "V"),
)

FUNCTIONS = {
    (function.call.partition("(")[0], function.call.count(",") + 1): function for function in _TABLE
}
"""All functions, by name and number of arguments."""


def called(name: str, arguments: list[Tensor], k: int, values: Mapping[str, Tensor]) -> Tensor:
    """A function of its arguments, which have k axes of indices in front."""
    function = FUNCTIONS.get((name, len(arguments)))
    if function is None:
        raise FormulaError(
            f"there is no function {name} of {len(arguments)}; "
            f"there are {', '.join(each.call for each in FUNCTIONS.values())}"
        )
    for argument in arguments:
        if argument.dim() < k + function.axes:
            raise FormulaError(
                f"{function.call} needs {function.axes} axes, not {own(argument, k)}"
            )
    if not function.size:
        return elementwise(k, function.call, function.compute, *arguments)
    if function.size not in values:
        raise FormulaError(f"{function.call} needs a value named {function.size}")
    size = int(values[function.size].item())
    try:
        return function.compute(*arguments, size)
    except RuntimeError:
        raise FormulaError(
            f"{function.call} does not fit {own(arguments[0], k)} with {function.size} = {size}"
        ) from None
