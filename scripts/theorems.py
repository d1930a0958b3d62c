"""Check the theorems of formal/ with Rocq: how many there are, how long each file takes, and
which axioms all of it rests on; then once more with Rocq's own checker of compiled files.

    python scripts/theorems.py             all of it, into the terminal
    python scripts/theorems.py --write     lines and seconds into formal/README.md too
    python scripts/theorems.py --check     only whether its table is of the files; without Rocq
    python scripts/theorems.py --faults    plant the faults of tests/formal/faults.toml, and those
                                           of link_faults.toml in the layers' code, one by one
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

FORMAL = Path(__file__).resolve().parents[1] / "formal"
README = FORMAL / "README.md"
FAULTS = FORMAL.parent / "tests" / "formal" / "faults.toml"
CHANGED = FAULTS.with_name("link_faults.toml")
QUIET = ("-w", "-ambiguous-paths")
FILES = [line for line in (FORMAL / "_CoqProject").read_text().split() if line.endswith(".v")]
STATED = re.compile(r"^ *(Theorem|Corollary|Lemma|Fact|Remark)\s+([\w']+)", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+\.v)` \|(.*)\| (\d+) \| (\d+) \| ([\d.]+) \|$", re.MULTILINE)

# What Rocq's own library of real numbers rests on: classical logic and functional extensionality.
ALLOWED = {
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}


def stated(file: str) -> list[tuple[str, str]]:
    """The kind and name of each statement of a file."""
    return STATED.findall((FORMAL / file).read_text(encoding="utf-8"))


def theorems(file: str) -> int:
    """How many statements of a file are theorems, not steps towards them."""
    return sum(kind in {"Theorem", "Corollary"} for kind, _ in stated(file))


def lines(file: str) -> int:
    """How many lines a file has."""
    return len((FORMAL / file).read_text(encoding="utf-8").splitlines())


def compile_file(path: Path) -> tuple[float, str]:
    """The seconds that Rocq needs for a file, and what it prints; the run ends where it fails."""
    begun = time.perf_counter()
    done = subprocess.run(
        ["coqc", *QUIET, "-Q", str(FORMAL), "Pellucid", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"Rocq refuses {path.name}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begun, done.stdout


def assumptions() -> set[str]:
    """The axioms that the statements of all files rest on, together."""
    modules = " ".join(file.removesuffix(".v") for file in FILES)
    names = ", ".join(
        f"@{file.removesuffix('.v')}.{name}" for file in FILES for _, name in stated(file)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all_of_it.v"
        path.write_text(
            f"From Pellucid Require {modules}.\n"
            f"Definition all_of_it := ({names}).\nPrint Assumptions all_of_it.\n"
        )
        _, said = compile_file(path)
    return set(re.findall(r"^([\w.]+)(?= :|$)", said.partition("Axioms:")[2], re.MULTILINE))


def build() -> dict[str, float]:
    """The seconds of each file, in their order; the table is printed as it grows."""
    print(f"{'file':24} {'theorems':>8} {'lines':>6} {'seconds':>8}")
    took = {}
    for file in FILES:
        took[file], _ = compile_file(FORMAL / file)
        print(f"{file:24} {theorems(file):8} {lines(file):6} {took[file]:8.1f}", flush=True)
    total = sum(map(theorems, FILES)), sum(map(lines, FILES)), sum(took.values())
    print(f"{'all':24} {total[0]:8} {total[1]:6} {total[2]:8.1f}")
    return took


def check_again() -> float:
    """The seconds that coqchk needs for the compiled files and all that they rest on."""
    begun = time.perf_counter()
    modules = [f"Pellucid.{file.removesuffix('.v')}" for file in FILES]
    command = ["coqchk", "-silent", "-Q", str(FORMAL), "Pellucid", *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"coqchk refuses the compiled files:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begun


def plant() -> None:
    """Plant each fault in a copy, beside compiled files: Rocq must refuse the file that has it."""
    survived = plant_in_code()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "formal"
        for fault in tomllib.loads(FAULTS.read_text(encoding="utf-8"))["fault"]:
            shutil.copytree(FORMAL, copy, dirs_exist_ok=True)
            path = copy / fault["file"]
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(fault["old"], fault["new"]), encoding="utf-8")
            command = ["coqc", *QUIET, "-Q", ".", "Pellucid", path.name]
            done = subprocess.run(command, cwd=copy, capture_output=True, check=False)
            survived += done.returncode == 0
            what = " ".join(fault["new"].split())
            print(f"{'refused' if done.returncode else 'ACCEPTED'} {path.name}: {what}", flush=True)
    if survived:
        sys.exit(f"Rocq must refuse every fault; it accepts {survived}")


def plant_in_code() -> int:
    """Plant each changed formula in a copy of src/: its layer's link must be refused.

    Returns how many were accepted.
    """
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        for fault in tomllib.loads(CHANGED.read_text(encoding="utf-8"))["fault"]:
            source, layer = Path(folder) / "src", fault["layer"]
            shutil.copytree(FORMAL.parent / "src", source, dirs_exist_ok=True)
            path = source / "pellucid" / "layers" / f"{layer}.py"
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(fault["old"], fault["new"]), encoding="utf-8")
            command = [sys.executable, FORMAL / "link.py", Path(folder) / "link", layer, "--check"]
            known = os.environ | {"PYTHONPATH": str(source)}
            done = subprocess.run(command, env=known, capture_output=True, text=True, check=False)
            survived += done.returncode == 0
            said = re.search(r"^Rocq refuses (.*)$", done.stderr, re.MULTILINE)
            what = said[1] if said else done.stderr.strip().rpartition("\n")[2]
            print(
                f"{'refused' if done.returncode else 'ACCEPTED'} {fault['new']}: {what}", flush=True
            )
    return survived


def write(took: dict[str, float]) -> None:
    """Put theorems, lines and seconds into the table of the README."""

    def row(found: re.Match[str]) -> str:
        file, middle, *_ = found.groups()
        return f"| `{file}` |{middle}| {theorems(file)} | {lines(file)} | {took[file]:.1f} |"

    README.write_text(ROW.sub(row, README.read_text(encoding="utf-8")), encoding="utf-8")


def check() -> None:
    """End with a message where the README's table is not of the files as they are."""
    said = {
        file: (int(stated), int(long))
        for file, _, stated, long, _ in ROW.findall(README.read_text(encoding="utf-8"))
    }
    if said != {file: (theorems(file), lines(file)) for file in FILES}:
        sys.exit(f"the table of formal/README.md must be of the files: run {sys.argv[0]} --write")


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
    elif "--faults" in sys.argv:
        plant()
    else:
        took = build()
        if "--write" in sys.argv:
            write(took)
        axioms = assumptions()
        print("\nAll of it rests on these axioms of Rocq's own library, and on no other:")
        print("\n".join(f"  {axiom}" for axiom in sorted(axioms)))
        if own := axioms - ALLOWED:
            sys.exit(f"the theorems must rest on no axiom of ours: {', '.join(sorted(own))}")
        print(f"\ncoqchk has checked the compiled files once more, in {check_again():.0f} seconds.")
