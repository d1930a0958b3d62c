"""Every measurement of docs/performance.md, one after another, into benchmarks/results/.

    python benchmarks/all.py --nanogpt nanoGPT --text austen.txt --prepare  # no timing
    python benchmarks/all.py --nanogpt nanoGPT --text austen.txt            # when all is quiet
    python scripts/performance_page.py

A part is a command of its own, and what it measured is saved when it ends: a run that was broken
off goes on where it was, and `--fresh` begins anew. `--prepare` writes the weights in every peer's
format, compiles, and compares all with the reference. `--only` and `--again` take parts by the
beginnings of their names, `--list` names them.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
RUN = "run.json"
SLOWER = (
    *("FAST", "transformers eager", "nanoGPT compiled", "ONNX Runtime 8 bits", "llama.cpp"),
    *(f"llama.cpp {name}" for name in ("F32", "BF16", "Q8_0", "Q4_0")),
)
"""Contenders that another of the same program's was always ahead of."""
TRAINED = {
    "float32": (
        "FAST",
        "eager",
        "pellucid compiled",
        "nanoGPT compiled",
        "nanoGPT compiled, oneDNN",
    ),
    "bfloat16": ("FAST", "eager", "nanoGPT compiled"),
}
"""Of training, by precision: those that are left out."""
FORMS = ("float32", "bfloat16", "int8", "int4")


class Part(NamedTuple):
    """A command, and what it is given besides."""

    name: str
    words: tuple[str, ...]
    out: str  # the file of results
    needs: tuple[str, ...] = ()  # of the options: nanogpt, text
    prepared: bool = False  # whether --prepare concerns it


def script(name: str, file: str, *words: str, out: str, needs: tuple[str, ...] = ()) -> Part:
    """A file of benchmarks/."""
    return Part(name, (f"benchmarks/{file}", *words), out, needs)


def pellucid(name: str, *words: str, out: str) -> Part:
    """A command of Pellucid's."""
    return Part(name, ("-m", "pellucid", *words), out)


def peers(
    model: str, work: str, precision: str, rounds: int, *words: str, without: tuple[str, ...]
) -> Part:
    """One group of `peers.py`."""
    chosen = ("--models", model, "--works", work, "--precisions", precision)
    left_out = ("--without", *without) if without else ()
    needs = {"gpt2-124M": ("nanogpt",), "smollm2-135m": ("text",)}.get(model, ())
    return Part(
        f"{model} {work} {precision}",
        ("benchmarks/peers.py", *chosen, *left_out, "--rounds", str(rounds), *words, "--add"),
        "peers.json",
        needs,
        prepared=True,
    )


def plan() -> Iterator[Part]:
    """All parts, the most important first."""
    for work, rounds in (("decode", 5), ("prefill", 5), ("batch", 3)):
        for precision in ("Q4_1", "Q8_0"):
            words = ("smollm2-135m", work, precision, rounds)
            yield peers(*words, "--disturbed", without=SLOWER)
    for work, rounds in (("decode", 5), ("prefill", 5), ("batch", 3)):
        for precision in FORMS:
            yield peers("gpt2-124M", work, precision, rounds, "--disturbed", without=SLOWER)
    for model in ("llama-30M", "gpt2-124M"):
        for precision, without in TRAINED.items():
            yield peers(model, "train", precision, 5, without=without)
    start = ("benchmarks/peers.py", "--works", "start", "--rounds", "5", "--add")
    yield Part("start", start, "peers.json")
    yield script("decoding", "decoding.py", out="decoding.json")
    yield script("tracing", "tracing.py", "--rounds", "5", out="tracing.json")
    bench = ("bench", "--batch-size", "2", "--length", "256")
    yield pellucid("bench gpt2", *bench, "--model", "gpt2-124M-random", out="bench.json")
    yield pellucid("bench smollm2", *bench, "--model", "smollm2-135m", out="bench-smollm2.json")
    yield pellucid("sweep", "bench", "--sweep", out="sweep.json")
    yield script(
        "BPE", "prepare.py", "{text}", "--megabytes", "100", out="prepare.json", needs=("text",)
    )
    yield script("perplexity", "quantized.py", "{text}", out="quantized.json", needs=("text",))
    yield script(
        "perplexity smollm2",
        *(
            "quantized.py",
            "{text}",
            "--model",
            "smollm2-135m",
            "--length",
            "512",
            "--at-most",
            "24",
        ),
        out="quantized-smollm2.json",
        needs=("text",),
    )
    yield script("proving", "proving.py", "--model", "gpt2-124M-random", out="proving.json")


