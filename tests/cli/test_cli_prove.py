"""`pellucid prove`: the tables, the exit code and the certificate."""

import json
import re
import sys
from pathlib import Path

import pytest
from flint import arb
from safetensors.numpy import load_file

from pellucid.checkpoint import open_model
from pellucid.cli.screen import WIDTH
from pellucid.examples import Example, find_example
from pellucid.numbers import Ball, precision
from pellucid.tree import map_leaves
from tests.cli.conftest import Command
from tests.prove.certificates import checked
from tests.prove.planted import plant


def test_ai_rocks_is_proved_with_every_optimizer_and_certified(pellucid: Command, tmp_path: Path):
    file = tmp_path / "certificate.json"
    names = ("sgd", "momentum", "adam", "adamw")
    options = [word for name in names for word in ("--optimizer", name)]
    ended = pellucid("prove", "ai_rocks", *options, "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\nproved: ") == 4
    assert max(map(len, ended.out.splitlines())) <= WIDTH
    for heading in ("Forward", "Backward", "Update"):
        assert ended.out.count(f"{heading} ─") == 4
    assert ended.out.count("Gradients beside slopes") == 1
    assert [path.name for path in tmp_path.iterdir()] == [file.name]

    content = json.loads(file.read_text(encoding="utf-8"))
    assert (content["proved"], content["digits"], content["title"]) == (True, 4, "ai_rocks")
    assert [step["update"]["optimizer"] for step in content["runs"]] == [*names]
    for step in content["runs"]:
        assert step["failures"] == []
        assert len(step["sha256"]["wte.weight"]) == 64
        loss = step["tensors"]["loss"]
        assert loss["digits_certified"]
        assert loss["inside"]
        assert 0 < loss["radius"] < 1e-24 < loss["error"] < 1e-15
    assert content["runs"][0]["slopes"]
    assert content["runs"][1]["slopes"] is None


def test_digits_that_floats_print_wrong_are_told_beside_the_true_ones(
    pellucid: Command, tmp_path: Path
):
    file = tmp_path / "certificate.json"
    ended = pellucid(
        "prove", "hello_world", "--optimizer", "sgd", "--no-check-gradients", "--out", file
    )
    assert (ended.code, ended.err) == (0, "")
    assert "h.0.ln_2.variance[1,0]  printed 1.2338, true 1.2337" in ended.out
    assert "as float64 prints them, 1 numbers are not the true ones" in ended.out
    assert "slopes" not in ended.out
    content = json.loads(file.read_text(encoding="utf-8"))
    assert (content["proved"], content["digits_certified"]) == (True, False)
    tensor = content["runs"][0]["tensors"]["h.0.ln_2.variance"]
    assert tensor["misprints"] == [{"place": [1, 0], "printed": "1.2338", "true": "1.2337"}]


def test_what_is_not_proved_is_named_and_the_exit_code_is_1(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    plant(monkeypatch, "layer_norm", both=False)
    file = tmp_path / "certificate.json"
    ended = pellucid("prove", "ai_rocks", "--until", "gradients", "-o", file)
    content = json.loads(file.read_text(encoding="utf-8"))
    assert not content["proved"]
    assert content["runs"][0]["failures"][0] == "dh.0.ln_2.x"
    assert (ended.code, ended.err) == (1, "")
    last = " ".join(ended.out.split("NOT proved")[1].split())
    assert last.split(": ")[1] == "dh.0.ln_2.x, dh.0.ln_1.x"
    assert "WRONG" in ended.out


@pytest.mark.parametrize("name", ["softmax", "leaf-or-flower", "where_do_you_live"])
def test_an_example_that_is_no_gpt_s_is_proved(pellucid: Command, name: str):
    ended = pellucid("prove", name)
    assert (ended.code, ended.err) == (0, "")
    assert "\nproved: " in ended.out
    assert "every printed digit is the true number's" in ended.out


def test_forward_alone_certifies_the_next_token(pellucid: Command, trained: Path):
    ended = pellucid("prove", "pick", "--model", trained, "--until", "forward")
    assert ended.code == 0
    assert "Backward" not in ended.out
    found = re.search(r"most likely next, certified: '(.+)' \(token (\d+)\)", ended.out)
    model, pieces = open_model(str(trained))
    token = int(model.forward(pieces.encode("pick"))[-1].argmax())
    assert found.groups() == (pieces.piece(token).decode(), str(token))


@pytest.mark.parametrize("name", ["ai_rocks", "ai_rocks_older", "gpt1", "hello_world"])
def test_forward_of_an_example_reads_what_its_step_reads(pellucid: Command, name: str):
    ended = pellucid("prove", name, "--until", "forward")
    assert (ended.code, ended.err) == (0, "")
    example = find_example(name)
    assert isinstance(example, Example)
    trace = example.record()
    token = int(trace.tape["logits"][-1].argmax())
    assert f"certified: '{trace.piece(token)}' (token {token})" in " ".join(ended.out.split())


def test_enclosures_are_written_a_file_a_tensor(pellucid: Command, tmp_path: Path):
    ended = pellucid("prove", "ai_rocks", "--until", "gradients", "--enclosures", tmp_path / "in")
    assert ended.code == 0
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    tape = example.record().tape
    folder = tmp_path / "in" / "gradients"
    names = {file.name.removesuffix(".safetensors") for file in folder.iterdir()}
    assert {"loss", "dwte.weight", "h.0.attn.att"} <= names <= set(tape)
    with precision(200):
        fine = example.model.with_params(map_leaves(Ball.exact, example.model.params))
        _, grads = fine.loss_and_grads(tape["tokens"], tape["targets"])
    kept = load_file(folder / "dwte.weight.safetensors")
    assert str(kept["midpoint"].dtype) == str(kept["radius"].dtype) == "float64"
    rows = zip(
        grads["wte"]["weight"].numbers.flat, *(kept[k].flat for k in ("midpoint", "radius")),
        strict=True,
    )  # fmt: skip
    for true, midpoint, radius in rows:
        assert (arb(float(midpoint)) + arb(0, float(radius))).contains(true)
        assert radius <= 1.2e-16 * abs(midpoint)
    assert "holds files" in pellucid("prove", "--enclosures", tmp_path / "in").refused()


@pytest.mark.parametrize("dtype", [None, "float64"])
def test_a_model_s_step_on_a_text_is_proved(pellucid: Command, trained: Path, dtype: str | None):
    options = ["--dtype", dtype] if dtype else []
    ended = pellucid("prove", "pick", "--model", trained, "--no-check-gradients", *options)
    assert ended.code in {0, 1}, ended.err
    assert "WRONG" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= WIDTH
    assert "numbers in" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ai_rock"], "ai_rocks"),
        (["softmax", "--optimizer", "sgd"], "only a model's example"),
        (["ai_rocks", "--optimizer", "sgd", "--until", "forward"], "ends before it"),
        (["ai_rocks", "--dtype", "float32"], "--dtype"),
        (["ai_rocks", "--optimizer", "lion"], "sgd, momentum"),
        (["ai_rocks", "--bits", "1"], "from 24"),
        (["ai_rocks", "-o", "."], "directory"),
    ],
)
def test_a_mistake_is_one_line(pellucid: Command, arguments: list[str], words: str):
    assert words in pellucid("prove", *arguments).refused()


