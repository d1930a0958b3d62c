"""Products of matrices of real numbers: large ones by slices, others by `arb_mat`."""

from typing import Any

import numpy as np
from flint import arb_mat, ctx

from pellucid.numbers import arrays
from pellucid.numbers.arrays import PACKED, Reals, like, reals
from pellucid.numbers.sliced import multiplied
from pellucid.numbers.slices import Slices, cut
from pellucid.numbers.turns import breathe

WORTH = 1 << 18
"""So many products of two numbers are worth the cutting into slices."""

CUT, MADE, FEW = 500, 200, 16
"""To cut a number of the rows, and to make one of the product, costs as much as so many products;
and the columns cost `arb_mat` as much as so many rows."""

KEPT_BITS = 106
"""Of a midpoint that is packed."""

TALL = 1024
"""How many rows are multiplied at once at most."""

SLICED = 1 << 22
"""How many digits of the rows there are at once at most, at a hundred for each number or fewer."""

STRIP = 1 << 19
"""How many numbers of a strip of columns are cut at once, or made."""

PIECE = 1 << 18
"""How many numbers are `arb` objects at once while a large product is made."""

WEIGHTS = 1 << 21
"""How many numbers of a matrix are in an `arb_mat` at once: about 100 MB."""

QUICK = 512
"""With more bits than these fewer rows are multiplied at once, for it cannot be stopped."""


def products(left: Reals, right: Reals) -> Reals:
    """The products of matrices, leading axes broadcast against each other."""
    if right.ndim == 2 < left.ndim:  # all rows by one matrix, which is then cut only once
        rows = left.reshape(-1, left.shape[-1])
        return product(rows, right).reshape(*left.shape[:-1], right.shape[1])
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    first = np.broadcast_to(left, (*lead, *left.shape[-2:]))
    second = np.broadcast_to(right, (*lead, *right.shape[-2:]))
    if not lead:
        return product(first, second)
    out = np.empty((*lead, left.shape[-2], right.shape[-1]), dtype=object)
    for place in np.ndindex(*lead):
        out[place] = reals(product(first[place], second[place]))
    return out


def product(left: Reals, right: Reals) -> Reals:
    """The product of two matrices."""
    (rows, inner), columns = left.shape, right.shape[1]
    out = np.empty((rows, columns), dtype=PACKED if rows * columns > arrays.LARGE else object)
    sliced = rows * inner * columns >= WORTH and _worth(rows, inner, columns, out)
    if not sliced or not _by_slices(left, right, out):
        _by_arb(left, right, out)
    return out


def _worth(rows: int, inner: int, columns: int, out: Reals) -> bool:
    """Whether slices are quicker: they multiply faster, and cut and put together more slowly.

    What is packed is put together at once. The three shares are as measured.
    """
    quicker = inner * columns * (rows + FEW)
    return out.dtype == PACKED or quicker > CUT * rows * inner + MADE * rows * columns


def _by_slices(left: Reals, right: Reals, out: Reals) -> bool:
    """Whether the factors can be cut into slices; then their product is written."""
    (rows, inner), columns = left.shape, right.shape[1]
    bits = min(ctx.prec, KEPT_BITS) if out.dtype == PACKED else ctx.prec
    tall = max(1, min(rows, TALL, SLICED // inner))
    wide = max(1, min(columns, STRIP // max(inner, tall)))
    kept: dict[int, Slices | None] = {}  # floats are cut again, to hold no second copy of weights
    for row in range(0, rows, tall):
        some = cut(left[row : row + tall], bits)
        if some is None:
            return False
        for start in range(0, columns, wide):
            breathe()
            strip = slice(start, start + wide)
            others = kept[start] if start in kept else cut(right[:, strip].T, bits)
            if others is None:
                return False
            if right.dtype.kind != "f":
                kept[start] = others
            made = multiplied(some, others, bits)
            place = out[row : row + tall, strip]
            if out.dtype == PACKED:
                made.pack_into(place)
            else:
                place[:] = made.balls()
    return True


def _by_arb(left: Reals, right: Reals, out: Reals) -> None:
    """Write the product as `arb_mat` makes it: over 100 times faster than one by one."""
    (rows, inner), columns = left.shape, right.shape[1]
    at_once = max(1, min(columns, WEIGHTS // max(1, inner)))
    tall = max(
        1, min(rows, WEIGHTS // max(1, inner), PIECE // at_once) // max(1, ctx.prec // QUICK)
    )
    upper = [slice(start, start + tall) for start in range(0, rows, tall)]
    blocks = [_matrix(left[part]) for part in upper]
    for start in range(0, columns, at_once):
        strip = slice(start, start + at_once)
        matrix = _matrix(right[:, strip])
        for part, block in zip(upper, blocks, strict=True):
            breathe()
            entries = np.empty(block.nrows() * matrix.ncols(), dtype=object)
            entries[:] = (block * matrix).entries()
            out[part, strip] = like(out, entries).reshape(block.nrows(), matrix.ncols())


def _matrix(values: Reals) -> Any:
    numbers = values if values.dtype.kind == "f" else reals(values)
    rows, columns = values.shape
    return arb_mat(rows, columns, numbers.ravel().tolist())