def words_of(part: Part, options: Any) -> list[str]:
    """The part's command, with the places of this machine."""
    words = [word.replace("{text}", str(options.text)) for word in part.words]
    if "benchmarks/peers.py" in words:
        words += ["--work", options.work, "--threads", str(options.threads)]
        words += ["--nanogpt", options.nanogpt] if "nanogpt" in part.needs else []
        words += ["--text", str(options.text)] if "text" in part.needs else []
    if options.prepare:
        words[words.index("--rounds") + 1] = "0"
    return [*words, "--out", str(options.results / part.out)]


def told(part: Part) -> str:
    """The command as the page tells it: without places of this machine."""
    words = [word.replace("{text}", "TEXT") for word in part.words if word != "--add"]
    start = "pellucid" if words[:2] == ["-m", "pellucid"] else f"python {words[0]}"
    return f"{start} {shlex.join(words[2 if start == 'pellucid' else 1 :])}".strip()


def run(part: Part, options: Any) -> dict[str, Any]:
    """Run it: its command, seconds, and how it ended."""
    began = time.perf_counter()
    code = subprocess.run(
        [sys.executable, *words_of(part, options)], cwd=HERE.parent, check=False
    ).returncode
    return {"command": told(part), "seconds": time.perf_counter() - began, "code": code}


def chosen(options: Any) -> list[Part]:
    """The parts that were asked for."""
    return [
        part
        for part in plan()
        if (not options.only or part.name.startswith(tuple(options.only)))
        and (part.prepared or not options.prepare)
    ]


def parsed() -> Any:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nanogpt", metavar="DIR", help="A checkout of nanoGPT.")
    parser.add_argument("--text", metavar="FILE", type=Path, help="English of a megabyte or more.")
    parser.add_argument("--only", nargs="+", default=[], metavar="PART")
    parser.add_argument("--again", nargs="+", default=[], metavar="PART")
    parser.add_argument("--fresh", action="store_true", help="Measure all again.")
    parser.add_argument("--prepare", action="store_true", help="Only write and compile.")
    parser.add_argument("--list", action="store_true", help="Only name the parts.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", metavar="DIR", default="build/peers", help="For the weights.")
    parser.add_argument("--results", metavar="DIR", type=Path, default=HERE / "results")
    options = parser.parse_args()
    for name in ("text", "nanogpt"):
        place = getattr(options, name)
        if place is None:
            if not options.list and any(name in part.needs for part in chosen(options)):
                parser.error(f"--{name} is needed by parts that were chosen")
        elif not Path(place).exists():
            parser.error(f"--{name}: there is no {place}")
        else:
            setattr(options, name, type(place)(Path(place).resolve()))
    options.work, options.results = str(Path(options.work).resolve()), options.results.resolve()
    return options


def main() -> None:
    """Go through the plan."""
    options = parsed()
    parts = chosen(options)
    if options.list:
        print("\n".join(f"{part.name:<28} {told(part)}" for part in parts))
        return
    options.results.mkdir(parents=True, exist_ok=True)
    file = options.results / RUN
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    known: dict[str, Any] = {"began": now, "parts": {}}
    if file.exists() and not options.fresh:
        known = json.loads(file.read_text())
    elif not options.prepare:
        for name in {part.out for part in plan()}:
            (options.results / name).unlink(missing_ok=True)
    failed = []
    for part in parts:
        again = any(part.name.startswith(name) for name in options.again)
        if not options.prepare and not again and known["parts"].get(part.name, {}).get("code") == 0:
            continue
        print(f"== {part.name}", flush=True)
        ended = run(part, options)
        print(f"== {part.name}: {ended['seconds']:.0f} s", flush=True)
        if ended["code"]:
            failed.append(part.name)
        if not options.prepare:
            known["parts"][part.name] = ended
            file.write_text(json.dumps(known, indent=1) + "\n")
    if failed:
        sys.exit(f"these failed, and are tried again by the next run: {', '.join(failed)}")


if __name__ == "__main__":
    main()
