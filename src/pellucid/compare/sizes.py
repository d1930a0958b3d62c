"""Sizes: whether another program's model is as deep, as wide and as many-headed as the pack's."""

import re
from collections.abc import Iterator
from dataclasses import replace

from pellucid.compare.mine import INTEGERS, Mine
from pellucid.compare.translate import layer_of, translate
from pellucid.errors import TraceError
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

_SIZE = re.compile(rf"(\d*)({'|'.join(SAID)})")
_NUMBER = re.compile(r"(?<!\d)\d+(?!\d)")


def wrong_sizes(pack: Pack, mine: Mine) -> Iterator[str]:
    """Each size in which the other program's model is not the pack's, in words.

    More layers are known by their names. Fewer are not, as whoever dumps some need not dump all:
    `find` tells them by what is made of the last.
    """
    layers, deepest = pack.config.n_layer, _layers(pack, mine)
    if deepest > layers:
        yield f"yours has {deepest} layers, the pack {layers}"
    shown: dict[str, dict[tuple[int, int], set[str]]] = {}
    for name in mine:
        for letter, own, theirs in _of(pack, mine, name):
            shown.setdefault(letter, {}).setdefault((own, theirs), set()).add(name)
    for letter, said in SAID.items():
        pairs = shown.get(letter, {})
        for (own, theirs), names in pairs.items():
            if own != theirs and len(names) >= WITNESSES and len(pairs) == 1:
                yield said.format(own, theirs)


def _layers(pack: Pack, mine: Mine) -> int:
    """How many layers the names that were not understood speak of; 0 where they speak of none."""
    left = [one.name for one in mine.translation.unknown]
    numbers = {int(number) for name in left for number in _NUMBER.findall(name) if len(number) < 4}
    most = max(numbers, default=0) + 1
    if most <= pack.config.n_layer:
        return 0
    deep = type(pack.blank).without_weights(replace(pack.config, n_layer=most))
    return max((layer_of(name) + 1 for name in translate(left, deep).found), default=0)


def _of(pack: Pack, mine: Mine, name: str) -> Iterator[tuple[str, int, int]]:
    """The sizes that a tensor shows: their letters, the other program's, and the pack's."""
    row, meaning = pack.rows.get(name), describe(name)
    if row is None or meaning is None or name in INTEGERS:
        return
    try:
        own = tuple(mine[name].shape)
    except TraceError:
        return  # of another program's layout, which is read by the sizes that it should have
    for letter, here, there in zip(
        reversed(meaning.shape), reversed(own), reversed(row["shape"]), strict=False
    ):
        size = _SIZE.fullmatch("T" if letter == "S" else letter)
        times = int(size[1] or 1) if size else 1
        if size and here % times == 0:
            yield size[2], here // times, there // times
