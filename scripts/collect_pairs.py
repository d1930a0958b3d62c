"""Collects German and English sentences from Debian's packages, one file for each source.

    python scripts/collect_pairs.py --archives build/archives --out build/pairs \
        --held-out ../shared/data/de-en/valid.tsv
    python scripts/collect_pairs.py --archives build/archives --out build/pairs \
        --held-out ../shared/data/de-en/valid.tsv --check

Packages that the archives' folder lacks are downloaded by apt (2 GB for all); a folder that has
them needs no network. `--out` gets `SOURCE.tsv` (German, tab, English), `report.json` (what was
found, and why what was not kept), `licences.json` and each package's own copyright file. With
`--train FILE` also `test.tsv`, drawn from the file, and `train.tsv`, the rest without what is near
to held-out pairs; the test pairs are then held out too. `--phrases FILE` (words and phrases, may be
.gz) gives `phrases.tsv.gz`, the file without what is near. With
`--check` nothing is written: what is there must be what comes out now. `--closest N --like FILE`
keeps, of all, the N pairs nearest to a file's: `closest.tsv`. Needs polib and lxml (pip install).
"""

import argparse
import gzip
import hashlib
import json
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bitext.archives import CollectError
from bitext.collecting import Collected, Collector, Pairs, near_to, split
from bitext.likeness import Likeness

SOURCES = Path(__file__).parent / "bitext" / "sources.toml"


def lines(pairs: Pairs) -> bytes:
    """Pairs as a file has them."""
    return "".join(f"{german}\t{english}\n" for german, english in pairs).encode()


def table(path: Path) -> list[tuple[str, str]]:
    """The pairs of a file of two columns."""
    try:
        data = path.read_bytes()
        lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CollectError(
            f"{path} must be a file of German, tab, English: {getattr(error, 'strerror', error)}"
        ) from error
    pairs = []
    for number, line in enumerate(lines, 1):
        columns = line.split("\t")
        if len(columns) != 2:
            raise CollectError(
                f"{path}, line {number} must be German, tab, English, and has {len(columns)} "
                f"column{'s' * (len(columns) != 1)}: mend the line"
            )
        pairs.append((columns[0], columns[1]))
    return pairs


def outputs(sources: list[Collected]) -> dict[str, bytes]:
    """Everything that is written, by its name in the folder."""
    out = {}
    for source in sources:
        out[f"{source.name}.tsv"] = lines(source.kept)
        for package, data in source.copyrights.items():
            out[f"copyright/{package}"] = data
    report = {source.name: source.report() for source in sources}
    rights = {
        source.name: {
            one.package: {
                "version": one.version,
                "licences": source.licence[one.package][0],
                "licences of parts": source.licence[one.package][1],
                "copyright": f"copyright/{one.package}",
                "sha256": hashlib.sha256(source.copyrights[one.package]).hexdigest(),
            }
            for one in source.archives
        }
        or {name: {"licences": own} for name, (own, _) in source.licence.items()}
        for source in sources
    }
    for name, value in (("report.json", report), ("licences.json", rights)):
        out[name] = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    return out


def closest(sources: list[Collected], like: Path, number: int) -> tuple[bytes, dict[str, Any]]:
    """The pairs nearest to a file's, nearest first, and how many of each source are among them."""
    everything = [(s.name, pair) for s in sources if s.name != "words" for pair in s.kept]
    judge = Likeness(table(like), [pair for _, pair in everything])
    scored = sorted(
        ((judge.score(*pair), place) for place, (_, pair) in enumerate(everything)),
    )
    chosen = scored[:number]
    shares: dict[str, Any] = {}
    of = Counter(name for name, _ in everything)
    taken = Counter(everything[place][0] for _, place in chosen)
    sums: Counter[str] = Counter()
    for score, place in scored:
        sums[everything[place][0]] += score  # type: ignore[assignment]
    for name in of:
        shares[name] = {
            "pairs": of[name],
            "mean bits": round(sums[name] / of[name], 2),
            "chosen": taken[name],
        }
    return lines([everything[place][1] for _, place in chosen]), shares


