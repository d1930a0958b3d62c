"""Hello World through a GPT whose first head looks back by a table that is known beforehand.

Every part does one thing that can be read off its weights. Channels 0 to 3 of the stream say what
a token is and channels 4 to 7 where it stands, by a pattern of ±1 each:

    0:  +1 +1 -1 -1     1:  +1 -1 +1 -1     2:  +1 -1 -1 +1     3:  -1 -1 +1 +1

A row of the stream has mean 0 and variance 1, and a gain of √(1+ε) makes layer norm hand it on
unchanged. The patterns 0, 1 and 2 are orthogonal and 3 is 0 negated: no plane holds all four, so
one linear map with a bias (`_affine`) takes them to any four vectors one likes.
"""

import math

import torch
from torch import Tensor

from pellucid.examples.model_example import Example
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig
from pellucid.text import Words
from pellucid.tree import unflatten

PIECES = ("He", "llo", "Wo", "rld")

TABLE = (
    (1.0, 0.0, 0.0, 0.0),
    (0.7, 0.3, 0.0, 0.0),
    (0.2, 0.2, 0.6, 0.0),
    (0.2, 0.2, 0.2, 0.4),
)
"""How much the position of a row looks at that of a column, in head 0."""

PATTERNS = ((1, 1, -1, -1), (1, -1, 1, -1), (1, -1, -1, 1), (-1, -1, 1, 1))

CONFIG = GPTConfig(
    vocab_size=4, block_size=4, n_layer=1, n_head=2, n_embd=8, n_inner=4, final_norm=False
)

WHAT, WHERE = slice(0, 4), slice(4, 8)
"""The channels of the stream for a token and for its position; those of head 0 and of head 1."""


def hello_world() -> Example:
    """The example with its weights made from the table."""
    return Example(
        title="Hello World",
        about="Four pieces of two words through one block: a stream of 4×8, two heads, and an "
        "attention table that is known beforehand. Head 0 looks back by it, head 1 evenly.",
        source="Tokens, shapes and table from the slides 'Dissecting GPT: The Complete Forward "
        "Pass' (Jacob Danner); the weights are Pellucid's own, made from the table. v is 1 at its "
        "token's place, so what a head gathers repeats its table; the MLP has a unit a token, "
        "which writes what follows it.",
        text=" ".join(PIECES),
        tokenizer=Words(PIECES, special=True),
        model=GPT(CONFIG, unflatten(_params())),
        update={"learning_rate": 0.01, "weight_decay": 0.1},
        targets=(1, 2, 3, IGNORE),
    )


def _params() -> dict[str, Tensor]:
    """Every weight, from the table and the patterns."""
    shapes = CONFIG.parameter_shapes()
    params = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    patterns = torch.tensor(PATTERNS, dtype=torch.float64)
    one_hot = torch.eye(4, dtype=torch.float64)
    params["wte.weight"][:, WHAT] = patterns
    params["wpe.weight"][:, WHERE] = patterns
    for norm in ("h.0.ln_1.weight", "h.0.ln_2.weight"):
        params[norm] += math.sqrt(1 + CONFIG.eps)

    # q is √d at the place of its position, so that score (t, s) = q[t]·k[s]/√d is k[s]'s element t.
    width = CONFIG.n_embd // CONFIG.n_head
    logs = [[math.log(share or 1) for share in row] for row in TABLE]
    scores = torch.tensor(logs, dtype=torch.float64)
    weight, bias = params["h.0.attn.c_attn.weight"], params["h.0.attn.c_attn.bias"]
    q, k, v = (slice(start, start + width) for start in (0, 8, 16))
    weight[WHERE, q], bias[q] = _affine(math.sqrt(width) * one_hot)
    weight[WHERE, k], bias[k] = _affine(scores.T)
    # Head 1 has q = k = 0: all its scores are 0, and it looks evenly at all it can see.
    for head in (0, width):
        own = slice(v.start + head, v.stop + head)
        weight[WHAT, own], bias[own] = _affine(one_hot)
    params["h.0.attn.c_proj.weight"][WHAT, WHAT] = patterns / 4
    params["h.0.attn.c_proj.weight"][WHERE, WHERE] = patterns / 4

    # Unit i is about 2 for token i and about -2, which GELU makes 0, for the others.
    weight, bias = _affine(4 * one_hot - 2)
    params["h.0.mlp.c_fc.weight"][WHAT], params["h.0.mlp.c_fc.bias"] = weight, bias
    for token in range(3):
        params["h.0.mlp.c_proj.weight"][token, WHAT] = (patterns[token + 1] - patterns[token]) / 2
    return params


def _affine(wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The weight (4, n) and bias (n) that map pattern i to row i of `wanted` (4, n).

    Pattern 3 is pattern 0 negated, so the bias is halfway between what the two are to become. What
    is left of the first three is linear, and they are orthogonal, of squared length 4.
    """
    patterns = torch.tensor(PATTERNS, dtype=torch.float64)[:3]
    bias = (wanted[0] + wanted[3]) / 2
    return patterns.T @ (wanted[:3] - bias) / 4, bias
