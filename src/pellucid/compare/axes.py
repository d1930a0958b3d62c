"""Axes: a tensor whose heads, positions or texts stand in another order, or are joined in one.

The sizes of the run tell what each axis is: (B, T, H, d) can be no (B, H, T, d) unless H is T. What
fits in two ways, or not at all, stays as it is.
"""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from torch import Tensor

from pellucid.compare.translate import layer_of
from pellucid.walkthrough.names import describe

Shape = tuple[int, ...]
Change = Callable[[Tensor], Tensor]


def settled(name: str, values: Tensor, config: Any, ids: Shape | None) -> Tensor:
    """The values in the axes of ours, where those follow from their sizes; else as they are.

    `ids` is the shape of the tokens, (T,) or (B, T).
    """
    own = _without_ones(tuple(values.shape))
    ways = [way for way in _ways(name, config, ids) if _without_ones(way[0]) == own]
    if len(ways) != 1:
        return values
    shape, change = ways[0]
    return change(values.reshape(shape))


def wanted_shape(name: str, config: Any, ids: Shape | None) -> Shape | None:
    """The shape that one of ours has in a run; None where that is not known."""
    bare = name.removeprefix("d") if describe(name.removeprefix("d")) else name
    parameter = config.parameter_shapes().get(bare)
    if parameter is not None:
        return tuple(parameter)
    meaning = describe(name)
    if meaning is None or ids is None:
        return None
    sizes = _sizes(config) | {"T": ids[-1], "S": ids[-1], "1": 1}
    axes = tuple(sizes.get(letter, 0) for letter in meaning.shape)
    return None if 0 in axes else (*ids[:-1], *axes)


def _without_ones(shape: Shape) -> Shape:
    """The shape without axes of length 1 in front."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _sizes(config: Any) -> dict[str, int]:
    heads, width = config.n_head, config.n_embd
    shared = getattr(config, "n_kv_head", heads)
    head = getattr(config, "head", width // heads)
    inner = getattr(config, "inner", None) or config.n_inner
    return {
        "H": heads,
        "G": shared,
        "d": head,
        "C": width,
        "3C": 3 * width,
        "F": inner,
        "V": config.vocab_size,
        "Hd": heads * head,
        "Gd": shared * head,
    }


def _ways(name: str, config: Any, ids: Shape | None) -> Iterator[tuple[Shape, Change]]:
    """The shapes that other programs may have, each with how ours is made of it."""
    wanted = wanted_shape(name, config, ids)
    if wanted is None:
        return
    yield wanted, lambda x: x
    if wanted == tuple(config.parameter_shapes().get(name.removeprefix("d"), ())):
        yield from _of_parameter(name, wanted, config)
    elif ids is not None:
        yield from _of_activation(name, wanted, config, ids)


def _of_parameter(name: str, wanted: Shape, config: Any) -> Iterator[tuple[Shape, Change]]:
    """Weights and biases with an axis of heads."""
    if ".attn." not in name or layer_of(name) < 0:
        return
    sizes = _sizes(config)
    head = sizes["d"]
    if len(wanted) == 1 and wanted[0] % head == 0 and wanted[0] > head:
        yield (wanted[0] // head, head), lambda x: x.flatten()
    if len(wanted) != 2:
        return
    rows, columns = wanted
    if name.endswith("c_proj.weight"):
        yield (rows // head, head, columns), lambda x: x.flatten(0, 1)
    elif columns % head == 0:
        heads = columns // head
        yield (heads, rows, head), lambda x: x.transpose(0, 1).flatten(1)
        yield (rows, heads, head), lambda x: x.flatten(1)


def _of_activation(
    name: str, wanted: Shape, config: Any, ids: Shape
) -> Iterator[tuple[Shape, Change]]:
    """Texts and positions in one axis, positions first, heads behind positions or side by side."""
    meaning = describe(name)
    letters = meaning.shape if meaning is not None else ()
    texts, positions = ids[:-1], ids[-1]
    rows, head = prod(ids), _sizes(config)["d"]
    match letters:
        case ("H" | "G", "T" | "S", "d"):
            heads = wanted[-3]
            yield (*ids, heads, head), lambda x: x.transpose(-3, -2)
            yield (*ids, heads * head), lambda x: x.unflatten(-1, (heads, head)).transpose(-3, -2)
            if texts:
                yield (prod(texts) * heads, positions, head), lambda x: x.reshape(wanted)
                yield (
                    (rows, heads, head),
                    lambda x: x.reshape(*ids, heads, head).transpose(-3, -2),
                )
                yield (
                    (rows, heads * head),
                    lambda x: x.reshape(*ids, heads, head).transpose(-3, -2),
                )
        case ("H", "T", "S") if texts:
            yield (prod(texts) * wanted[-3], *wanted[-2:]), lambda x: x.reshape(wanted)
        case ("T", *others):
            width = others[0] if others else ""
            if others == ["1"] or not others:
                yield (*ids, *([] if others else [1])), lambda x: x.reshape(wanted)
            if texts:
                yield (rows, *wanted[len(ids) :]), lambda x: x.reshape(wanted)
                yield (rows,) if others == ["1"] else (rows, 1), lambda x: x.reshape(wanted)
                yield (positions, *texts, *wanted[len(ids) :]), lambda x: x.transpose(0, 1)
            if width in {"C", "Hd"} and wanted[-1] == config.n_head * head:
                heads = config.n_head
                yield (*ids, heads, head), lambda x: x.flatten(-2)
                yield (*texts, heads, positions, head), lambda x: x.transpose(-3, -2).flatten(-2)
