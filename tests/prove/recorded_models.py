"""Steps of small random models of every kind, each with what it is for: a tape, or several."""

from collections.abc import Iterator
from typing import Any

import torch

from pellucid.cli.proved_runs import ProvedRun
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.prove import Stepped
from pellucid.tape import Tape
from pellucid.train.record import updated
from pellucid.tree import unflatten
from tests.models.llama_examples import LLAMAS, drawn

TEXT = ([3, 1, 4, 1, 5], [1, 4, IGNORE, 5, 2])
TEXTS = ([[3, 1, 4], [0, 6, 2]], [[1, 4, IGNORE], [6, 2, 5]])
TRANSLATED = ([3, 1, 4, 0], [1, 5, 2], [5, 2, 6])

GPTS: dict[str, dict[str, Any]] = {
    "two blocks": {"n_layer": 2},
    "norms after, gelu_erf": {"n_layer": 2, "norm": "post", "activation": "gelu_erf"},
    "relu, no biases, untied": {"activation": "relu", "bias": False, "tied": False},
    "lora": {"lora_rank": 2},
    "no last norm": {"final_norm": False},
}

TRANSFORMERS: dict[str, dict[str, Any]] = {
    "two and two": {"n_encoder": 2, "n_decoder": 2},
    "norms before": {"norm": "pre", "n_decoder": 2},
    "padding, untied": {"pad": 0, "tied": False},
}


def random_params(config: Any) -> Any:
    generator = torch.Generator().manual_seed(1)
    return unflatten(
        {
            name: 0.5 * torch.randn(shape, generator=generator, dtype=torch.float64)
            for name, shape in config.parameter_shapes().items()
        }
    )


def stepped(model: Any, batch: Any, optimizer: str | None, **choices: Any) -> ProvedRun:
    """One step of a model on a tape; `p` is dropout's."""
    tape, p = Tape(), choices.pop("p", 0.0)
    ids = [torch.tensor(row) for row in batch]
    noise = model.draw_noise(*ids, p=p, generator=torch.Generator().manual_seed(2))
    _, grads = model.loss_and_grads(*batch, tape, noise=noise, **choices)
    settings = {"learning_rate": 0.01, "weight_decay": 0.1, "optimizer": optimizer}
    if optimizer is not None:
        updated(model.params, grads, None, settings, tape)
    plain = optimizer is not None and not p and not choices
    known = Stepped(model, batch) if plain else None
    return ProvedRun("step", tape, update=settings if optimizer else None, stepped=known)


def model_runs() -> Iterator[tuple[str, ProvedRun]]:
    """Each with a name."""
    sizes = {"vocab_size": 7, "block_size": 6, "n_layer": 1, "n_head": 2, "n_embd": 4}
    for name, choices in GPTS.items():
        config = GPTConfig(**(sizes | choices))
        yield f"GPT: {name}", stepped(GPT(config, random_params(config)), TEXT, "adamw")
    gpt = GPT(GPTConfig(**sizes), random_params(GPTConfig(**sizes)))
    for optimizer in ("sgd", "momentum", "adam"):
        yield f"GPT: {optimizer}", stepped(gpt, TEXT, optimizer)
    yield "GPT: a batch, dropout", stepped(gpt, TEXTS, "sgd", p=0.3)
    single = gpt.to(dtype=torch.float32)
    yield "GPT: float32", stepped(single, TEXT, "adamw")
    yield "GPT: bfloat16", stepped(gpt.to(dtype=torch.bfloat16), TEXT, None)
    for name, config in LLAMAS.items():
        yield f"Llama: {name}", stepped(drawn(config), TEXT, "sgd")
    both = {"vocab_size": 7, "block_size": 6, "n_head": 2, "n_embd": 4, "n_inner": 6}
    for name, choices in TRANSFORMERS.items():
        config = TransformerConfig(**({"n_encoder": 1, "n_decoder": 1} | both | choices))
        model = Transformer(config, random_params(config))
        yield f"Transformer: {name}", stepped(model, TRANSLATED, "sgd")
    yield "Transformer: smoothing, dropout", stepped(model, TRANSLATED, None, p=0.2, smoothing=0.1)
