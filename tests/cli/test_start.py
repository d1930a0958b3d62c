"""What a command imports: those that compute nothing do not wait for PyTorch or NumPy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.cli import app
from tests.cli.commands import name_of

RUN = """
import json, sys
from pellucid.cli import main

sys.argv = ["pellucid", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = ("torch", "numpy", "flint", "safetensors", "jinja2", "matplotlib", "sympy")
print(json.dumps([name for name in heavy if name in sys.modules]), file=sys.stderr)
"""


def imported(*command: object) -> list[str]:
    """Which heavy packages a command has imported by its end."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, command)], capture_output=True, text=True, check=True
    )
    assert run.stdout
    return json.loads(run.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["--version"],
        ["tokenize", "Hello world"],
        ["tokenize", "Hello world", "--merges"],
        ["tokenize", "Hello world", "--tokenizer", "chars"],
        ["tokenize", "Hello world", "--tokenizer", "words"],
        ["tokenize", "Hello world", "--tokenizer", "english-1M"],
        ["tokenize", "Hello hello", "--tokenizer", "bpe:260"],
    ],
    ids=" ".join,
)
def test_what_computes_nothing_does_not_wait_for_what_computes(command: list[str]):
    assert imported(*command) == []


def test_a_tokenizer_s_file_is_read_without_them(tmp_path: Path):
    from pellucid.text import Characters

    Characters.from_text("Hello").save(tmp_path)
    assert imported("tokenize", "Hello", "--tokenizer", tmp_path) == []


def test_no_command_s_help_waits_for_them():
    commands = [name_of(command) for command in app.registered_commands]
    each = f"""
import contextlib, io, sys
from pellucid.cli import app

for name in {commands}:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        app([name, "--help"], standalone_mode=False)
    assert name in shown.getvalue()
print(*(name for name in ("torch", "numpy") if name in sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_what_computes_is_seen_to_import_them():
    found = imported("generate", "--max-new-tokens", 1)
    assert {"torch", "numpy"} <= set(found)


@pytest.mark.parametrize("command", [["walk"], ["explain", "loss"]], ids=lambda it: it[0])
def test_a_worked_example_does_without_sympy(command: list[str]):
    # Some of PyTorch's small functions import it, as unravel_index does: half a second.
    assert "sympy" not in imported(*command)


def test_what_was_imported_is_not_searched_for_garbage():
    """A million objects of PyTorch's, once while they come and once at the end, take long."""
    run = """
import gc, sys
from pellucid.cli import main

sys.argv = ["pellucid", "walk"]
try:
    main()
finally:
    print(gc.isenabled(), gc.get_freeze_count() > 100_000, file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == "True True"
