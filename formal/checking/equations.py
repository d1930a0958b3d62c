"""The equations of the layers and of the optimizers' rules, forward only.

An equation is a function of `c`, a call: `c("x")` is a value that it reads, `c.setting("eps")` one
of its settings, `c.whole("tokens")` whole numbers. It answers what the call makes, by name. A
constant is the float that is written for it: 0.044715, √(2/π), √d, 1 - β.
"""

import math
from fractions import Fraction

from checking import functions
from checking.chain_rule import Value, cut, e_to, gather, ln, matmul, mean, moved, pieces
from checking.chain_rule import reciprocal, sigmoid, spread, sqrt, square, swapped, take, tanh
from checking.chain_rule import total, unary
from checking.errors import Wrong
from checking.intervals import constant, each, exact, exponential, plus, scaled

EQUATIONS = {}
"""By function, for each of its equations: what it reads (None: all), what it makes, and itself.

What it reads is an argument, or `name=source|source`: the first of these that a call has made.
"""


def equation(function):
    """Register the only equation of a function."""
    EQUATIONS[function.__name__] = ((None, None, function),)
    return function


# -- maps, tables and norms ------------------------------------------------------------------------


@equation
def linear(c):
    x = c("x")
    rows = moved(x, (1, *x.shape)) if len(x.shape) == 1 else x
    out = matmul(rows, c("weight"))
    out = moved(out, (*x.shape[:-1], out.shape[-1]))
    return {"out": out + c("bias") if c.has("bias") else out}


@equation
def lora_linear(c):
    base = linear(c)["out"]
    low = matmul(c("x"), c("lora_a"))
    learned = matmul(low, c("lora_b"))
    return {"base": base, "low": low, "learned": learned, "out": base + learned}


@equation
def embedding(c):
    weight, tokens = c("weight"), c.whole("tokens")
    count, width = weight.shape
    if not all(0 <= token < count for token in tokens):
        raise Wrong("a token that the table has no row for")
    places = [token * width + i for token in tokens for i in range(width)]
    return {"out": take(weight, places, (*c.shape("tokens"), width))}


@equation
def unembedding(c):
    return {"out": matmul(c("x"), swapped(c("weight"), -2))}


@equation
def position(c):
    x, start = c("x"), c.setting("start", 0)
    rows = cut(c("weight"), 0, start, start + x.shape[-2])
    return {"rows": rows, "out": x + rows}


@equation
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


@equation
def rms_norm(c):
    rstd = reciprocal(sqrt(mean(square(c("x"))) + c.setting("eps")))
    xhat = c("x") * rstd
    return {"rstd": rstd, "xhat": xhat, "out": xhat * c("weight")}


@equation
def standardize(c):
    return {"out": (c("x") - c("mean")) / spread(c("std"), c("x").shape)}


@equation
def scale(c):
    return {"out": c("x") * c.setting("factor")}


@equation
def dropout(c):
    return {"out": c("x") * c("noise")}


@equation
def intervened(c):
    x, where = c("x"), spread(c.bits("where"), c("x").shape)
    return {"out": x * (where * -1 + 1) + spread(c("value"), x.shape) * where}


# -- activations -----------------------------------------------------------------------------------


@equation
def relu(c):
    return {"out": pieces(c("x"), 0, 1)}


@equation
def gelu_tanh(c):
    x = c("x")
    inner = (x + x * square(x) * 0.044715) * math.sqrt(2 / math.pi)
    bent = tanh(inner)
    return {"inner": inner, "tanh": bent, "out": x * (bent + 1) * 0.5}


@equation
def gelu_erf(c):
    """Φ(x) = ½ (1 + erf(x / √2)), whose slope is exp(-½ x²) / √(2π): √2 and √(2π) are floats.

    This slope is stated and not derived: as √2 and √(2π) are rounded, it is Φ's but for 2^-51.
    """
    x = c("x")
    z = scaled(x.array, 1 / Fraction(math.sqrt(2)))
    bell = exponential(scaled(square(x).array, Fraction(-1, 2)))
    slope = scaled(bell, 1 / Fraction(math.sqrt(2 * math.pi)))

    def by_number(m, p):
        return functions.erf(m, p), 2 * functions.exp(-(m * m >> p), p), 1  # 2/√π < 2, |erf''| < 1

    phi = scaled(plus(each(by_number, z, off=4, rising=True), constant(x.shape, 1)), Fraction(1, 2))
    phi = unary(x, phi, lambda: slope)
    return {"phi": phi, "out": x * phi}


