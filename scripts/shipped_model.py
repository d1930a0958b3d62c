"""Makes `english-1M`, the model that ships: from three texts to the files in the package.

    python scripts/shipped_model.py ../shared/data/text --work build/english-1M
    python scripts/shipped_model.py ../shared/data/text --work build/english-1M --check

The work directory keeps the texts' two parts, the tokens and the run. A run that is there is gone
on with, so a second call only measures and writes. With --check nothing is written: the model and
the card in the package must be what the run gives.
"""

import argparse
import json
import math
import shlex
import subprocess
import sys
from pathlib import Path

import torch

from pellucid.checkpoint import load, save
from pellucid.evaluate import evaluate_text
from pellucid.models import Model
from pellucid.shipped import SHIPPED
from pellucid.text import load_tokenizer
from pellucid.tree import flatten

TEXTS = {
    "shakespeare": '40,000 lines of Shakespeare\'s plays ("tiny shakespeare"), public domain',
    "bible-kjv": "the King James Bible, public domain",
    "austen": "six novels of Jane Austen, public domain",
}
HELD_OUT = 0.05
"""The end of each text, from the next line on, is not trained on."""

TRAIN = (
    "--n-layer 4 --n-head 4 --n-embd 128 --block-size 256 --batch-size 16 --max-iters 4000 "
    "--learning-rate 5e-3 --warmup-iters 100 --min-lr-ratio 0.02 --eval-interval 250 --mixed "
    "--num-samples 0 --seed 1337"
)
VOCABULARY = "bpe:2048"
CANNOT = (
    "It writes sentences in the manner of its three sources, and knows nothing else: no fact can "
    "be asked of it, it invents words, and a sentence seldom belongs to the one before. Of today's "
    "English it knows little."
)


def parts(texts: Path, work: Path) -> None:
    """Cut the end off each text, at a line's end."""
    for part in ("train", "valid"):
        (work / part).mkdir(parents=True, exist_ok=True)
    for name in TEXTS:
        text = (texts / f"{name}.txt").read_text(encoding="utf-8")
        cut = text.index("\n", int(len(text) * (1 - HELD_OUT))) + 1
        (work / "train" / f"{name}.txt").write_text(text[:cut], encoding="utf-8")
        (work / "valid" / f"{name}.txt").write_text(text[cut:], encoding="utf-8")


def commands() -> list[list[str]]:
    """The two commands of the work, in the work directory."""
    texts = [f"train/{name}.txt" for name in TEXTS]
    held = [word for name in TEXTS for word in ("--valid", f"valid/{name}.txt")]
    prepare = ["prepare", *texts, *held, "--tokenizer", VOCABULARY, "-o", "data"]
    return [prepare, ["train", "data", "--out", "run", *TRAIN.split(), "--resume"]]


def make(texts: Path, work: Path) -> None:
    """Prepare the tokens and train, where this is not yet done."""
    parts(texts, work)
    for words in commands():
        if words[0] == "prepare" and (work / "data" / "data.json").exists():
            continue
        print("pellucid", shlex.join(words), flush=True)
        subprocess.run([sys.executable, "-m", "pellucid", *words], cwd=work, check=True)


def bits_per_byte(directory: Path, work: Path) -> tuple[dict[str, float], float]:
    """Of each text's held-out part, and of all three together."""
    model, pieces = load(directory, dtype=torch.float32), load_tokenizer(directory)
    nats, sizes = {}, {}
    for name in TEXTS:
        text = (work / "valid" / f"{name}.txt").read_text(encoding="utf-8")
        found = evaluate_text(model, pieces, text)
        nats[name], sizes[name] = float(found.losses.sum()), sum(found.sizes)
    each = {name: nats[name] / sizes[name] / math.log(2) for name in TEXTS}
    return each, sum(nats.values()) / sum(sizes.values()) / math.log(2)


