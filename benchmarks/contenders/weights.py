"""The weights that all contenders compute with, and what the reference makes of them.

`python benchmarks/contenders/weights.py build/peers 12` writes those of 12 layers.
"""

import json
import sys
from pathlib import Path

import torch

from pellucid.checkpoint import export_huggingface
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.text.bpe import gpt2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contenders.task import WORKS, draw

LEARNING_RATE, BETAS, DECAY, CLIP = 6e-4, (0.9, 0.95), 0.1, 1.0
"""The training that all do: AdamW, with weight decay on matrices, after clipping."""
STEPS = 3
"""So many losses are compared."""
REFERENCE = "reference.json"


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


def losses(model: GPT, texts: torch.Tensor) -> list[float]:
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


def main() -> None:
    """Write them, where they are not there yet."""
    place = Path(sys.argv[1]) / f"gpt2-{sys.argv[2]}"
    if (place / REFERENCE).exists():
        return
    model = GPT.init(GPTConfig(n_layer=int(sys.argv[2])))
    export_huggingface(model, place)
    tokenizer_files(place)
    reference: dict[str, list[float]] = {}
    for work, shape in WORKS.items():
        if work == "train":
            texts = torch.tensor(draw(shape.batch, shape.length + 1))
            reference[work] = losses(model, texts)
        else:
            prompt = torch.tensor(draw(shape.batch, shape.length)[0])
            reference[work] = model.forward(prompt)[-1].tolist()
    (place / REFERENCE).write_text(json.dumps(reference))


if __name__ == "__main__":
    main()
