"""The names of an encoder and a decoder: those of a block, moved, and what only they have."""

from collections.abc import Mapping, Sequence

from pellucid.walkthrough.rows import NameRow, dropout, layer_norm, linear

SOURCE = {"T": "N", "S": "N"}
"""The sizes where both the queries and the keys are positions of the source."""


def transformer_rows(block: Sequence[NameRow]) -> tuple[NameRow, ...]:
    """The rows of both stacks, given those of a block, whose patterns begin with `h.i.`."""
    return (
        NameRow("source", ("N",), "u", "token ids of the text that the encoder reads"),
        NameRow(
            "memory_mask", ("1", "1", "N"), "M", "true at a source position that is not padding"
        ),
        *_embed("enc", "N"),
        NameRow("enc.mask", ("1", "1", "N"), "M", "true at a key that is not padding"),
        *_moved(block, "h.i.", "enc.h.i.", SOURCE),
        *_moved(layer_norm("enc.ln_f", ""), "", "", SOURCE),
        *_embed("dec", "T"),
        NameRow("dec.memory", ("N", "C"), "m", "what the encoder made of the source"),
        NameRow(
            "dec.mask",
            ("T", "S"),
            "M",
            "true where a position may look at another; (1, T, S) where there is padding",
        ),
        *_decoder_block(block),
        *_moved(layer_norm("dec.ln_f", ""), "", ""),
    )


def _embed(stack: str, length: str) -> tuple[NameRow, ...]:
    stream = (length, "C")
    return (
        NameRow(f"{stack}.wte.weight", ("V", "C"), "W_e", "token embedding, where untied"),
        NameRow(f"{stack}.embed.out", stream, "U W_e", "the tokens' vectors"),
        NameRow(f"{stack}.scale.out", stream, "√C U W_e", "the same, scaled"),
        NameRow(f"{stack}.position.rows", stream, "PE[:T]", "sines and cosines of the positions"),
        NameRow(f"{stack}.position.out", stream, "h₀", "their sum"),
        *dropout(f"{stack}.drop", stream),
    )


def _decoder_block(block: Sequence[NameRow]) -> tuple[NameRow, ...]:
    at, stream, keys = "dec.h.i", ("T", "C"), ("H", "N", "d")
    kept = ("scores", "att", "attn_dropout.", "kept", "z", "merged", "c_proj.", "resid_dropout.")
    gathered = [
        row for row in block if row.pattern.startswith(tuple(f"h.i.attn.{k}" for k in kept))
    ]
    return (
        *_moved(block, "h.i.resid_pre", f"{at}.resid_pre"),
        *_moved(block, "h.i.attn.", f"{at}.attn."),
        *_moved(block, "h.i.sum_1", f"{at}.sum_1"),
        *_moved(block, "h.i.ln_1.", f"{at}.ln_1."),
        *_moved(block, "h.i.resid_mid", f"{at}.resid_mid"),
        *_moved(linear(f"{at}.cross.c_q", "C", "C"), "", ""),
        NameRow(f"{at}.cross.c_q.out", stream, "x W", "queries"),
        NameRow(f"{at}.cross.queries", stream, "x W", "the same"),
        *_moved(linear(f"{at}.cross.c_kv", "C", "2C"), "", ""),
        NameRow(f"{at}.cross.c_kv.out", ("N", "2C"), "[k v]", "the memory's keys and values"),
        NameRow(f"{at}.cross.kv", ("N", "2C"), "[k v]", "the same"),
        NameRow(f"{at}.cross.q", ("H", "T", "d"), "Q", "queries, head by head"),
        NameRow(f"{at}.cross.k", keys, "K", "the memory's keys"),
        NameRow(f"{at}.cross.v", keys, "V", "the memory's values"),
        *_moved(gathered, "h.i.attn.", f"{at}.cross.", {"S": "N"}),
        NameRow(f"{at}.sum_2", stream, "x + Cross(x, m)", "before ln_2"),
        *_moved(block, "h.i.ln_2.", f"{at}.ln_2."),
        NameRow(f"{at}.resid_cross", stream, "hᵢ + Cross", "residual stream after cross-attention"),
        *_moved(block, "h.i.mlp.", f"{at}.mlp."),
        NameRow(f"{at}.sum_3", stream, "x + FFN(x)", "before ln_3"),
        *_moved(layer_norm(f"{at}.ln_3", "₃"), "", ""),
        *_moved(block, "h.i.resid_post", f"{at}.resid_post"),
    )


def _moved(
    rows: Sequence[NameRow], path: str, to: str, sizes: Mapping[str, str] | None = None
) -> tuple[NameRow, ...]:
    """The rows at a path, at another one and in other sizes; GPT-2's own names for them go."""
    return tuple(
        NameRow(
            to + row.pattern.removeprefix(path),
            tuple((sizes or {}).get(size, size) for size in row.shape),
            row.symbol,
            row.meaning,
        )
        for row in rows
        if row.pattern.startswith(path)
    )
