"""What each measure gives a translator: trainings of equal time, one measure added after another.

`python benchmarks/translators.py --data DIR --minutes 10 --out runs/ablation` trains a translator
for each line of `LADDER`, on DIR/train.tsv with DIR/phrases.tsv.gz as --extra, translates the
sources of DIR/valid.tsv, and compares BLEU and chrF with the line before by paired bootstrap.
--pairs adds files of more pairs from their line on, --monolingual a file of English sentences for
the back-translation. A line that has its result is not run again. --table prints the table of what
there is, --only NAME ... runs these lines alone, and --vary NAME VALUE ... runs the last line again
with other values of an option, such as dropout, to choose by validation.

A training has as many iterations as fit into the minutes by a measurement at its beginning; so the
learning rate falls to its end in that time, on a machine that stays as busy as it was then. A
measure that did not help is left out of the lines after it by --without NAME.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.evaluate import compared_scores
from pellucid.text.parallel import read_parallel

PROBE = 40
"""Iterations by which a step's time is measured, and so many before them that do not count."""

Options = dict[str, Any]


class Rung(NamedTuple):
    """A line of the ladder: what it adds to those before it."""

    name: str
    adds: Options
    grammar: bool = False  # it takes sentences of Pellucid's grammar
    pairs: bool = False  # it takes --pairs, if there are some
    back: bool = False  # it takes back-translated sentences, if there are some
    alone: bool = False  # its options are not those of the lines after it


LADDER = (
    Rung("base", {"norm": "post", "learning-rate": 1e-3, "dropout": 0.1, "smoothing": 0.1}),
    Rung("sentences of the grammar", {"sentences": 60000}, grammar=True),
    Rung("bfloat16", {"mixed": True}),
    Rung("pre-norm", {"norm": "pre", "learning-rate": 2e-3}),
    Rung("mean of weights", {"average": 1000}),
    Rung("sub-word dropout", {"subword-dropout": 0.1}),
    Rung("more pairs", {}, pairs=True),
    Rung("a GPT", {"form": "gpt", "n-layer": 5}, alone=True),
    Rung("a GPT with source loss", {"form": "gpt", "n-layer": 5, "source-loss": True}, alone=True),
    Rung("both directions", {"both-directions": "de-en"}),
    Rung("back-translation", {}, back=True),
)
"""The grammar comes early: without it all scores stay near 0 for so long that nothing can be told.
A GPT of 5 blocks has about as many parameters as an encoder-decoder of 2 and 2."""

COMMON: Options = {
    "vocab-size": 4000,
    "n-layer": 2,
    "n-embd": 128,
    "batch-tokens": 1024,
    "warmup-iters": 300,
    "log-interval": 50,
}


def settled(name: str, without: Sequence[str] = ()) -> Rung:
    """A line with what all lines before it add."""
    if name not in {rung.name for rung in LADDER}:
        raise SystemExit(f"translators.py: a line must be one of the ladder, and {name!r} is not")
    found = Rung(name, COMMON)
    for rung in LADDER:
        if rung.name == name or not (rung.alone or rung.name in without):
            found = Rung(
                name,
                found.adds | rung.adds,
                found.grammar or rung.grammar,
                found.pairs or rung.pairs,
                found.back or rung.back,
            )
        if rung.name == name:
            break
    return found


def before(name: str, without: Sequence[str] = ()) -> str | None:
    """The line that a line is compared with."""
    names = [rung.name for rung in LADDER]
    for rung in reversed(LADDER[: names.index(name)]):
        if not (rung.alone or rung.name in without):
            return rung.name
    return None


def flags(options: Options) -> list[str]:
    """Options as a command line has them."""
    found = []
    for name, value in options.items():
        if value is True:
            found.append(f"--{name}")
        elif value not in {None, False}:
            found += [f"--{name}", str(value)]
    return found


