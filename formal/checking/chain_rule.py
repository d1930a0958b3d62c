"""Values that remember their operands, and what comes back through them by the chain rule.

Each operation says what it makes and, for each operand, what that is given of the gradient: the
transpose of the operation's derivative. No layer has a backward here: it follows from these.
"""

import itertools
import math
from fractions import Fraction

from checking import functions, intervals
from checking.errors import Wrong
from checking.intervals import Precision, between, constant, each, inverse, matrix, negative, plus
from checking.intervals import product, put, scaled, steps, strided, taken, transposed


class Value:
    """An array in a graph: `back` are its operands, each with what it is given of the gradient."""

    __slots__ = ("array", "back", "number")
    made = itertools.count()

    def __init__(self, array, *back):
        self.array, self.back, self.number = array, back, next(Value.made)

    @property
    def shape(self):
        return self.array.shape

    def __add__(self, other):
        other = spread(value(other, self.shape), self.shape)
        return Value(plus(self.array, other.array), (self, lambda d: d), (other, lambda d: d))

    def __sub__(self, other):
        return self + value(other, self.shape) * -1

    def __mul__(self, other):
        if not isinstance(other, Value):  # a number
            return Value(scaled(self.array, other), (self, lambda d: scaled(d, other)))
        other = spread(other, self.shape)
        return Value(
            product(self.array, other.array),
            (self, lambda d: product(d, other.array)),
            (other, lambda d: product(d, self.array)),
        )

    def __truediv__(self, other):
        return self * reciprocal(other)


def value(x, shape):
    """A number as a constant of that shape."""
    return x if isinstance(x, Value) else Value(constant(shape, x))


def graph(values):
    """All that these are made of and themselves, the last made first: readers before operands."""
    found, todo = set(), list(values)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += [operand for operand, _ in node.back]
    return sorted(found, key=lambda node: -node.number)


def come_back(outputs, seeds):
    """The gradient of each value of a graph: Σ over its readers of what each gives back."""
    found = {}

    def give(node, part):
        found[node] = plus(found[node], part) if node in found else part

    for node, seed in zip(outputs, seeds):
        if seed is not None:
            give(node, seed)
    for node in graph(outputs):
        if node in found:
            for operand, part in node.back:
                give(operand, part(found[node]))
    return found


# -- places ----------------------------------------------------------------------------------------


def take(x, places, shape):
    return Value(taken(x.array, places, shape), (x, lambda d: put(d, places, x.shape)))


def gather(x, places, shape):
    """Sums: out[j] = Σ x[i] over the i with places[i] = j."""
    return Value(put(x.array, places, shape), (x, lambda d: taken(d, places, x.shape)))


def spread(x, shape):
    """Broadcast, as axes from the last: one of length 1, or one that is not there, is repeated."""
    if x.shape == shape:
        return x
    own = (1,) * (len(shape) - len(x.shape)) + x.shape
    if len(own) != len(shape) or any(a not in {1, b} for a, b in zip(own, shape)):
        raise Wrong(f"shapes that do not fit: {x.shape} and {shape}")
    strides = [0 if n == 1 else step for n, step in zip(own, steps(own))]
    return take(x, strided(shape, strides), shape)


def moved(x, shape):
    """The same numbers in another shape, whose last axis may be -1."""
    if shape[-1:] == (-1,):
        shape = (*shape[:-1], math.prod(x.shape) // max(1, math.prod(shape[:-1])))
    if math.prod(shape) != math.prod(x.shape):
        raise Wrong(f"shapes that do not fit: {x.shape} and {shape}")
    return Value(x.array.shaped(shape), (x, lambda d: d.shaped(x.shape)))


def swapped(x, axis):
    """An axis, counted from the last, exchanged with the next."""
    shape, strides = list(x.shape), steps(x.shape)
    for order in (shape, strides):
        order[axis], order[axis + 1] = order[axis + 1], order[axis]
    return take(x, strided(shape, strides), shape)


def beside(x, y):
    """Two of one shape side by side along the last axis."""
    n, shape = x.shape[-1], (*x.shape[:-1], 2 * x.shape[-1])
    left = gather(x, strided(x.shape, steps(shape)), shape)
    return left + gather(y, strided(x.shape, steps(shape), n), shape)


def cut(x, axis, start, stop):
    """x[start:stop] along an axis, which may be negative."""
    axis %= len(x.shape)
    if not 0 <= start <= stop <= x.shape[axis]:
        raise Wrong(f"there are no places {start} to {stop} along an axis of {x.shape[axis]}")
    shape, strides = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :]), steps(x.shape)
    return take(x, strided(shape, strides, start * strides[axis]), shape)


