"""Judge: one tensor of another program beside what its step should make."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.numbers import Rounded

STATED = {torch.float64: 1e-11, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
"""What is allowed behind a gap, as a part of a tensor's largest number, for each dtype.

A bound that has grown through steps that the other program does not show says little. The figures
are five to sixty times what a step of GPT-2 with random weights was off (`benchmarks/dtypes.py`);
trained weights may be worse.
"""

Key = tuple[str, str]
"""A call: its path on the tape and its function's name."""


class Verdict(NamedTuple):
    """One tensor of the other program, judged."""

    name: str
    call: Key | None  # that made it; None for what was given
    excess: float  # the largest distance, as a multiple of what is allowed there; ∞ for a NaN
    worst: tuple[int, ...]  # where that is
    mine: float  # the other program's number there
    made: float  # what the step makes of the numbers that went into it
    allowed: float  # how far apart the two may be there
    carried: bool  # whether it is made of values that the other program does not show
    left: float  # the root of the summed squared distances; ∞ where a NaN or an ∞ differs
    dropped: float  # the share that dropout has set to 0, where that is what has been done to it
    where: Tensor  # a small picture of it, rows and columns: the largest excess in each part

    @property
    def agrees(self) -> bool:
        """Whether no number is farther off than rounding can bring it."""
        return self.excess <= 1

    def moved(self, rows: int) -> "Verdict":
        """The same of a piece that begins so many rows further down in the tensor."""
        return self._replace(worst=(self.worst[0] + rows, *self.worst[1:]))


def wrong_names(verdicts: Mapping[str, Verdict]) -> set[str]:
    """The tensors that do not agree."""
    return {name for name, verdict in verdicts.items() if not verdict.agrees}


def fitted(name: str, theirs: Tensor, shape: torch.Size) -> Tensor:
    """The other program's tensor in the shape that it must have, without axes of length 1 in front.

    What is the same for every text, as the positions' vectors, may be there again for each; the
    gradient of such a value is then the sum of theirs.

    Raises `TraceError` where it has another shape.
    """
    extra = theirs.dim() - len(shape)
    if extra >= 0 and theirs.shape[extra:] == shape:
        each = theirs.reshape(-1, *shape)
        if len(each) == 1 or torch.equal(each, each[:1].expand_as(each)):
            return each[0]
        if name.startswith("d") and not name.endswith(PARAMETERS):
            return each.sum(0)
    raise TraceError(
        f"{name} must have the shape {tuple(shape)}, and yours has {tuple(theirs.shape)}: "
        "transpose or cut it; docs/names.md has the layouts"
    )


PARAMETERS = (".weight", ".bias")
"""How the names of parameters end, which no text has for itself."""

PIECE = 1 << 15
"""So many numbers of a large tensor are compared at once: a processor's cache has room for them."""


@np.errstate(all="ignore")
def judge(
    name: str,
    theirs: Tensor,
    made: Rounded,
    call: Key | None,
    *,
    carried: bool = False,
    most: float | None = None,
    least: float | None = None,
) -> Verdict:
    """Compare a tensor with what its step makes of the numbers that went into it.

    What is allowed is the bound of rounding. Where values are carried that nobody has compared, it
    is that or `most`, by default the stated one, whichever is smaller. With `least` it is so
    everywhere, where the stated one is a part of a number at least as large as that.
    """
    mine, true, off = (values.detach().reshape(-1) for values in (theirs, made.middle, made.off))
    pieces = [slice(start, start + PIECE) for start in range(0, len(true), PIECE)]
    largest = max(_largest(_float64(true[here])) for here in pieces)
    stated = STATED[made.dtype] * largest
    highest = stated if most is None else most
    cap = math.inf if least is None else STATED[made.dtype] * max(largest, least)
    tiny = torch.finfo(made.dtype).tiny

    def compared(here: slice) -> tuple[Floats, Floats, Floats]:
        own = _float64(true[here])
        apart, sizes = _distances(_float64(mine[here]), own), np.abs(own)
        if not math.isfinite(sizes.max()):
            sizes = np.nan_to_num(sizes, nan=0, posinf=0)
        bound = np.minimum(_float64(off[here]), highest if carried else cap)
        if not math.isfinite(bound.sum()):
            bound = np.nan_to_num(bound, posinf=stated)
        allowed = bound + sizes * made.unit + tiny
        return apart, allowed, apart / allowed

    high, place, allowed_there, left = -1.0, 0, 0.0, 0.0
    for here in pieces:
        apart, allowed, excess = compared(here)
        left += float(np.square(apart).sum())
        worst = int(excess.argmax())
        if excess[worst] > high:
            high, allowed_there = float(excess[worst]), float(allowed[worst])
            place = here.start + worst
    picture = Picture(made.shape)
    if high > 1:
        for here in pieces:
            picture.add(torch.from_numpy(compared(here)[2]), here.start)
    return Verdict(
        name=name,
        call=call,
        excess=high,
        worst=tuple(map(int, np.unravel_index(place, made.shape))),
        mine=float(mine[place]),
        made=float(true[place]),
        allowed=allowed_there,
        carried=carried,
        left=math.sqrt(left),
        dropped=(
            dropped(mine, true, off, made.unit) if high > 1 and _is_strewn(theirs, made) else 0.0
        ),
        where=picture.cells,
    )


