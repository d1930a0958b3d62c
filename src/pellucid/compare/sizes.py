"""Sizes: whether another program's model is as deep, as wide and as many-headed as the pack's."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pellucid.compare.mine import INTEGERS, Mine, shape_of
from pellucid.compare.translate import layer_of, translate
from pellucid.errors import TraceError
from pellucid.models import CausalModel
from pellucid.reference import Pack
from pellucid.walkthrough.names import describe

SAID = {
    "H": "heads of the attention: yours has {}, the pack {}",
    "G": "heads of keys and values: yours has {}, the pack {}",
    "C": "yours has width {}, the pack {}",
    "d": "a head has {} channels, the pack's {}",
    "F": "the feed-forward network has {} channels, the pack's {}",
    "V": "yours has a vocabulary of {}, the pack one of {}",
    "maxT": "yours has room for {} positions, the pack for {}",
    "T": "yours has read {} positions, the pack {}",
}
"""What is said of a size, by the letter that it has in the shapes of docs/names.md."""

WITNESSES = 2
"""So many tensors must show a size, and all the same: a single one may just be transposed."""

Shape = tuple[int, ...]
TABLES = {"V", "maxT"}
"""Sizes that one tensor shows by itself, where no other of its axes differs."""

PADDED = {"logits", "probs"}
"""Tensors that are cut to the vocabulary, and show its size before that."""

_SIZE = re.compile(rf"(\d*)({'|'.join(SAID)})")
_NUMBER = re.compile(r"(?<!\d)\d+(?!\d)")


def shapes_of(pack: Pack) -> dict[str, Shape]:
    """The shapes of the pack's tensors."""
    return {name: tuple(row["shape"]) for name, row in pack.rows.items()}


def wrong_sizes(blank: CausalModel, shapes: Mapping[str, Shape], mine: Mine) -> Iterator[str]:
    """Each size in which the other program's model is not `blank`, in words.

    `shapes` are those that the tensors should have. More layers are known by their names. Fewer are
    not, as whoever dumps some need not dump all: `find` tells them by what is made of the last,
    and a tensor that has all layers in one shows it.
    """
    layers, deepest = blank.config.n_layer, _layers(blank, mine)
    if deepest not in (0, layers):
        yield f"yours has {deepest} layer{'s' * (deepest != 1)}, the pack {layers}"
    shown: dict[str, dict[tuple[int, int], set[str]]] = {}
    alone: set[str] = set()
    for name in mine:
        found = list(_of(shapes, mine, name))
        for letter, own, theirs in found:
            shown.setdefault(letter, {}).setdefault((own, theirs), set()).add(name)
        wrong = {letter for letter, own, theirs in found if own != theirs}
        alone |= wrong if wrong <= TABLES and len(wrong) == 1 else set()
    for letter, said in SAID.items():
        pairs = shown.get(letter, {})
        for (own, theirs), names in pairs.items():
            enough = len(names) >= WITNESSES or letter in alone
            if own != theirs and enough and len(pairs) == 1:
                yield said.format(own, theirs)


def _layers(blank: CausalModel, mine: Mine) -> int:
    """How many layers the names that were not understood speak of, or tensors that have all have.

    0 where they speak of no more than the pack has.
    """
    stacked = {
        len(mine.tensors[name])
        for source in mine.translation.found.values()
        for name in source.names
        if source.stacked
    }
    if len(stacked) == 1:
        return max(stacked)
    left = [one.name for one in mine.translation.unknown]
    numbers = {int(number) for name in left for number in _NUMBER.findall(name) if len(number) < 4}
    most = max(numbers, default=0) + 1
    if most <= blank.config.n_layer:
        return 0
    deep = type(blank).without_weights(replace(blank.config, n_layer=most))
    return max((layer_of(name) + 1 for name in translate(left, deep).found), default=0)


def _of(shapes: Mapping[str, Shape], mine: Mine, name: str) -> Iterator[tuple[str, int, int]]:
    """The sizes that a tensor shows: their letters, the other program's, and the pack's."""
    shape, meaning = shapes.get(name), describe(name)
    if shape is None or meaning is None or name in INTEGERS:
        return
    try:
        own = tuple(mine[name].shape)
        if name.removeprefix("d") in PADDED:
            own = (*own[:-1], shape_of(mine.tensors, mine.translation.found[name].names[0])[-1])
    except TraceError:
        return  # of another program's layout, which is read by the sizes that it should have
    for letter, here, there in zip(
        reversed(meaning.shape), reversed(own), reversed(shape), strict=False
    ):
        size = _SIZE.fullmatch("T" if letter == "S" else letter)
        times = int(size[1] or 1) if size else 1
        if size and here % times == 0:
            yield size[2], here // times, there // times
