"""Every name that a tape may hold: its shape, its symbol, and what others call the same number.

`docs/names.md` is this table as a page, written by `scripts/names_page.py`. In a pattern, `i`
stands for the number of a layer, counted from 0. The gradient of a name is the name with a `d` in
front; what an optimizer makes of a parameter stands under the parameter's name.
"""

import re
from functools import cache

from pellucid.trace.classifier_rows import CLASSIFIER
from pellucid.trace.next_token_rows import NEXT_TOKEN
from pellucid.trace.rows import Name, dropout, layer_norm, linear
from pellucid.trace.transformer_rows import transformer_rows

SIZES = {
    "T": "positions of the text",
    "S": "positions that can be looked at: T, and those in `past`",
    "N": "positions of the source, in a Transformer",
    "C": "n_embd, the width of the residual stream",
    "H": "n_head",
    "d": "C/H, the width of a head",
    "F": "the width of the feed-forward network, in GPT-2 4C",
    "V": "vocab_size",
    "maxT": "block_size",
    "W": "places of the window, in a next-token network",
    "I": "what goes into a first hidden layer: W · C, or W for ids, or a table's columns",
}
"""The letters of the shapes; a batch adds an axis B in front of activations, not of parameters."""


_STREAM, _HEADS, _TABLE = ("T", "C"), ("H", "T", "d"), ("H", "T", "S")
_PAST = ("H", "S", "d")
_B = "blocks.i"

BLOCK: tuple[Name, ...] = (
    Name(
        "h.i.resid_pre",
        _STREAM,
        "hᵢ",
        "residual stream into the block",
        f"{_B}.hook_resid_pre",
        "residual3 of i-1",
    ),
    *layer_norm("h.i.ln_1", "₁", f"{_B}.ln1", "ln1"),
    *linear("h.i.attn.c_attn", "C", "3C", f"{_B}.attn.?_Q, ?_K, ?_V", "qkv"),
    Name("h.i.attn.c_attn.out", ("T", "3C"), "[q k v]", "queries, keys and values", "", "qkv"),
    Name("h.i.attn.qkv", ("T", "3C"), "[q k v]", "the same", "", "qkv"),
    Name("h.i.attn.q", _HEADS, "Q", "queries, head by head", f"{_B}.attn.hook_q"),
    Name("h.i.attn.k", _PAST, "K", "keys", f"{_B}.attn.hook_k"),
    Name("h.i.attn.v", _PAST, "V", "values", f"{_B}.attn.hook_v"),
    Name(
        "h.i.attn.scores",
        _TABLE,
        "Q Kᵀ/√d",
        "how well each query fits each key; -∞ where hidden",
        f"{_B}.attn.hook_attn_scores",
        "preatt",
    ),
    Name(
        "h.i.attn.att",
        _TABLE,
        "A",
        "attention: softmax of a row of scores",
        f"{_B}.attn.hook_pattern",
        "att",
    ),
    *dropout("h.i.attn.attn_dropout", _TABLE),
    Name("h.i.attn.kept", _TABLE, "A", "attention after dropout; att itself where none is dropped"),
    Name("h.i.attn.z", _HEADS, "A V", "what each head gathered", f"{_B}.attn.hook_z"),
    Name("h.i.attn.merged", _STREAM, "concat(A V)", "the heads side by side", "", "atty"),
    *linear("h.i.attn.c_proj", "C", "C", f"{_B}.attn.?_O", "attproj"),
    Name(
        "h.i.attn.c_proj.out",
        _STREAM,
        "Attn(x)",
        "what attention adds to the stream",
        f"{_B}.hook_attn_out",
        "attproj",
    ),
    *dropout("h.i.attn.resid_dropout", _STREAM),
    Name("h.i.sum_1", _STREAM, "x + Attn(x)", "before ln_1, in post-norm blocks only"),
    Name(
        "h.i.resid_mid",
        _STREAM,
        "hᵢ + Attn",
        "residual stream between the halves",
        f"{_B}.hook_resid_mid",
        "residual2",
    ),
    *layer_norm("h.i.ln_2", "₂", f"{_B}.ln2", "ln2"),
    *linear("h.i.mlp.c_fc", "C", "F", f"{_B}.mlp.?_in", "fc"),
    Name("h.i.mlp.c_fc.out", ("T", "F"), "x W + b", "inner values", f"{_B}.mlp.hook_pre", "fch"),
    Name("h.i.mlp.act.inner", ("T", "F"), "√(2/π)(x+0.044715x³)", "inside tanh GELU's tanh"),
    Name("h.i.mlp.act.tanh", ("T", "F"), "tanh(…)", "tanh GELU's tanh"),
    Name("h.i.mlp.act.phi", ("T", "F"), "Φ(x)", "erf GELU's factor"),
    Name(
        "h.i.mlp.act.out",
        ("T", "F"),
        "GELU(x W + b)",
        "bent inner values",
        f"{_B}.mlp.hook_post",
        "fch_gelu",
    ),
    *linear("h.i.mlp.c_proj", "F", "C", f"{_B}.mlp.?_out", "fcproj"),
    Name(
        "h.i.mlp.c_proj.out",
        _STREAM,
        "FFN(x)",
        "what the feed-forward network adds",
        f"{_B}.hook_mlp_out",
        "fcproj",
    ),
    *dropout("h.i.mlp.dropout", _STREAM),
    Name("h.i.sum_2", _STREAM, "x + FFN(x)", "before ln_2, in post-norm blocks only"),
    Name(
        "h.i.resid_post",
        _STREAM,
        "hᵢ₊₁",
        "residual stream out of the block",
        f"{_B}.hook_resid_post",
        "residual3",
    ),
)
"""The names of a block, in data-flow order."""

