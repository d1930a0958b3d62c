"""From GPT-2 to Llama, the last two changes: shared keys and values, and SwiGLU."""

from collections.abc import Sequence

from pellucid.examples.mixed_block import Stage, side_by_side
from pellucid.examples.toolbox import apart, exact
from pellucid.layers import REFERENCE, gelu_tanh, silu
from pellucid.models import GPTConfig, LlamaConfig
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step

SMALL_GPT_2 = GPTConfig()
SMALL_LLAMA = LlamaConfig()
POINTS = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)
MANY = 100.0
BYTES = 2  # of a number of 16 bits


def shared_keys(tape: Tape, before: Stage, after: Stage) -> Part:
    """Each head of queries had its own keys and values; now they share one head of them."""
    att = tape["shared.attn.att"][:, 1]
    config = SMALL_LLAMA
    each = 2 * config.n_layer * config.head * BYTES * config.block_size / 1e6
    summed = apart(tape["dshared.attn.k"].sum(0, keepdim=True), tape["dshared.attn.k_rope.out"])
    return Part(
        "Two heads of keys become one",
        (
            Step(
                "The mean of the two",
                ("shared.attn.k_heads = ½ (k₀ + k₁),   shared.attn.v_heads = ½ (v₀ + v₁)",),
                (
                    *("turned.attn.k_heads", "shared.attn.k_heads"),
                    *("turned.attn.v_heads", "shared.attn.v_heads"),
                ),
                says="So trained models are made over (Ainslie et al. 2023): the shared map is the "
                "mean of the heads' maps, and some further training does the rest.",
            ),
            Step(
                "Each head still looks in its own way",
                ("att = softmax(scores)",),
                (
                    *("shared.attn.q", "shared.attn.k", "shared.attn.scores"),
                    *("turned.attn.att", "shared.attn.att"),
                ),
                says="k has the one head of keys twice. The queries are still two, so the heads "
                f"differ: from rocks, head 0 looks at AI by {float(att[0, 0]):.4f} and head 1 by "
                f"{float(att[1, 0]):.4f}.",
            ),
            Step(
                "Backward, both heads teach the shared one",
                ("dshared.attn.k_rope.out = dk₀ + dk₁",),
                ("dshared.attn.k", "dshared.attn.k_rope.out"),
                says="A key that two heads have read gets a gradient from each. Their sum is the "
                f"gradient of the shared head; it differs by {summed}.",
            ),
            Step(
                "What it buys",
                lines=side_by_side(tape, before, after),
                says="Half of the maps to keys and values, and above all half of the cache. "
                f"SmolLM2-135M has {config.n_head} heads that share {config.n_kv_head} of keys. "
                f"For a text of {config.block_size:,} tokens, at {BYTES} bytes a number, it keeps "
                f"{config.n_kv_head * each:,.0f} MB, and with a head of keys for each it would be "
                f"{config.n_head * each:,.0f} MB. All of that is read again for every token that "
                "is written.",
            ),
        ),
    )


def gating(tape: Tape, before: Stage, after: Stage, words: Sequence[str]) -> Part:
    """The inner values are no longer bent one by one: some decide what of others passes."""
    points = exact(POINTS)
    tape.given({"points": points})
    gelu, _ = gelu_tanh(points, tape=tape.at("gelu"))
    bent, _ = silu(points, tape=tape.at("silu"))
    names = ("act.out", "up_proj.out", "gated")
    opened, up, gated = (tape[f"gated.mlp.{name}"] for name in names)
    units, pairs = tape["shared.mlp.act.out"].shape[-1], gated.shape[-1]
    row, least = divmod(int(opened.abs().argmin()), pairs)
    growths = [_growth(tape, stage) for stage in (before, after)]
    width = SMALL_GPT_2.n_embd
    inner = 4 * width
    narrower = 2 * inner // 3
    return Part(
        "GELU becomes SwiGLU",
        (
            Step(
                "SiLU instead of GELU",
                (
                    "gelu.out = ½ points · (1 + tanh(√(2/π) (points + 0.044715 points³)))",
                    "silu.out = points / (1 + exp(-points))",
                ),
                ("points", "gelu.out", "silu.out"),
                says="They are nearly alike, and differ by "
                f"{float((gelu - bent).abs().max()):.2g} at most here. SiLU is the simpler one: a "
                "number times its own sigmoid.",
            ),
            Step(
                "A gate for each value",
                ("gated.mlp.gated = gated.mlp.act.out · gated.mlp.up_proj.out",),
                (
                    *("shared.mlp.c_fc.out", "shared.mlp.act.out", "gated.mlp.gate_proj.out"),
                    *("gated.mlp.act.out", "gated.mlp.up_proj.out", "gated.mlp.gated"),
                ),
                says=f"The {units} inner units are now {pairs} pairs, by the same weights. The "
                "first of a pair is bent and becomes the gate, the second is not bent and passes "
                f"as far as the gate lets it. The gate that is nearest to 0 is {words[row]}'s "
                f"number {least}, {float(opened[row, least]):.4f}: of {float(up[row, least]):.4f} "
                f"it lets {float(gated[row, least]):.4f} pass.",
            ),
            Step(
                "A gated unit multiplies",
                lines=(
                    f"GELU     twice the input: {growths[0]:.4f} times the output",
                    f"SwiGLU   twice the input: {growths[1]:.4f} times the output",
                ),
                says=f"The input here is {MANY:,.0f} times what the network read, without biases. "
                "A unit that is bent by itself grows as its input does. A gated unit is a product "
                "of two sums of what it reads, and grows with the square.",
            ),
            Step(
                "What it buys",
                lines=side_by_side(tape, before, after),
                says="There are three maps instead of two, so the inner width is made two thirds: "
                f"at GPT-2's width {width}, 2 × {width} × {inner:,} = {2 * width * inner:,} "
                f"weights become 3 × {width} × {narrower:,} = {3 * width * narrower:,}. (Here the "
                f"{units} units have become {pairs} pairs, so that no weight is new.) At the same "
                "size it predicts better, as Shazeer measured in 2020; he gives no reason.",
            ),
        ),
    )


def _growth(tape: Tape, stage: Stage) -> float:
    """By what the output for a large input grows if that is doubled; without biases."""
    own = tape.at(f"large_{stage.path}")
    read = MANY * tape[f"{stage.path}.ln_2.out"]
    own.given({"x": read, "twice_x": 2 * read})
    maps = {name: {"weight": given["weight"]} for name, given in stage.params["mlp"].items()}
    told = {"activation": stage.kinds.activation, "ops": REFERENCE}
    once, _ = stage.kinds.feed.forward(read, **maps, **told, tape=own.at("once"))
    twice, _ = stage.kinds.feed.forward(2 * read, **maps, **told, tape=own.at("twice"))
    return float(twice.norm() / once.norm())
