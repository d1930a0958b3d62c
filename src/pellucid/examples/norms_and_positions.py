"""From GPT-2 to Llama, the first two changes: RMS norm, and rotation for learned positions."""

import math
from typing import Any

import torch
from torch import Tensor

from pellucid.examples.mixed_block import EPS, HEADS, Stage, side_by_side
from pellucid.examples.toolbox import apart, exact
from pellucid.layers import (
    REFERENCE,
    attention,
    causal_mask,
    layer_norm,
    rms_norm,
    rotary,
    rotary_angles,
    scaled_dot_product,
)
from pellucid.models import GPTConfig
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step

SMALL_GPT_2 = GPTConfig()
STARTS = (1, 1000)
APART = 4
LEVEL = [[1.0, -2.0, 0.5, 0.5]]


def norms(tape: Tape, before: Stage, after: Stage) -> Part:
    """Layer norm becomes RMS norm: what is left out, and that little changes without it."""
    mean = tape["gpt2.ln_1.mean"]
    old, new = tape["gpt2.ln_1.xhat"], tape["rms.ln_1.xhat"]
    squares = [float(xhat[0].square().mean()) for xhat in (old, new)]
    level = exact(LEVEL)
    tape.given({"level": level, "lifted": level + 1})
    gain = torch.ones_like(level[0])
    bias = torch.zeros_like(gain)
    for name in ("level", "lifted"):
        place, row = tape.at(name), tape.value(name)
        layer_norm(row, weight=gain, bias=bias, eps=EPS, tape=place.at("layer_norm"))
        rms_norm(row, weight=gain, eps=EPS, tape=place.at("rms_norm"))
    same = apart(tape["level.layer_norm.out"], tape["level.rms_norm.out"])
    still = apart(tape["level.layer_norm.out"], tape["lifted.layer_norm.out"])
    dold, dnew = tape["dgpt2.ln_1.x"].sum(-1), tape["drms.ln_1.x"].sum(-1)
    width, count = SMALL_GPT_2.n_embd, 2 * SMALL_GPT_2.n_layer + 1
    return Part(
        "Layer norm becomes RMS norm",
        (
            Step(
                "No mean to subtract",
                (
                    "gpt2.ln_1.xhat = (x - mean) · gpt2.ln_1.rstd",
                    "rms.ln_1.xhat = x · rms.ln_1.rstd,   rms.ln_1.rstd = 1 / √(mean(x²) + ε)",
                ),
                (
                    *("gpt2.ln_1.mean", "gpt2.ln_1.rstd", "gpt2.ln_1.xhat"),
                    *("rms.ln_1.rstd", "rms.ln_1.xhat"),
                ),
                says=f"x is the same, wpe.out. Layer norm takes the mean off, {float(mean[0]):.4f} "
                f"of AI's row, so that xhat adds up to {_near_zero(old[0].sum())}. RMS norm leaves "
                f"it in, and AI's xhat adds up to {float(new[0].sum()):.4f}. The mean of its "
                f"squares is 1 either way: {squares[0]:.4f} and {squares[1]:.4f}.",
            ),
            Step(
                "Where the mean is 0, they are the same",
                ("lifted = level + 1",),
                (
                    *("level", "level.layer_norm.out", "level.rms_norm.out"),
                    *("lifted", "lifted.layer_norm.out", "lifted.rms_norm.out"),
                ),
                says=f"Of a row whose mean is 0 both make the same: the results differ by {same}. "
                "Add 1 to every number, and layer norm makes what it made before, to within "
                f"{still}; RMS norm sees the 1. Little is lost: the maps that write into the "
                "stream can learn to keep its mean small.",
            ),
            Step(
                "Backward, one term less",
                (
                    "layer norm: dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat))",
                    "RMS norm: dx' = rstd' · (dxhat' - xhat' · mean(dxhat' · xhat'))",
                ),
                ("dgpt2.ln_1.x", "drms.ln_1.x"),
                says="Layer norm hands on a gradient whose rows add up to "
                f"{_near_zero(dold.abs().max())}, since a row that is lifted as a whole changes "
                "nothing. RMS norm's rows add up to "
                f"{float(dnew[0]):.4f} and {float(dnew[1]):.4f}.",
            ),
            Step(
                "What it buys",
                lines=side_by_side(tape, before, after),
                says="P(rocks) is what the model gives rocks after AI, and P(<EOS>) the end after "
                "rocks. Cached are the keys and values of each token, which are kept for those "
                "that follow.\nRMS norm goes through a row once, where layer norm needs the mean "
                "before it can begin with the variance. And with the mean goes the shift β: "
                f"GPT-2's {count} norms of width {width} have {2 * count * width:,} parameters, "
                f"and would have {count * width:,}.",
            ),
        ),
    )


def _near_zero(value: Tensor) -> str:
    """A sum that is 0 but for rounding, as 0."""
    return f"{round(float(value), 12) + 0.0:g}"


