"""Token embedding and its transpose, the unembedding."""

import torch
from torch import Tensor

from pellucid.layers.facts import VALUE, Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


def embedding_shapes(vocab_size: int, width: int) -> Tree:
    """The table of an embedding, or of a head: a row for each token."""
    return {"weight": (vocab_size, width)}


@layer(
    "out[t] = weight[tokens[t]]",
    values={
        "tokens": Meaning("T", "u", "token ids"),
        "weight": Meaning("V C", "W_e", "token embedding"),
        "out": Meaning("T C", "U W_e", "the tokens' vectors", matters=(VALUE,)),
    },
    looked_up=("weight",),
)
def embedding(
    tokens: Tensor, *, weight: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Look up one row of the table for each token: out[t] = weight[tokens[t]].

    The same as one_hot(tokens) @ weight, without the zeros.

    Shapes: tokens (..., T) of ids 0 to V-1, weight (V, C), out (..., T, C).
    Source: Radford et al. 2018, "Improving language understanding by generative pre-training", 3.1.
    """
    out = weight[tokens]  # (..., T, C)
    tape(out=out)
    return out, (tokens, weight)


@layer(
    Equation(
        "dweight[v] = Σₜ dout[t] where tokens[t] = v", lambda given: given["cache.0"].dim() == 1
    ),
    Equation("dweight = Σₙ one_hot(tokens)ᵀ dout", lambda given: given["cache.0"].dim() > 1),
)
def embedding_backward(
    dout: Tensor, cache: tuple[Tensor, ...], *, tape: NullTape = NULL_TAPE
) -> tuple[None, dict[str, Tensor]]:
    """Add up, for each row of the table, the gradients of all places that looked it up.

    dweight[v] = sum of dout[t] over t with tokens[t] = v; the tokens themselves have no gradient.
    """
    tokens, weight = cache
    flat = dout.flatten(0, -2)  # (N, C)
    dweight = torch.zeros_like(weight).index_add(0, tokens.flatten(), flat)  # (V, C)
    tape(dout=dout, dweight=dweight)
    return None, {"weight": dweight}


@layer(
    "out = x weightᵀ",
    values={
        "weight": Meaning("V C", "W_u", "unembedding, where untied"),
        "out": Meaning("T V", "x W_uᵀ", "score of each token as the next"),
    },
)
def unembedding(
    x: Tensor, *, weight: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Score each token of the vocabulary by its row: out = x weightᵀ, without a bias.

    Shapes: x (..., T, C), weight (V, C), out (..., T, V), the logits.
    Source: Radford et al. 2018, section 3.1, where weight is the embedding's own table.
    """
    out = x @ weight.mT  # (..., T, V)
    tape(out=out)
    return out, (x, weight)


@layer(
    "dx = dout weight",
    "dweight = doutᵀ x",
)
def unembedding_backward(
    dout: Tensor, cache: tuple[Tensor, ...], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = x weightᵀ: dx = dout weight, dweight = doutᵀ x summed over all positions."""
    x, weight = cache
    dx = dout @ weight  # (..., T, C)
    dweight = dout.flatten(0, -2).mT @ x.flatten(0, -2)  # (V, C)
    tape(dout=dout, dweight=dweight, dx=dx)
    return dx, {"weight": dweight}
