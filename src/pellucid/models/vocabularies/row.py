"""Tensors by another program's names, and how one of ours is made of them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.errors import TraceError


class VocabularySizes(NamedTuple):
    """What a layout may need to know: the configuration, and the layer that is wanted."""

    config: Any
    layer: int


Layout = Callable[..., Tensor]
"""`layout(*theirs, sizes)` is ours."""


def as_it_is(
    theirs: Tensor,
    sizes: VocabularySizes,  # noqa: ARG001 (the signature of all)
) -> Tensor:
    """The same layout."""
    return theirs


def turned(theirs: Tensor, _: VocabularySizes) -> Tensor:
    """(out, in) as (in, out)."""
    return theirs.mT


def without_padding(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    """The scores of tokens that there are, where a program has filled their number up."""
    return theirs[..., : sizes.config.vocab_size]


LEFT_OUT = "-"
"""Stands for our name in a row of tensors that are known, and that nothing of ours is read from."""


class VocabularyRow(NamedTuple):
    """Their names and our name: `{i}` is the number of a layer, and `{L}` how many there are.

    `{i+1}` is the number of one that is counted from 1. In a row that is left out, `*` is any text.
    """

    theirs: tuple[str, ...]
    ours: str
    layout: Layout = as_it_is
    stacked: bool = False  # one tensor holds all layers, and its name has no number
    graded: bool = True  # its gradient is there in the same layout
    said: Callable[[VocabularySizes], str] | None = None  # of a layout that needs a word

    def names(self, layer: int, layers: int) -> tuple[str, ...]:
        """Their names for a layer of so many."""
        return tuple(with_number(name, layer, layers) for name in self.theirs)

    def our_name(self, layer: int) -> str:
        """Our name for a layer."""
        return with_number(self.ours, layer)

    def layers(self, count: int) -> range:
        """The layers that it has a tensor of: all of so many, or the one that stands for none."""
        return range(count if "{i" in "".join((self.ours, *self.theirs)) else 1)


def with_number(pattern: str, layer: int, layers: int = 0) -> str:
    """The name for a layer: `{i}` is its number, `{i+1}` the next one, `{L}` how many there are.

    >>> with_number("blocks.{i}.h{i+1}", 3)
    'blocks.3.h4'
    """
    if "{" not in pattern:
        return pattern
    named = pattern.replace("{i}", str(layer)).replace("{L}", str(layers))
    return re.sub(r"\{i([+-]\d+)\}", lambda found: str(layer + int(found[1])), named)


class TensorSource(NamedTuple):
    """What one of our tensors is read from."""

    names: tuple[str, ...]
    layout: Layout
    sizes: VocabularySizes
    said: Callable[[VocabularySizes], str] | None = None  # see the row
    stacked: bool = False  # likewise

    @property
    def layout_said(self) -> str:
        """What is to be said of the layout; mostly nothing."""
        return self.said(self.sizes) if self.said is not None else ""

    def read(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The tensor in our layout; `TraceError` where it has not the shape of its name's."""
        theirs = [tensors[name] for name in self.names]
        try:
            return self.layout(*theirs, self.sizes)
        except (IndexError, RuntimeError) as error:
            shapes = " and ".join(str(tuple(one.shape)) for one in theirs)
            raise TraceError(
                f"{' and '.join(self.names)} must have the shape that its program gives it, and "
                f"it has {shapes}: save it as it was computed, or say by --map what it is"
            ) from error