def rotation(tape: Tape, before: Stage, after: Stage) -> Part:
    """Learned positions become a rotation of queries and keys."""
    size = tape["turned.attn.q_heads"].shape[-1]
    turn = float(tape["turned.rope.angles"][1, 0])
    kept = apart(tape["turned.attn.q"].norm(dim=-1), tape["turned.attn.q_heads"].norm(dim=-1))
    here = tape["turned.attn.scores"]
    gap = max(_gap(_moved(tape, start), here) for start in STARTS)
    learned = [_in_one_place(tape, place) for place in (0, 1)]
    scores = _distances(tape).flatten().tolist()
    config = SMALL_GPT_2
    moved = [f"at_{start}.attn.scores" for start in STARTS]
    return Part(
        "Learned positions become a rotation",
        (
            Step(
                "Nothing is added to the stream",
                names=("rms.wpe.out", "turned.embed.out"),
                says="A learned vector for each position was added to each word's. Now the stream "
                "holds the words alone.",
            ),
            Step(
                "Queries and keys are turned instead",
                (
                    "turned.rope.angles[t, i] = t · turned.frequencies[i]",
                    "turned.attn.q = [first · cos - second · sin, second · cos + first · sin]",
                ),
                (
                    *("turned.frequencies", "turned.rope.angles", "turned.rope.cos"),
                    *("turned.rope.sin", "turned.attn.q_heads", "turned.attn.q"),
                    *("turned.attn.k_heads", "turned.attn.k"),
                ),
                says=f"A head has {size} channels here, one pair: a point in the plane. AI, at "
                f"position 0, stays where it is; rocks is turned by {turn:g} radian, "
                f"{math.degrees(turn):.1f}°. No point comes nearer to 0 or goes further from it: "
                f"the lengths differ by {kept}. A wider head has more pairs, each turned more "
                "slowly than the one before. Values are not turned: positions decide where a head "
                "looks, and not what it finds there.",
            ),
            Step(
                "The score depends on the distance alone",
                ("scores = q kᵀ / √d where mask, else -∞",),
                ("turned.attn.scores", *moved),
                says="The same two words, first at the positions 0 and 1, then at "
                + " and at ".join(f"{start} and {start + 1}" for start in STARTS)
                + f": no score moves by more than {gap:.1g}. Query and key are turned by the same "
                "angle more, and two arrows that turn together keep the angle between them.",
            ),
            Step(
                "With learned positions it does not",
                names=("place_0.attn.scores", "place_1.attn.scores"),
                says="Both words are given the vector of position 0, then both that of position 1. "
                "The distance is 0 both times, and the scores differ by up to "
                f"{apart(*learned)}. That two words next to each other belong together must be "
                "learned anew for each pair of positions.",
            ),
            Step(
                "And another distance gives another score",
                names=("distances.scores",),
                says="The same query, of rocks, and the same key, of AI, at distances from 0 to "
                f"{APART - 1}: the score lies between {min(scores):.4f} and {max(scores):.4f}. So "
                "a head can learn to look at what stands near, or at the word just before.",
            ),
            Step(
                "What it buys",
                lines=side_by_side(tape, before, after),
                says=f"No table of positions: in GPT-2 it is {config.block_size:,} × "
                f"{config.n_embd} = {config.block_size * config.n_embd:,} parameters. And no last "
                f"row: the table of ai_rocks ends after {len(tape['gpt2.wpe.weight'])} words, and "
                f"position {STARTS[-1]:,} has its angle too. How well a model does at distances "
                "that it was not trained on is another question.",
            ),
        ),
    )


def _gap(one: Tensor, other: Tensor) -> float:
    """The largest difference between scores, where they are not hidden."""
    return float((one - other).nan_to_num(0.0).abs().max())


def _moved(tape: Tape, start: int) -> Tensor:
    """The scores of the same words, of which the first stands at position `start`."""
    place = tape.at(f"at_{start}")
    heads = [tape.value(f"turned.attn.{name}_heads") for name in "qkv"]
    length = heads[0].shape[-2]
    frequencies = tape.value("turned.frequencies")
    cos, sin = rotary_angles(
        frequencies, length=length, dtype=heads[0].dtype, start=start, tape=place.at("rope")
    )
    q, _ = rotary(heads[0], cos=cos, sin=sin, tape=place.at("q_rope"))
    k, _ = rotary(heads[1], cos=cos, sin=sin, tape=place.at("k_rope"))
    mask = causal_mask(length, length, q.device)
    scaled_dot_product(q, k, heads[2], mask=mask, tape=place.at("attn"))
    scores: Tensor = tape[f"at_{start}.attn.scores"]
    return scores


def _in_one_place(tape: Tape, place: int) -> Tensor:
    """The scores of the words by learned positions, if all stood at one place."""
    own = tape.at(f"place_{place}")
    x = tape["rms.embed.out"] + tape["rms.wpe.weight"][place]
    own.given({"x": x})
    normed, _ = rms_norm(x, weight=tape.value("rms.ln_1.weight"), eps=EPS, tape=own.at("ln_1"))
    maps: dict[str, Any] = {
        name: {last: tape.value(f"rms.attn.{name}.{last}") for last in ("weight", "bias")}
        for name in ("c_attn", "c_proj")
    }
    attention(normed, **maps, n_head=HEADS, mask=None, ops=REFERENCE, tape=own.at("attn"))
    scores: Tensor = tape[f"place_{place}.attn.scores"]
    return scores


def _distances(tape: Tape) -> Tensor:
    """The scores of head 0 between rocks, at 0 and further on, and AI, which stays at 0."""
    own = tape.at("distances")
    query = tape["turned.attn.q_heads"][0, 1:].expand(APART, -1)
    key, value = (tape[f"turned.attn.{name}_heads"][0, :1] for name in "kv")
    own.given({"query": query, "key": key, "value": value})
    cos, sin = rotary_angles(
        tape.value("turned.frequencies"), length=APART, dtype=key.dtype, tape=own.at("rope")
    )
    turned, _ = rotary(query, cos=cos, sin=sin, tape=own.at("q_rope"))
    scaled_dot_product(turned, key, value, tape=own)
    scores: Tensor = tape["distances.scores"]
    return scores
