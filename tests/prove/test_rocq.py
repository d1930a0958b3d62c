"""A run as a development for Rocq: every number has a lemma, and Rocq refuses a wrong one."""

import itertools
import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.cli.proved_runs import ProvedRun, example_runs
from pellucid.errors import ConfigError, ProofError
from pellucid.layers import gelu_erf, relu
from pellucid.numbers import at
from pellucid.prove import Development, rocq_files
from pellucid.prove.replay import own_outputs
from pellucid.tape import Tape

needs_rocq = pytest.mark.skipif(shutil.which("coqc") is None, reason="Rocq (coqc) is not installed")

AXIOMS = {
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}
"""Those of Rocq's real numbers; the others are what its machine integers compute."""

DEFINED = re.compile(r"Definition (\w+) : R := \(\* (\S+) \*\)\n  (.*)\.\nLemma")
ENCLOSED = re.compile(r"Definition (\w+)'in := within \(?(-?\d+)\)? \(?(-?\d+)\)? (\d+)\.")


def run_of(name: str) -> ProvedRun:
    (run,) = example_runs(name, None, None)
    return run


def development(name: str) -> Development:
    return rocq_files(run_of(name).tape, title=name)


def lemmas(found: Development) -> str:
    return "\n".join(text for name, text in found.files.items() if name.startswith("Calls_"))


# -- without Rocq: a reader of its notation ------------------------------------------------------

FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "exp": math.exp,
    "ln": math.log,
    "tanh": math.tanh,
    "sqrt": math.sqrt,
    "cos": math.cos,
    "sin": math.sin,
    "Rabs": abs,
    "Rmax": max,
    "above": lambda x, y: float(x > y),
    "sign": lambda x: float((x > 0) - (x < 0)),
}


def evaluated(text: str, known: Mapping[str, float]) -> float:
    return worked_out(iter(re.findall(r"-?\d+|\w+|[()+*/^-]", f"{text})")), known)


def worked_out(words: Iterator[str], known: Mapping[str, float]) -> float:
    """What stands up to the next closing bracket."""
    row: list[Any] = []
    for word in words:
        if word == ")":
            break
        if word == "(":
            row.append(worked_out(words, known))
        elif re.fullmatch(r"-?\d+", word):
            row.append(int(word))
        else:
            row.append(known.get(word, word))
    if row[0] in FUNCTIONS:
        return FUNCTIONS[row[0]](*row[1:])
    if row[0] == "/":
        return 1 / FUNCTIONS[row[1]](row[2])
    if row[0] == "-":
        return -row[1]
    result = row[0]
    for sign, value in zip(row[1::2], row[2::2], strict=True):
        match sign:
            case "+":
                result += value
            case "-":
                result -= value
            case "*":
                result *= value
            case "/":
                result /= value
            case "^":
                result **= value
    return float(result)


CONSTANTS = {"frequencies", "rope.angles", "rope.cos", "rope.sin"}
"""What a Llama makes of whole numbers alone: exact floats, written where they are read."""


@pytest.mark.parametrize("name", ["ai_rocks", "llama_by_hand", "leaf_or_flower_training"])
def test_definitions_are_worth_what_ran_and_lie_within_their_enclosures(name: str) -> None:
    tape, found = run_of(name).tape, development(name)
    enclosures = {
        n: (Fraction(int(low), int(below)), Fraction(int(high), int(below)))
        for n, low, high, below in ENCLOSED.findall(found.files["Enclosures.v"])
    }
    known: dict[str, float] = {}
    labels = {}
    for word, label, text in DEFINED.findall(found.files["Run.v"]):
        known[word], labels[label] = evaluated(text, known), word
    assert known.keys() == enclosures.keys()
    for call in tape.calls:
        for own in own_outputs(tape, call):
            if own in CONSTANTS:
                continue
            value = tape.value(own)
            for index in itertools.product(*map(range, value.shape)):
                if value[index] == -math.inf:
                    assert at(own, index) not in labels
                    continue
                word, traced = labels[at(own, index)], float(value[index])
                slack = Fraction(1, 10**9)
                low, high = enclosures[word]
                assert known[word] == pytest.approx(traced, rel=1e-6, abs=1e-9)
                assert low - slack <= Fraction(traced) <= high + slack
                assert high - low <= Fraction(1, 10**15)


