"""Certificates as `prove -o` writes them, and what the independent checker says of them."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from pellucid.checkpoint.write import write_tensors
from pellucid.cli.proved_runs import ProvedRun, Until, example_runs
from pellucid.documents.numbers import Format
from pellucid.prove import certificate, checkable, floats_beside, prove

FORMAL = Path(__file__).parents[2] / "formal"
CHECKER = FORMAL / "check.py"

sys.path.append(str(FORMAL))  # as where it is run from its own folder
CHECK = importlib.import_module("check")
ERRORS, FUNCTIONS, INTERVALS, CHAIN_RULE, EQUATIONS, CERTIFICATE, RUN = (
    importlib.import_module(f"checking.{name}")
    for name in (
        *("errors", "functions", "intervals", "chain_rule", "equations"),
        *("certificate", "run"),
    )
)


def write_certificate(
    path: Path, name: str, until: Until | None = None, optimizers: tuple[str, ...] = ()
) -> Path:
    """The certificate of an example, without the differences, which nobody checks here."""
    return write_runs(path, list(example_runs(name, until, optimizers)))


def write_runs(path: Path, runs: list[ProvedRun], show: tuple[str, ...] = ()) -> Path:
    """The certificate of some runs, and the file beside it where there is one."""
    proofs, exact = [], []
    for run in runs:
        proof = prove(
            run.tape,
            written=lambda values: Format(values, 4),
            stepped=run.stepped,
            differences=False,
        )
        proofs.append((proof, run.update))
        exact.append(checkable(run.tape, show=show))
    beside = floats_beside(exact)
    if beside:
        write_tensors(path.with_suffix(".safetensors"), beside)
    known: Any = {
        "exact": exact,
        "beside": path.with_suffix(".safetensors").name if beside else None,
    }
    path.write_text(certificate(proofs, digits=4, title="tested", **known), encoding="utf-8")
    return path


def changed(path: Path, into: Path, change: Callable[[Any], None]) -> Path:
    """Another certificate, as `change` makes it of the first run of this one."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["runs"][0])
    into.write_text(json.dumps(content), encoding="utf-8")
    return into


def checked(*arguments: Any) -> tuple[int, str]:
    """The exit code of the checker and what it printed."""
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = CHECK.main([str(argument) for argument in arguments])
    return code, said.getvalue()


def checked_alone(*arguments: Any) -> tuple[int, str]:
    """The same by a Python that sees nothing of ours, and no package."""
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", CHECKER, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
