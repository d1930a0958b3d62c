"""Activations in NumPy, each with its slope: the right ones, and those that are taken for them."""

import math

import numpy as np

CUBIC = 0.044715


def by_tanh(x, cubic=CUBIC):
    kind = x.dtype.type
    c = kind(math.sqrt(2 / math.pi))
    t = np.tanh(c * (x + kind(cubic) * x**3))
    slope = c * (1 + kind(3 * cubic) * x**2) * (1 - t**2)
    factor = kind(0.5) * (1 + t)
    return x * factor, factor + kind(0.5) * x * slope, factor


def by_erf(x):
    kind = x.dtype.type
    factor = kind(0.5) * (1 + np.vectorize(math.erf)(x / math.sqrt(2)).astype(kind))
    density = np.exp(-x * x / 2) / kind(math.sqrt(2 * math.pi))
    return x * factor, factor + x * density, factor


def by_sigmoid(x, times=1.0):
    times = x.dtype.type(times)
    share = 1 / (1 + np.exp(-times * x))
    return x * share, share + times * x * share * (1 - share), share


def relu(x):
    on = (x > 0).astype(x.dtype)
    return x * on, on, on


def nothing(x):
    ones = np.ones_like(x)
    return x * ones, ones, ones


OTHERS = {
    "gelu_erf": by_erf,
    "gelu_tanh": by_tanh,
    "quick_gelu": lambda x: by_sigmoid(x, 1.702),
    "silu": by_sigmoid,
    "relu": relu,
    "no_activation": nothing,
    "gelu_cubic": lambda x: by_tanh(x, 0.044175),
    "sigmoid_gelu": lambda x: by_sigmoid(x, 1.6),
    "silu_slope": lambda x: by_sigmoid(x, 1.3),
}
"""By the mistake: another in the right one's stead."""
SLOPES = ("slope_without_product_rule", "slope_at_output")


class Activations:
    """What bends, and its slope, with the mistakes that are made in it."""

    RIGHT = staticmethod(by_tanh)
    AFTER = ""  # what the names of mistakes end with, where this is not GELU

    def activation(self, x):
        for name, other in OTHERS.items():
            if self.made(name + self.AFTER):
                return other(x)
        return self.RIGHT(x)

    def bend(self, x):
        return self.activation(x)[0]

    def slope(self, x):
        if self.made("slope_at_output"):
            x = self.bend(x)
        _, slope, factor = self.activation(x)
        return factor if self.made("slope_without_product_rule") else slope
