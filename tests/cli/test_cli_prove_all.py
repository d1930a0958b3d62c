"""`pellucid prove --all TASK`: what it prints, its exit code, its certificate, and bad input."""

import dataclasses
import json
from pathlib import Path

import pytest

from pellucid import tasks
from pellucid.checkpoint import save
from pellucid.models import GPT
from pellucid.tasks import ADDITION, Questions
from tests.cli.conftest import Command
from tests.prove.certificates import checked

NAME = ADDITION.name


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A task of 30 sums with answers of its untrained model's own, and that model's directory."""
    tokens, answers = ADDITION.questions()
    some = Questions(tokens[5:35], answers[5:35].clone())
    model = ADDITION.model
    some.answers[:, -1] = model.forward(some.tokens)[:, -1].argmax(-1)
    monkeypatch.setitem(tasks.TASKS, NAME, dataclasses.replace(ADDITION, questions=lambda: some))
    place = tmp_path / "own"
    place.mkdir()
    save(model, place)
    ADDITION.tokenizer.save(place / "tokenizer.json")
    return place


def test_all_questions_are_proved_and_the_closest_is_told(
    pellucid: Command, few: Path, tmp_path: Path
):
    file = tmp_path / "all.json"
    ended = pellucid("prove", "--all", NAME, "--model", few, "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert "Addition modulo 113: `a + b =` is to be followed" in ended.out
    assert "proved: the right answer has the largest logit for all 30 questions" in ended.out
    assert "the smallest lead: '0 + " in " ".join(ended.out.split())
    content = json.loads(file.read_text(encoding="utf-8"))
    assert (content["title"], content["proved"]) == (NAME, True)
    assert content["questions"] == content["right"] == 30
    assert content["runs"][0]["next"]["token"] == content["smallest"]["answer"]
    code, said = checked(file)
    assert code == 0, said


def test_one_changed_weight_fails_the_proof_and_the_questions_are_named(
    pellucid: Command, few: Path, tmp_path: Path
):
    model = ADDITION.model
    weight = model.params["lm_head"]["weight"].clone()
    weight[77, 3] += 50.0
    changed = {**model.params, "lm_head": {"weight": weight}}
    save(GPT(model.config, changed), few)
    said = GPT(model.config, changed).forward(tasks.find_task(NAME).questions().tokens)[:, -1]
    wrong = int((said.argmax(-1) != tasks.find_task(NAME).questions().answers[:, -1]).sum())
    assert wrong > 0
    file = tmp_path / "all.json"
    ended = pellucid("prove", "--all", NAME, "--model", few, "-o", file)
    assert ended.code == 1
    assert f"NOT proved: {wrong} of 30 questions fail" in ended.out
    assert "FALSE: '0 + " in ended.out
    assert "is followed by '77', not by '" in " ".join(ended.out.split())
    content = json.loads(file.read_text(encoding="utf-8"))
    assert (content["proved"], content["runs"]) == (False, [])
    assert len(content["failures"]) == wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--all", "addition-11"), "a task must be one of addition-113"),
        (("1 + 1 =", "--all", NAME), "a text came too, '1 + 1 =': leave it out"),
        (("--all", NAME, "--within", "0.1"), "--within is for another proof: leave one of them"),
        (("--all", NAME, "--until", "forward"), "--until is for another proof"),
        (("--all", NAME, "--model", "english-1M"), "english-1M has others: take the model"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    pellucid: Command, words: tuple[str, ...], said: str
):
    ended = pellucid("prove", *words)
    assert ended.code != 0
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
