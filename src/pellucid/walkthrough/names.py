"""Every name that a tape may hold: its shape, its symbol, and what it is.

`scripts/names_page.py` writes this table as a page, `docs/names.md`, with what others call the same
number (`vocabularies`). In a pattern, `i` stands for the number of a layer, counted from 0. The
gradient of a name is the name with a `d` in front; what an optimizer makes of a parameter stands
under the parameter's name.
"""

import re
from functools import cache

from pellucid.walkthrough.classifier_rows import CLASSIFIER
from pellucid.walkthrough.next_token_rows import NEXT_TOKEN
from pellucid.walkthrough.rows import LORA, NameRow, dropout, layer_norm, linear, lora
from pellucid.walkthrough.transformer_rows import transformer_rows

SIZES = {
    "T": "positions of the text",
    "S": "positions that can be looked at: T, and those in `past`",
    "N": "positions of the source, in a Transformer",
    "C": "n_embd, the width of the residual stream",
    "H": "n_head",
    "d": "C/H, the width of a head",
    "F": "the width of the feed-forward network, in GPT-2 4C",
    "V": "vocab_size",
    "r": "lora_rank, the rank of LoRA's pairs",
    "maxT": "block_size",
    "W": "places of the window, in a next-token network",
    "I": "what goes into a first hidden layer: W · C, or W for ids, or a table's columns",
}
"""The letters of the shapes; a batch adds an axis B in front of activations, not of parameters."""


_STREAM, _HEADS, _TABLE = ("T", "C"), ("H", "T", "d"), ("H", "T", "S")
_PAST = ("H", "S", "d")
BLOCK: tuple[NameRow, ...] = (
    NameRow(
        "h.i.resid_pre",
        _STREAM,
        "hᵢ",
        "residual stream into the block",
    ),
    *layer_norm("h.i.ln_1", "₁"),
    *linear("h.i.attn.c_attn", "C", "3C"),
    *lora("h.i.attn.c_attn", "C", "3C"),
    NameRow("h.i.attn.c_attn.out", ("T", "3C"), "[q k v]", "queries, keys and values"),
    NameRow("h.i.attn.qkv", ("T", "3C"), "[q k v]", "the same"),
    NameRow("h.i.attn.q", _HEADS, "Q", "queries, head by head"),
    NameRow("h.i.attn.k", _PAST, "K", "keys"),
    NameRow("h.i.attn.v", _PAST, "V", "values"),
    NameRow(
        "h.i.attn.scores",
        _TABLE,
        "Q Kᵀ/√d",
        "how well each query fits each key; -∞ where hidden",
    ),
    NameRow(
        "h.i.attn.att",
        _TABLE,
        "A",
        "attention: softmax of a row of scores",
    ),
    *dropout("h.i.attn.attn_dropout", _TABLE),
    NameRow(
        "h.i.attn.kept", _TABLE, "A", "attention that is used: att, but where dropped or edited"
    ),
    NameRow("h.i.attn.z", _HEADS, "A V", "what each head gathered"),
    NameRow("h.i.attn.merged", _STREAM, "concat(A V)", "the heads side by side"),
    *linear("h.i.attn.c_proj", "C", "C"),
    *lora("h.i.attn.c_proj", "C", "C"),
    NameRow(
        "h.i.attn.c_proj.out",
        _STREAM,
        "Attn(x)",
        "what attention adds to the stream",
    ),
    *dropout("h.i.attn.resid_dropout", _STREAM),
    NameRow("h.i.sum_1", _STREAM, "x + Attn(x)", "before ln_1, in post-norm blocks only"),
    NameRow(
        "h.i.resid_mid",
        _STREAM,
        "hᵢ + Attn",
        "residual stream between the halves",
    ),
    *layer_norm("h.i.ln_2", "₂"),
    *linear("h.i.mlp.c_fc", "C", "F"),
    *lora("h.i.mlp.c_fc", "C", "F"),
    NameRow("h.i.mlp.c_fc.out", ("T", "F"), "x W + b", "inner values"),
    NameRow("h.i.mlp.act.inner", ("T", "F"), "√(2/π)(x+0.044715x³)", "inside tanh GELU's tanh"),
    NameRow("h.i.mlp.act.tanh", ("T", "F"), "tanh(…)", "tanh GELU's tanh"),
    NameRow("h.i.mlp.act.phi", ("T", "F"), "Φ(x)", "erf GELU's factor"),
    NameRow(
        "h.i.mlp.act.out",
        ("T", "F"),
        "GELU(x W + b)",
        "bent inner values",
    ),
    *linear("h.i.mlp.c_proj", "F", "C"),
    *lora("h.i.mlp.c_proj", "F", "C"),
    NameRow(
        "h.i.mlp.c_proj.out",
        _STREAM,
        "FFN(x)",
        "what the feed-forward network adds",
    ),
    *dropout("h.i.mlp.dropout", _STREAM),
    NameRow("h.i.sum_2", _STREAM, "x + FFN(x)", "before ln_2, in post-norm blocks only"),
    NameRow(
        "h.i.resid_post",
        _STREAM,
        "hᵢ₊₁",
        "residual stream out of the block",
    ),
)
"""The names of a block, in data-flow order."""