def test_help_does_not_wait_for_flint(process: Command):
    code = (
        "import sys, pellucid, pellucid.cli; "
        "print(*(name for name in ('torch', 'numpy', 'flint') if name in sys.modules))"
    )
    ended = process("-c", code)
    assert (ended.code, ended.out.split()) == (0, [])


def test_a_part_of_a_run_is_a_certificate_that_the_checker_takes(
    pellucid: Command, tmp_path: Path
) -> None:
    file = tmp_path / "c.json"
    ended = pellucid("prove", "ai_rocks", "--show", "h.0.mlp.*", "-o", file)
    assert (ended.code, ended.err) == (0, "")
    content = json.loads(file.read_text(encoding="utf-8"))
    assert set(content["runs"][0]["part"]) <= set(content["runs"][0]["enclosures"])
    code, said = checked(file)
    assert (code, "all that was asked for holds" in said) == (0, True)
    ended = pellucid("prove", "ai_rocks", "--show", "h.0.mlp.*")
    assert (ended.code, ended.err.count("give its file or directory")) == (2, 1)
    ended = pellucid("prove", "ai_rocks", "--show", "h.7.*", "-o", file)
    assert (ended.code, ended.err.count("a value must have a name like h.7.*")) == (2, 1)
    assert "proved" not in ended.out


def test_a_certificate_overwrites_no_weights_beside_it(
    pellucid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["pellucid.prove.checkable"], "FULL", 0)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"mine")
    ended = pellucid("prove", "ai_rocks", "--optimizer", "sgd", "-o", tmp_path / "model.json")
    assert (ended.code, weights.read_bytes()) == (0, b"mine")
    assert (tmp_path / "model.floats.safetensors").exists()
    assert checked(tmp_path / "model.json")[0] == 0


def test_to_rocq_writes_a_development_and_says_how_it_is_checked(pellucid: Command, tmp_path: Path):
    folder = tmp_path / "rocq"
    ended = pellucid("prove", "softmax", "--to", "rocq", "-o", folder)
    assert (ended.code, ended.err) == (0, "")
    assert "58 lemmas and a theorem about 7 tensors" in ended.out
    proofs = {"Prelude.v", "Tactics.v", "Enclosures.v", "Calls_1.v", "Run.v", "Assumptions.v"}
    assert {path.name for path in folder.iterdir()} == proofs | {"Makefile", "_CoqProject"}
    again = pellucid("prove", "softmax", "--to", "rocq", "-o", folder)
    assert again.code == 2
    assert "must be a new or an empty directory" in again.err


def test_to_rocq_each_optimizer_has_a_directory(pellucid: Command, tmp_path: Path):
    folder = tmp_path / "rocq"
    options = ("--optimizer", "sgd", "--optimizer", "adam")
    assert not pellucid("prove", "ai_rocks_d2", *options, "--to", "rocq", "-o", folder).code
    assert {path.name for path in folder.iterdir()} == {"sgd", "adam"}


def test_to_rocq_takes_a_row_or_a_number(pellucid: Command, tmp_path: Path):
    options = ("--to", "rocq", "-o", tmp_path / "rocq", "--show")
    ended = pellucid("prove", "ai_rocks_d2", *options, "logits[-1,0]")
    assert (ended.code, ended.err) == (0, "")
    assert "1 lemma and a theorem about 1 tensor:" in ended.out
    outside = pellucid(
        "prove", "ai_rocks_d2", *options[:3], tmp_path / "other", "--show", "loss[3]"
    )
    assert outside.code == 2
    assert "an index must lie within the shape" in outside.err


def test_to_rocq_needs_a_directory(pellucid: Command):
    ended = pellucid("prove", "softmax", "--to", "rocq")
    assert ended.code == 2
    assert "say where with -o DIR" in ended.err
