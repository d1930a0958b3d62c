"""exp, log, cos, sin and erf in whole numbers, each with a bound of its error.

A number is x · 2^-p with a whole x, and its function is given in the same unit, 2^-p. Where more
bits are used, w is their number. `>>` and `//` round down: they are off by less than 1.
"""

import functools
import math

from checking.errors import Wrong

LIMIT = 1 << 13
"""Numbers of more bits than this are refused, so that nobody can make this program run for ever."""


def _inverse_series(n, w, sign):
    """2^w Σ sign^k / ((2k+1) n^(2k+1)), off by less than the number of terms: less than w."""
    power, total, k = (1 << w) // n, 0, 0
    while power:
        total += sign**k * (power // (2 * k + 1))
        power //= n * n
        k += 1
    return total


@functools.cache
def ln2(w):
    """2^w log 2 within 1: log 2 = 2 atanh(1/3); 32 more bits swallow the errors of the terms."""
    return 2 * _inverse_series(3, w + 32, 1) >> 32


@functools.cache
def pi(w):
    """2^w π within 1: π = 16 atan(1/5) - 4 atan(1/239) (Machin), with 32 more bits."""
    return 16 * _inverse_series(5, w + 32, -1) - 4 * _inverse_series(239, w + 32, -1) >> 32


def exp(x, p):
    """Off by less than 2.

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
    """For x > 0, off by less than 2.

    x 2^-p = 2^k f with f in [2/3, 4/3), log f = 2 atanh(z), z = (f-1)/(f+1), |z| ≤ 1/5: at most w
    terms, off by 2 each, and what is cut is less than the last; k log 2 is off by 2 |k|. The 64
    bits more swallow this.
    """
    w = p + 64
    k = x.bit_length() - p
    if x * 3 < 2 << k + p:
        k -= 1
    f = x << w - p - k if w - p - k >= 0 else x >> k + p - w
    z = ((f - (1 << w)) << w) // (f + (1 << w))
    square, power, total, n = z * z >> w, z, 0, 0
    while power not in (0, -1):
        total += power // (2 * n + 1)
        power = power * square >> w
        n += 1
    return 2 * total + k * ln2(w) >> 64


def cos_sin(x, p):
    """Cosine and sine, each off by less than 2.

    x = k π/2 + s with |s| < 1 (k π/2 is off by |k| units of 2^-w), and both series of s, which
    alternate with falling terms: what is cut is less than the last. Terms are off by 2 each, and
    the 64 bits more swallow this.
    """
    w = p + 64 + max(0, x.bit_length() - p)
    half = pi(w) >> 1
    k = ((x << w - p) + half // 2) // half
    s = (x << w - p) - k * half
    sums, term, n = [0, 0], 1 << w, 0
    while term not in (0, -1):
        sums[n % 2] += -term if n % 4 > 1 else term
        n += 1
        term = (term * s >> w) // n
    cos, sin = (part >> w - p for part in sums)
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[k % 4]


def erf(x, p):
    """Off by less than 4.

    It is 2/√π exp(-x²) Σ 2^n x^(2n+1) / (1·3·…·(2n+1)), and beyond x² > p it is ±1 but for less
    than a unit. All terms have one sign; where one is 0, the ratio 2x²/(2n+3) is below 1/2, and
    what is cut is less than that term. The sum is at most exp(x²): 3 x² bits more, and 64 more.
    """
    if x < 0:
        return -erf(-x, p)
    if x.bit_length() > p + 20 or x * x >> 2 * p > p:
        return 1 << p
    w = p + 64 + 3 * ((x * x >> 2 * p) + 1)
    square = (x << w - p) ** 2 >> w
    total = term = x << w - p
    n = 1
    while term:
        term = (2 * term * square >> w) // (2 * n + 1)
        total += term
        n += 1
    return 2 * (total * exp(-square, w)) // math.isqrt(pi(w) << w) >> w - p


def sigmoid(x, p):
    """σ(|x|) = 1 / (1 + q) with q = exp(-|x|) off by 2 of 2^-p-8, and σ(-x) = 1 - σ(x): by 2."""
    q = exp(-abs(x) << 8, p + 8)
    s = (1 << 2 * p + 8) // ((1 << p + 8) + q)
    return s if x >= 0 else (1 << p) - s
