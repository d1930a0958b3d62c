"""`pellucid prove`: the tables, the exit code and the certificate."""

import json
from pathlib import Path

import pytest

from pellucid.cli.options import WIDTH
from tests.cli.conftest import Command


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
    assert [step["update"]["optimizer"] for step in content["steps"]] == [*names]
    for step in content["steps"]:
        assert step["failures"] == []
        assert len(step["sha256"]["wte.weight"]) == 64
        loss = step["tensors"]["loss"]
        assert loss["digits_certified"]
        assert loss["inside"]
        assert 0 < loss["radius"] < 1e-24 < loss["error"] < 1e-15
    assert content["steps"][0]["slopes"]
    assert content["steps"][1]["slopes"] is None


def test_what_is_not_proved_is_named_and_the_exit_code_is_1(pellucid: Command, tmp_path: Path):
    file = tmp_path / "certificate.json"
    ended = pellucid(
        "prove", "hello_world", "--optimizer", "sgd", "--no-differences", "--out", file
    )
    assert (ended.code, ended.err) == (1, "")
    assert "h.0.ln_2.variance[1,0]  printed 1.2338, true 1.2337" in ended.out
    last = " ".join(ended.out.split("NOT proved")[1].split())
    assert last.endswith(": h.0.ln_2.variance")
    assert "slopes" not in ended.out
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["proved"] is False
    tensor = content["steps"][0]["tensors"]["h.0.ln_2.variance"]
    assert tensor["misprints"] == [{"place": [1, 0], "printed": "1.2338", "true": "1.2337"}]


@pytest.mark.parametrize("dtype", [None, "float64"])
def test_a_model_s_step_on_a_text_is_proved(pellucid: Command, trained: Path, dtype: str | None):
    options = ["--dtype", dtype] if dtype else []
    ended = pellucid("prove", "pick", "--model", trained, "--no-differences", *options)
    assert ended.code in {0, 1}, ended.err
    assert "WRONG" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= WIDTH
    assert "numbers in" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ai_rock"], "ai_rocks"),
        (["softmax"], "only a GPT's example"),
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
