#!/usr/bin/env python3
"""Check a certificate of `pellucid prove … -o certificate.json`, by other means than made it.

    python formal/check.py certificate.json [--weights FILE] [--only PATTERN] [--sample N --seed S]

Plain Python: whole numbers, fractions, and its standard library. What is checked:

- forward: each call's numbers, by the equation of its function, from the enclosures that it read;
- backward: no formula of it stands here. The gradient by a value is the sum, over all that read
  the value, of what comes back through each (the chain rule); and what comes back through a call
  follows from its equation, operation by operation;
- the optimizer's rule, and that it was given the gradient of the very weight that it changes;
- connections: that in a block and in a model each call reads what it has to;
- that each float of the run is as near to its enclosure as the certificate says (`error`);
- that nothing else is claimed: one call makes a tensor, or it is an input, with its SHA-256.

A number is an interval, (m ± r) · 2^e with whole m, r and one e for a tensor; what is rounded goes
to r. By induction over the calls, the true numbers of the run lie in the enclosures, for these
inputs; a constant of a formula is the float that is written for it: 0.044715, √(2/π), √d, 1 - β.

Exit code 0: all that was asked for holds. 1: something does not, and is named. 2: not readable.
"""

import argparse
import base64
import fnmatch
import functools
import hashlib
import json
import math
import random
import re
import struct
import sys
import time
from fractions import Fraction
from operator import add, mul
from pathlib import Path

LIMIT = 1 << 13
"""Numbers of more bits than this are refused, so that nobody can make this program run for ever."""


class Bad(Exception):
    """The certificate cannot be read: exit code 2."""


class Wrong(Exception):
    """Something that it states does not hold, or cannot be shown."""


# -- arithmetic: the functions of one number x · 2^-p, with proved errors --------------------------


@functools.cache
def _atanh_inverse(n, w):
    """2^w · atanh(1/n) = Σ 1/((2k+1) n^(2k+1)), off by less than the number of terms, w < n^w."""
    power, total, k = (1 << w) // n, 0, 0
    while power:
        total += power // (2 * k + 1)
        power //= n * n
        k += 1
    return total


@functools.cache
def ln2(w):
    """2^w · log 2 within 1: log 2 = 2 atanh(1/3); 32 more bits swallow the errors of the terms."""
    return 2 * _atanh_inverse(3, w + 32) >> 32


