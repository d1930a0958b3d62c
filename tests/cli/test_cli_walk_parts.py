"""`pellucid walk` in short, and the parts of it that one asks for."""

import json
import re
from pathlib import Path

import pytest

from pellucid.terminal.pages import BACK, END, ON, Screenful, turn
from tests.cli.conftest import Command

STEP = re.compile(r"^ ?(\d+)  (\w.*?)(?:   h\.(\d+))?$", re.MULTILINE)
NAME = re.compile(r"^    ([\w.]+)  (?:number|\d+(?:×\d+)*)(?:  .*)?$", re.MULTILINE)
FIVE_MINUTES = 150
"""Lines of 80 columns that one reads in that time."""


@pytest.fixture
def narrow(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr("pellucid.cli.screen.WIDTH", 80)
    return pellucid


def numbers(out: str) -> list[int]:
    return [int(number) for number, _, _ in STEP.findall(out)]


# -- in short --------------------------------------------------------------------------------------


def test_a_walk_is_read_in_five_minutes(narrow: Command):
    ended = narrow("walk")
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()) <= FIVE_MINUTES
    forward, _, rest = ended.out.partition("\nBackward: ")
    backward, _, update = rest.partition("\nUpdate: ")
    assert numbers(forward) == list(range(1, 13))
    assert NAME.findall(forward) == [
        *("embed.out", "h.0.attn.att", "logits", "probs", "losses", "loss"),
    ]
    assert NAME.findall(backward) == ["dlogits", "dwte.weight"]
    assert NAME.findall(update) == []
    assert "the loss before the step was 1.206496" in " ".join(update.split())
    assert "--full" in update
    assert re.search(r"^Next: pellucid explain 'h\.0\.attn\.att\[0,1,0\]'$", update, re.MULTILINE)


def test_the_words_come_before_the_numbers_that_they_are_about(narrow: Command):
    out = narrow("walk").out
    assert out.index("Here tokens look at each other") < out.index("h.0.attn.att  2×2×2")


def test_of_a_deep_model_the_other_blocks_are_one_line(pellucid: Command, trained: Path):
    out = " ".join(pellucid("walk", "pickled", "--model", trained).out.split())
    assert "Blocks 1 to 2 do the same, each with weights of its own: --layers 1 shows" in out
    assert "h.1.resid_post" not in out
    out = pellucid("walk", "pickled", "--model", trained, "--layers", "0,1").out
    assert "Block 2 does the same" in out


@pytest.mark.parametrize("name", ["softmax", "leaf_or_flower"])
def test_an_example_that_tells_its_own_story_is_told_whole(narrow: Command, name: str):
    assert narrow("walk", name).out == narrow("walk", name, "--full").out


# -- what is asked for -----------------------------------------------------------------------------


def test_steps_are_chosen_by_their_numbers_forward_and_back(pellucid: Command):
    out = pellucid("walk", "--steps", "4-5, 11").out
    assert numbers(out) == [4, 5, 11, 11, 5, 4]
    assert "h.0.attn.c_attn.weight  4×12" in out, "they are in full"
    assert "Update" not in out
    assert numbers(pellucid("walk", "--steps", "2", "--forward").out) == [2]


@pytest.mark.parametrize(
    ("options", "headings"),
    [
        (["--forward"], ["Forward"]),
        (["--backward"], ["Backward"]),
        (["--update"], ["Update"]),
        (["--forward", "--update"], ["Forward", "Update"]),
    ],
)
def test_parts_are_chosen_and_in_full(pellucid: Command, options: list[str], headings: list[str]):
    out = pellucid("walk", *options).out
    assert re.findall(r"^(Forward|Backward|Update): .* ─", out, re.MULTILINE) == headings
    whole = NAME.findall(pellucid("walk", "--full").out)
    assert set(NAME.findall(out)) == {
        name
        for name in whole
        if (
            "Update"
            if name.endswith((".update", ".new"))
            else "Backward"
            if name[0] == "d"
            else "Forward"
        )
        in headings
    }


def test_a_step_alone_is_printed_where_there_is_no_terminal(pellucid: Command):
    out = pellucid("walk", "--step", 6).out
    assert numbers(out) == [6]
    assert "Residual connection" in out
    assert "Next" not in out
    back = pellucid("walk", "--step", 6, "--backward").out
    assert NAME.findall(back) == ["dh.0.resid_mid"]


def test_a_document_is_full_unless_steps_are_asked_for(pellucid: Command, tmp_path: Path):
    whole, some = tmp_path / "whole.json", tmp_path / "some.json"
    assert pellucid("walk", "-o", whole).code == 0
    assert pellucid("walk", "-o", some, "--steps", "5").code == 0
    counts = [
        sum(
            1 + (row["backward"] is not None)
            for section in json.loads(file.read_text(encoding="utf-8"))["sections"]
            for row in section["steps"]
        )
        for file in (whole, some)
    ]
    assert counts == [12 + 10 + 1, 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "4-x"], "2,4-5"),
        (["--steps", ""], "2,4-5"),
        (["--steps", "13"], "the steps 1 to 12"),
        (["--steps", "5-4"], "the steps 1 to 12"),
        (["--step", "13"], "the steps 1 to 12"),
        (["--step", "1", "--steps", "1"], "leave out --steps"),
        (["softmax", "--backward"], "no backward part"),
    ],
)
def test_what_is_not_there_is_refused(pellucid: Command, options: list[str], words: str):
    ended = pellucid("walk", *options)
    assert words in ended.refused()
    assert ended.out == ""


# -- a step a screen -------------------------------------------------------------------------------


def turned(keys: str | list[str], start: int = 0, count: int = 3) -> list[str]:
    shown: list[str] = []
    pages = [Screenful(f"page {place}", ()) for place in range(count)]
    pressed = iter(keys)

    def key() -> str:
        try:
            return next(pressed)
        except StopIteration:
            raise KeyboardInterrupt from None

    turn(pages, start, lambda page, _: shown.append(page.title.removeprefix("page ")), key)
    return shown


def test_keys_turn_the_pages():
    assert turned("  q") == ["0", "1", "2"]
    assert turned("   ") == ["0", "1", "2"], "behind the last it ends"
    assert turned("b b") == ["0", "0", "1", "0"]
    assert turned("xq", start=1) == ["1", "1"]
    assert turned("", start=2) == ["2"]
    for on in ON:
        assert turned([on, "q"]) == ["0", "1"]
    for back in BACK:
        assert turned([back, "q"], start=2) == ["2", "1"]
    for end in END:
        assert turned([end]) == ["0"]