NAMES: tuple[Name, ...] = (
    Name("tokens", ("T",), "u", "token ids"),
    Name("targets", ("T",), "y", "the token after each; IGNORE (-100) where there is none"),
    Name("mask", ("T", "S"), "M", "true where a position may look at another"),
    Name("wte.weight", ("V", "C"), "W_e", "token embedding", "embed.W_E", "wte"),
    Name("wpe.weight", ("maxT", "C"), "W_p", "position embedding", "pos_embed.W_pos", "wpe"),
    Name("embed.out", _STREAM, "U W_e", "the tokens' vectors", "hook_embed"),
    Name("wpe.rows", _STREAM, "W_p[:T]", "the positions' vectors", "hook_pos_embed"),
    Name("wpe.out", _STREAM, "h₀", "their sum", "blocks.0.hook_resid_pre", "encoded"),
    *dropout("drop", _STREAM),
    *BLOCK,
    *transformer_rows(BLOCK),
    *NEXT_TOKEN,
    *CLASSIFIER,
    *layer_norm("ln_f", "", "ln_final", "lnf"),
    Name("lm_head.weight", ("V", "C"), "W_u", "unembedding, where untied", "unembed.W_U (C, V)"),
    Name("lm_head.out", ("T", "V"), "x W_uᵀ", "the logits, as the head makes them"),
    Name("logits", ("T", "V"), "x W_uᵀ", "score of each token as the next", "logits", "logits"),
    Name("probs", ("T", "V"), "P", "softmax of a row of logits", "", "probs"),
    Name("losses", ("T",), "-log P[y]", "loss of each position, in nats", "", "losses"),
    Name("sharp", (), "H", "the cross-entropy itself, where labels are smoothed"),
    Name("lead", (), "s_y - mean s", "how far targets lead their rows; with smoothing only"),
    Name("loss", (), "L", "their mean over positions with a target", "loss", "mean_loss"),
)
"""All names, in data-flow order."""

UPDATES: tuple[Name, ...] = (
    Name("m", (), "m", "running mean of the gradient"),
    Name("v", (), "v", "running mean of the squared gradient"),
    Name("m_hat", (), "m̂", "m corrected for its start at 0"),
    Name("v_hat", (), "v̂", "v corrected for its start at 0"),
    Name("update", (), "Δw", "what is added to the parameter"),
    Name("new", (), "w + Δw", "the parameter after the step"),
)
"""What stands under a parameter's name after an update, each in the parameter's shape."""

USES: dict[str, str] = {
    "embed.weight": "the part of dwte.weight that comes from looking tokens up",
    "lm_head.weight": "the part of dwte.weight that comes from a tied head",
    "enc.embed.weight": "the part of dwte.weight that comes from looking the source up",
    "dec.embed.weight": "the part of dwte.weight that comes from looking the target up",
    "enc.position.weight": "by the fixed table of positions, which nothing learns from",
    "dec.position.weight": "the same, by the target's use of it",
    ".x": "the part of the gradient that comes back through this layer's input alone",
}
"""Gradients by one use of a value that is used twice, read as `dembed.weight` and so on."""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Name], ...]:
    return tuple(
        (re.compile(re.escape(name.pattern).replace(r"\.i\.", r"\.\d+\.")), name) for name in NAMES
    )


def describe(name: str) -> Name | None:
    """The row of the table for a name on a tape, gradients and updates too; None if there is none.

    >>> describe("h.3.attn.att").shape
    ('H', 'T', 'S')
    >>> describe("dh.3.attn.att").meaning
    'gradient: attention: softmax of a row of scores'
    """
    for pattern, row in _patterns():
        if pattern.fullmatch(name):
            return row
    *owner, last = name.rsplit(".", 1)
    for update in UPDATES:
        parameter = describe(owner[0]) if owner and last == update.pattern else None
        if parameter is not None and owner[0].endswith((".weight", ".bias")):
            return update._replace(shape=parameter.shape)
    if name.startswith("d"):
        value = _use(name[1:]) or describe(name[1:])
        if value is not None:
            symbol = f"({value.symbol})" if " " in value.symbol else value.symbol
            return value._replace(symbol=f"∂L/∂{symbol}", meaning=f"gradient: {value.meaning}")
    return None


def _use(name: str) -> Name | None:
    """The row for a layer's own use of a value: its input `x`, or an embedding's table."""
    if name in USES:
        shape, symbol = (("maxT", "C"), "PE") if "position" in name else (("V", "C"), "W_e")
        return Name(name, shape, symbol, USES[name])
    if name.endswith(".x"):
        return Name(name, (), "x", USES[".x"])
    return None
