"""Write each worked example for Rocq, let Rocq check it, and log lemmas, size and seconds.

python scripts/rocq_runs.py DIR               all that DIR/log.tsv does not have yet, one by one
python scripts/rocq_runs.py DIR softmax       these examples, whatever the log has
python scripts/rocq_runs.py DIR --write       only the log's table, into docs/proving.md
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from pellucid.cli.proved_runs import example_runs
from pellucid.examples import EXAMPLES
from pellucid.prove import rocq_files

PAGE = Path(__file__).resolve().parents[1] / "docs" / "proving.md"
HEAD = "| example | lemmas | size | CPU time | verdict |\n|---|---|---|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(\|.*\|\n)+")


def check(name: str, folder: Path) -> list[str]:
    """Write an example and let Rocq check it; returns the row of the log."""
    (run,) = example_runs(name, None, None)
    found = rocq_files(run.tape, title=name)
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.v*"):
        file.unlink()
    for file, text in found.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    size = sum(len(text.encode()) for text in found.files.values())
    before = os.times()
    done = subprocess.run(["make", "-C", folder], capture_output=True, text=True, check=False)
    after = os.times()
    (folder / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    seconds = sum(after[2:4]) - sum(before[2:4])
    verdict = "refused" if done.returncode else "accepted"
    return [name, str(found.lemmas), str(size), f"{seconds:.1f}", verdict]


def logged(log: Path) -> dict[str, list[str]]:
    """The last row of each example."""
    rows = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return {row.split("\t")[0]: row.split("\t") for row in rows}


def table(log: Path) -> str:
    """The log as the page has it, in the examples' order."""
    rows = logged(log)
    lines = []
    for name in filter(rows.__contains__, EXAMPLES):
        _, lemmas, size, seconds, verdict = rows[name]
        minutes, rest = divmod(round(float(seconds)), 60)
        time = f"{minutes} min {rest} s" if minutes else f"{rest} s"
        lines.append(
            f"| {name} | {int(lemmas):,} | {int(size) / 1e6:.1f} MB | {time} | {verdict} |"
        )
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Check what is to be checked, or write the table."""
    folder, *words = sys.argv[1:]
    log = Path(folder) / "log.tsv"
    if "--write" in words:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda _: table(log), text), encoding="utf-8")
        return
    for name in words or [name for name in EXAMPLES if name not in logged(log)]:
        row = check(name, Path(folder) / name)
        print(*row, flush=True)
        with log.open("a", encoding="utf-8") as file:
            file.write("\t".join(row) + "\n")


if __name__ == "__main__":
    main()