def dropped(mine: Tensor, true: Tensor, off: Tensor, unit: float) -> float:
    """The p of inverted dropout, where the numbers are the true ones times its noise; else 0.

    Then some are 0, as many as p says, and all others are 1/(1-p) times what they should be.
    """
    counted = true.isfinite() & (true.abs() > off)
    mine, true, off = mine[counted].double(), true[counted], off[counted]
    kept = mine != 0
    zeros, count = int(kept.logical_not().sum()), len(true)
    if not 0 < zeros < count:
        return 0.0
    times = float((mine / true)[kept].median())
    p = 1 - 1 / times if times > 1 else 0.0
    apart = (mine - times * true)[kept].abs()
    allowed = 2 * times * (off[kept] + ROUNDED * unit * true[kept].abs())
    likely = abs(zeros / count - p) <= 4 * math.sqrt(p * (1 - p) / count) + 1 / count
    return p if p and likely and bool((apart <= allowed).all()) else 0.0


def _is_strewn(theirs: Tensor, made: Rounded) -> bool:
    """Whether zeros stand among other numbers of a row, as dropout's, not in rows of their own."""
    zero = ((theirs == 0) & (made.middle != 0)).reshape(-1, theirs.shape[-1] if theirs.dim() else 1)
    return bool((zero.any(1) & ~zero.all(1)).any())


ROUNDED = 8
"""So many units of round-off the factor of dropout, and a product with it, may be off."""


@np.errstate(all="ignore")
def distances(mine: Tensor, true: Tensor) -> Tensor:
    """How far apart the numbers are, in float64.

    Equal infinities are not apart, nor two NaN; a NaN is infinitely far from a number.
    """
    return torch.from_numpy(_distances(_float64(mine), _float64(true)))


def largest_of(values: Tensor) -> float:
    """The largest number without its sign; infinities and NaN are none."""
    return _largest(_float64(values))


# Most tensors of a small model are a few dozen numbers, for which NumPy's calls take less time than
# PyTorch's.
Floats = npt.NDArray[np.float64]


def _float64(values: Tensor) -> Floats:
    return values.double().numpy()


def _distances(mine: Floats, true: Floats) -> Floats:
    apart = np.abs(mine - true)
    if math.isfinite(apart.sum()):
        return apart  # then no number is a NaN or infinite
    apart = np.where(mine == true, 0.0, np.nan_to_num(apart, nan=math.inf, posinf=math.inf))
    return np.where(np.isnan(mine) & np.isnan(true), 0.0, apart)


def _largest(values: Floats) -> float:
    sizes = np.abs(values)
    largest = float(sizes.max())
    return largest if math.isfinite(largest) else float(np.nan_to_num(sizes, posinf=0).max())


class Picture:
    """The largest excess in each part of a tensor, as a table of at most `ROWS` by `COLUMNS`.

    The last axis goes across and all others down.
    """

    ROWS, COLUMNS = 12, 48

    def __init__(self, shape: torch.Size) -> None:
        self.width = shape[-1] if shape else 1
        self.height = max(1, math.prod(shape[:-1]))
        rows, columns = min(self.height, self.ROWS), min(self.width, self.COLUMNS)
        self.cells = torch.zeros(rows, columns, dtype=torch.float64)

    def add(self, excess: Tensor, start: int) -> None:
        """Put in the numbers of a piece that begins at `start`."""
        rows, columns = self.cells.shape
        place = torch.arange(start, start + len(excess))
        down = place // self.width * rows // self.height
        across = place % self.width * columns // self.width
        flat = self.cells.view(-1)
        flat.scatter_reduce_(0, down * columns + across, excess, "amax")
