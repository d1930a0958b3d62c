"""What rounding a trained model's weights costs: perplexity by Pellucid's forms and llama.cpp's.

    pip install -e '.[peers]'
    python benchmarks/quantized.py TEXT.txt … --out quantized.json

The model is `english-1M`, or another of --model; of each text the last twentieth, which english-1M
was not trained on, is cut into windows of the model's context or of `--length`. Every form reads
the same tokens: Pellucid's by `models.packed`, llama.cpp's from a GGUF file of the same weights
that it quantized itself. A model that came in a GGUF file is read in the file's own numbers too,
by both. No time is taken. Bytes are those of all tensors: llama.cpp's kinds mix forms, and where a
row of a matrix is no multiple of 256, its Q4_K takes a larger one.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import cross_entropy

from pellucid.checkpoint import export_gguf, load, open_model
from pellucid.checkpoint.recognise import find
from pellucid.kernels import fastest
from pellucid.kernels.packing import FORMS
from pellucid.models import packed
from pellucid.tree import flatten

HELD_OUT = 0.05
Logits = Callable[[Tensor], Tensor]
Forms = Iterator[tuple[str, str, int, Logits]]
"""Whose, its name, the bytes of its tensors, and what it computes."""


def windows(texts: list[Path], pieces: Any, length: int) -> Tensor:
    """Tokens (N, T + 1) of the texts' ends; what does not fill a window is left out."""
    ids: list[Tensor] = []
    for path in texts:
        text = path.read_text(encoding="utf-8")
        tokens = torch.tensor(pieces.encode(text[int(len(text) * (1 - HELD_OUT)) :]))
        count = (len(tokens) - 1) // length
        ids.append(tokens[: count * length + 1].unfold(0, length + 1, length))
    return torch.cat(ids)


def leaves(model: Any) -> list[Any]:
    """Its parameters."""
    return list(flatten(model.params).values())


def own_forms(model: Any, file: Path | None) -> Forms:
    """The reference, and the packed models; of a GGUF file, in its own numbers too."""
    yield "pellucid", "reference", sum(leaf.nbytes for leaf in leaves(model)), model.forward
    for form in ("stored", *FORMS) if file else FORMS:
        ready: Any = load(file, form="stored") if form == "stored" else packed(model, form)
        yield (
            "pellucid",
            form,
            sum(leaf.nbytes for leaf in leaves(ready)),
            lambda tokens, ready=ready: ready.forward(tokens, ops=fastest(ready.params)),
        )


def llama_forms(model: Any, pieces: Any, folder: Path, came: Path | None, length: int) -> Forms:
    """llama.cpp's kinds of the same weights; and the file that they came in, as it is."""
    from contenders.gguf_file import NAMES, model_bytes, quantize  # noqa: PLC0415 - an extra
    from contenders.llama import Engine  # noqa: PLC0415

    whole = folder / "whole.gguf"
    export_gguf(model, pieces, whole, form="F32")
    files = {"the file": came} if came else {}
    for precision, name in (NAMES | {"Q4_1": "Q4_1", "Q4_K": "Q4_K"}).items():
        files[name] = folder / f"{precision}.gguf"
        quantize(whole, files[name], precision, torch.get_num_threads())
    for name, file in files.items():
        engine = Engine(
            file,
            threads=torch.get_num_threads(),
            batch=1,
            length=length,
            prompt=length,
            flash=False,
        )

        def logits(tokens: Tensor, engine: Any = engine) -> Tensor:
            engine.clear()
            return torch.from_numpy(engine.read([tokens.tolist()], 0, every=True).copy())

        yield "llama.cpp", name, model_bytes(engine.model), logits


def nats(logits: Logits, texts: Tensor) -> float:
    """The mean loss of all tokens."""
    total = 0.0
    for text in texts:
        total += cross_entropy(logits(text[:-1]).float(), text[1:], reduction="sum").item()
    return total / (texts.shape[0] * (texts.shape[1] - 1))


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--model", default="english-1M")
    parser.add_argument("--length", type=int, help="Of a window; by default the context.")
    parser.add_argument("--at-most", type=int, default=400, help="Windows, spread over the texts.")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args()
    model, pieces = open_model(options.model)
    model = model.to(dtype=torch.float32)
    place = find(options.model)
    file = place if place.suffix == ".gguf" else None
    length = min(options.length or model.config.block_size, model.config.block_size)
    texts = windows(options.texts, pieces, length)
    texts = texts[:: max(1, math.ceil(len(texts) / options.at_most))]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        forms = [own_forms(model, file)]
        if find_spec("llama_cpp") and find_spec("gguf"):
            forms.append(llama_forms(model, pieces, Path(folder), file, length))
        for kind in forms:
            for peer, form, size, logits in kind:
                row = {"peer": peer, "form": form, "bytes": size}
                rows.append(row | {"nats": nats(logits, texts)})
    table = Table(title=f"{model}, {texts[:, 1:].numel():,} held-out tokens")
    for name in ("", "form", "bits a weight", "nats a token", "perplexity", "change"):
        table.add_column(name, justify="left" if name in {"", "form"} else "right")
    whole = math.exp(rows[0]["nats"])
    for row in rows:
        row["perplexity"] = math.exp(row["nats"])
        row["change"] = row["perplexity"] / whole - 1
        row["bits"] = 8 * row["bytes"] / model.parameter_count
        numbers = (
            f"{row['bits']:.2f}",
            f"{row['nats']:.5f}",
            f"{row['perplexity']:.4f}",
            f"{row['change']:+.3%}",
        )
        table.add_row(row["peer"], row["form"], *numbers)
    screen = Console(highlight=False, width=100)
    screen.print(table)
    if len(forms) == 1:
        screen.print("llama-cpp-python or gguf is not installed: pip install -e '.[peers]'")
    if options.out:
        names = " ".join(path.name for path in options.texts)
        found = {
            "command": f"python benchmarks/quantized.py {names} --model {options.model}"
            + (f" --length {length}" if options.length else ""),
            "model": str(model),
            "tokens": texts[:, 1:].numel(),
            "rows": rows,
        }
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