NAMES: tuple[NameRow, ...] = (
    NameRow("tokens", ("T",), "u", "token ids"),
    NameRow("targets", ("T",), "y", "the token after each; IGNORE (-100) where there is none"),
    NameRow("mask", ("T", "S"), "M", "true where a position may look at another"),
    NameRow("wte.weight", ("V", "C"), "W_e", "token embedding"),
    NameRow("wpe.weight", ("maxT", "C"), "W_p", "position embedding"),
    NameRow("embed.out", _STREAM, "U W_e", "the tokens' vectors"),
    NameRow("wpe.rows", _STREAM, "W_p[:T]", "the positions' vectors"),
    NameRow("wpe.out", _STREAM, "h₀", "their sum"),
    *dropout("drop", _STREAM),
    *BLOCK,
    *transformer_rows([row for row in BLOCK if row.pattern.rpartition(".")[2] not in LORA]),
    *NEXT_TOKEN,
    *CLASSIFIER,
    *layer_norm("ln_f", ""),
    NameRow("lm_head.weight", ("V", "C"), "W_u", "unembedding, where untied"),
    NameRow("lm_head.out", ("T", "V"), "x W_uᵀ", "the logits, as the head makes them"),
    NameRow("logits", ("T", "V"), "x W_uᵀ", "score of each token as the next"),
    NameRow("probs", ("T", "V"), "P", "softmax of a row of logits"),
    NameRow("losses", ("T",), "-log P[y]", "loss of each position, in nats"),
    NameRow("sharp", (), "H", "the cross-entropy itself, where labels are smoothed"),
    NameRow("lead", (), "s_y - mean s", "how far targets lead their rows; with smoothing only"),
    NameRow("loss", (), "L", "their mean over positions with a target"),
)
"""All names, in data-flow order."""

PARAMETERS = (".weight", ".bias", ".lora_a", ".lora_b")
"""How the names of parameters end."""

UPDATES: tuple[NameRow, ...] = (
    NameRow("m", (), "m", "running mean of the gradient"),
    NameRow("v", (), "v", "running mean of the squared gradient"),
    NameRow("m_hat", (), "m̂", "m corrected for its start at 0"),
    NameRow("v_hat", (), "v̂", "v corrected for its start at 0"),
    NameRow("update", (), "Δw", "what is added to the parameter"),
    NameRow("new", (), "w + Δw", "the parameter after the step"),
)
"""What stands under a parameter's name after an update, each in the parameter's shape."""

MOMENTS: tuple[NameRow, ...] = (
    NameRow("m_before", (), "m", "m after the step before, 0 for a first"),
    NameRow("v_before", (), "v", "v after the step before, 0 for a first"),
)
"""What an update was given under a parameter's name: moments, in the parameter's shape."""

EDITS: tuple[NameRow, ...] = (
    NameRow("edit.where", (), "", "true where it was set by hand"),
    NameRow("edit.value", (), "", "what it was set to, where it was"),
    NameRow("edit.out", (), "", "what went on in its place"),
)
"""What stands beside an activation that was edited, each in the activation's shape."""

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
def _patterns() -> tuple[tuple[re.Pattern[str], NameRow], ...]:
    return tuple(
        (re.compile(re.escape(name.pattern).replace(r"\.i\.", r"\.\d+\.")), name) for name in NAMES
    )


def describe(name: str) -> NameRow | None:
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
    for update in (*UPDATES, *MOMENTS):
        parameter = describe(owner[0]) if owner and last == update.pattern else None
        if parameter is not None and owner[0].endswith(PARAMETERS):
            return update._replace(shape=parameter.shape)
    edit = _edit(name)
    if edit is not None:
        return edit
    if name.startswith("d"):
        value = _use(name[1:]) or describe(name[1:])
        if value is not None:
            symbol = f"({value.symbol})" if " " in value.symbol else value.symbol
            return value._replace(symbol=f"∂L/∂{symbol}", meaning=f"gradient: {value.meaning}")
    return None


def _edit(name: str) -> NameRow | None:
    """The row for what stands beside an edited activation."""
    path, _, last = name.rpartition(".edit.")
    row = next((row for row in EDITS if row.pattern == f"edit.{last}"), None)
    if not path or row is None:
        return None
    att = f"{path.removesuffix('.attn_dropout')}.att"
    made = next(filter(None, map(describe, (att, f"{path}.out", f"{path}.resid_post"))), None)
    return made and row._replace(shape=made.shape, meaning=f"{row.meaning}: {made.meaning}")


def _use(name: str) -> NameRow | None:
    """The row for a layer's own use of a value: its input `x`, or an embedding's table."""
    if name in USES:
        shape, symbol = (("maxT", "C"), "PE") if "position" in name else (("V", "C"), "W_e")
        return NameRow(name, shape, symbol, USES[name])
    if name.endswith(".x"):
        return NameRow(name, (), "x", USES[".x"])
    return None
