"""Makes a model that ships: from its texts to the files in the package.

    python scripts/shipped_model.py english-1M ../shared/data/text
    python scripts/collect_english.py build/texts
    python scripts/shipped_model.py english-4M build/texts
    python scripts/shipped_model.py english-4M build/texts --check

The work directory, build/NAME, keeps the texts' two parts, the tokens and the run. A run that is
there is gone on with, so a second call only measures and writes. With --check nothing is written:
the model and the card in the package must be what the run gives.
"""

import argparse
import hashlib
import json
import math
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import torch
from makings import MAKINGS, Making
from shipping import check

import pellucid.shipped
from pellucid.checkpoint import load, save
from pellucid.evaluate import evaluate_text
from pellucid.generate import Sampling, generate
from pellucid.models import Model
from pellucid.shipped import SHIPPED
from pellucid.text import Tokenizer, load_tokenizer

HELD_OUT = 0.05
"""The end of each text, from the next line on, is not trained on."""


SAMPLING = Sampling(temperature=0.7, top_p=0.9)
ADDED = 60
SEED = 1337
"""The card's continuations: how they are drawn, how many tokens, and from which random numbers."""


def parts(making: Making, texts: Path, work: Path) -> None:
    """Cut the end off each text, at a line's end."""
    for part in ("train", "valid"):
        (work / part).mkdir(parents=True, exist_ok=True)
    for name in making.texts:
        text = (texts / f"{name}.txt").read_text(encoding="utf-8")
        cut = text.index("\n", int(len(text) * (1 - HELD_OUT))) + 1
        (work / "train" / f"{name}.txt").write_text(text[:cut], encoding="utf-8")
        (work / "valid" / f"{name}.txt").write_text(text[cut:], encoding="utf-8")


def commands(making: Making) -> list[list[str]]:
    """The two commands of the work, in the work directory."""
    texts = [f"train/{name}.txt" for name in making.texts]
    held = [word for name in making.texts for word in ("--valid", f"valid/{name}.txt")]
    prepare = ["prepare", *texts, *held, "--tokenizer", making.vocabulary, "-o", "data"]
    return [prepare, ["train", "data", "--out", "run", *making.train.split(), "--resume"]]


def make(making: Making, texts: Path, work: Path) -> None:
    """Prepare the tokens and train, where this is not yet done."""
    parts(making, texts, work)
    for words in commands(making):
        if words[0] == "prepare" and (work / "data" / "data.json").exists():
            continue
        print("pellucid", shlex.join(words), flush=True)
        subprocess.run([sys.executable, "-m", "pellucid", *words], cwd=work, check=True)


def nats_and_bytes(directory: Path, file: Path, work: Path) -> tuple[float, int]:
    """What a model needs for a text in all, and the bytes of the text.

    `measured.json` keeps it for the same weights and the same text: it takes minutes.
    """
    kept = work / "measured.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    key = " ".join(
        hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in (directory / "model.safetensors", directory / "tokenizer.json", file)
    )
    if key not in known:
        model, pieces = load(directory, dtype=torch.float32), load_tokenizer(directory)
        found = evaluate_text(model, pieces, file.read_text(encoding="utf-8"))
        known[key] = float(found.losses.sum()), sum(found.sizes)
        kept.write_text(json.dumps(known, indent=1) + "\n")
    nats, size = known[key]
    return nats, size


def bits_per_byte(
    directory: Path, files: dict[str, Path], work: Path
) -> tuple[dict[str, float], float]:
    """Of each file by its name, and of all together."""
    found = {name: nats_and_bytes(directory, file, work) for name, file in files.items()}
    nats, sizes = zip(*found.values(), strict=True)
    bits = {name: lost / size / math.log(2) for name, (lost, size) in found.items()}
    return bits, sum(nats) / sum(sizes) / math.log(2)


def in_short_lines(file: Path, work: Path) -> Path:
    """The text broken into lines of a book's length, each space or line's end one byte as before.

    english-1M has seen no longer line, and is lost in one.
    """
    lines = file.read_text(encoding="utf-8").split("\n")
    broken = [
        textwrap.fill(line, 72, break_long_words=False, break_on_hyphens=False) for line in lines
    ]
    (work / "short").mkdir(exist_ok=True)
    (work / "short" / file.name).write_text("\n".join(broken), encoding="utf-8")
    return work / "short" / file.name


def continuations(making: Making, model: Model, pieces: Tokenizer) -> Iterator[str]:
    """What the model adds to each prompt, as quoted lines of Markdown."""
    generator = torch.Generator().manual_seed(SEED)
    for prompt in making.prompts:
        tokens = pieces.encode(prompt)
        drawn = generate(
            model, tokens, max_new_tokens=ADDED, sampling=SAMPLING, generator=generator
        )
        added = pieces.decode([draw.token for draw in drawn])
        yield "- " + f"**{prompt}**{added}".replace("\n", " / ").strip()


