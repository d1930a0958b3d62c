"""For each pair of the encoder-decoder some models and texts, in float64."""

from typing import Any

import torch
from torch import Tensor

from pellucid.layers import IGNORE, REFERENCE, causal_mask, inverted_noise
from pellucid.models import Transformer, TransformerConfig
from pellucid.models.transformer.halves import keep_mask
from pellucid.tree import Tree
from tests.judge import Example
from tests.models.examples import random_params

PAD = 0
TINY = {"vocab_size": 7, "block_size": 6, "n_encoder": 2, "n_decoder": 3, "n_head": 2, "n_embd": 4}
SOURCE = torch.tensor([[3, 1, 4, 1, 5], [2, 6, 5, PAD, PAD]])
TOKENS = torch.tensor([[1, 4, 2, 5], [1, 2, 6, PAD]])
TARGETS = torch.tensor([[4, IGNORE, 5, 2], [2, 6, IGNORE, IGNORE]])


def tiny(**choices: Any) -> TransformerConfig:
    return TransformerConfig(**(TINY | {"pad": PAD} | choices))


def tiny_model(**choices: Any) -> Transformer:
    config = tiny(**choices)
    return Transformer(config, random_params(config))


def all_noise(model: Transformer, source: Tensor, tokens: Tensor) -> Tree:
    """Dropout's noise in every place, on the attention probabilities too."""
    generator = torch.Generator().manual_seed(4)
    drawn = model.draw_noise(source, tokens, tokens, p=0.3, generator=generator)

    def att(queries: Tensor, keys: Tensor) -> Tensor:
        shape = (*queries.shape[:-1], model.config.n_head, queries.shape[-1], keys.shape[-1])
        return inverted_noise(torch.empty(shape, dtype=model.dtype), 0.3, generator)

    for layer in drawn["enc"]["h"].values():
        layer["attn_noise"] = att(source, source)
    for layer in drawn["dec"]["h"].values():
        layer["attn_noise"] = att(tokens, tokens)
        layer["cross_attn_noise"] = att(tokens, source)
    return drawn


def normal(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


MODELS = {
    "padding": tiny(),
    "final norm, no bias, erf, narrow": tiny(
        final_norm=True, bias=False, activation="gelu_erf", n_inner=6, eps=0.1
    ),
    "untied, no padding": tiny(tied=False, pad=None),
    "pre-norm": tiny(norm="pre", final_norm=True),
}


def half(config: TransformerConfig, name: str) -> Tree:
    """The parameters of an encoder or decoder, with its embedding."""
    params = random_params(config)
    return {"wte": params["wte"]} | params[name] if config.tied else params[name]


def without_table(params: Tree) -> Tree:
    return {name: part for name, part in params.items() if name != "wte"}


def half_examples(name: str) -> dict[str, Example]:
    """Of `encoder` and `encode`, or of `decoder` and `decode`."""
    found = {}
    for label, config in MODELS.items():
        noise = all_noise(tiny_model(), SOURCE, TOKENS)
        own = {"config": config, "ops": REFERENCE}
        length = TOKENS.shape[-1]
        causal = causal_mask(length, length, TOKENS.device)
        source_mask, keep = keep_mask(SOURCE, config.pad), keep_mask(TOKENS, config.pad)
        mask = causal if keep is None else causal & keep
        memory = {"memory_mask": source_mask}
        x, y = normal(2, 5, 4), normal(2, 4, 4)
        match name:
            case "encoder":
                params = without_table(half(config, "enc"))
                first = Example((x[0],), params, own | {"mask": None})
                drawn = {"mask": source_mask, "noise": noise["enc"]["h"]}
                both = Example((x,), params, own | drawn)
            case "decoder":
                params = without_table(half(config, "dec"))
                no_masks = {"mask": None, "memory_mask": None}
                first = Example((y[0], x[0]), params, own | no_masks)
                drawn = {"mask": mask, "noise": noise["dec"]["h"]} | memory
                both = Example((y, x), params, own | drawn)
            case "encode":
                params = half(config, "enc")
                first = Example((SOURCE[0],), params, own)
                both = Example((SOURCE,), params, own | {"noise": noise["enc"]})
            case _:
                params = half(config, "dec")
                first = Example((TOKENS[0], x[0]), params, own | {"memory_mask": None})
                both = Example((TOKENS, x), params, own | memory | {"noise": noise["dec"]})
        found |= {label: first, f"{label}, batch, noise": both}
    return found


def embed_examples() -> dict[str, Example]:
    params, own = {"wte": half(tiny(), "enc")["wte"]}, {"config": tiny(), "ops": REFERENCE}
    return {
        "T": Example((SOURCE[0],), params, own),
        "start": Example((TOKENS,), params, own | {"start": 2}),
        "noise": Example((SOURCE,), params, own | {"noise": 2 * (normal(2, 5, 4) > 0).double()}),
    }


def loss_examples() -> dict[str, Example]:
    found = {}
    for label, config in MODELS.items():
        own, params = {"config": config, "ops": REFERENCE}, random_params(config)
        texts = SOURCE, TOKENS, TARGETS
        drawn = {"noise": all_noise(tiny_model(), SOURCE, TOKENS), "smoothing": 0.1}
        found[label] = Example(tuple(text[0] for text in texts), params, own)
        found[f"{label}, batch, noise, smoothing"] = Example(texts, params, own | drawn)
    return found


EXAMPLES = {
    "embed": embed_examples(),
    "encoder": half_examples("encoder"),
    "encode": half_examples("encode"),
    "decoder": half_examples("decoder"),
    "decode": half_examples("decode"),
    "transformer_loss": loss_examples(),
}
