"""Plant faults in a copy of the package, one at a time, and see which ones the tests notice.

    python -m tests.plant                     all faults of tests/planted/, and the score
    python -m tests.plant text generate       those of two areas
    python -m tests.plant --match sampling    those whose file or text holds a word
    python -m tests.plant --jobs 1            one at a time

A fault is an entry of a file in `tests/planted/`: in `file`, under `src/pellucid`, the text `old`,
which stands there once, becomes `new`, and one of `tests` must fail. `was` is the place of a fault
that no test noticed when it was first planted. A test that hangs has noticed it too.

The exit code is 1 if a fault survives. This is no part of `make test`: it takes many minutes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PLANTED = Path(__file__).parent / "planted"
LONGEST = 600  # seconds: the slowest of the tests named takes a tenth of it, all of them half

NOTICED, SURVIVED, UNFIT = "noticed", "SURVIVED", "its tests do not run"


@dataclass(frozen=True)
class Fault:
    """One change of the source that some test is to notice."""

    area: str
    file: str
    old: str
    new: str
    tests: str
    was: str = ""

    @property
    def path(self) -> Path:
        return Path("pellucid") / self.file

    def planted(self, text: str) -> str:
        """The file's text with the fault in it."""
        if (count := text.count(self.old)) != 1:
            raise ValueError(
                f"{self.file} must hold the text once, and has it {count} times: {self}"
            )
        return text.replace(self.old, self.new)

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}: {old} → {new or '(nothing)'}"


def faults(folder: Path = PLANTED) -> Iterator[Fault]:
    """All faults, by area."""
    for file in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(file.read_text(encoding="utf-8"))["fault"]:
            yield Fault(file.stem, **entry)


def outcome_of(tests: str, source: Path) -> str:
    """Whether the tests fail with this source, pass, or cannot be asked."""
    environment = {
        "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    try:
        ended = subprocess.run(
            [*command, *tests.split()],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            check=False,
            timeout=LONGEST,
        ).returncode
    except subprocess.TimeoutExpired:
        return NOTICED
    # 1: a test failed; 2 and 3: the fault was noticed while tests were collected.
    return {0: SURVIVED, 1: NOTICED, 2: NOTICED, 3: NOTICED}.get(ended, UNFIT)


def plant(fault: Fault, source: Path) -> str:
    """What the tests say of a source with the fault, which is then made whole again."""
    file = source / fault.path
    whole = file.read_bytes()
    file.write_text(fault.planted(whole.decode()), encoding="utf-8")
    try:
        return outcome_of(fault.tests, source)
    finally:
        file.write_bytes(whole)
        # Python tells a change by the second and the size, and a fault may keep both.
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
            compiled.unlink()


def score(chosen: list[Fault], jobs: int) -> dict[Fault, str]:
    """What came of each fault, said as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for number in range(jobs):
            copy = Path(folder) / str(number)
            shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
            copies.put(copy)

        def one(fault: Fault) -> str:
            copy = copies.get()
            try:
                outcome = plant(fault, copy)
            finally:
                copies.put(copy)
            print(f"{outcome:9} {fault.area}: {fault}", flush=True)
            return outcome

        with ThreadPoolExecutor(jobs) as pool:
            return dict(zip(chosen, pool.map(one, chosen), strict=True))


def failing(chosen: list[Fault], jobs: int) -> list[str]:
    """The tests that fail without any fault: they could notice nothing."""
    tests = sorted({fault.tests for fault in chosen})
    if outcome_of(" ".join(tests), SOURCE) == SURVIVED:
        return []  # as nearly always, and in one process
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = pool.map(lambda named: outcome_of(named, SOURCE), tests)
    return [named for named, outcome in zip(tests, outcomes, strict=True) if outcome != SURVIVED]


def main() -> int:
    """Plant, count, and say which ones survive."""
    parser = argparse.ArgumentParser(description="Plant faults, and see which the tests notice.")
    parser.add_argument("areas", nargs="*", help="files of tests/planted/, without .toml")
    parser.add_argument("--match", default="", help="only faults that hold this text")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (2)")
    options = parser.parse_args()
    chosen = [
        fault
        for fault in faults()
        if (not options.areas or fault.area in options.areas) and options.match in str(fault)
    ]
    if unfit := failing(chosen, options.jobs):
        print("these must pass before a fault is planted, and do not:", *unfit, sep="\n  ")
        return 2
    outcomes = score(chosen, options.jobs)
    for area in sorted({fault.area for fault in chosen}):
        mine = [outcome for fault, outcome in outcomes.items() if fault.area == area]
        print(f"{area:12} {mine.count(NOTICED)} of {len(mine)}")
    noticed = sum(outcome == NOTICED for outcome in outcomes.values())
    print(f"noticed {noticed} of {len(outcomes)}: {100 * noticed / max(len(outcomes), 1):.1f} %")
    for fault, outcome in outcomes.items():
        if outcome != NOTICED:
            print(f"{outcome}: {fault.area}: {fault}")
    return int(noticed < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