def pellucid(*arguments: object, threads: int) -> float:
    """Run a command, and give the seconds that it took."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "pellucid", *map(str, arguments)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    return time.perf_counter() - began


def seconds_a_step(out: Path) -> float:
    """Of the later half of a training, by its log."""
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    timed = [(row["iteration"], row["seconds"]) for row in rows]
    half = max(place for place, (iteration, _) in enumerate(timed) if iteration <= PROBE)
    (first, began), (last, ended) = timed[half], timed[-1]
    return (float(ended) - float(began)) / (int(last) - int(first))


def trained(name: str, args: argparse.Namespace, extra: Options) -> dict[str, Any]:
    """Train a line's translator, translate with it, and give what is to be kept."""
    rung = settled(name, args.without)
    options = rung.adds | extra
    data, out = args.data, args.out / "-".join([*name.split(), *map(str, extra.values())])
    files: list[Path | str] = [data / "train.tsv", "phrasebook"]
    files += ["grammar"] if rung.grammar else []
    files += args.pairs if rung.pairs else []
    if rung.back and args.monolingual:
        options["synthetic"] = back_translated(args)
    more = ["--valid", data / "valid.tsv", "--extra", data / "phrases.tsv.gz", *flags(options)]
    command = ["train-translator", *files, *more, "--seed", args.seed, "--overwrite"]
    probe = ["--max-iters", 2 * PROBE, "--eval-interval", 10**6, "--log-interval", PROBE]
    pellucid(*command, *probe, "--beam", 1, "--out", out, threads=args.threads)
    step = seconds_a_step(out)
    count = max(2 * PROBE, int(args.minutes * 60 / step))
    every = max(1, count // 12)
    timing = ["--max-iters", count, "--eval-interval", every]
    seconds = pellucid(*command, *timing, "--out", out, threads=args.threads)
    found = json.loads((out / "run.json").read_text())["model"]
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    losses = [
        row["validation_loss"]
        for row in map(json.loads, (out / "log.jsonl").read_text().splitlines())
        if "validation_loss" in row
    ]
    texts = out / "valid.en"
    sources = out / "valid.de"
    pairs = read_parallel(data / "valid.tsv")
    sources.write_text("".join(f"{pair.source}\n" for pair in pairs), encoding="utf-8")
    how = ["--model", out, "--out", texts, "--file", sources]
    pellucid("translate", *how, threads=args.threads)
    return {
        "options": {key: str(value) for key, value in options.items()},
        "files": [Path(file).name for file in files],
        "model": found["architecture"],
        "minutes": round(seconds / 60, 2),
        "iterations": count,
        "targets": last["tokens"],
        "targets_per_second": last["tokens_per_second"],
        "validation_loss": min(losses),
        "translations": texts.name,
        "directory": out.name,
    }


def back_translated(args: argparse.Namespace) -> Path:
    """Pairs of what the model of both directions makes of English sentences, and these."""
    made: Path = args.out / "back.tsv"
    if not made.exists():
        model = args.out / "both-directions"
        how = ["--to", "de", "--greedy", "--pairs", "--out", made, "--file", args.monolingual]
        pellucid("translate", "--model", model, *how, threads=args.threads)
    return made


def compare(args: argparse.Namespace, results: dict[str, Any]) -> None:
    """Write each line's scores, and how it differs from the line before."""
    references = [pair.target for pair in read_parallel(args.data / "valid.tsv")]

    def texts(name: str) -> list[str]:
        one = results[name]
        path = args.out / one["directory"] / one["translations"]
        content: str = path.read_text(encoding="utf-8")
        return content.removesuffix("\n").split("\n")

    for name, one in results.items():
        base = one["against"] if one["against"] in results else None
        systems = {key: texts(key) for key in (base, name) if key}
        scores = compared_scores(systems, references, samples=args.samples)
        one["scores"] = {metric: found._asdict() for metric, found in scores[name].items()}
        for metric, found in (scores[base] if base else {}).items():
            one["scores"][metric]["gain"] = scores[name][metric].score - found.score


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| what is added | to | iterations | BLEU | chrF | gain in BLEU | p | gain in chrF | p |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, one in results.items():
        scores = [one["scores"][metric] for metric in ("BLEU", "chrF")]
        cells = [name, one["against"] or "", f"{one['iterations']:,}"]
        cells += [f"{score['score']:.2f} ± {score['interval']:.2f}" for score in scores]
        for score in scores:
            compared = "gain" in score
            cells += [f"{score['gain']:+.2f}", f"{score['p_value']:.3f}"] if compared else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train what is missing, compare, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--pairs", nargs="*", type=Path, default=[])
    parser.add_argument("--monolingual", type=Path)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument(
        "--without", nargs="*", default=[], help="lines whose measure did not help the lines after"
    )
    parser.add_argument("--vary", nargs="+", default=[], metavar="NAME VALUE")
    parser.add_argument("--line", default="sub-word dropout", help="what --vary varies")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    kept = args.out / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if not args.table:
        option, *values = args.vary or [""]
        wanted: list[tuple[str, Options]] = (
            [(args.line, {option: value}) for value in values]
            if option
            else [(rung.name, {}) for rung in LADDER if args.only is None or rung.name in args.only]
        )
        for name, extra in wanted:
            rung = next(rung for rung in LADDER if rung.name == name)
            lacks = (rung.pairs and not args.pairs) or (rung.back and not args.monolingual)
            title = " ".join([name, *(f"{key} {value}" for key, value in extra.items())])
            if title in results or lacks:
                continue
            found = trained(name, args, extra)
            # Another process may have added its lines meanwhile.
            results = json.loads(kept.read_text()) if kept.exists() else {}
            against = name if extra else before(name, args.without)
            results[title] = found | {"against": against}
            compare(args, results)
            kept.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if results:
        compare(args, results)
        kept.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(table(results))


if __name__ == "__main__":
    main()