def test_each_number_that_is_computed_has_one_lemma() -> None:
    found = development("ai_rocks_d2")
    names = re.findall(r"^Lemma (\w+)'call", lemmas(found), re.MULTILINE)
    assert len(names) == len(set(names)) == found.lemmas
    uses = re.findall(r"exact \((\w+)'call", found.files["Run.v"])
    assert sorted(uses) == sorted(names)


def test_the_theorem_states_the_loss_each_gradient_and_each_new_weight() -> None:
    found, tape = development("ai_rocks_d2"), run_of("ai_rocks_d2").tape
    weights = [n for n in tape if f"{n}.new" in tape]
    theorem = found.files["Run.v"].partition("Theorem run")[2]
    assert {"loss", *(tape.name_of(tape.value(f"d{n}")) for n in weights)} <= set(found.stated)
    assert {f"{n}.new" for n in weights} <= set(found.stated)
    assert "forall" not in theorem
    assert "Variable" not in found.files["Run.v"]
    assert theorem.count("<=") == 2 * sum(tape.value(n).numel() for n in found.stated)


def test_a_part_holds_for_all_numbers_within_the_enclosures_of_what_it_is_made_of() -> None:
    found = rocq_files(run_of("ai_rocks_d2").tape, title="part", show=["h.0.ln_1.out"])
    assert found.stated == ("h.0.ln_1.out",)
    assert "Hypothesis" in found.files["Run.v"]
    with pytest.raises(ConfigError, match="none has"):
        rocq_files(run_of("ai_rocks_d2").tape, title="part", show=["nothing"])


def test_what_interval_cannot_enclose_is_refused_by_name() -> None:
    tape = Tape()
    gelu_erf(torch.tensor([0.5]), tape=tape.at("act"))
    with pytest.raises(ProofError, match=r"not erf, as act\.\S+ has"):
        rocq_files(tape, title="erf")
    tape = Tape()
    relu(torch.tensor([math.nan]), tape=tape.at("act"))
    with pytest.raises(ProofError, match="must be finite, not nan"):
        rocq_files(tape, title="NaN")


# -- with Rocq -----------------------------------------------------------------------------------


def write(found: Development, into: Path) -> Path:
    into.mkdir(exist_ok=True)
    for name, text in found.files.items():
        (into / name).write_text(text, encoding="utf-8")
    return into


def made(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", folder], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The development of an example, which Rocq has accepted, and what it printed."""
    folder = write(development("softmax"), tmp_path_factory.mktemp("rocq"))
    done = made(folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def assumed(said: str) -> set[str]:
    """The names below `Axioms:`, without Rocq's machine integers."""
    names = re.findall(r"^([A-Z]\w*\.\w+)(?= :|$)", said.partition("Axioms:")[2], re.MULTILINE)
    return {name for name in names if not name.startswith(("PrimInt63.", "Uint63."))}


@needs_rocq
def test_rocq_accepts_a_run_and_rests_on_its_own_axioms_alone(checked: tuple[Path, str]) -> None:
    assert assumed(checked[1]) == AXIOMS


FAULTS = {
    "another equation in a lemma": ("Calls_1.v", r"\(exp \(softmax_x_0_0 - 5\)\)", "(exp (5 - 1))"),
    "a narrower enclosure": (
        "Enclosures.v",
        r"(softmax_out_0_0'in := within )\d+ (\d+)",
        r"\1\2 \2",
    ),
    "another number that was given": ("Run.v", r"(softmax_x_0_1 : R := .*\n  )\S+", r"\1(3)"),
    "another statement": ("Run.v", r"<= softmax_out_0_0 <=", "<= softmax_out_0_1 <="),
}


WHY = {
    "Calls_1.v": "Numerical evaluation failed to conclude",
    "Enclosures.v": "Numerical evaluation failed to conclude",
    "Run.v": "while it is expected to have type",
}
"""What Rocq says where a fault is in a file."""


@needs_rocq
@pytest.mark.parametrize("fault", FAULTS)
def test_rocq_refuses(fault: str, checked: tuple[Path, str], tmp_path: Path) -> None:
    folder = shutil.copytree(checked[0], tmp_path / "planted")
    name, old, new = FAULTS[fault]
    text = (folder / name).read_text(encoding="utf-8")
    changed, count = re.subn(old, new, text, count=1)
    assert count == 1
    (folder / name).write_text(changed, encoding="utf-8")
    done = made(folder)
    assert done.returncode
    assert WHY[name] in " ".join(done.stderr.split())
