"""The theorems of formal/: nothing is left open, the table is right, and Rocq refuses a fault."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORMAL = ROOT / "formal"
SCRIPT = ROOT / "scripts" / "theorems.py"
FILES = sorted(FORMAL.glob("*.v"))
OPEN = re.compile(r"\b(Admitted|admit|give_up|Axioms?|Conjecture|Parameters?|Hypothes[ie]s)\b")
SMALL = ("vector", "linear", "softmax")
"""A part that Rocq checks in a few seconds."""
WITHOUT: set[str] = set()
"""The layers of which nothing is proved; formal/README.md must say so of each."""

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def bare(text: str) -> str:
    """The text of a file without its comments, which do not nest here."""
    return re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)


@each_file
def test_nothing_is_left_open_and_no_axiom_is_ours(path: Path) -> None:
    found = OPEN.search(bare(path.read_text(encoding="utf-8")))
    assert found is None, found


@each_file
def test_each_theorem_says_in_words_what_it_proves(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("(** ")
    for found in re.finditer(r"^ *(Theorem|Corollary) (\w+)", text, re.MULTILINE):
        assert text[: found.start()].rstrip().endswith("*)"), found[2]


@each_file
def test_a_file_is_built_and_is_of_a_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.name in (FORMAL / "_CoqProject").read_text().split()
    head = text[: text.index("*)")]
    named = re.findall(r"src/pellucid/[\w/]+\.py", head)
    assert named or path.stem == "vector"
    assert all((ROOT / name).exists() for name in named)


@each_file
def test_a_file_stands_behind_those_that_it_requires(path: Path) -> None:
    """As scripts/theorems.py compiles them, one by one."""
    order = (FORMAL / "_CoqProject").read_text().split()
    for modules in re.findall(
        r"^From Pellucid Require \w+ ([^.]*)\.", bare(path.read_text()), re.MULTILINE
    ):
        for module in modules.split():
            assert order.index(f"{module}.v") < order.index(path.name)


def test_each_layer_with_a_backward_has_its_file() -> None:
    layers = (ROOT / "src" / "pellucid" / "layers").glob("*.py")
    stated = {path.stem for path in layers if "_backward(\n" in path.read_text(encoding="utf-8")}
    assert len(stated) > 20
    assert stated - {path.stem for path in FILES} == WITHOUT


def test_the_table_is_of_the_files() -> None:
    subprocess.run([sys.executable, SCRIPT, "--check"], check=True)


@pytest.mark.parametrize("page", ["formal/README.md", "docs/proving.md"])
def test_the_pages_name_the_axioms_that_are_allowed_and_no_other(page: str) -> None:
    allowed = re.search(
        r"^ALLOWED = \{(.*?)^\}", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert allowed is not None
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:Classical|Functional)\w+\.\w+)`", text)
    assert sorted(named) == sorted(re.findall(r'"(.+)"', allowed[1]))


def test_each_fault_has_its_place() -> None:
    faults = tomllib.loads((Path(__file__).parent / "faults.toml").read_text())["fault"]
    for fault in faults:
        assert (FORMAL / fault["file"]).read_text(encoding="utf-8").count(fault["old"]) == 1, fault
        assert fault["new"] != fault["old"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of the small part, to be built by itself."""
    if shutil.which("coqc") is None:
        pytest.skip("Rocq is not installed: `make formal` installs it")
    for name in SMALL:
        shutil.copy(FORMAL / f"{name}.v", tmp_path)
    return tmp_path


def refused(folder: Path, names: tuple[str, ...] = SMALL) -> str:
    """What Rocq says of the first file that it refuses; nothing if it accepts all."""
    for name in names:
        command = ["coqc", "-w", "-ambiguous-paths", "-Q", ".", "Pellucid", f"{name}.v"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{name}: {done.stderr}"
    return ""


def test_rocq_accepts_a_part(small: Path) -> None:
    assert not refused(small)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "linear",
            "sum n (fun j => dout t j * weight i j)",
            "sum n (fun j => dout t j * weight j i)",
        ),
        ("softmax", "out j * (dout j - sum n (fun k", "out j * (dout j + sum n (fun k"),
    ],
)
def test_rocq_refuses_a_wrong_backward(small: Path, name: str, right: str, wrong: str) -> None:
    path = small / f"{name}.v"
    text = path.read_text(encoding="utf-8")
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    assert refused(small).startswith(f"{name}: ")