def card(work: Path, directory: Path) -> str:
    """The model card, every figure of it from the run."""
    rows = [json.loads(line) for line in (work / "run" / "log.jsonl").read_text().splitlines()]
    data = json.loads((work / "data" / "data.json").read_text())
    evaluated = [row for row in rows if "validation_loss" in row]
    model = load(directory)
    size = sum(path.stat().st_size for path in directory.iterdir() if path.suffix != ".md")
    each, together = bits_per_byte(directory, work)
    tokens = data["files"]["train.bin"]["tokens"]
    held = data["files"]["valid.bin"]["tokens"]
    what = (
        f"A {str(model).removeprefix('a ').rpartition(',')[0]}; GPT-2's architecture with tied "
        f"embeddings, a byte-level BPE of {model.config.vocab_size:,}, weights in bfloat16, "
        f"{size / 1e6:.1f} MB in all. It is small enough to be seen through: a model to look into, "
        "not one to rely on."
    )
    trained = (
        f"{tokens:,} tokens were trained on, {rows[-1]['tokens'] / tokens:.1f} times over; the "
        f"last {HELD_OUT:.0%} of each text, {held:,} tokens, were held out, from the tokenizer "
        "too. The texts are in the public domain, and the weights are under Pellucid's licence, "
        "Apache-2.0."
    )
    time = (
        f"on one core of a server processor (`OMP_NUM_THREADS=1`): {rows[-1]['seconds'] / 60:.0f} "
        f"minutes of training at {rows[-1]['tokens_per_second']:,.0f} tokens a second. The same "
        "seed gives the same weights on the same machine; another processor rounds otherwise."
    )
    windows = (
        "Bits per byte on the held-out parts, as they ship, by `pellucid evaluate` (windows of "
        f"{model.config.block_size} tokens every {model.config.block_size // 2}):"
    )
    course = [
        f"| {row['iteration']:,} | {row['loss']:.3f} | {row['validation_loss']:.4f} | "
        f"{row['learning_rate']:.1e} |"
        for row in evaluated
    ]
    lines = [
        *("# english-1M", "", what, "", "## Data and licence", ""),
        *(f"- {what}" for what in TEXTS.values()),
        *("", trained, "", "## How it was made", ""),
        "In a checkout, with the texts in a folder (`python scripts/shipped_model.py FOLDER`):",
        *("", "```", *(f"pellucid {shlex.join(words)}" for words in commands()), "```", "", time),
        *(
            "",
            "| iteration | training loss | validation loss | learning rate |",
            "|--:|--:|--:|--:|",
        ),
        *(*course, ""),
        "Losses are in nats a token; the training loss is one batch's, in bfloat16.",
        *("", "## How well it predicts", "", windows, "", "| text | bits per byte |", "|---|--:|"),
        *(f"| {name} | {each[name]:.3f} |" for name in TEXTS),
        f"| all three | {together:.3f} |",
        *("", "## What it cannot do", "", CANNOT),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make it, or check it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("texts", type=Path)
    options.add_argument("--work", type=Path, default=Path("build/english-1M"))
    options.add_argument("--check", action="store_true")
    given = options.parse_args()
    place = SHIPPED["english-1M"]
    make(given.texts, given.work)
    run = given.work / "run"
    directory = given.work / "model" if given.check else place
    directory.mkdir(parents=True, exist_ok=True)
    load_tokenizer(run).save(directory / "tokenizer.json")
    save(load(run, dtype=torch.bfloat16), directory)
    text = card(given.work, directory)
    if not given.check:
        (place / "README.md").write_text(text, encoding="utf-8")
        print(text)
        return
    mine, theirs = load(directory), load(place)
    same = all(
        torch.equal(one, other) for one, other in zip(_leaves(mine), _leaves(theirs), strict=True)
    )
    current = text == (place / "README.md").read_text(encoding="utf-8")
    print(
        "weights", "the same" if same else "differ", "| card", "the same" if current else "differs"
    )
    sys.exit(not (same and current))


def _leaves(model: Model) -> list[torch.Tensor]:
    return list(flatten(model.params).values())


if __name__ == "__main__":
    main()
