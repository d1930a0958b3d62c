"""The models once more, in torch.nn.functional alone: a judge that shares no line with the package.

Parameters are nested dicts under the package's names; noise is that of dropout by the places in
which the papers drop. Gradients are autograd's.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

BENDS = {
    "relu": F.relu,
    "gelu_erf": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}
Noise = Mapping[str, Any]
NONE: Noise = {}


def dropped(x: Tensor, noise: Tensor | None) -> Tensor:
    return x if noise is None else x * noise


def linear(x: Tensor, p: Any) -> Tensor:
    return F.linear(x, p["weight"].T, p.get("bias"))


def normed(x: Tensor, p: Any, eps: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], p["weight"], p.get("bias"), eps)


def heads(x: Tensor, count: int) -> Tensor:
    return x.unflatten(-1, (count, -1)).transpose(-2, -3)


def looked(
    q: Tensor, k: Tensor, v: Tensor, *, count: int, mask: Tensor | None, noise: Tensor | None
) -> Tensor:
    """Attention of all heads, side by side again; where `mask` is false nobody looks."""
    q, k, v = (heads(part, count) for part in (q, k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    return (dropped(F.softmax(scores, -1), noise) @ v).transpose(-2, -3).flatten(-2)


def part(x: Tensor, config: Any, ln: Any, work: Any) -> Tensor:
    """A part of a block beside its residual connection, with the norm where the config has it."""
    if config.norm == "pre":
        return x + work(normed(x, ln, config.eps))
    return normed(x + work(x), ln, config.eps)


def block(x: Tensor, p: Any, config: Any, *, mask: Tensor | None, noise: Noise) -> Tensor:
    def attention(y: Tensor) -> Tensor:
        q, k, v = linear(y, p["attn"]["c_attn"]).chunk(3, -1)
        z = looked(q, k, v, count=config.n_head, mask=mask, noise=noise.get("attn_noise"))
        return dropped(linear(z, p["attn"]["c_proj"]), noise.get("resid_noise"))

    x = part(x, config, p["ln_1"], attention)
    return part(x, config, p["ln_2"], lambda y: feed_forward(y, p["mlp"], config, noise))


def feed_forward(y: Tensor, p: Any, config: Any, noise: Noise) -> Tensor:
    inner = BENDS[config.activation](linear(y, p["c_fc"]))
    return dropped(linear(inner, p["c_proj"]), noise.get("mlp_noise"))


def decoder_block(
    x: Tensor,
    memory: Tensor,
    p: Any,
    config: Any,
    *,
    mask: Tensor,
    memory_mask: Tensor | None,
    noise: Noise,
) -> Tensor:
    def attention(y: Tensor) -> Tensor:
        q, k, v = linear(y, p["attn"]["c_attn"]).chunk(3, -1)
        z = looked(q, k, v, count=config.n_head, mask=mask, noise=noise.get("attn_noise"))
        return dropped(linear(z, p["attn"]["c_proj"]), noise.get("resid_noise"))

    def cross(y: Tensor) -> Tensor:
        k, v = linear(memory, p["cross"]["c_kv"]).chunk(2, -1)
        q, own = linear(y, p["cross"]["c_q"]), noise.get("cross_attn_noise")
        z = looked(q, k, v, count=config.n_head, mask=memory_mask, noise=own)
        return dropped(linear(z, p["cross"]["c_proj"]), noise.get("cross_resid_noise"))

    x = part(x, config, p["ln_1"], attention)
    x = part(x, config, p["ln_2"], cross)
    return part(x, config, p["ln_3"], lambda y: feed_forward(y, p["mlp"], config, noise))


def gpt(p: Any, config: Any, tokens: Tensor, noise: Noise | None = None) -> Tensor:
    """The logits of a GPT."""
    length, drawn = tokens.shape[-1], noise or {"drop": None, "h": {}}
    mask = torch.ones(length, length).tril() > 0
    x = dropped(p["wte"]["weight"][tokens] + p["wpe"]["weight"][:length], drawn["drop"])
    for name in p["h"]:
        x = block(x, p["h"][name], config, mask=mask, noise=drawn["h"].get(name, NONE))
    if config.final_norm:
        x = normed(x, p["ln_f"], config.eps)
    return x @ p["wte" if config.tied else "lm_head"]["weight"].T


def positions(length: int, width: int) -> Tensor:
    place, column = torch.arange(length).double()[:, None], torch.arange(width)
    angle = place / 10_000 ** ((column - column % 2).double() / width)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


def transformer(
    p: Any, config: Any, source: Tensor, tokens: Tensor, noise: Noise | None = None
) -> Tensor:
    """The logits of an encoder-decoder."""
    drawn = noise or {half: {"drop": None, "h": {}} for half in ("enc", "dec")}

    def table(half: str) -> Tensor:
        weight: Tensor = p["wte"]["weight"] if config.tied else p[half]["wte"]["weight"]
        return weight

    def begun(half: str, ids: Tensor) -> Tensor:
        x = table(half)[ids] * math.sqrt(config.n_embd)
        return dropped(x + positions(ids.shape[-1], config.n_embd), drawn[half]["drop"])

    def kept(ids: Tensor) -> Tensor | None:
        return None if config.pad is None else (ids != config.pad)[..., None, None, :]

    seen, own = kept(source), kept(tokens)
    mask = torch.ones(tokens.shape[-1], tokens.shape[-1]).tril() > 0
    mask = mask if own is None else mask & own
    x, half = begun("enc", source), drawn["enc"]["h"]
    for name, layer in p["enc"]["h"].items():
        x = block(x, layer, config, mask=seen, noise=half.get(name, NONE))
    memory = normed(x, p["enc"]["ln_f"], config.eps) if config.final_norm else x
    x, half = begun("dec", tokens), drawn["dec"]["h"]
    for name, layer in p["dec"]["h"].items():
        told: Any = {"mask": mask, "memory_mask": seen, "noise": half.get(name, NONE)}
        x = decoder_block(x, memory, layer, config, **told)
    x = normed(x, p["dec"]["ln_f"], config.eps) if config.final_norm else x
    return x @ (p["wte"] if config.tied else p["lm_head"])["weight"].T