@functools.cache
def pi(w):
    """2^w · π within 1: π = 16 atan(1/5) - 4 atan(1/239) (Machin), with 32 more bits."""

    def atan(n):
        power, total, k = (1 << w + 32) // n, 0, 0
        while power:
            total += -(power // (2 * k + 1)) if k % 2 else power // (2 * k + 1)
            power //= n * n
            k += 1
        return total

    return 16 * atan(5) - 4 * atan(239) >> 32


def exp(x, p):
    """The exponential of x 2^-p in units of 2^-p, off by less than 2.

    x = k log 2 + s, and exp(s) = exp(s / 2^j)^(2^j), whose series is cut where a term is 0. In
    units of 2^-w: s is off by 2 |k| + 1, each of n terms by 2, and what is cut by 2; each of j
    squarings doubles the error and adds 2. With j ≤ 30, n ≤ 1000, |k| ≤ 2^20 this is below 2^55;
    shifting by k makes it 2^(k+55-w+p) < 1, as w - p = 64 + max(k, 0). The last shift: 1 more.
    """
    k = (x * 3 // 2 >> p) if abs(x) < 1 << p else x // max(1, ln2(p + 32) >> 32)
    if k < -p - 4:
        return 0
    if k > LIMIT:
        raise Wrong("an exponential that is too large")
    w = p + 64 + max(k, 0)
    j = min(30, 4 + math.isqrt(w) // 2)
    s = (x << w - p) - k * ln2(w) >> j
    total = term = 1 << w
    n = 1
    while term:
        term = (term * s >> w) // n
        if -2 < term < 1:  # floors never reach 0 from below
            break
        total += term
        n += 1
    for _ in range(j):
        total = total * total >> w
    return total >> w - p - k


def log(x, p):
    """The logarithm of x 2^-p in units of 2^-p, x > 0, off by less than 2.

    x 2^-p = 2^k f with f in [2/3, 4/3), log f = 2 atanh(z), z = (f-1)/(f+1), |z| ≤ 1/5: at most w
    terms, off by 2 each, and what is cut is less than the last; k log 2 is off by 2 |k|. The 64
    bits more swallow this.
    """
    w = p + 64
    k = x.bit_length() - p
    f = x << w - p - k if w - p - k >= 0 else x >> k + p - w
    if 3 * f < 2 << w:
        k, f = k - 1, (x << w - p - k + 1 if w - p - k + 1 >= 0 else x >> k - 1 + p - w)
    z = ((f - (1 << w)) << w) // (f + (1 << w))
    square, power, total, n = z * z >> w, z, 0, 0
    while power not in (0, -1):
        total += power // (2 * n + 1)
        power = power * square >> w
        n += 1
    return 2 * total + k * ln2(w) >> 64


def cos_sin(x, p):
    """Cosine and sine of x 2^-p in units of 2^-p, each off by less than 2.

    x = k π/2 + s with |s| < 1 (k π/2 is off by |k| units of 2^-w), and both series of s, which
    alternate with falling terms: what is cut is less than the last. Terms are off by 2 each, and
    the 64 bits more swallow this.
    """
    w = p + 64 + max(0, x.bit_length() - p)
    half = pi(w) >> 1
    k = (x << w - p) // half
    s = (x << w - p) - k * half
    if 2 * s > half:
        k, s = k + 1, s - half
    sums, term, n = [0, 0], 1 << w, 0
    while term not in (0, -1):
        sums[n % 2] += -term if n % 4 > 1 else term
        n += 1
        term = (term * s >> w) // n
    cos, sin = (part >> w - p for part in sums)
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[k % 4]


def erf(x, p):
    """The error function of x 2^-p in units of 2^-p, off by less than 4.

    It is 2/√π exp(-x²) Σ 2^n x^(2n+1) / (1·3·…·(2n+1)), and beyond x² > p it is ±1 but for less
    than a unit. All terms have one sign; where one is 0, the ratio 2x²/(2n+3) is below 1/2, and
    what is cut is less than that term. The sum is at most exp(x²): 3 x² bits more, and 64 more.
    """
    if x < 0:
        return -erf(-x, p)
    if x.bit_length() > p + 20 or x * x >> 2 * p > p:
        return 1 << p
    w = p + 64 + 3 * ((x * x >> 2 * p) + 1)  # the sum may be as large as exp(x²)
    square = (x << w - p) ** 2 >> w
    total = term = x << w - p
    n = 1
    while term:
        term = (2 * term * square >> w) // (2 * n + 1)
        total += term
        n += 1
    root = math.isqrt(pi(w) << w)
    return 2 * ((total * exp(-square, w) >> w) << w) // root >> w - p


# -- arrays of intervals ---------------------------------------------------------------------------


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
        return (
            self
            if not s
            else Array(self.shape, [x << s for x in self.m], [r << s for r in self.r], -p)
        )

    def fine(self):
        """With e = -P, as functions take it."""
        return self.fit().at(Precision.bits)


class Precision:
    """Numbers are computed to 2^-bits."""

    bits = 256


def constant(shape, value):
    """An array of one exact number, a float or a fraction with a power of two below."""
    value = Fraction(value)
    e = 1 - value.denominator.bit_length()
    count = math.prod(shape)
    return Array(shape, [value.numerator] * count, [0] * count, e)


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
    value = Fraction(value)
    n, d = value.numerator, value.denominator
    if d & (d - 1) == 0:  # a power of two: exact
        return Array(
            x.shape, [m * n for m in x.m], [r * abs(n) for r in x.r], x.e + 1 - d.bit_length()
        ).fit()
    y = x.fine()
    m = [m * n // d for m in y.m]
    return Array(x.shape, m, [r * abs(n) // d + 2 if r or m else 0 for m, r in zip(y.m, y.r)], y.e)


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


def matrix(x, y, sizes):
    """(b, n, k) times (b, k, m). Midpoints are exact; |Σ x y - Σ m n| ≤ Σ |m| s + (|n| + s) r.

    Where all radii of a matrix are alike, that is r Σ |n| + s Σ |m| + k r s: of a row and a column.
    """
    b, n, k, m = sizes
    middles, radii = [], []
    alike = len(set(x.r)) <= 1 and len(set(y.r)) <= 1
    for part in range(b):
        rows = [slice(start, start + k) for start in range(part * n * k, (part + 1) * n * k, k)]
        left = [x.m[row] for row in rows]
        lefts = [(max(x.r[row], default=0), sum(map(abs, x.m[row]))) for row in rows]
        ends = part * k * m, (part + 1) * k * m
        right = [y.m[ends[0] + j : ends[1] : m] for j in range(m)]
        rights = [
            (max(y.r[ends[0] + j : ends[1] : m], default=0), sum(map(abs, column)))
            for j, column in enumerate(right)
        ]
        for row, (r, size) in zip(left, lefts):
            middles += [sum(map(mul, row, column)) for column in right]
            if alike:
                radii += [r * large + s * size + k * r * s for s, large in rights]
        if not alike:
            sizes_x = [list(map(abs, row)) for row in left]
            off_y = [y.r[ends[0] + j : ends[1] : m] for j in range(m)]
            over_y = [list(map(add, map(abs, c), s)) for c, s in zip(right, off_y)]
            for row, size in zip(rows, sizes_x):
                off_x = x.r[row]
                radii += [
                    sum(map(mul, size, s)) + sum(map(mul, off_x, over))
                    for s, over in zip(off_y, over_y)
                ]
    return Array((b, n, m), middles, radii, x.e + y.e).fit()


def transposed(x, sizes):
    return taken(x, swap(sizes, 1), (sizes[0], sizes[2], sizes[1]))


def swap(shape, axis):
    """The places of a tensor in the order that it has with this axis and the next exchanged."""
    a, b, inner = shape[axis], shape[axis + 1], math.prod(shape[axis + 2 :])
    starts = range(0, math.prod(shape), a * b * inner or 1)
    return [
        s + (i * b + j) * inner + c
        for s in starts
        for j in range(b)
        for i in range(a)
        for c in range(inner)
    ]


def each(function, x, off=2):
    """A function by its value, its slope |f'|, and a bound of |f''| everywhere.

    |f(m + d) - f(m)| ≤ r |f'(m)| + r²/2 max |f''| for |d| ≤ r; f(m) is off by less than `off`.
    """
    y, p = x.fine(), Precision.bits
    middles, radii = [], []
    for m, r in zip(y.m, y.r):
        value, slope, bend = function(m, p)
        middles.append(value)
        exact = not m and not r  # the functions below are exact at 0
        radii.append(0 if exact else off + ((slope + off) * r >> p) + (bend * r * r >> p) + 2)
    return Array(x.shape, middles, radii, -p)


def exponential(x):
    """exp(m ± r) lies within exp(m) (e^r - 1) ≤ exp(m) (r + r²) of exp(m), for r ≤ 1."""
    y, p = x.fine(), Precision.bits
    if max(y.r, default=0) >> p:
        raise Wrong("an exponent that is not known to 1")
    middles = [exp(m, p) for m in y.m]
    widths = [((m + 2) * r >> p) + 1 for m, r in zip(middles, y.r)]
    radii = [w + (w * r >> p) + 3 if r or x else 0 for w, r, x in zip(widths, y.r, y.m)]
    return Array(x.shape, middles, radii, -p)  # exp(0) is 1 exactly


def logarithm(x):
    """log lies within r / (m - r) of log m, for m > r."""
    y, p = x.fine(), Precision.bits
    if any(m <= r for m, r in zip(y.m, y.r)):
        raise Wrong("a logarithm of what may not be positive")
    return Array(
        x.shape, [log(m, p) for m in y.m], [(r << p) // (m - r) + 3 for m, r in zip(y.m, y.r)], -p
    )


def between(shape, ends):
    """Intervals from their ends, which are rounded outward."""
    m = [low + high >> 1 for low, high in ends]
    return Array(
        shape, m, [max(high - x, x - low) for x, (low, high) in zip(m, ends)], -Precision.bits
    )


def inverse(x):
    y, p = x.fine(), Precision.bits
    if any(abs(m) <= r for m, r in zip(y.m, y.r)):
        raise Wrong("a division by what may be 0")
    one = 1 << 2 * p
    return between(x.shape, [(one // (m + r), -(-one // (m - r))) for m, r in zip(y.m, y.r)])


def root(x):
    """The square root of what is not negative by its making: a square, or a sum of squares."""
    y, p = x.fine(), Precision.bits
    ends = []
    for m, r in zip(y.m, y.r):
        if m + r < 0:
            raise Wrong("a square root of a negative number")
        low, high = max(0, m - r) << p, m + r << p
        top = math.isqrt(high)
        ends.append((math.isqrt(low), top + (top * top < high)))
    return between(x.shape, ends)


# -- equations, and what comes back through them ---------------------------------------------------


class Value:
    """An array in a graph: `back` are its operands, each with what it is given of the gradient."""

    __slots__ = ("array", "back")

    def __init__(self, array, *back):
        self.array, self.back = array, back

    @property
    def shape(self):
        return self.array.shape

    def __add__(self, other):
        other = spread(value(other, self.shape), self.shape)
        return Value(plus(self.array, other.array), (self, lambda d: d), (other, lambda d: d))

    def __sub__(self, other):
        return self + times(value(other, self.shape), -1)

    def __mul__(self, other):
        if isinstance(other, (int, float, Fraction)):
            return times(self, other)
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


def times(x, number):
    return Value(scaled(x.array, number), (x, lambda d: scaled(d, number)))


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
    if len(own) != len(shape) or any(a not in (1, b) for a, b in zip(own, shape)):
        raise Wrong(f"shapes that do not fit: {x.shape} and {shape}")
    places = [0]
    for a, b in zip(own, shape):
        places = [p * a + (i if a > 1 else 0) for p in places for i in range(b)]
    return take(x, places, shape)


def moved(x, shape):
    """The same numbers in another shape, whose last axis may be -1."""
    if shape[-1:] == (-1,):
        shape = (*shape[:-1], math.prod(x.shape) // max(1, math.prod(shape[:-1])))
    if math.prod(shape) != math.prod(x.shape):
        raise Wrong(f"shapes that do not fit: {x.shape} and {shape}")
    array = shaped(x.array, tuple(shape))
    return Value(array, (x, lambda d: shaped(d, x.shape)))


def matmul(x, y):
    """Matrices in the last two axes; leading axes are equal, or y has none."""
    (*lead, n, k), (*other, k2, m) = x.shape, y.shape
    b = math.prod(other)
    if k != k2 or (other and other != lead):
        raise Wrong(f"shapes that do not fit: {x.shape} and {y.shape}")
    rows = n if other else n * math.prod(lead)

    def back_left(d):
        return shaped(matrix(d, transposed(y.array, (b, k, m)), (b, rows, m, k)), x.shape)

    def back_right(d):
        return shaped(matrix(transposed(x.array, (b, rows, k)), d, (b, k, rows, m)), y.shape)

    out = shaped(matrix(x.array, y.array, (b, rows, k, m)), (*lead, n, m))
    return Value(out, (x, back_left), (y, back_right))


def shaped(array, shape):
    return Array(shape, array.m, array.r, array.e)


def swapped(x, axis):
    """An axis, counted from the last, exchanged with the next."""
    axis += len(x.shape)
    shape = (*x.shape[:axis], x.shape[axis + 1], x.shape[axis], *x.shape[axis + 2 :])
    return take(x, swap(x.shape, axis), shape)


def total(x, axis=-1, *, keep=False):
    """The sum along the last axis, or of all numbers where the axis is None."""
    if axis is None:
        return gather(x, [0] * len(x.array.m), ())
    n = x.shape[-1]
    return gather(x, [i // n for i in range(len(x.array.m))], x.shape[:-1] + ((1,) if keep else ()))


def mean(x):
    return total(x, keep=True) * Fraction(1, x.shape[-1])


def unary(x, array, slope):
    """A function of each number; `slope()` is its derivative there."""
    return Value(array, (x, lambda d: product(d, slope())))


def e_to(x):
    out = exponential(x.array)
    return unary(x, out, lambda: out)


def ln(x):
    return unary(x, logarithm(x.array), lambda: inverse(x.array))


def reciprocal(x):
    out = inverse(x.array)
    return unary(x, out, lambda: negative(product(out, out)))


def square(x):
    """x², and not x · x, which as intervals may be negative."""
    y = product(x.array, x.array)
    p = [(max(0, m - r), m + r) for m, r in zip(y.m, y.r)]
    m = [low + high >> 1 for low, high in p]
    out = Array(x.shape, m, [max(high - c, c - low) for c, (low, high) in zip(m, p)], y.e)
    return unary(x, out, lambda: scaled(x.array, 2))


def sqrt(x):
    out = root(x.array)
    return unary(x, out, lambda: scaled(inverse(out), Fraction(1, 2)))


def _tanh(x, p):
    """tanh |x| = (1 - q) / (1 + q) with q = exp(-2|x|) off by 2 of 2^-p-8; |tanh''| < 1."""
    q = exp(-2 * abs(x) << 8, p + 8)
    t = (((1 << p + 8) - q) << p) // ((1 << p + 8) + q)
    return (t if x >= 0 else -t), (1 << p) - (t * t >> p), 1


def tanh(x):
    out = each(_tanh, x.array)
    return unary(x, out, lambda: plus(constant(x.shape, 1), negative(product(out, out))))


def _sigmoid(x, p):
    """σ(|x|) = 1 / (1 + q) with q = exp(-|x|), and σ(-x) = 1 - σ(x); |σ''| < 1."""
    q = exp(-abs(x) << 8, p + 8)
    s = (1 << 2 * p + 8) // ((1 << p + 8) + q)
    s = s if x >= 0 else (1 << p) - s
    return s, (s * ((1 << p) - s) >> p) + 1, 1


def sigmoid(x):
    out = each(_sigmoid, x.array)
    return unary(x, out, lambda: product(out, plus(constant(x.shape, 1), negative(out))))


def cosine(x):
    out = each(lambda m, p: (cos_sin(m, p)[0], abs(cos_sin(m, p)[1]), 1), x.array)
    return unary(x, out, lambda: negative(sine(x).array))


def sine(x):
    out = each(lambda m, p: (cos_sin(m, p)[1], abs(cos_sin(m, p)[0]), 1), x.array)
    return unary(x, out, lambda: cosine(x).array)


def pieces(x, below, above):
    """A function that is `below` · x for x < 0 and `above` · x for x > 0, and its slope, 0 at 0."""

    def ends(m, r):
        low, high = m - r, m + r
        values = (
            low * below if low < 0 else low * above,
            high * below if high < 0 else high * above,
        )
        return (min(*values, 0), max(values)) if low < 0 < high else (min(values), max(values))

    def side(m, r):
        if m - r > 0:
            return above, above
        if m + r < 0:
            return below, below
        return (0, 0) if not r else (min(below, above, 0), max(below, above, 0))

    y = x.array.fine()
    p = Precision.bits

    def slope():
        return between(x.shape, [(a << p, b << p) for a, b in map(side, y.m, y.r)])

    return unary(x, between(x.shape, list(map(ends, y.m, y.r))), slope)


def beside(x, y):
    """Two of one shape side by side along the last axis."""
    n, shape = x.shape[-1], (*x.shape[:-1], 2 * x.shape[-1])
    rows = [(i // (2 * n) * n + i % n, i // n % 2) for i in range(math.prod(shape))]
    left = take(x, [-1 if second else place for place, second in rows], shape)
    return left + take(y, [place if second else -1 for place, second in rows], shape)


def cut(x, axis, start, stop):
    """x[start:stop] along an axis, which may be negative."""
    axis %= len(x.shape)
    if not 0 <= start <= stop <= x.shape[axis]:
        raise Wrong(f"there are no places {start} to {stop} along an axis of {x.shape[axis]}")
    lead, rest = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    n = x.shape[axis]
    places = [
        (o * n + i) * rest + c for o in range(lead) for i in range(start, stop) for c in range(rest)
    ]
    return take(x, places, (*x.shape[:axis], stop - start, *x.shape[axis + 1 :]))


def heads(x, count):
    """(…, T, H·d) -> (…, H, T, d)."""
    if count < 1 or x.shape[-1] % count:
        raise Wrong(f"a width of {x.shape[-1]} for {count} heads")
    return swapped(moved(x, (*x.shape[:-1], count, x.shape[-1] // count)), -3)


def merged(x):
    """(…, H, T, d) -> (…, T, H·d)."""
    *lead, count, length, d = x.shape
    return moved(swapped(x, -3), (*lead, length, count * d))


def backward(outputs, seeds):
    """The gradient of each value of a graph: Σ over its readers, from the last to the first."""
    order, seen = [], set()

    def visit(node):
        stack = [(node, iter(node.back))]
        seen.add(id(node))
        while stack:
            top, rest = stack[-1]
            for parent, _ in rest:
                if id(parent) not in seen:
                    seen.add(id(parent))
                    stack.append((parent, iter(parent.back)))
                    break
            else:
                order.append(top)
                stack.pop()

    for node in outputs:
        if id(node) not in seen:
            visit(node)
    found = {}
    for node, seed in zip(outputs, seeds):
        if seed is not None:
            found[id(node)] = plus(found[id(node)], seed) if id(node) in found else seed
    for node in reversed(order):
        d = found.get(id(node))
        if d is None:
            continue
        for parent, give in node.back:
            part = give(d)
            found[id(parent)] = plus(found[id(parent)], part) if id(parent) in found else part
    return found


# -- the equations of the functions ----------------------------------------------------------------


def softmax_parts(x, seen=None):
    """x - c, exp(x - c) and its row sums; any c gives the same softmax: a row's largest midpoint.

    With `seen`, which is 0 for what is hidden and 1 for the rest, of what is seen alone.
    """
    n, m = x.shape[-1], x.array.m
    used = [1] * len(m) if seen is None else seen.array.m
    tops = []
    for i in range(0, len(m), n):
        row = [a for a, u in zip(m[i : i + n], used[i : i + n]) if u]
        if not row:
            raise Wrong("a row of scores that are all hidden")
        tops += [-max(row)] * n
    down = x + Value(Array(x.shape, tops, [0] * len(m), x.array.e))
    exps = e_to(down) if seen is None else e_to(down * seen) * seen
    return down, exps, total(exps, keep=True)


def linear(c):
    out = matmul(rows(c("x")), c("weight"))
    out = moved(out, (*c("x").shape[:-1], out.shape[-1]))
    return {"out": out + c("bias") if c.has("bias") else out}


def rows(x):
    return moved(x, (1, *x.shape)) if len(x.shape) == 1 else x


def lora_linear(c):
    base = linear(c)["out"]
    low = matmul(c("x"), c("lora_a"))
    learned = matmul(low, c("lora_b"))
    return {"base": base, "low": low, "learned": learned, "out": base + learned}


def embedding(c):
    weight, tokens = c("weight"), c.whole("tokens")
    count, width = weight.shape
    if not all(0 <= token < count for token in tokens):
        raise Wrong("a token that the table has no row for")
    places = [token * width + i for token in tokens for i in range(width)]
    return {"out": take(weight, places, (*c.shape("tokens"), width))}


def unembedding(c):
    return {"out": matmul(c("x"), swapped(c("weight"), -2))}


def position(c):
    x, start = c("x"), c.setting("start", 0)
    chosen = cut(c("weight"), 0, start, start + x.shape[-2])
    return {"rows": chosen, "out": x + chosen}


def layer_norm(c):
    x = c("x")
    mu = mean(x)
    centred = x - spread(mu, x.shape)
    variance = mean(square(centred))
    rstd = reciprocal(sqrt(variance + c.setting("eps")))
    xhat = centred * rstd
    out = xhat * c("weight")
    out = out + c("bias") if c.has("bias") else out
    return {"mean": mu, "variance": variance, "rstd": rstd, "xhat": xhat, "out": out}


def rms_norm(c):
    rstd = reciprocal(sqrt(mean(square(c("x"))) + c.setting("eps")))
    xhat = c("x") * rstd
    return {"rstd": rstd, "xhat": xhat, "out": xhat * c("weight")}


def gelu_tanh(c):
    """The constants are floats: 0.044715, and √(2/π) as a float gives it."""
    x = c("x")
    inner = (x + x * square(x) * 0.044715) * math.sqrt(2 / math.pi)
    bent = tanh(inner)
    return {"inner": inner, "tanh": bent, "out": x * (bent + 1) * 0.5}


def gelu_erf(c):
    """Φ(x) = ½ (1 + erf(x / √2)), whose slope is exp(-½ x²) / √(2π): √2 and √(2π) are floats.

    This slope is stated and not derived: as √2 and √(2π) are rounded, it is Φ's but for 2^-51.
    """
    x = c("x")
    z = scaled(x.array, 1 / Fraction(math.sqrt(2)))
    slope = scaled(
        exponential(scaled(square(x).array, Fraction(-1, 2))), 1 / Fraction(math.sqrt(2 * math.pi))
    )

    def by_number(m, p):
        return erf(m, p), 2 * exp(-(m * m >> p), p), 1  # 2/√π < 2, |erf''| < 1

    phi = scaled(plus(each(by_number, z, off=4), constant(x.shape, 1)), Fraction(1, 2))
    phi = unary(x, phi, lambda: slope)
    return {"phi": phi, "out": x * phi}


def silu(c):
    sigma = sigmoid(c("x"))
    return {"sigma": sigma, "out": c("x") * sigma}


def softmax(c):
    _, exps, sums = softmax_parts(c("x"))
    return {"out": exps / sums}


def scores(c):
    """att = softmax(q kᵀ / √d), √d a float; a hidden key has the score -∞ and no share."""
    q, k = c("q"), c("k")
    products = matmul(q, swapped(k, -2)) * (1 / Fraction(math.sqrt(q.shape[-1])))
    seen = None
    if c.has("mask"):
        seen = spread(c.whole_value("mask"), products.shape)
        hidden = [i for i, m in enumerate(seen.array.m) if not m]
        products.array.hidden = frozenset(hidden)
    _, exps, sums = softmax_parts(products, seen)
    return {"scores": products, "att": exps / sums}


def rotary_angles(c):
    frequencies, start = c("frequencies"), c.setting("start", 0)
    length, n = c.setting("length"), math.prod(frequencies.shape)
    c.check_size("angles", length * n)
    times_t = [start + t for t in range(length) for _ in range(n)]
    t = Value(Array((length, n), times_t, [0] * (length * n), 0))
    angles = t * frequencies
    return {"angles": angles, "cos": cosine(angles), "sin": sine(angles)}


def rotary(c):
    x, half = c("x"), c("x").shape[-1] // 2
    first, second = cut(x, -1, 0, half), cut(x, -1, half, 2 * half)
    one = first * c("cos") - second * c("sin")
    two = second * c("cos") + first * c("sin")
    return {"first": first, "second": second, "out": beside(one, two)}


def repeat_heads(c):
    x, group = c("x"), c.setting("group")
    *lead, count, length, d = x.shape
    c.check_size("out", group * math.prod(x.shape))
    several = spread(moved(x, (*lead, count, 1, length, d)), (*lead, count, group, length, d))
    return {"out": moved(several, (*lead, count * group, length, d))}


def cross_entropy(c):
    found, loss = entropy(c)
    return {**found, "loss": loss}


def entropy(c):
    """probs, and the mean of log Σ exp(x) - x[target]; a target of -100 is not counted."""
    x, targets = c("logits"), c.whole("targets")
    n = x.shape[-1]
    counted = [target != -100 for target in targets]
    if not any(counted) or not all(0 <= t < n for t, used in zip(targets, counted) if used):
        raise Wrong("a target that is no token, or none at all")
    low, exps, sums = softmax_parts(x)
    places = [i * n + t if used else -1 for i, (t, used) in enumerate(zip(targets, counted))]
    own = take(low, places, x.shape[:-1])
    used = Value(Array(x.shape[:-1], [int(u) for u in counted], [0] * len(counted), 0))
    losses = (moved(ln(sums), x.shape[:-1]) * used) - own
    loss = total(losses, None) * Fraction(1, sum(counted))
    return {"probs": exps / sums, "losses": losses}, loss


def smooth_cross_entropy(c):
    """sharp + ε · lead, by how much the targets' logits lead the mean of their rows."""
    found, sharp = entropy(c)
    x, targets = c("logits"), c.whole("targets")
    n, count = x.shape[-1], sum(target != -100 for target in targets)
    own = take(x, [i * n + t if t != -100 else -1 for i, t in enumerate(targets)], x.shape[:-1])
    used = Value(Array(x.shape[:-1], [int(t != -100) for t in targets], [0] * len(targets), 0))
    lead = total(own - total(x) * Fraction(1, n) * used, None) * Fraction(1, count)
    return {
        "probs": found["probs"],
        "sharp": sharp,
        "lead": lead,
        "loss": sharp + lead * c.setting("smoothing"),
    }


def absolute_error(c):
    errors = c("x") - c("wanted")
    losses = total(pieces(errors, -1, 1))
    loss = total(losses, None) * Fraction(1, math.prod(losses.shape))
    return {"errors": errors, "losses": losses, "loss": loss}


def binary_logits(c):
    x = c("x")
    places = [i // 2 if i % 2 == 0 else -1 for i in range(2 * len(x.array.m))]
    return {"out": take(x, places, (*x.shape[:-1], 2))}


def intervened(c):
    x, where = c("x"), spread(c.whole_value("where"), c("x").shape)
    return {"out": x * (where * -1 + 1) + spread(c("value"), x.shape) * where}


def shares(name, parts):
    """Parts of a row side by side, each cut into heads."""

    def equation(c):
        x = c(name)
        width = x.shape[-1] // len(parts)
        return {
            part: heads(cut(x, -1, i * width, (i + 1) * width), c.setting(count))
            for i, (part, count) in enumerate(parts)
        }

    return (name,), tuple(part for part, _ in parts), equation


def summed(x, part, outs):
    """A residual connection: whatever it is called, it is the sum of stream and part."""
    return (x, part), outs, lambda c: dict.fromkeys(outs, c(x) + c(part))


def adamw_rule(c):
    weight, slope, rate = c("weight"), c("dweight"), c.setting("learning_rate")
    beta1, beta2, t = c.setting("betas.0"), c.setting("betas.1"), c.setting("t")
    if any(m < r for m, r in zip(c("v_before").array.m, c("v_before").array.r)):
        raise Wrong("a running mean of squares that may be negative")
    m = c("m_before") * beta1 + slope * (1 - beta1)
    v = c("v_before") * beta2 + square(slope) * (1 - beta2)
    m_hat = m * (1 / Fraction(1 - beta1**t))
    v_hat = v * (1 / Fraction(1 - beta2**t))
    update = m_hat * -rate / (sqrt(v_hat) + c.setting("eps")) - weight * (
        rate * c.setting("weight_decay")
    )
    return {
        "m": m,
        "v": v,
        "m_hat": m_hat,
        "v_hat": v_hat,
        "update": update,
        "new": weight + update,
    }


def sgd_rule(c):
    update = c("dweight") * -c.setting("learning_rate")
    return {"update": update, "new": c("weight") + update}


def momentum_rule(c):
    m = c("m_before") * c.setting("mu") + c("dweight")
    update = m * -c.setting("learning_rate")
    return {"m": m, "update": update, "new": c("weight") + update}


BLOCK = (
    summed("resid_pre", "attn", ("resid_mid", "sum_1")),
    summed("resid_mid", "mlp", ("resid_post", "sum_2")),
)

EQUATIONS = {
    **{
        function.__name__: ((None, None, function),)
        for function in (
            linear,
            lora_linear,
            embedding,
            unembedding,
            position,
            layer_norm,
            rms_norm,
            gelu_tanh,
            gelu_erf,
            silu,
            softmax,
            rotary_angles,
            rotary,
            repeat_heads,
            cross_entropy,
            smooth_cross_entropy,
            absolute_error,
            binary_logits,
            intervened,
            adamw_rule,
            sgd_rule,
            momentum_rule,
        )
    },
    "relu": ((None, None, lambda c: {"out": pieces(c("x"), 0, 1)}),),
    "scale": ((None, None, lambda c: {"out": c("x") * c.setting("factor")}),),
    "dropout": ((None, None, lambda c: {"out": c("x") * c("noise")}),),
    "standardize": (
        (None, None, lambda c: {"out": (c("x") - c("mean")) / spread(c("std"), c("x").shape)}),
    ),
    "scaled_dot_product": (
        (("q", "k"), ("scores", "att"), scores),
        (("kept", "v"), ("z",), lambda c: {"z": matmul(c("kept"), c("v"))}),
    ),
    "attention": (shares("qkv", [(part, "n_head") for part in "qkv"]),),
    "cross_attention": (
        shares("queries", [("q", "n_head")]),
        shares("kv", [("k", "n_head"), ("v", "n_head")]),
    ),
    "grouped_attention": tuple(
        shares(f"{x}_rows", [(f"{x}_heads", "n_head" if x == "q" else "n_kv_head")]) for x in "qkv"
    ),
    "next_token_logits": (
        (
            ("wte.out",),
            None,
            lambda c: {"inputs": moved(c("wte.out"), (*c("wte.out").shape[:-2], -1))},
        ),
    ),
    "multi_head": ((("z",), None, lambda c: {"merged": merged(c("z"))}),),
    "gated_feed_forward": ((("opened", "up"), None, lambda c: {"gated": c("opened") * c("up")}),),
    "block": BLOCK,
    "gated_block": BLOCK,
    "mixed_block": BLOCK,
    "decoder_block": (
        summed("resid_pre", "attn", ("resid_mid", "sum_1")),
        summed("resid_mid", "cross", ("resid_cross", "sum_2")),
        summed("resid_cross", "mlp", ("resid_post", "sum_3")),
    ),
}
"""By function, for each of its equations: what it reads, what it makes (None: all), and itself."""

PARTS = ("resid_dropout.out", "dropout.out", "c_proj.out")
"""What a part of a block adds to the stream: the last of its values that there is."""


# -- how the calls of a block and of a model are connected -----------------------------------------

HALVES = {
    "block pre": "ln_1.x=resid_pre attn.*=ln_1.out ln_2.x=resid_mid mlp.*=ln_2.out",
    "block post": "attn.*=resid_pre ln_1.x=sum_1 mlp.*=resid_mid ln_2.x=sum_2",
    "decoder_block pre": "ln_1.x=resid_pre attn.*=ln_1.out ln_2.x=resid_mid cross.*=ln_2.out "
    "ln_3.x=resid_cross mlp.*=ln_3.out",
    "decoder_block post": "attn.*=resid_pre ln_1.x=sum_1 cross.*=resid_mid ln_2.x=sum_2 "
    "mlp.*=resid_cross ln_3.x=sum_3",
}
"""Which call reads what in a block, `attn.*` being the first maps of attention and so on."""

FIRST = {"attn": "c_attn q_proj k_proj v_proj", "mlp": "c_fc gate_proj up_proj", "cross": "c_q"}

INSIDE = """
attn.q_norm.x=attn.q_heads                  attn.q_rope.x=attn.q_norm.out|attn.q_heads
attn.k_norm.x=attn.k_heads                  attn.k_rope.x=attn.k_norm.out|attn.k_heads
attn.q=attn.q_rope.out|attn.q_norm.out|attn.q_heads|attn.q
attn.k_repeat.x=attn.k_rope.out|attn.k_norm.out|attn.k_heads
attn.k=attn.k_repeat.out|attn.k_rope.out|attn.k_norm.out|attn.k_heads|attn.k
attn.v_repeat.x=attn.v_heads                attn.v=attn.v_repeat.out|attn.v_heads|attn.v
attn.attn_dropout.x=attn.att                attn.c_proj.x=attn.merged
attn.resid_dropout.x=attn.c_proj.out        cross.resid_dropout.x=cross.c_proj.out
cross.q=cross.q        cross.k=cross.k      cross.v=cross.v        cross.c_proj.x=cross.merged
mlp.act.x=mlp.gate_proj.out|mlp.c_fc.out    mlp.c_proj.x=mlp.gated|mlp.act.out
mlp.dropout.x=mlp.c_proj.out
"""
"""The same inside attention and the feed-forward network; of several sources the first there is."""

AROUND = (
    "scale.x=embed.out wpe.x=embed.out position.x=scale.out drop.x=position.out|wpe.out|embed.out "
    "h.0.resid_pre=drop.out|position.out|wpe.out|embed.out ln_f.x=h.LAST.resid_post "
    "embed.weight=wte.weight wpe.weight=wpe.weight ln_f.weight=ln_f.weight ln_f.bias=ln_f.bias"
)
HEAD = (
    "lm_head.x=ln_f.out|dec.ln_f.out|h.LAST.resid_post|dec.h.LAST.resid_post "
    "lm_head.weight=lm_head.weight|wte.weight logits=lm_head.out"
)


def connections(run):
    """For each argument of a block or a model what it reads, and what it has to read."""
    reads = {}
    for call in run.calls:
        if not call["function"].endswith(("_backward", "_rule")):
            for argument, name in call["inputs"].items():
                reads.setdefault(joined(call["path"], argument), set()).add(name)
    blocks = {
        c["path"]: c
        for c in run.calls
        if c["function"] in ("block", "gated_block", "mixed_block", "decoder_block")
    }

    def expected(rules, prefix, last=0, own=None):
        for rule in rules.split():
            reader, _, sources = rule.partition("=")
            names = [source.replace("LAST", str(last)) for source in sources.split("|")]
            names = [prefix + name for name in names] + names * rule.startswith("embed.weight=")
            known = [run.alias[name] for name in names if name in run.alias]
            source = known[0] if known else (own or {}).get(sources)
            part = reader.removesuffix(".*")
            ends = [reader] if part == reader else [f"{part}.{x}.x" for x in FIRST[part].split()]
            yield from (
                (prefix + end, name, source) for end in ends for name in reads.get(prefix + end, ())
            )

    for path, block in blocks.items():
        kind = "decoder_block" if block["function"] == "decoder_block" else "block"
        kind += " " + block["settings"].get("norm", "pre")
        yield from expected(f"{HALVES[kind]} {INSIDE}", f"{path}.", own=block["inputs"])
        for reader, names in reads.items():
            if re.match(
                re.escape(path) + r"\.(ln_\d|attn|cross|mlp)\.", reader
            ) and PARAMETER.search(reader):
                yield from ((reader, name, run.alias.get(reader)) for name in names)
    prefixes = {
        path[: -len(m.group())]: 0
        for path in blocks
        if (m := re.search(r"(^|(?<=\.))h\.\d+$", path))
    }
    for prefix in prefixes:
        count = sum(
            re.fullmatch(re.escape(prefix) + r"h\.\d+", path) is not None for path in blocks
        )
        yield from expected(AROUND, prefix, count - 1)
        for i in range(1, count):
            yield from expected(f"h.{i}.resid_pre=h.{i - 1}.resid_post", prefix)
        if prefix == "dec.":
            memory = f"enc.ln_f.out|enc.h.{prefixes_last(blocks, 'enc.')}.resid_post"
            rules = " ".join(f"dec.h.{i}.cross.c_kv.x={memory}" for i in range(count))
            yield from expected(rules, "")
        if prefix in ("", "dec."):
            yield from expected(HEAD, "", count - 1)


def prefixes_last(blocks, prefix):
    return sum(path.startswith(f"{prefix}h.") for path in blocks) - 1


# -- the certificate -------------------------------------------------------------------------------

KINDS = {"float64": "d", "float32": "f", "float16": "e", "int64": "q", "int32": "i", "bool": "?"}
COMPUTED = """
out rows variance rstd xhat inner tanh phi sigma gated opened up scores att kept z merged qkv
queries kv probs losses loss sharp lead logits base low learned angles cos sin first second errors
q_heads k_heads v_heads resid_pre resid_mid resid_cross resid_post sum_1 sum_2 sum_3 m_hat v_hat
update new
"""
"""What the last part of a name is only where a call has made the tensor."""


PARAMETER = re.compile(r"(^|\.)(?<!position\.)(weight|bias|lora_a|lora_b)$")
"""Names of parameters; the Transformer's table of positions is none."""

CONSTANTS = {"frequencies", "angles", "cos", "sin", "inputs"}
"""What calls may make of whole numbers alone, in floats: from then on the run's constants."""


class Unit:
    """One equation of one call."""

    def __init__(self, run, call, reads, makes, equation):
        self.run, self.call, self.equation = run, call, equation
        self.path, self.function = call["path"], call["function"]
        floats = [a for a, name in call["inputs"].items() if run.is_float(name)]
        self.reads = {a: run.resolve(self, a) for a in (floats if reads is None else reads)}
        known = {run.alias.get(joined(self.path, key)) for key in makes or ()}
        made = (*call["outputs"], *call["constants"])
        self.makes = [name for name in made if makes is None or name in known]
        self.built = self.adjoints = (None,)

    def __call__(self, argument):
        if argument not in self.arguments:
            if argument not in self.reads:
                raise Wrong(f"it has no {argument}")
            array = self.run.array(self.reads[argument])
            if array.hidden:
                raise Wrong(f"it reads -∞, in {self.reads[argument]}")
            self.arguments[argument] = Value(array)
        return self.arguments[argument]

    def has(self, argument):
        return argument in self.call["inputs"]

    def setting(self, name, default=None):
        found = self.call["settings"].get(name, default)
        if found is None or isinstance(found, str):
            raise Wrong(f"it has no setting {name}")
        return found

    def whole(self, argument):
        return self.run.whole(self.call["inputs"].get(argument))

    def whole_value(self, argument):
        name = self.call["inputs"].get(argument)
        whole = self.run.whole(name)
        return Value(
            Array(self.run.given[name]["shape"], list(map(int, whole)), [0] * len(whole), 0)
        )

    def shape(self, argument):
        return tuple(self.run.given[self.call["inputs"][argument]]["shape"])

    def check_size(self, result, size):
        name = self.run.alias.get(joined(self.path, result))
        if name is None or self.run.count(name) != size:
            raise Wrong(f"{result} has another size than {size}")

    def made(self):
        """What the equation makes, by the certificate's names, at the precision that is set."""
        if self.built[0] != Precision.bits:
            self.arguments, self.adjoints = {}, (None,)
            found = {}
            for key, result in self.equation(self).items():
                name = self.run.alias.get(joined(self.path, key))
                if name in self.makes:
                    found[name] = result
            self.built = (Precision.bits, found)
        return self.built[1]

    def gradients(self):
        """The gradient by each argument and result, from what comes back to the results."""
        if self.adjoints[0] != Precision.bits:
            made = self.made()
            self.inner = {id(parent) for node in graph(made.values()) for parent, _ in node.back}
            seeds = [
                self.run.read_back(name) if id(result) in self.inner else self.run.gradient(name)
                for name, result in made.items()
            ]
            self.adjoints = (Precision.bits, backward(list(made.values()), seeds))
        return self.adjoints[1]


def graph(nodes):
    found, todo = {}, list(nodes)
    while todo:
        node = todo.pop()
        if id(node) not in found:
            found[id(node)] = node
            todo += [parent for parent, _ in node.back]
    return found.values()


def joined(path, name):
    return f"{path}.{name}" if path else name


class Run:
    """One run of a certificate."""

    def __init__(self, content, files):
        self.files = files
        self.calls = list(content["calls"])
        self.given, self.stated, self.floats = (
            content["given"],
            content["enclosures"],
            content["floats"],
        )
        self.tensors, self.part = content["tensors"], content["part"]
        self.arrays, self.wholes = {}, {}
        self.alias = {}
        for name in (*self.given, *self.tensors):
            self.alias[name] = name
        for name, tensor in self.tensors.items():
            for other in tensor["also"]:
                if self.alias.setdefault(other, name) != name:
                    raise Wrong(
                        f"{other}: two tensors are called so, {name} and {self.alias[other]}"
                    )
        self.trusted, self.unknown = [], []
        self.makers, self.units, self.maker, self.readers, self.seeds = {}, [], {}, {}, {}

    # -- structure

    def arrange(self):
        """Who makes what and who reads what; refuse what nobody makes."""
        for call in self.calls:
            for name in call["outputs"]:
                if name in self.makers or name in self.given:
                    raise Wrong(f"{name}: made twice, the second time by {title(call)}")
                if name not in self.tensors:
                    raise Wrong(f"{name}: made by {title(call)}, and not among the tensors")
                self.makers[name] = call
        for name, tensor in self.tensors.items():
            if name not in self.makers and name not in self.given:
                if name == "loss_after":
                    self.trusted.append(name)
                elif tensor["part"] != "given":  # given and never read is fine
                    raise Wrong(f"{name}: no call makes it, and it is not given")
        for call in self.calls:
            for name in call["inputs"].values():
                if name not in self.makers and name not in self.given:
                    raise Wrong(
                        f"{name}: read by {title(call)}, and neither given nor made by a call"
                    )
        for call in self.calls:
            if call["function"].endswith("_backward"):
                dloss = call["settings"].get("dloss")
                loss = self.alias.get(joined(call["path"], "loss"))
                if dloss is not None and loss is not None:
                    self.seeds[loss] = dloss
                continue
            equations = EQUATIONS.get(call["function"])
            if equations is None and call["outputs"]:
                self.unknown.append(call)
            for parts in equations or ():
                try:
                    unit = Unit(self, call, *parts)
                except Missing:
                    continue
                self.units.append(unit)
        for unit in self.units:
            self.maker.update({name: unit for name in unit.makes if name not in self.given})
            if unit.function.endswith("_rule"):
                continue  # what a weight becomes is no part of the loss
            for argument, name in unit.reads.items():
                self.readers.setdefault(name, []).append((unit, argument))
        self.in_order()
        for unit in self.units:
            for name in unit.reads.values():
                maker = self.makers.get(name, {"function": ""})["function"]
                if maker.endswith(("_backward", "_rule")) and not unit.function.endswith("_rule"):
                    what = "a gradient" if maker.endswith("_backward") else "what a rule makes"
                    raise Wrong(f"{title(unit.call)}: it goes forward, and reads {what}, {name}")
        for name in self.given:
            self.check_given(name)

    def check_given(self, name):
        """Parameters, inputs and what a backward begins with: nothing that a call would make."""
        last, of = name.rsplit(".", 1)[-1], self.alias.get(name[1:])
        gradient = name[0] == "d" and of in self.makers
        begins = gradient and of not in self.readers and of not in self.seeds
        constant = last in CONSTANTS and any(name in call["constants"] for call in self.calls)
        if not begins and not constant and (last in COMPUTED.split() or gradient):
            raise Wrong(f"{name}: claimed as given, and it is no parameter and no input of a model")

    def in_order(self):
        """Refuse a value that is made of itself: only without one do the enclosures follow."""
        waits = {
            unit: {self.maker[n] for n in unit.reads.values() if n in self.maker}
            for unit in self.units
        }
        waits = {unit: len(before) for unit, before in waits.items()}
        ready = [unit for unit, count in waits.items() if not count]
        done = 0
        while ready:
            unit = ready.pop()
            done += 1
            after = {reader for name in unit.makes for reader, _ in self.readers.get(name, ())}
            for reader in after:
                waits[reader] -= 1
                if not waits[reader]:
                    ready.append(reader)
        if done < len(self.units):
            unit = next(unit for unit, count in waits.items() if count)
            raise Wrong(f"{title(unit.call)}: what it reads is made of what it makes")

    def resolve(self, unit, argument):
        """The tensor that an equation calls so: an input of the call, or a value at its path."""
        name = unit.call["inputs"].get(argument)
        if name is not None:
            return name
        names = [joined(unit.path, argument)]
        names += [f"{joined(unit.path, argument)}.{part}" for part in PARTS]
        for name in names:
            if name in self.alias:
                return self.alias[name]
        raise Missing(f"{title(unit.call)}: there is no {argument}")

    # -- numbers

    def is_float(self, name):
        record = self.given.get(name)
        return record is None or record["dtype"].startswith(("float", "bfloat"))

    def shape(self, name):
        return tuple(
            self.given[name]["shape"] if name in self.given else self.tensors[name]["shape"]
        )

    def count(self, name):
        """How many numbers there are of a tensor, whatever its shape says."""
        if name in self.given:
            return len(self.numbers(name, self.given[name]))
        return len(self.stated.get(name, {"midpoints": ""})["midpoints"].split())

    def bytes_of(self, name, record):
        data = record.get("bytes")
        data = (
            base64.b64decode(data, validate=True)
            if data is not None
            else self.files.find(record["sha256"])
        )
        if data is None:
            raise Unseen(f"{name}: only its SHA-256 is known; give its file with --weights")
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            raise Wrong(f"{name}: its bytes have not the SHA-256 that is stated")
        return data

    def numbers(self, name, record):
        data, kind, count = self.bytes_of(name, record), record["dtype"], math.prod(record["shape"])
        if kind == "bfloat16":
            data, kind = (
                b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2)),
                "float32",
            )
        if kind not in KINDS or len(data) != count * struct.calcsize("<" + KINDS[kind]):
            raise Bad(f"{name} is no tensor of {record['dtype']}")
        return struct.unpack(f"<{count}{KINDS[kind]}", data)

    def whole(self, name):
        if name not in self.wholes:
            if name not in self.given or self.is_float(name):
                raise Wrong(f"{name} are no whole numbers")
            self.wholes[name] = self.numbers(name, self.given[name])
        return self.wholes[name]

    def is_causal(self, name):
        """Whether a mask shows to each position itself and what is before it."""
        shape = self.given[name]["shape"]
        if self.given[name]["dtype"] != "bool" or len(shape) != 2 or shape[0] != shape[1]:
            return False
        n = shape[1]
        if self.is_unseen(name):
            return False
        return all(seen == (i % n <= i // n) for i, seen in enumerate(self.whole(name)))

    def is_unseen(self, name):
        """Whether only the hash is known of a tensor that was given."""
        record = self.given[name]
        return "bytes" not in record and self.files.find(record["sha256"]) is None

    def array(self, name):
        """The enclosures of a tensor as they are stated; what was given is exact."""
        if name not in self.arrays:
            self.arrays[name] = self.exact(name) if name in self.given else self.enclosures(name)
        return self.arrays[name]

    def exact(self, name):
        floats = self.numbers(name, self.given[name])
        if not all(map(math.isfinite, floats)):
            raise Wrong(f"{name} holds what is no number")
        ratios = [x.as_integer_ratio() for x in map(float, floats)]
        top = max((d.bit_length() for _, d in ratios), default=1)
        m = [n << top - d.bit_length() for n, d in ratios]
        return Array(self.shape(name), m, [0] * len(m), 1 - top)

    def enclosures(self, name):
        stated = self.stated.get(name)
        if stated is None:
            raise Unseen(f"{name}: the certificate has no enclosure of it")
        shape, e = self.shape(name), stated["exponent"]
        words, widths = stated["midpoints"].split(), stated["radii"].split()
        count = math.prod(shape)
        widths = widths * len(words) if len(widths) == 1 else widths
        if len(words) != count or len(widths) != count or not abs(e) <= LIMIT:
            raise Wrong(f"{name} has not the numbers that its shape asks for")
        if any(len(word) > LIMIT // 4 for word in (*words, *widths)):
            raise Wrong(f"{name} has a number of more than {LIMIT} bits")
        m = [0 if word == "-inf" else int(word, 16) for word in words]
        r = [int(width, 16) for width in widths]
        if any(x < 0 for x in r):
            raise Wrong(f"{name} has a radius that is negative")
        hidden = frozenset(i for i, word in enumerate(words) if word == "-inf")
        return Array(shape, m, r, e, hidden)

    # -- gradients

    def names(self, name):
        return [name, *self.tensors.get(name, {"also": ()})["also"]]

    def gradient_name(self, name):
        """The tensor that is stated as the gradient of this one."""
        for known in self.names(name):
            found = self.alias.get(f"d{known}")
            maker = self.makers.get(found)
            if found in self.given or (maker and maker["function"].endswith("_backward")):
                return found
        return None

    def gradient(self, name):
        """The gradient of a value as it is stated, else as it comes back from its readers."""
        stated = self.gradient_name(name)
        if stated is not None and name not in self.seeds:
            return self.array(stated)
        return self.read_back(name)

    def read_back(self, name):
        """Σ over all that read the value, or what a backward begins with; None for nothing."""
        found = constant((), self.seeds[name]) if name in self.seeds else None
        started = next((f"d{n}" for n in self.names(name) if f"d{n}" in self.given), None)
        if started is not None:
            found = self.array(started)
        for unit, argument in self.readers.get(name, ()):
            part = unit.gradients().get(id(unit(argument)))
            if part is not None:
                found = part if found is None else plus(found, part)
        return found

    def whole_gradient(self, name):
        """What the gradient of a value is, by the chain rule."""
        unit = self.maker.get(name)
        if unit is not None and name in unit.made():
            found, result = unit.gradients(), unit.made()[name]
            if id(result) in unit.inner:
                return found.get(id(result))
        return self.read_back(name)

    def part_gradient(self, path, argument):
        """What comes back through the call at a path alone, and all calls inside it."""
        name = next(
            (
                c["inputs"][argument]
                for c in self.calls
                if c["path"] == path
                and argument in c["inputs"]
                and not c["function"].endswith("_backward")
            ),
            None,
        )
        if name is None:
            raise Wrong(f"it is the gradient of {joined(path, argument)}, which no call reads")
        found = None
        for unit, read in self.readers.get(name, ()):
            if unit.path == path or unit.path.startswith(joined(path, "")):
                part = unit.gradients().get(id(unit(read)))
                if part is not None:
                    found = part if found is None else plus(found, part)
        return found


class Missing(Wrong):
    """A value that an equation reads is not there."""


class Unseen(Exception):
    """A tensor of which the certificate, or the file, has no numbers."""


def title(call):
    return f"{call['function']} at {call['path'] or 'the top'}"


def compare(name, found, stated):
    """Each number's interval must lie within the one that is stated."""
    if found is None:
        found = Array(stated.shape, [0] * len(stated.m), [0] * len(stated.m), stated.e)
    if found.shape != stated.shape:
        raise Wrong(f"{name} has the shape {stated.shape}, and should have {found.shape}")
    if found.hidden != stated.hidden:
        raise Wrong(f"{name} has other hidden scores than the mask")
    e = min(found.e, stated.e)
    a, b = found.at(-e), stated.at(-e)
    for i, (m, r, middle, radius) in enumerate(zip(a.m, a.r, b.m, b.r)):
        if abs(m - middle) + r > radius and i not in found.hidden:
            raise Outside(name, place(i, stated.shape), (middle, radius, e), (m, r, e))


class Outside(Wrong):
    """A number that is not within what is stated."""

    def __init__(self, name, where, stated, found):
        self.apart = abs(stated[0] - found[0]) > stated[1]
        super().__init__(f"{name}{where}: stated {decimal(*stated)}, found {decimal(*found)}")


def place(i, shape):
    index = []
    for n in reversed(shape):
        index.append(i % n)
        i //= n
    return str(index[::-1]) if index else ""


def decimal(m, r, e):
    """About (m ± r) · 2^e, with as many digits as the radius leaves, 25 at most."""

    def about(x, digits):
        if not x:
            return "0"
        power = math.floor((abs(x).bit_length() + e) * 0.30103) - digits
        n = Fraction(x) * Fraction(2) ** e / Fraction(10) ** power
        text = str(abs(round(n)))
        return f"{'-' if x < 0 else ''}{text[0]}.{text[1:]}e{power + len(text) - 1:+d}"

    return f"{about(m, 25)} ± {about(r, 2)}"


# -- checking --------------------------------------------------------------------------------------


class Files:
    """The tensors of safetensors files, found by the SHA-256 of their bytes."""

    def __init__(self, paths):
        self.paths, self.found = paths, None

    def find(self, digest):
        if self.found is None:
            self.found = {}
            for path in self.paths:
                self.read(path)
        if digest not in self.found:
            return None
        path, start, stop = self.found[digest]
        with path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    def read(self, path):
        try:
            data = path.read_bytes()
            (length,) = struct.unpack("<Q", data[:8])
            for name, entry in json.loads(data[8 : 8 + length]).items():
                if name != "__metadata__":
                    start, stop = (8 + length + offset for offset in entry["data_offsets"])
                    digest = hashlib.sha256(data[start:stop]).hexdigest()
                    self.found[digest] = path, start, stop
        except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise Bad(f"{path} is no safetensors file that can be read: {error}") from None


class Checker:
    """Checks the calls of a run, and remembers what it found."""

    def __init__(self, run):
        self.run, self.calls, self.numbers, self.floats = run, 0, 0, 0
        self.connected = self.parameters = 0
        self.refused, self.unseen = [], []

    def check(self, call):
        part = self.run.part
        outputs = [name for name in call["outputs"] if part is None or name in part]
        if call["constants"]:
            try:
                self.constants(call)
            except Wrong as wrong:
                self.refused.append(f"{title(call)}: {wrong}")
            else:
                self.calls += not outputs
        if not outputs:
            return
        stated = [self.run.stated[name]["exponent"] for name in outputs if name in self.run.stated]
        for more in (64, 192, 512):
            Precision.bits = max(64, more - min(stated, default=0))
            try:
                self.by_equations(call, outputs)
            except Unseen as missing:
                self.unseen.append(f"{title(call)}: {missing}")
            except Outside as wrong:
                if not wrong.apart and more < 512:
                    continue  # it may be this program's own rounding
                self.refused.append(f"{title(call)}: {wrong}")
            except Wrong as wrong:
                self.refused.append(f"{title(call)}: {wrong}")
            else:
                self.calls += 1
                self.numbers += sum(len(self.run.array(name).m) for name in outputs)
            return

    def constants(self, call):
        """Cosines and sines that were made as floats, of float64's angles, for the run's dtype.

        An angle is off by 2^-53 of it, and by as much its cosine; then comes one rounding more.
        """
        run, Precision.bits = self.run, 128
        if call["function"] != "rotary_angles":
            return
        (unit,) = (unit for unit in run.units if unit.call is call)
        for name in call["constants"]:
            found, given = unit.made()[name].array.at(128), run.exact(name).fine()
            finest = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}[
                run.given[name]["dtype"]
            ]
            angles = unit("frequencies").array
            most = max(map(abs, angles.m), default=0) * (found.shape[0] + unit.setting("start", 0))
            off = (1 + max(0, Fraction(most) * Fraction(2) ** angles.e)) / 2**52 + Fraction(
                2, 2**finest
            )
            for i, (m, r, own) in enumerate(zip(found.m, found.r, given.m)):
                if abs(m - own) + r > off * 2**128:
                    raise Wrong(f"{name}{place(i, found.shape)} is not what its angle makes")

    def by_equations(self, call, outputs):
        run = self.run
        if call["function"].endswith("_backward"):
            for name in outputs:
                self.by_chain_rule(call, name)
            return
        if call["function"].endswith("_rule"):
            self.right_gradient(call)
        found = {}
        for unit in run.units:
            if unit.call is call:
                found |= unit.made()
        for name in outputs:
            if name not in found:
                raise Wrong(f"{name}: there is no equation for it here")
            compare(name, found[name].array, run.array(name))

    def by_chain_rule(self, call, name):
        """A gradient has several names, and each says what it is: all must be true."""
        run = self.run
        forward = call["function"].removesuffix("_backward")
        for number, known in enumerate(run.names(name)):
            if not known.startswith("d"):
                if number:
                    continue
                raise Wrong(f"{name}: what a backward makes is a gradient, dname of a name")
            of = known[1:]
            reader = max(
                (
                    c
                    for c in run.calls
                    if of.startswith(joined(c["path"], ""))
                    and of[len(joined(c["path"], "")) :] in c["inputs"]
                    and not c["function"].endswith("_backward")
                ),
                key=lambda c: len(c["path"]),
                default=None,
            )
            own = reader and (reader["path"], reader["function"]) == (call["path"], forward)
            shared = number == 0 and own and run.alias.get(of) in run.given
            if of in run.alias and not (shared and len(run.readers.get(run.alias[of], ())) > 1):
                found = run.whole_gradient(run.alias[of])
            elif reader:
                argument = of[len(joined(reader["path"], "")) :]
                found = run.part_gradient(reader["path"], argument)
            elif number:
                continue
            else:
                raise Wrong(f"{name}: there is nothing that it is the gradient of")
            compare(known, found, run.array(name))

    def right_gradient(self, call):
        """A rule changes the weight of its path, by the gradient of that weight."""
        run, path = self.run, call["path"]
        weight, slope = call["inputs"].get("weight"), call["inputs"].get("dweight")
        if run.alias.get(path) != weight:
            raise Wrong(f"it changes {weight}, and its path is {path}")
        if run.gradient_name(weight) != slope:
            raise Wrong(f"it was given {slope}, which is not the gradient of {weight}")
        if len(run.readers.get(weight, ())) > 1:
            compare(slope, run.read_back(weight), run.array(slope))

    def check_floats(self, name):
        """Each float of the run is within `error` of all its enclosure."""
        run = self.run
        error = run.tensors[name]["error"]
        if error == "infinite":
            return
        try:
            floats = run.numbers(name, run.floats[name])
        except Unseen as missing:
            self.unseen.append(str(missing))
            return
        array = run.array(name)
        unit = Fraction(2) ** array.e
        bound = math.floor(Fraction(error) / unit)
        for i, (x, m, r) in enumerate(zip(floats, array.m, array.r)):
            if i in array.hidden and x == -math.inf:
                continue
            if not math.isfinite(x) or abs(Fraction(x) / unit - m) + r > bound + r + r + 1:
                self.refused.append(
                    f"{name}{place(i, array.shape)}: the run has {x!r}, which is farther than the "
                    f"error {error} from {decimal(m, r, array.e)}"
                )
                return
        self.floats += len(floats)


def read(path):
    def no(word):
        raise ValueError(f"{word} is no number of JSON")

    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=no)
        if not isinstance(content, dict) or content.get("format") != 1 or not content["runs"]:
            raise Bad(f"{path} is no certificate of this format: make one with pellucid prove -o")
        return content
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise Bad(f"{path} cannot be read: {error}") from None


def check_run(content, files, options):
    if "calls" not in content:
        raise Bad("a run has no calls and enclosures to check: it was too large; see --show")
    run = Run(content, files)
    run.arrange()
    checker = Checker(run)
    checker.loose = {
        joined(unit.path, argument)
        for unit in run.units
        for argument, name in unit.reads.items()
        if name in run.makers
        and argument in unit.call["inputs"]
        and not unit.function.endswith("_rule")
    }
    for reader, name, source in connections(run):
        checker.loose.discard(reader)
        if name != source:
            raise Wrong(
                f"{reader} is {name}, and by the equations of the block or model it is {source}"
            )
        checker.connected += 1
    for name, record in run.given.items():
        if "bytes" in record:
            run.bytes_of(name, record)
        if (
            options.weights
            and PARAMETER.search(name)
            and not name.startswith("d")
            and name in run.readers
        ):
            if files.find(record["sha256"]) is None:
                raise Wrong(f"{name}: it is not in {', '.join(options.weights)}")
            checker.parameters += 1
        if content["sha256"].get(name, record["sha256"]) != record["sha256"]:
            raise Wrong(f"{name}: two different SHA-256 of it are stated")
    for call in run.unknown:
        if options.only is None:
            checker.refused.append(f"{title(call)}: its equation is not known here: not checked")
    calls = [call for call in run.calls if call not in run.unknown]
    if run.part is not None:
        calls = [call for call in calls if any(name in run.part for name in call["outputs"])]
    if options.only is not None:
        calls = [
            call
            for call in calls
            if any(
                fnmatch.fnmatchcase(name, options.only) for name in (call["path"], *call["outputs"])
            )
        ]
    if options.sample is not None:
        chosen = set(
            random.Random(options.seed).sample(range(len(calls)), min(options.sample, len(calls)))
        )
        calls = [call for i, call in enumerate(calls) if i in chosen]
    elif options.only is None:
        missing = [
            name
            for name in run.given
            if content["update"]
            and run.is_float(name)
            and name in run.readers
            and run.part is None
            and PARAMETER.search(name)
            and run.gradient_name(name) is None
        ]
        checker.refused += [f"{name}: no gradient of it is stated" for name in missing]
    for call in calls:
        checker.check(call)
        if options.verbose:
            print(f"  {title(call)}", flush=True)
        for name in call["outputs"]:
            if run.part is None or name in run.part:
                checker.check_floats(name)
    return checker, len(calls)


def report(number, checker, asked, seconds):
    run = checker.run
    print(
        f"run {number}: {checker.numbers:,} numbers of {checker.calls:,} calls hold, of {asked:,} "
        f"asked for and {len(run.calls):,} in all; {checker.floats:,} floats are as near as "
        f"stated; {seconds:.1f} s"
    )
    read = {name for call in run.calls for name in call["inputs"].values()}
    floats = [name for name in run.given if run.is_float(name) and name in read]
    parameters = [name for name in floats if PARAMETER.search(name)]
    moments = [name for name in floats if name.endswith("_before") and not run.is_unseen(name)]
    zeros = [name for name in moments if not any(run.array(name).m)]
    others = [
        f"{name} (causal)" if run.is_causal(name) else name
        for name in run.given
        if name not in {*parameters, *zeros} and (name in floats or not run.is_float(name))
    ] + [f"{len(zeros)} moments that are 0"] * bool(zeros)
    known = f"{len(parameters)} parameters" + (
        f", {checker.parameters} of them as in the file" * bool(checker.parameters)
    )
    if checker.connected:
        print(f"  {checker.connected:,} connections are those of the equations")
    if checker.loose:
        print(f"  on trust: what {listed(sorted(checker.loose))} is, as the certificate has it")
    print(f"  on trust, as their SHA-256 says: {known}; {listed(others)}")
    if run.part is not None or asked < len(run.calls):
        print("  on trust: the enclosures that these calls read and none that is asked for makes")
    for name in run.trusted:
        print(f"  not checked: {name}, which no call here makes")
    for kind, lines in (("not checked", checker.unseen), ("REFUSED", checker.refused)):
        for line in lines[:20]:
            print(f"  {kind}: {line}")
        if len(lines) > 20:
            print(f"  {kind}: … and {len(lines) - 20} more")


def listed(names):
    """The first names, and how many more there are."""
    return ", ".join(names[:8]) + f" and {len(names) - 8} more" * (len(names) > 8)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check a certificate of pellucid prove.")
    parser.add_argument("certificate")
    parser.add_argument("--weights", action="append", default=[], help="a .safetensors; repeatable")
    parser.add_argument("--only", help="check only calls whose path or values fit this pattern")
    parser.add_argument("--sample", type=int, help="check so many calls, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="name each call")
    options = parser.parse_args(arguments)
    holds = True
    try:
        content = read(options.certificate)
        paths = [Path(path) for path in options.weights]
        beside = content.get("beside")
        if beside is not None:
            own = Path(options.certificate).parent / Path(beside).name
            paths += [own] if own.is_file() else []
        files = Files(paths)
        for number, run in enumerate(content["runs"], 1):
            start = time.monotonic()
            try:
                checker, asked = check_run(run, files, options)
                report(number, checker, asked, time.monotonic() - start)
            except (Wrong, Unseen) as wrong:
                print(f"run {number}: REFUSED: {wrong}")
                holds = False
                continue
            holds = holds and asked > 0 and not checker.refused and not checker.unseen
    except Bad as bad:
        print(f"no certificate to check: {bad}", file=sys.stderr)
        return 2
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
        MemoryError,
        ArithmeticError,
        struct.error,
    ) as error:
        print(f"no certificate to check: it is not in its format ({error!r})", file=sys.stderr)
        return 2
    print("all that was asked for holds" if holds else "NOT all that was asked for holds")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
