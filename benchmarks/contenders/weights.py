"""The weights that all compute with, what they are fed, and what the reference makes of it.

`python benchmarks/contenders/weights.py build/peers gpt2-124M` writes those of one model.
"""

import argparse
import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.checkpoint import export_huggingface, open_model
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.shipped.fetched import fetch
from pellucid.text.bpe import gpt2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contenders.task import GPT2, LLAMA, MODELS, SMOLLM2, WORKS, Shape, named
from contenders.torch_tools import BETAS, CLIP, DECAY, LEARNING_RATE, STEPS

WORKS_OF = {
    GPT2: ("train", "prefill", "decode", "batch"),
    SMOLLM2: ("prefill", "decode", "batch"),
    LLAMA: ("train",),
}
CONFIGS = {
    GPT2: GPTConfig(),
    LLAMA: LlamaConfig(
        vocab_size=16384,
        block_size=1024,
        n_layer=8,
        n_head=8,
        n_kv_head=4,
        n_embd=512,
        n_inner=1280,
    ),
}
"""Of those with random weights."""
TEXT = Path(__file__).resolve().parents[2] / "docs" / "training.md"
"""English that a trained model reads the beginning of."""
READ = 10_000
"""So many characters, which are more tokens than any work has."""


def tokenizer_files(place: Path) -> None:
    """GPT-2's vocabulary as transformers reads it."""
    library = gpt2().to_json()
    model = json.loads(library)["model"]
    (place / "tokenizer.json").write_text(library)
    (place / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
    (place / "merges.txt").write_text(f"#version: 0.2\n{merges}")
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024}
    (place / "tokenizer_config.json").write_text(json.dumps(settings))


def losses(model: Any, texts: Tensor) -> list[float]:
    """Of the first steps, each on the same texts, by the reference's own layers."""
    found, params, state = [], model.params, None
    for _ in range(STEPS):
        loss, grads = model.with_params(params).loss_and_grads(texts[:, :-1], texts[:, 1:])
        clipped, _ = clip_by_global_norm(grads, CLIP)
        decay = decay_groups(params, DECAY)
        params, state = adamw(
            params, clipped, state, learning_rate=LEARNING_RATE, betas=BETAS, weight_decay=decay
        )
        found.append(float(loss))
    return found


def drawn(vocabulary: int, shape: Shape, more: int) -> list[list[int]]:
    """Made-up texts (B, T), of `more` tokens more than the shape has."""
    batch, length = shape.batch, shape.length + more
    numbers = random.Random(batch * 10_000 + length)
    return [[numbers.randrange(vocabulary - 1) for _ in range(length)] for _ in range(batch)]


def greedy(model: Any, prompt: Tensor, new: int) -> list[int]:
    """The likeliest tokens after a prompt, one after another."""
    found: list[int] = []
    logits, past = model.extend(prompt, None, last=1)
    for _ in range(new):
        found.append(int(logits[-1].argmax()))
        logits, past = model.extend([found[-1]], past)
    return found


def fed(model: Any, work: str, english: list[int]) -> dict[str, Any]:
    """The texts of a work, and what the reference makes of them; of English where there is any."""
    shape, training = WORKS[work], work == "train"
    if english:
        begins = range(0, shape.batch * shape.length, shape.length)
        texts = [english[begin : begin + shape.length] for begin in begins]
    else:
        texts = drawn(model.config.vocab_size, shape, int(training))
    if training:
        return {"texts": texts, "numbers": losses(model, torch.tensor(texts))}
    prompt = torch.tensor(texts[0])
    numbers = model.extend(prompt, None, last=1)[0][-1].tolist()
    more = {"greedy": greedy(model, prompt, shape.new)} if english and shape.new else {}
    return {"texts": texts, "numbers": numbers, **more}


def made(name: str, place: Path, layers: int | None, text: Path) -> tuple[Any, list[int]]:
    """A model, whose files are written, and the English that it reads, if it was trained."""
    if name == SMOLLM2:
        file = place.parent / f"{place.name}-Q4_1.gguf"
        if not file.exists():
            file.symlink_to(fetch(SMOLLM2))
        model, pieces = open_model(str(file), dtype=torch.float32)
        return model, pieces.encode(text.read_text(encoding="utf-8")[:READ])
    config = CONFIGS[name] if layers is None else replace(CONFIGS[name], n_layer=layers)
    model = (GPT if name == GPT2 else Llama).init(config)
    export_huggingface(model, place)
    if name == GPT2:
        tokenizer_files(place)
    return model, []


def main() -> None:
    """Write what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--text", type=Path, default=TEXT)
    options = parser.parse_args()
    place = options.folder / named(options.model, options.layers)
    files = {work: place / f"{work}.json" for work in WORKS_OF[options.model]}
    if all(file.exists() for file in files.values()):
        return
    place.mkdir(parents=True, exist_ok=True)
    model, english = made(options.model, place, options.layers, options.text)
    for work, file in files.items():
        file.write_text(json.dumps(fed(model, work, english)))


if __name__ == "__main__":
    main()