def card(name: str, making: Making, texts: Path, work: Path, directory: Path) -> str:
    """The model card, every figure of it from the run."""
    rows = [json.loads(line) for line in (work / "run" / "log.jsonl").read_text().splitlines()]
    data = json.loads((work / "data" / "data.json").read_text())
    evaluated = [row for row in rows if "validation_loss" in row]
    model = load(directory)
    size = sum(path.stat().st_size for path in directory.iterdir() if path.suffix != ".md")
    tokens = data["files"]["train.bin"]["tokens"]
    held = data["files"]["valid.bin"]["tokens"]
    what = (
        f"A {str(model).removeprefix('a ').rpartition(',')[0]}; {making.architecture}, a "
        f"byte-level BPE of {model.config.vocab_size:,}, weights in bfloat16, "
        f"{size / 1e6:.1f} MB in all. It is small enough to be seen through: a model to look into, "
        "not one to rely on."
    )
    trained = (
        f"{tokens:,} tokens were trained on, {rows[-1]['tokens'] / tokens:.1f} times over; the "
        f"last {HELD_OUT:.0%} of each text, {held:,} tokens, were held out, from the tokenizer "
        f"too. {making.licence}"
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
        *(f"# {name}", "", what, "", "## Data and licence", ""),
        *data_of(making, texts, work),
        *("", trained, "", "## How it was made", ""),
        f"In a checkout, {making.script}:",
        *("", "```", *(f"pellucid {shlex.join(words)}" for words in commands(making)), "```", ""),
        *(time, ""),
        "| iteration | training loss | validation loss | learning rate |",
        *("|--:|--:|--:|--:|", *course, ""),
        "Losses are in nats a token; the training loss is one batch's, in bfloat16.",
        *("", "## How well it predicts", "", windows, ""),
        *measured(making, directory, texts, work),
    ]
    if making.prompts:
        how = (
            f"Ten continuations, the prompts written before the training and no other tried: "
            f"{ADDED} tokens at temperature {SAMPLING.temperature} and top-p {SAMPLING.top_p}, one "
            f"after another from the seed {SEED}. A line's end is shown as /."
        )
        pieces = load_tokenizer(directory)
        lines += ["", "## What it writes", "", how, "", *continuations(making, model, pieces)]
    lines += ["", "## What it cannot do", "", making.cannot]
    return "\n".join(lines) + "\n"


def data_of(making: Making, texts: Path, work: Path) -> list[str]:
    """The card's lines on the texts: a list, or a table where packages carry them."""
    file = texts.parent / "sources.json"
    if making.modern is None:
        return [f"- {what}" for what in making.texts.values()]
    sources = json.loads(file.read_text(encoding="utf-8"))
    lines = ["| text | what | from | licence | MB |", "|---|---|---|---|--:|"]
    for name in making.texts:
        of = sources[name]
        origin = f"{of['registry']} `{of['package']}`"
        if of["version"] and of["version"] not in of["package"]:
            origin += f" {of['version']}"
        size = (work / "train" / f"{name}.txt").stat().st_size
        lines.append(f"| {name} | {of['what']} | {origin} | {of['licence']} | {size / 1e6:.2f} |")
    lines.append("")
    for name, what in making.modern.items():
        of = sources[name]
        lines.append(
            f"- held out whole, and named before the training: {name}, {what} "
            f"({of['bytes'] / 1e6:.2f} MB, {of['registry']} `{of['package']}`)"
        )
    return lines


def measured(making: Making, directory: Path, texts: Path, work: Path) -> list[str]:
    """The card's tables of bits per byte."""
    held = {name: work / "valid" / f"{name}.txt" for name in making.texts}
    each, together = bits_per_byte(directory, held, work)
    lines = [
        *("| text | bits per byte |", "|---|--:|"),
        *(f"| {name} | {bits:.3f} |" for name, bits in each.items()),
        f"| all {'three' if len(each) == 3 else len(each)} | {together:.3f} |",
    ]
    if making.modern is None or making.beside is None:
        return lines
    whole = {name: texts / f"{name}.txt" for name in making.modern}
    mine, _ = bits_per_byte(directory, whole, work)
    short = {name: in_short_lines(file, work) for name, file in whole.items()}
    theirs, _ = bits_per_byte(SHIPPED[making.beside], short, work)
    note = (
        f"On the texts of which nothing was trained on; {making.beside} reads them in lines of at "
        "most 72 letters, since it knows no others:"
    )
    return [
        *lines,
        "",
        *(note, "", f"| text | bits per byte | {making.beside} |", "|---|--:|--:|"),
        *(f"| {name} | {mine[name]:.3f} | {theirs[name]:.3f} |" for name in whole),
    ]


def main() -> None:
    """Make it, or check it."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("name", choices=MAKINGS)
    options.add_argument("texts", type=Path, help="The folder of the texts.")
    options.add_argument("--work", type=Path, help="By default build/NAME.")
    options.add_argument("--check", action="store_true")
    given = options.parse_args()
    making, work = MAKINGS[given.name], given.work or Path("build") / given.name
    collected = given.texts / "texts"
    texts = collected if collected.is_dir() else given.texts
    missing = [
        name
        for name in (*making.texts, *(making.modern or ()))
        if not (texts / f"{name}.txt").exists()
    ]
    if missing:
        sys.exit(
            f"error: {texts} must hold {missing[0]}.txt, and does not: collect the texts first"
        )
    make(making, texts, work)
    run = work / "run"
    place = Path(pellucid.shipped.__file__).with_name(given.name.replace("-", "_"))
    directory = work / "model" if given.check else place
    directory.mkdir(parents=True, exist_ok=True)
    load_tokenizer(run).save(directory / "tokenizer.json")
    save(load(run, dtype=torch.bfloat16), directory)
    text = card(given.name, making, texts, work, directory)
    if given.check:
        check(load(directory), text, place)
    (place / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