@equation
def silu(c):
    sigma = sigmoid(c("x"))
    return {"sigma": sigma, "out": c("x") * sigma}


# -- softmax and losses ----------------------------------------------------------------------------


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
    down = x + Value(exact(x.shape, tops, x.array.e))
    exps = e_to(down) if seen is None else e_to(down * seen) * seen
    return down, exps, total(exps, keep=True)


@equation
def softmax(c):
    _, exps, sums = softmax_parts(c("x"))
    return {"out": exps / sums}


def entropy(c):
    """What all counts: probs, losses log Σ exp(x) - x[target], their mean, the targets' logits.

    A target of -100 is not counted.
    """
    x, targets = c("logits"), c.whole("targets")
    n, lead = x.shape[-1], x.shape[:-1]
    counted = [int(target != -100) for target in targets]
    if not any(counted) or not all(0 <= t < n for t, used in zip(targets, counted) if used):
        raise Wrong("a target that is no token, or none at all")
    places = [i * n + t if used else -1 for i, (t, used) in enumerate(zip(targets, counted))]
    low, exps, sums = softmax_parts(x)
    used = Value(exact(lead, counted))
    losses = moved(ln(sums), lead) * used - take(low, places, lead)
    sharp = total(losses, None) * Fraction(1, sum(counted))
    ahead = take(x, places, lead) - total(x) * Fraction(1, n) * used
    lead = total(ahead, None) * Fraction(1, sum(counted))
    return {"probs": exps / sums, "losses": losses, "sharp": sharp, "lead": lead}


@equation
def cross_entropy(c):
    found = entropy(c)
    return {"probs": found["probs"], "losses": found["losses"], "loss": found["sharp"]}


@equation
def smooth_cross_entropy(c):
    """sharp + ε · lead, by how much the targets' logits lead the mean of their rows."""
    found = entropy(c)
    return found | {"loss": found["sharp"] + found["lead"] * c.setting("smoothing")}


@equation
def absolute_error(c):
    errors = c("x") - c("wanted")
    losses = total(pieces(errors, -1, 1))
    loss = total(losses, None) * Fraction(1, math.prod(losses.shape))
    return {"errors": errors, "losses": losses, "loss": loss}


@equation
def binary_logits(c):
    """The one logit beside a 0."""
    x = c("x")
    return {"out": gather(x, range(0, 2 * len(x.array.m), 2), (*x.shape[:-1], 2))}


# -- optimizers ------------------------------------------------------------------------------------


@equation
def adamw_rule(c):
    weight, slope, rate = c("weight"), c("dweight"), c.setting("learning_rate")
    beta1, beta2, t = float(c.setting("betas.0")), float(c.setting("betas.1")), c.setting("t")
    if any(m < r for m, r in zip(c("v_before").array.m, c("v_before").array.r)):
        raise Wrong("a running mean of squares that may be negative")
    m = c("m_before") * beta1 + slope * (1 - beta1)
    v = c("v_before") * beta2 + square(slope) * (1 - beta2)
    m_hat = m * (1 / Fraction(1 - beta1**t))
    v_hat = v * (1 / Fraction(1 - beta2**t))
    step = m_hat * -rate / (sqrt(v_hat) + c.setting("eps"))
    update = step - weight * (rate * c.setting("weight_decay"))
    found = {"m": m, "v": v, "m_hat": m_hat, "v_hat": v_hat}
    return found | {"update": update, "new": weight + update}


@equation
def sgd_rule(c):
    update = c("dweight") * -c.setting("learning_rate")
    return {"update": update, "new": c("weight") + update}


@equation
def momentum_rule(c):
    m = c("m_before") * c.setting("mu") + c("dweight")
    update = m * -c.setting("learning_rate")
    return {"m": m, "update": update, "new": c("weight") + update}
