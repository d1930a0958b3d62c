"""Arrays of intervals: midpoints and radii in whole numbers, with one power of two for all.

What an operation makes holds every number that it can make of numbers in its operands' intervals.
Midpoints are computed to 2^-`Precision.bits`; what is rounded goes to the radii.
"""

import functools
import math
from fractions import Fraction
from operator import add, mul

from checking import functions
from checking.errors import Wrong


MOST = 1 << 28
"""A tensor of more numbers than this is refused: none of a certificate has so many."""


class Precision:
    """Numbers are computed to 2^-bits."""

    bits = 256


class Array:
    """The numbers (m[i] ± r[i]) · 2^e of a tensor in C order; `hidden` places are -∞."""

    __slots__ = ("e", "hidden", "m", "r", "shape")

    def __init__(self, shape, m, r, e, hidden=frozenset()):
        self.shape, self.m, self.r, self.e, self.hidden = tuple(shape), m, r, e, hidden

    def fit(self):
        """No finer than 2^-P: a floor is off by less than 1, and an exact number may stay exact."""
        s = -Precision.bits - self.e
        if s <= 0:
            return self
        m = [x >> s for x in self.m]
        mask = (1 << s) - 1
        r = [(r >> s) + 2 if r or x & mask else 0 for x, r in zip(self.m, self.r)]
        return Array(self.shape, m, r, -Precision.bits, self.hidden)

    def at(self, p):
        """The same with e = -p, p ≥ -e."""
        s = p + self.e
        if not s:
            return self
        return Array(self.shape, [x << s for x in self.m], [r << s for r in self.r], -p)

    def fine(self):
        """With e = -P, as functions take it."""
        return self.fit().at(Precision.bits)

    def shaped(self, shape):
        return Array(shape, self.m, self.r, self.e)


def exact(shape, m, e=0):
    return Array(shape, m, [0] * len(m), e)


def constant(shape, value):
    """An array of one exact number, a float or a fraction with a power of two below."""
    value = Fraction(value)
    return exact(shape, [value.numerator] * math.prod(shape), 1 - value.denominator.bit_length())


def between(shape, ends, e=None):
    """Intervals from their ends, in the unit of functions unless another is given."""
    m = [low + high >> 1 for low, high in ends]
    r = [max(high - x, x - low) for x, (low, high) in zip(m, ends)]
    return Array(shape, m, r, -Precision.bits if e is None else e)


def plus(x, y):
    e = min(x.e, y.e)
    a, b = x.at(-e), y.at(-e)
    return Array(x.shape, [p + q for p, q in zip(a.m, b.m)], [p + q for p, q in zip(a.r, b.r)], e)


def negative(x):
    return Array(x.shape, [-m for m in x.m], x.r, x.e)


def product(x, y):
    """(a ± r)(b ± s) lies within |a| s + |b| r + r s of a b."""
    m = list(map(mul, x.m, y.m))
    r = [abs(a) * s + (abs(b) + s) * q for a, q, b, s in zip(x.m, x.r, y.m, y.r)]
    return Array(x.shape, m, r, x.e + y.e).fit()


