"""Circuits: what the heads of a GPT do to the stream, read off their weights, whatever the text.

A head moves what stands at one place to another. Two products of its matrices say all of it but
the softmax: by what it chooses a place, and what it writes of what stands there.

Source: Elhage et al. 2021, "A mathematical framework for transformer circuits"; Olsson et al. 2022,
"In-context learning and induction heads".
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError, TraceError
from pellucid.inspect.sweeping import head_rows
from pellucid.models import GPT, CausalModel
from pellucid.tree import Tree, flatten, unflatten


class Circuit(NamedTuple):
    """The two products of a head's matrices, (C, C) each, in float64, of rank d at most.

    `qk`: a stream x looks at a stream y by the score x qk yᵀ; `ov`: of y the head writes y ov.
    The norm before attention is in both, but for its scale, and biases are not.
    """

    qk: Tensor
    ov: Tensor


class Composition(NamedTuple):
    """How much a later head reads of what an earlier one writes: by queries, keys and values.

    Each is ‖A B‖ / (‖A‖ ‖B‖), from 0 to 1, in Frobenius' norm; `chance` is what matrices of such
    a shape come to whose numbers are drawn at random, the root of 1/C.
    """

    queries: float
    keys: float
    values: float
    chance: float


def head_circuit(model: CausalModel, layer: int, head: int) -> Circuit:
    """The two products of a head's matrices.

        qk = N W_q W_kᵀ Nᵀ,   ov = N W_v W_o,   N = (I − 11ᵀ/C) diag(γ)

    with γ the norm's weight. Raises `ConfigError` for another model than a GPT with its norms
    before, or a head that it has not.
    """
    q, k, v, o = _maps(model, layer, head)
    return Circuit(q @ k.mT, v @ o)


def composition(model: CausalModel, first: tuple[int, int], then: tuple[int, int]) -> Composition:
    """How much the head `then` of a later layer reads of what the head `first` writes.

    Heads are given as (layer, head). The induction head of a pair reads the other one's by its
    keys. Raises `ConfigError` as `head_circuit` does, and where `then` is no later layer's.
    """
    if then[0] <= first[0]:
        raise ConfigError(
            f"a head reads what heads of earlier layers write, and layer {then[0]} is not after "
            f"layer {first[0]}: give the earlier head first"
        )
    wrote = head_circuit(model, *first).ov
    qk, ov = head_circuit(model, *then)
    read = (qk, qk.mT, ov)
    queries, keys, values = (
        float((wrote @ one).norm() / (wrote.norm() * one.norm() or 1.0)) for one in read
    )
    return Composition(queries, keys, values, len(wrote) ** -0.5)


def copying(model: CausalModel, layer: int, head: int) -> float:
    """Whether a head, where it looks at a token, makes that very token likelier: from -1 to 1.

        Σ λ / Σ |λ|,   λ the eigenvalues of W_e ov N_f W_uᵀ (V, V)

    with N_f the last norm's matrix, but for its scale. At 1 each λ is positive, and tokens, or
    mixtures of them, raise themselves; matrices drawn at random come to about 0.
    """
    _, _, v, o = _maps(model, layer, head)
    embedding = model.params["wte"]["weight"].double()
    table = (model.params.get("lm_head") or model.params["wte"])["weight"].double()
    last = _norm(model.params["ln_f"]) if "ln_f" in model.params else torch.eye(len(o.mT)).double()
    # What A B and B A have besides zeros are the same eigenvalues, and here B A is only (d, d).
    values = torch.linalg.eigvals((o @ last @ table.mT) @ (embedding @ v))
    return float(values.real.sum() / values.abs().sum())


def previous_token_score(att: Tensor) -> Tensor:
    """How much each head looks at the token before, on the mean over all places but the first (H,).

    Shapes: att (H, T, T), or (B, H, T, T) for a batch.
    """
    _check_length(att)
    looked = att.diagonal(-1, -2, -1).double()  # (..., H, T - 1)
    return looked.mean(-1).reshape(-1, att.shape[-3]).mean(0)


def induction_score(att: Tensor, tokens: Tensor) -> Tensor:
    """How much each head looks at what followed a token when it stood in the text last (H,).

    The mean over all places whose token stood there before. Shapes: att (H, T, T) and tokens (T,),
    or (B, H, T, T) and (B, T). Raises `TraceError` where no token comes twice.
    """
    _check_length(att)
    ids = tokens.reshape(-1, tokens.shape[-1])  # (B, T)
    tables = att.reshape(-1, *att.shape[-3:]).transpose(1, 2)  # (B, T, H, T)
    row, place, before = last_occurrences(ids)
    if not len(row):
        raise TraceError(
            "an induction head is seen where a token stands in the text for a second time, and "
            "none does: give a text that repeats itself"
        )
    return tables[row, place, :, before + 1].double().mean(0)


def last_occurrences(tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where tokens (B, T) come again: rows, places, and where each stood last before (n,) each."""
    length = tokens.shape[-1]
    alike = (tokens[:, :, None] == tokens[:, None, :]).tril(-1)  # (B, T, T)
    before = (alike * torch.arange(1, length + 1)).amax(-1) - 1  # (B, T)
    row, place = (before >= 0).nonzero().unbind(1)
    return row, place, before[row, place]


def without_head(model: CausalModel, layer: int, head: int) -> CausalModel:
    """The model with a head that writes nothing: its rows of `c_proj` are 0."""
    _check_head(model, layer, head)
    leaves = dict(flatten(model.params))
    for part in ("weight", "lora_a"):
        name = f"h.{layer}.attn.c_proj.{part}"
        if name in leaves:
            rows = leaves[name].unflatten(0, (model.config.n_head, -1)).clone()
            rows[head] = 0
            leaves[name] = rows.flatten(0, 1)
    return model.with_params(unflatten(leaves))


def _maps(model: CausalModel, layer: int, head: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """N W_q, N W_k, N W_v (C, d) and W_o (d, C) of a head, in float64."""
    _check_head(model, layer, head)
    block = model.params["h"][str(layer)]
    matrix = block["attn"]["c_attn"]
    weight = matrix["weight"].double()
    if "lora_a" in matrix:
        weight = weight + matrix["lora_a"].double() @ matrix["lora_b"].double()
    parts = weight.unflatten(-1, (3, model.config.n_head, -1))[:, :, head]  # (C, 3, d)
    normed = _norm(block["ln_1"])
    q, k, v = (normed @ part for part in parts.unbind(1))
    return q, k, v, head_rows(block["attn"]["c_proj"], model.config.n_head)[head].double()


def _norm(params: Tree) -> Tensor:
    """What a layer norm multiplies a stream by (C, C), but for its scale."""
    weight = params["weight"].double()
    centred: Tensor = (torch.eye(len(weight)).double() - 1 / len(weight)) * weight
    return centred


def _check_head(model: CausalModel, layer: int, head: int) -> None:
    config = model.config
    if not isinstance(model, GPT) or config.norm != "pre":
        raise ConfigError(
            "circuits are read off the weights of a GPT with its norms before attention, as "
            f"GPT-2 has them, and this is {model}: take another model"
        )
    if not (0 <= layer < config.n_layer and 0 <= head < config.n_head):
        raise ConfigError(
            f"a head must be one of {config.n_head} in one of {config.n_layer} layers, both "
            f"counted from 0, and head {head} of layer {layer} is not"
        )


def _check_length(att: Tensor) -> None:
    if att.shape[-1] < 2:
        raise TraceError(
            f"a head looks back where a text has two tokens or more, and this has {att.shape[-1]}"
        )
