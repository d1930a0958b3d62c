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
from pellucid.errors import ConfigError, ProofError, TraceError
from pellucid.layers import gelu_erf, gelu_erf_backward, linear, relu
from pellucid.numbers import at
from pellucid.prove import Development, rocq_files
from pellucid.prove.replay import own_outputs
from pellucid.tape import Tape

needs_rocq = pytest.mark.skipif(shutil.which("coqc") is None, reason="Rocq (coqc) is not installed")

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
    "erf": math.erf,
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


def gelu_run() -> Tape:
    """GELU with erf and its backward, which read nothing but two numbers each."""
    tape = Tape()
    out, cache = gelu_erf(torch.tensor([0.5, -1.25]), tape=tape.at("act"))
    gelu_erf_backward(0.3 * torch.ones_like(out), cache, tape=tape.at("act"))
    return tape


def test_erf_is_a_number_of_its_own_with_enough_terms() -> None:
    tape = gelu_run()
    found = rocq_files(tape, title="erf")
    assert found.files.keys() >= {"Erf.v", "Tactics.v", "Prelude.v"}
    known: dict[str, float] = {}
    for word, label, text in DEFINED.findall(found.files["Run.v"]):
        known[word] = evaluated(text, known)
        if label == "act.out[1]":
            assert known[word] == pytest.approx(float(tape.value("act.out")[1]), rel=1e-6)
    terms = [int(n) for n in re.findall(r"erf_enclosed (\d+)%nat", lemmas(found))]
    assert len(terms) == 2
    assert 15 < terms[0] < terms[1] < 60  # the farther from 0, the more
    assert "Erf.v" not in development("softmax").files


def test_an_operation_that_interval_does_not_know_is_refused_by_name() -> None:
    tape = Tape()
    gelu_erf(torch.tensor([40.0]), tape=tape.at("act"))
    with pytest.raises(ProofError, match=r"erf must be of a number below 16, as act\.\S+ has"):
        rocq_files(tape, title="erf")
    tape = Tape()
    relu(torch.tensor([math.nan]), tape=tape.at("act"))
    with pytest.raises(ProofError, match="must be finite, not nan"):
        rocq_files(tape, title="NaN")


def test_a_part_may_be_one_row_or_one_number() -> None:
    tape = run_of("ai_rocks_d2").tape
    found = rocq_files(tape, title="row", show=["h.0.ln_1.*[-1]", "logits[0,1]"])
    last = tape.value("h.0.ln_1.out").shape[0] - 1
    theorem = found.files["Run.v"].partition("Theorem run")[2]
    assert f"<= h_0_ln_1_out_{last}_1 <=" in theorem
    assert "h_0_ln_1_out_0_" not in theorem
    assert len(re.findall(r"<= lm_head_out_0_1 <=", theorem)) == 1
    assert len(re.findall(r"<= lm_head_", theorem)) == 1
    for wrong, why in {"logits[9,0]": "within the shape", "logits[a]": "whole numbers"}.items():
        with pytest.raises(TraceError, match=why):
            rocq_files(tape, title="row", show=[wrong])


def test_a_long_sum_is_a_sum_of_sums() -> None:
    tape = Tape()
    linear(torch.ones(1, 40), weight=torch.ones(40, 1), bias=None, tape=tape.at("c"))
    found = rocq_files(tape, title="sum")
    assert found.lemmas == 4  # of 16, 16 and 8 products, and of these three
    assert max(text.count("*") for text in lemmas(found).split("Lemma")) < 20


def test_a_run_that_is_too_large_is_refused_with_a_remedy_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pellucid.prove.rocq.part.MOST", 500)
    tape = run_of("ai_rocks_d2").tape
    with pytest.raises(ProofError, match=r"at most 500 numbers, .* --show 'logits\[-1,0\]'"):
        rocq_files(tape, title="all")
    assert rocq_files(tape, title="part", show=["logits[-1,0]"]).lemmas < 500


# -- with Rocq -----------------------------------------------------------------------------------