def as_table(report: dict[str, Any]) -> str:
    """The report for a page: a row for each source."""
    rows = [
        "| source | texts | sentences | kept | twice | near held out | other | words | licences |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    sums: Counter[int] = Counter()
    for name, one in report.items():
        removed = one["removed"]
        other = sum(removed.values()) - removed["duplicate"] - removed["held out"]
        counts = [one["texts"], one["sentences"], one["kept"], removed["duplicate"]]
        counts += [removed["held out"], other]
        sums.update(dict(enumerate(counts)))
        numbers = " | ".join(f"{n:,}" for n in counts)
        length = f"{one['german words']} / {one['english words']}"
        rows.append(f"| {name} | {numbers} | {length} | {', '.join(one['licences'])} |")
    rows.append(f"| all | {' | '.join(f'{sums[place]:,}' for place in range(6))} | | |")
    return "\n".join(rows)


def compare(folder: Path, new: dict[str, bytes]) -> None:
    """Refuse the first file that is not what comes out now."""
    for name, data in new.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != data:
            raise CollectError(f"{path} must be what is collected now, and is not: collect again")


def main(words: list[str] | None = None) -> int:
    """Collect, write and report; 1 with a line for the reader when something cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", type=Path, required=True, help="folder of packages")
    parser.add_argument("--out", type=Path, required=True, help="folder of what is collected")
    parser.add_argument(
        "--held-out", type=Path, nargs="+", required=True, help="files no sentence may be near to"
    )
    parser.add_argument("--train", type=Path, help="training pairs, to split test pairs from")
    parser.add_argument("--test", type=int, metavar="N", default=500, help="how many (500)")
    parser.add_argument("--phrases", type=Path, help="pairs to keep but for what is near")
    parser.add_argument("--only", nargs="+", help="these sources alone")
    parser.add_argument("--offline", action="store_true", help="take what the folder has")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--table", action="store_true", help="print the report as a table")
    parser.add_argument("--closest", type=int, metavar="N", help="also the N nearest to --like")
    parser.add_argument("--like", type=Path, help="pairs of the kind that is wanted")
    options = parser.parse_args(words)
    try:
        collect(options)
    except CollectError as error:
        print(f"collect_pairs: {error}", file=sys.stderr)
        return 1
    return 0


def collect(options: argparse.Namespace) -> None:
    """Do what the options say."""
    if (options.closest is None) != (options.like is None):
        raise CollectError("--closest N and --like FILE must come together: name both or none")
    entries = tomllib.loads(SOURCES.read_text(encoding="utf-8"))["source"]
    if options.only:
        known = [entry["name"] for entry in entries]
        strange = [name for name in options.only if name not in known]
        if strange:
            raise CollectError(f"--only must name sources, not {strange[0]}: {', '.join(known)}")
        entries = [entry for entry in entries if entry["name"] in options.only]
    held = [pair for path in options.held_out for pair in table(path)]
    new = {}
    if options.train:
        test, rest = split(table(options.train), options.test, held)
        new = {"test.tsv": lines(test), "train.tsv": lines(rest)}
        held += test
    if options.phrases:
        near, phrases = near_to(held), table(options.phrases)
        kept = [pair for pair in phrases if not near(pair)]
        new["phrases.tsv.gz"] = gzip.compress(lines(kept), mtime=0)
        said = f"phrases: {len(kept):,} of {len(phrases):,} kept, the others near to held-out pairs"
        print(said, file=sys.stderr, flush=True)
    collector = Collector(options.archives, held, offline=options.offline)
    sources = []
    for entry in entries:
        source = collector.collect(entry)
        if not source.texts:
            print(f"{entry['name']}: nothing there, left out", file=sys.stderr, flush=True)
            continue
        sources.append(source)
        print(f"{entry['name']}: {len(sources[-1].kept):,} pairs kept", file=sys.stderr, flush=True)
    new |= outputs(sources)
    if options.closest:
        data, shares = closest(sources, options.like, options.closest)
        new["closest.tsv"] = data
        new["closest.json"] = (json.dumps(shares, indent=1) + "\n").encode()
    if options.check:
        compare(options.out, new)
    else:
        for name, data in new.items():
            (options.out / name).parent.mkdir(parents=True, exist_ok=True)
            (options.out / name).write_bytes(data)
    if options.table:
        print(as_table({source.name: source.report() for source in sources}))


if __name__ == "__main__":
    sys.exit(main())