def total(x, axis=-1, *, keep=False):
    """The sum along the last axis, or of all numbers where the axis is None."""
    n = x.shape[-1] if axis is not None else max(1, len(x.array.m))
    shape = x.shape[:-1] + ((1,) if keep else ()) if axis is not None else ()
    return gather(x, [i // n for i in range(len(x.array.m))], shape)


def mean(x):
    return total(x, keep=True) * Fraction(1, x.shape[-1])


def matmul(x, y):
    """Matrices in the last two axes; leading axes are equal, or y has none."""
    (*lead, n, k), (*other, k2, m) = x.shape, y.shape
    b = math.prod(other)
    if k != k2 or (other and other != lead):
        raise Wrong(f"shapes that do not fit: {x.shape} and {y.shape}")
    rows = n if other else n * math.prod(lead)

    def to_left(d):
        return matrix(d, transposed(y.array, (b, k, m)), (b, rows, m, k)).shaped(x.shape)

    def to_right(d):
        return matrix(transposed(x.array, (b, rows, k)), d, (b, k, rows, m)).shaped(y.shape)

    out = matrix(x.array, y.array, (b, rows, k, m)).shaped((*lead, n, m))
    return Value(out, (x, to_left), (y, to_right))


# -- functions of each number ----------------------------------------------------------------------


def unary(x, array, slope):
    """A function of each number; `slope()` is its derivative there."""
    return Value(array, (x, lambda d: product(d, slope())))


def e_to(x):
    out = intervals.exponential(x.array)
    return unary(x, out, lambda: out)


def ln(x):
    return unary(x, intervals.logarithm(x.array), lambda: inverse(x.array))


def reciprocal(x):
    out = inverse(x.array)
    return unary(x, out, lambda: negative(product(out, out)))


def square(x):
    return unary(x, intervals.squared(x.array), lambda: scaled(x.array, 2))


def sqrt(x):
    out = intervals.root(x.array)
    return unary(x, out, lambda: scaled(inverse(out), Fraction(1, 2)))


def sigmoid(x):
    """σ' = σ (1 - σ), and |σ''| < 1."""

    def by_number(m, p):
        s = functions.sigmoid(m, p)
        return s, (s * ((1 << p) - s) >> p) + 1, 1

    out = each(by_number, x.array, rising=True)
    return unary(x, out, lambda: product(out, plus(constant(x.shape, 1), negative(out))))


def tanh(x):
    return sigmoid(x * 2) * 2 - 1


def cosine(x):
    out = each(lambda m, p: (functions.cos_sin(m, p)[0], 1 << p, 1), x.array)
    return unary(x, out, lambda: negative(sine(x).array))


def sine(x):
    out = each(lambda m, p: (functions.cos_sin(m, p)[1], 1 << p, 1), x.array)
    return unary(x, out, lambda: cosine(x).array)


def pieces(x, below, above):
    """`below` · x for x < 0 and `above` · x for x > 0; the slope at 0 is taken to be 0."""

    def ends(m, r):
        values = [end * (below if end < 0 else above) for end in (m - r, m + r)]
        return min(*values, *[0] * (abs(m) < r)), max(values)

    def side(m, r):
        slopes = [slope for slope, seen in ((below, m < r), (above, m > -r)) if seen]
        slopes += [0] * (abs(m) <= r)
        return min(slopes) << Precision.bits, max(slopes) << Precision.bits

    y = x.array.fine()
    out = between(x.shape, list(map(ends, y.m, y.r)))
    return unary(x, out, lambda: between(x.shape, list(map(side, y.m, y.r))))