def write(found: Development, into: Path) -> Path:
    into.mkdir(exist_ok=True)
    for name, text in found.files.items():
        (into / name).write_text(text, encoding="utf-8")
    return into


def made(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", folder], capture_output=True, text=True, timeout=900, check=False
    )


ACCEPTED = """\
Rocq accepts the theorem `run`. It rests on
  the real numbers of its standard library:
    ClassicalDedekindReals.sig_not_dec
    ClassicalDedekindReals.sig_forall_dec
    FunctionalExtensionality.functional_extensionality_dep
    Classical_Prop.classic
  its machine integers: 25 types and operations (PrimInt63), 26 laws (Uint63)
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """GELU with erf and its backward, which Rocq has accepted, and what it printed."""
    folder = write(rocq_files(gelu_run(), title="gelu"), tmp_path_factory.mktemp("rocq"))
    done = made(folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@needs_rocq
def test_rocq_accepts_a_run_and_rests_on_its_own_axioms_alone(checked: tuple[Path, str]) -> None:
    said = re.sub(r"\d+ (types|laws)", r"N \1", checked[1])
    assert re.sub(r"\d+ (types|laws)", r"N \1", ACCEPTED) in said


NOT_SHOWN = "not shown to hold for its equation: {}'in"
OTHER_TYPE = '"{0}\'in {0}"'

FAULTS = {
    "an equation": ("Calls_1.v", r"\(exp \(\(-1 / 2\)", "(exp ((1 / 2)", NOT_SHOWN, "dact_x_0"),
    "an enclosure, moved by its width": (
        "Enclosures.v",
        r"(act_phi_1'in := within) (\d+) (\d+)",
        lambda m: f"{m[1]} {m[3]} {2 * int(m[3]) - int(m[2])}",
        NOT_SHOWN,
        "act_phi_1",
    ),
    "a digit of erf": (
        "Enclosures.v",
        r"(act_phi_1_erf'in := within) \((-\d{12})(\d)(\d*)\) \((-\d{12})\d(\d*)\)",
        lambda m: f"{m[1]} ({m[2]}{9 - int(m[3])}{m[4]}) ({m[5]}{9 - int(m[3])}{m[6]})",
        NOT_SHOWN,
        "act_phi_1_erf",
    ),
    "too few terms of erf": (
        "Calls_1.v",
        r"erf_enclosed \d+",
        "erf_enclosed 4",
        NOT_SHOWN,
        "act_phi_0_erf",
    ),
    "a sign in a definition of the backward": (
        "Run.v",
        r"\(\(act_phi_0 \* dact_out_0\) \+",
        "((act_phi_0 * dact_out_0) -",
        OTHER_TYPE,
        "dact_x_0",
    ),
    "a number that was given": (
        "Run.v",
        r"(act_x_0 : R := .*\n  )\(1 / 2\)",
        r"\1(1 / 4)",
        OTHER_TYPE,
        "act_x_0",
    ),
    "a statement": ("Run.v", r"<= act_out_0 <=", "<= act_out_1 <=", "act_out_0'holds", ""),
    "a lemma that is only claimed": (
        "Calls_1.v",
        r"(Lemma act_out_1'call[^.]*\.\n)Proof\. [^.]*\. Qed\.",
        r"\1Admitted.",
        "what nobody proved: Calls_1.{}'call",
        "act_out_1",
    ),
}
"""What is changed in which file, and what Rocq then says, with the name of the lemma."""


@needs_rocq
@pytest.mark.thinned(3)
@pytest.mark.parametrize("fault", FAULTS)
def test_rocq_refuses(fault: str, checked: tuple[Path, str], tmp_path: Path) -> None:
    folder = shutil.copytree(checked[0], tmp_path / "planted")
    name, old, new, why, of = FAULTS[fault]
    text = (folder / name).read_text(encoding="utf-8")
    changed, count = re.subn(old, new, text, count=1)
    assert count == 1
    (folder / name).write_text(changed, encoding="utf-8")
    done = made(folder)
    assert done.returncode
    assert why.format(of) in " ".join((done.stdout + done.stderr).split())
