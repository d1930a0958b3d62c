"""What is kept of each source: read, cleaned, new, and far from what is held out."""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bitext.archives import (
    COPYRIGHT,
    DESCRIPTIONS,
    Archive,
    CollectError,
    fetch,
    fetch_descriptions,
    found,
    licences,
    members,
)
from bitext.cleaning import STEPS, Rules, cleaned, key
from bitext.nearness import HeldOut
from bitext.readers import READERS

Pairs = list[tuple[str, str]]


def near_to(held: Pairs) -> Callable[[tuple[str, str]], bool]:
    """Whether a pair's German or English is near to a held-out pair's."""
    sides = [HeldOut(pair[side] for pair in held) for side in (0, 1)]
    return lambda pair: any(one.near(text) for one, text in zip(sides, pair, strict=True))


@dataclass
class Collected:
    """A source's kept pairs, and what is known of it."""

    name: str
    about: str
    archives: list[Archive] = field(default_factory=list)
    licence: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    copyrights: dict[str, bytes] = field(default_factory=dict)
    texts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, str]] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """The counts of every step; `texts` as they stand in the files, the rest by sentences."""
        german, english = (
            sum(len(pair[side].split()) for pair in self.kept) / max(1, len(self.kept))
            for side in (0, 1)
        )
        return {
            "about": self.about,
            "packages": {one.package: one.version for one in self.archives},
            "licences": sorted({name for own, _ in self.licence.values() for name in own}),
            "texts": self.texts,
            "sentences": sum(self.counts.values()),
            "removed": {step: self.counts[step] for step in STEPS},
            "kept": len(self.kept),
            "german words": round(german, 1),
            "english words": round(english, 1),
        }


class Collector:
    """Reads sources one after the other; a pair that one had, the next ones do not keep."""

    def __init__(self, archives: Path, held: list[tuple[str, str]], *, offline: bool) -> None:
        self.folder, self.offline = archives, offline
        self.near = near_to(held)
        self.seen: set[tuple[str, str]] = set()

    def files(self, entry: dict[str, Any], into: Collected) -> dict[str, bytes]:
        """The files of a source's packages, and the packages' copyright files into the source."""
        if entry["reader"] == "descriptions":
            if not self.offline:
                fetch_descriptions(self.folder)
            if not all((self.folder / name).exists() for name in DESCRIPTIONS):
                print(f"{into.name}: {', '.join(DESCRIPTIONS)} are not there", file=sys.stderr)
                return {}
            into.licence["descriptions"] = ([entry["licence"]], [])
            return {name: (self.folder / name).read_bytes() for name in DESCRIPTIONS}
        files: dict[str, bytes] = {}
        for pattern in entry["packages"]:
            there = (found if self.offline else fetch)(self.folder, pattern)
            if not there:
                print(f"{into.name}: {pattern} is not there, left out", file=sys.stderr)
            for archive in there:
                into.archives.append(archive)
                rights = f"usr/share/doc/{archive.package}/copyright"
                for path, data in members(archive, [*entry["files"], COPYRIGHT]).items():
                    if path == rights:
                        into.copyrights[archive.package] = data
                    elif not path.endswith("/copyright"):
                        files[path] = data
        for archive in into.archives:
            into.licence[archive.package] = licences(self.rights(archive, into))
        return files

    def rights(self, archive: Archive, into: Collected) -> str:
        """A package's copyright file, or that of another package of the same source."""
        own = into.copyrights.get(archive.package)
        if own is None:
            own = next(
                (
                    into.copyrights[other.package]
                    for other in into.archives
                    if other.source == archive.source and other.package in into.copyrights
                ),
                None,
            )
        if own is None:
            raise CollectError(
                f"{archive.path.name} must have its copyright file, and has none: name the package "
                "of its source that has it in sources.toml"
            )
        into.copyrights[archive.package] = own
        return own.decode("utf-8", errors="replace")

    def collect(self, entry: dict[str, Any]) -> Collected:
        """One source: read, clean, and keep what is new and not held out."""
        into = Collected(entry["name"], entry["about"])
        files = self.files(entry, into)
        rules = Rules(entry.get("accelerators", ""), words=entry.get("words", False))
        if not files:
            return into
        reader = READERS[entry["reader"]]
        places = {name: entry[name] for name in ("german", "english") if name in entry}
        for german, english in reader(files, **places):
            into.texts += 1
            for one, other, refused in cleaned(german, english, rules):
                step = refused or self.known(one, other)
                if step:
                    into.counts[step] += 1
                else:
                    into.counts["kept"] += 1
                    into.kept.append((one, other))
        return into

    def known(self, german: str, english: str) -> str:
        """The step at which a clean pair goes: it was there before, or is near a held-out one."""
        same = key(german, english)
        if same in self.seen:
            return "duplicate"
        self.seen.add(same)
        return "held out" if self.near((german, english)) else ""


def split(pairs: Pairs, number: int, valid: Pairs) -> tuple[Pairs, Pairs]:
    """Test pairs from training pairs, and the rest without what is near to held-out ones.

    Chosen by the smallest checksums: the choice needs no seed, and more pairs change little of it.
    """
    near_valid = near_to(valid)
    clean = [pair for pair in dict.fromkeys(pairs) if not near_valid(pair)]
    drawn = sorted(clean, key=lambda pair: hashlib.sha256("\t".join(pair).encode()).digest())
    test = drawn[:number]
    near_test = near_to(test)
    return test, [pair for pair in clean if not near_test(pair)]
