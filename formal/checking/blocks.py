"""The equations of attention and rotary positions, and of calls that hold other calls."""

import math
from fractions import Fraction

from checking.chain_rule import Value, beside, cosine, cut, matmul, moved, sine, spread, swapped
from checking.equations import EQUATIONS, equation, softmax_parts
from checking.errors import Wrong
from checking.intervals import exact


def attended(c):
    """att = softmax(q kᵀ / √d), √d a float; a hidden key has the score -∞ and no share."""
    q, k = c("q"), c("k")
    scores = matmul(q, swapped(k, -2)) * (1 / Fraction(math.sqrt(q.shape[-1])))
    seen = None
    if c.has("mask"):
        seen = spread(c.bits("mask"), scores.shape)
        scores.array.hidden = frozenset(i for i, m in enumerate(seen.array.m) if not m)
    _, exps, sums = softmax_parts(scores, seen)
    return {"scores": scores, "att": exps / sums}


def shares(rows, *parts):
    """Parts of a row side by side, each cut into heads: (…, T, H·d) -> (…, H, T, d)."""
    name = rows.partition("=")[0]

    def cut_up(c):
        x, found = c(name), {}
        width = x.shape[-1] // len(parts)
        for i, (part, setting) in enumerate(parts):
            own, count = cut(x, -1, i * width, (i + 1) * width), c.setting(setting)
            if count < 1 or width % count:
                raise Wrong(f"a width of {width} for {count} heads")
            own = moved(own, (*x.shape[:-1], count, width // count))
            found[part] = swapped(own, -3)
        return found

    return (rows,), tuple(part for part, _ in parts), cut_up


def merged(c):
    """(…, H, T, d) -> (…, T, H·d)."""
    *lead, count, length, d = c("z").shape
    return {"merged": moved(swapped(c("z"), -3), (*lead, length, count * d))}


@equation
def rotary_angles(c):
    frequencies, start = c("frequencies"), c.setting("start", 0)
    length, n = c.setting("length"), math.prod(frequencies.shape)
    c.check_size("angles", length * n)
    times = [start + t for t in range(length) for _ in range(n)]
    angles = Value(exact((length, n), times)) * frequencies
    return {"angles": angles, "cos": cosine(angles), "sin": sine(angles)}


@equation
def rotary(c):
    x, half = c("x"), c("x").shape[-1] // 2
    first, second = cut(x, -1, 0, half), cut(x, -1, half, 2 * half)
    one = first * c("cos") - second * c("sin")
    two = second * c("cos") + first * c("sin")
    return {"first": first, "second": second, "out": beside(one, two)}


@equation
def repeat_heads(c):
    x, group = c("x"), c.setting("group")
    *lead, count, length, d = x.shape
    c.check_size("out", group * math.prod(x.shape))
    several = spread(moved(x, (*lead, count, 1, length, d)), (*lead, count, group, length, d))
    return {"out": moved(several, (*lead, count * group, length, d))}


# -- calls that have several equations, or read what is made inside them ---------------------------


def summed(stream, part, out):
    """A residual connection: the stream and the last value of a part of the block."""
    name = stream.partition("=")[0]
    ends = "|".join(f"{part}.{end}.out" for end in ("resid_dropout", "dropout", "c_proj"))
    return (stream, f"{part}={ends}"), (out,), lambda c: {out: c(name) + c(part)}


PRE = (summed("resid_pre", "attn", "resid_mid"), summed("resid_mid=resid_mid", "mlp", "resid_post"))

EQUATIONS |= {
    "block pre": PRE,
    "gated_block pre": PRE,
    "mixed_block pre": PRE,
    "block post": (
        summed("resid_pre", "attn", "sum_1"),
        summed("resid_mid=ln_1.out", "mlp", "sum_2"),
    ),
    "decoder_block pre": (
        PRE[0],
        summed("resid_mid=resid_mid", "cross", "resid_cross"),
        summed("resid_cross=resid_cross", "mlp", "resid_post"),
    ),
    "decoder_block post": (
        summed("resid_pre", "attn", "sum_1"),
        summed("resid_mid=ln_1.out", "cross", "sum_2"),
        summed("resid_cross=ln_2.out", "mlp", "sum_3"),
    ),
    "attention": (shares("qkv=c_attn.out", *[(part, "n_head") for part in "qkv"]),),
    "grouped_attention": (
        shares("q_rows=q_proj.out", ("q_heads", "n_head")),
        shares("k_rows=k_proj.out", ("k_heads", "n_kv_head")),
        shares("v_rows=v_proj.out", ("v_heads", "n_kv_head")),
    ),
    "cross_attention": (
        shares("queries=c_q.out", ("q", "n_head")),
        shares("kv=c_kv.out", ("k", "n_head"), ("v", "n_head")),
    ),
    "scaled_dot_product": (
        (("q", "k"), ("scores", "att"), attended),
        (
            ("kept=attn_dropout.out|att", "v"),
            ("z",),
            lambda c: {"z": matmul(c("kept"), c("v"))},
        ),
    ),
    "multi_head": ((("z=z",), ("merged",), merged),),
    "gated_feed_forward": (
        (
            ("opened=act.out", "up=up_proj.out"),
            ("gated",),
            lambda c: {"gated": c("opened") * c("up")},
        ),
    ),
    "next_token_logits": (
        (
            ("rows=wte.out",),
            ("inputs",),
            lambda c: {"inputs": moved(c("rows"), (*c("rows").shape[:-2], -1))},
        ),
    ),
}
"""Of a block those of its `norm`, before its parts or after them."""


def equations_of(call):
    name, norm = call["function"], call["settings"].get("norm", "pre")
    return EQUATIONS.get(name) or EQUATIONS.get(f"{name} {norm}")