def scaled(x, value):
    """Times a real number that is known exactly, as a fraction."""
    n, d = Fraction(value).as_integer_ratio()
    if d & (d - 1) == 0:  # a power of two: exact
        m, r = [m * n for m in x.m], [r * abs(n) for r in x.r]
        return Array(x.shape, m, r, x.e + 1 - d.bit_length()).fit()
    y = x.fine()
    m = [m * n // d for m in y.m]
    return Array(x.shape, m, [r * abs(n) // d + 2 if r or m else 0 for m, r in zip(y.m, y.r)], y.e)


# -- places ----------------------------------------------------------------------------------------


def steps(shape):
    """How far apart neighbours along each axis are, in C order."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def strided(shape, strides, start=0):
    """The places of a tensor of this shape whose neighbours are so far apart."""
    if math.prod(shape) > MOST:
        raise Wrong(f"a tensor of shape {tuple(shape)}, which is too large")
    places = [start]
    for n, step in zip(shape, strides):
        places = [place + i * step for place in places for i in range(n)]
    return places


def taken(x, places, shape):
    """out[i] = x[places[i]], and 0 where the place is -1."""
    m, r = [*x.m, 0], [*x.r, 0]
    return Array(shape, [m[i] for i in places], [r[i] for i in places], x.e)


def put(x, places, shape):
    """out[j] = Σ x[i] over the i with places[i] = j: the transpose of `taken`."""
    size = math.prod(shape)
    m, r = [0] * (size + 1), [0] * (size + 1)
    for i, a, s in zip(places, x.m, x.r):
        m[i] += a
        r[i] += s
    return Array(shape, m[:size], r[:size], x.e)


# -- matrices --------------------------------------------------------------------------------------


def transposed(x, sizes):
    b, n, m = sizes
    return taken(x, strided((b, m, n), (n * m, 1, m)), (b, m, n))


def matrix(x, y, sizes):
    """(b, n, k) times (b, k, m). Midpoints are exact; |Σ x y - Σ m n| ≤ Σ |m| s + (|n| + s) r.

    Where all radii of a matrix are alike, that is r Σ |n| + s Σ |m| + k r s: of a row and a column.
    """
    b, n, k, m = sizes
    if b * n * m > MOST:
        raise Wrong(f"{b} products of shape {n} by {m}, which are too large")
    middles, radii = [], []
    alike = len(set(x.r)) <= 1 and len(set(y.r)) <= 1
    for part in range(b):
        rows = [slice(start, start + k) for start in range(part * n * k, (part + 1) * n * k, k)]
        columns = [slice(part * k * m + j, (part + 1) * k * m, m) for j in range(m)]
        lefts, rights = [x.m[row] for row in rows], [y.m[column] for column in columns]
        for left in lefts:
            middles += [sum(map(mul, left, right)) for right in rights]
        if alike and k:
            r, s = x.r[0], y.r[0]
            large = [r * sum(map(abs, right)) + k * r * s for right in rights]
            for left in lefts:
                own = s * sum(map(abs, left))
                radii += [own + other for other in large]
        else:
            off = [y.r[column] for column in columns]
            over = [list(map(add, map(abs, right), s)) for right, s in zip(rights, off)]
            for row, left in zip(rows, lefts):
                sizes_of, r = list(map(abs, left)), x.r[row]
                radii += [
                    sum(map(mul, sizes_of, s)) + sum(map(mul, r, o)) for s, o in zip(off, over)
                ]
    return Array((b, n, m), middles, radii, x.e + y.e).fit()


# -- functions -------------------------------------------------------------------------------------


def each(function, x, off=2, *, rising=False):
    """A function by its value, its slope |f'|, and a bound of |f''| everywhere.

    |f(m + d) - f(m)| ≤ r |f'(m)| + r²/2 max |f''| for |d| ≤ r; f(m) is off by less than `off`. Of a
    wide interval what is rising lies between its values at the ends.
    """
    y, p = x.fine(), Precision.bits
    middles, radii = [], []
    for m, r in zip(y.m, y.r):
        if rising and r * r >> p:
            middle, radius = across(lambda t: function(t, p)[0], m, r, off)
            middles.append(middle)
            radii.append(radius)
            continue
        value, slope, bend = function(m, p)
        middles.append(value)
        exact_at_0 = not m and not r  # as all functions here are
        radii.append(0 if exact_at_0 else off + ((slope + off) * r >> p) + (bend * r * r >> p) + 2)
    return Array(x.shape, middles, radii, -p)


def across(function, m, r, off):
    """What rises lies between its values at the ends, each of them off by less than `off`."""
    low, high = function(m - r) - off, function(m + r) + off
    middle = low + high >> 1
    return middle, high - middle


def exponential(x):
    """exp(m ± r) lies within exp(m) (e^r - 1) ≤ exp(m) (r + r²) of exp(m), for r ≤ 1."""
    y, p = x.fine(), Precision.bits
    exp = functools.partial(functions.exp, p=p)
    wide = {i: across(exp, y.m[i], r, 2) for i, r in enumerate(y.r) if r * r >> p}
    middles = list(map(exp, y.m))
    widths = [((m + 2) * r >> p) + 1 for m, r in zip(middles, y.r)]
    radii = [w + (w * r >> p) + 3 if r or x else 0 for w, r, x in zip(widths, y.r, y.m)]
    for i, (middle, radius) in wide.items():
        middles[i], radii[i] = middle, radius
    return Array(x.shape, middles, radii, -p)  # exp(0) is 1 exactly


def logarithm(x):
    """log lies within r / (m - r) of log m, for m > r."""
    y, p = x.fine(), Precision.bits
    if any(m <= r for m, r in zip(y.m, y.r)):
        raise Wrong("a logarithm of what may not be positive")
    radii = [(r << p) // (m - r) + 3 for m, r in zip(y.m, y.r)]
    return Array(x.shape, [functions.log(m, p) for m in y.m], radii, -p)


def inverse(x):
    y, p = x.fine(), Precision.bits
    if any(abs(m) <= r for m, r in zip(y.m, y.r)):
        raise Wrong("a division by what may be 0")
    one = 1 << 2 * p
    return between(x.shape, [(one // (m + r), -(-one // (m - r))) for m, r in zip(y.m, y.r)])


def root(x):
    """The square root of what is not negative by its making: a square, or a sum of squares."""
    y, p = x.fine(), Precision.bits
    if any(m + r < 0 for m, r in zip(y.m, y.r)):
        raise Wrong("a square root of a negative number")
    ends = [(max(0, m - r) << p, m + r << p) for m, r in zip(y.m, y.r)]
    return between(x.shape, [(math.isqrt(a), math.isqrt(b - 1) + 1 if b else 0) for a, b in ends])


def squared(x):
    """x², and not x · x, which as intervals may be negative."""
    y = product(x, x)
    return between(x.shape, [(max(0, m - r), m + r) for m, r in zip(y.m, y.r)], y.e)
