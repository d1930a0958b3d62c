"""formal/link.py: what the code computes is what the theorems are about, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORMAL = ROOT / "formal"
OPEN = re.compile(r"\b(Admitted|admit|Abort|Axioms?|Parameters?|Hypothes[ie]s|Conjecture)\b")
QUICK = ("linear", "softmax", "layer_norm", "silu")
"""What Rocq checks in a few seconds, with what it rests on."""
FAULTS = tomllib.loads((Path(__file__).parent / "link_faults.toml").read_text())["fault"]
RESTS = ("vector", "linear", "softmax", "rms_norm", "layer_norm", "silu")


def write(folder: Path, *names: str, source: Path = ROOT / "src") -> str:
    """Run the generator on the layers of a source tree; returns what it says where it fails."""
    done = subprocess.run(
        [sys.executable, folder.parent / "formal" / "link.py", folder, *names],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def refused(folder: Path, *names: str) -> str:
    """The first file that Rocq refuses, and what it says of it."""
    for name in ("same", *(f"{name}_code" for name in names)):
        command = ["coqc", "-w", "none", "-Q", "../formal", "Pellucid", "-Q", ".", "Link"]
        done = subprocess.run(
            [*command, f"{name}.v"], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"{name}: {done.stderr}"
    return ""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is written, beside a copy of formal/."""
    root = tmp_path_factory.mktemp("link")
    (root / "formal").mkdir()
    for path in (*FORMAL.glob("*.v"), FORMAL / "link.py", FORMAL / "_CoqProject"):
        shutil.copy(path, root / "formal")
    shutil.copytree(FORMAL / "linking", root / "formal" / "linking")
    (root / "link").mkdir()
    return root / "link"


@pytest.fixture(scope="module")
def built(place: Path) -> Path:
    """The same, with the theorems of a few layers checked."""
    if shutil.which("coqc") is None:
        pytest.skip("Rocq is not installed: `make formal` installs it")
    for name in RESTS:
        command = ["coqc", "-w", "none", "-Q", ".", "Pellucid", f"{name}.v"]
        subprocess.run(command, cwd=place.parent / "formal", check=True)
    return place


def test_every_layer_is_written_out_and_nothing_is_left_open(place: Path) -> None:
    assert not write(place)
    texts = {path.stem: path.read_text(encoding="utf-8") for path in place.glob("*_code.v")}
    layers = (ROOT / "src" / "pellucid" / "layers").glob("*.py")
    stated = {path.stem for path in layers if "_backward(\n" in path.read_text(encoding="utf-8")}
    stated.remove("stack")  # it has as many blocks as are given to it: stack.v is about all numbers
    assert {f"{name}_code" for name in stated} <= set(texts)
    for name, text in texts.items():
        assert not OPEN.search(text), name
        assert text.count("Theorem ") + text.count("Lemma ") == text.count("Qed.") > 0, name


def test_rocq_accepts_the_code_of_a_few_layers(built: Path) -> None:
    assert not write(built, *QUICK)
    assert not refused(built, *QUICK)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['layer']}: {fault['new']}")
def test_a_planted_fault_has_its_place(fault: dict[str, str]) -> None:
    path = ROOT / "src" / "pellucid" / "layers" / f"{fault['layer']}.py"
    assert path.read_text(encoding="utf-8").count(fault["old"]) == 1
    assert fault["old"] != fault["new"]


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault["layer"] in QUICK],
    ids=lambda fault: f"{fault['layer']}: {fault['new']}",
)
def test_rocq_refuses_a_changed_formula(built: Path, tmp_path: Path, fault: dict[str, str]) -> None:
    layer, right, wrong = fault["layer"], fault["old"], fault["new"]
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.pyc", "*.so*", "page")
    )
    path = tmp_path / "src" / "pellucid" / "layers" / f"{layer}.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    assert not write(built, layer, source=tmp_path / "src")
    assert refused(built, layer).startswith(f"{layer}_code: ")


def test_a_choice_by_a_number_that_is_not_fixed_is_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.pyc", "*.so*", "page")
    )
    path = tmp_path / "src" / "pellucid" / "layers" / "silu.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("out = x * sigma", "out = (x * sigma).where(x > 0, x)"))
    said = write(place, "silu", source=tmp_path / "src")
    assert "a choice depends on a number that is not fixed" in said
    path.write_text(text.replace("out = x * sigma", "out = x * sigma if x.sum() > 0 else x"))
    assert "the code branches by the value of a number" in write(
        place, "silu", source=tmp_path / "src"
    )


@pytest.mark.parametrize(
    ("layer", "right", "wrong", "name"),
    [
        ("linear", "return dx, present(weight=dweight", "return dx, present(weight=x", "dweight"),
        ("block", "return dresid_pre, attn_grads", "return dresid_mid, attn_grads", "dresid_pre"),
        ("block", '"ln_1": first["ln"]', '"ln_1": second["ln"]', "ln_1.dweight"),
        ("cross_attention", "return (dx, dmemory)", "return (dmemory, dx)", "c_q.dx"),
    ],
)
def test_what_is_handed_back_must_be_what_is_shown(
    place: Path, tmp_path: Path, layer: str, right: str, wrong: str, name: str
) -> None:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.pyc", "*.so*", "page")
    )
    path = tmp_path / "src" / "pellucid" / "layers" / f"{layer}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    said = write(place, layer, source=tmp_path / "src")
    assert f"what is handed back as {name} is not what was shown" in said
