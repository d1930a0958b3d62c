"""`--by-hand`: a step in rounded figures, with a note above and the deviation below."""

import pytest

from tests.cli.conftest import Command

ATT = "h.0.attn.att[0,1,0]"


def test_a_walk_by_hand_says_so_and_ends_with_its_deviation(pellucid: Command):
    ended = pellucid("walk", "--by-hand", 4)
    assert (ended.code, ended.err) == (0, "")
    assert "By hand, with 4 digits" in ended.out
    end = ended.out[ended.out.index("By hand and exact") :]
    rows = [line.split() for line in end.splitlines()]
    assert ["the", "loss", "1.2065", "1.2064962", "3.8e-06", "loss"] in rows
    assert "the most likely is the same: at 2 of 2" in end
    assert max(map(len, ended.out.splitlines())) <= 100
    assert "By hand" not in pellucid("walk").out


def test_the_figures_shown_are_those_by_hand(pellucid: Command):
    assert "0.2503" in pellucid("walk", "--by-hand", 4, "--show", ATT).out
    assert "0.2502" in pellucid("walk", "--show", ATT).out
    assert "0.25" in pellucid("walk", "--by-hand", 2, "--show", ATT).out


@pytest.mark.parametrize("name", ["softmax", "where_do_you_live", "hello_world"])
def test_other_examples_are_done_by_hand(pellucid: Command, name: str):
    ended = pellucid("walk", name, "--by-hand", 3)
    assert (ended.code, ended.err) == (0, "")
    assert "By hand and exact" in ended.out


def test_an_explanation_by_hand_is_in_rounded_figures(pellucid: Command):
    lines = pellucid("explain", ATT, "--by-hand", 4).out.splitlines()
    assert lines[2].startswith(f"{ATT} = 0.2503 ")
    place = lines.index(f"  {ATT}")
    assert lines[place + 2 : place + 4] == ["    = 0.3338 / (0.3338 + 1.0000)", "    = 0.2503"]
    # The last digits are the machine's: exp is not rounded alike everywhere.
    exact = "  by hand 0.2503, in the exact run 0.25023242048935"
    assert any(line.startswith(exact) for line in lines)


def test_it_goes_deeper_and_writes_all_terms(pellucid: Command):
    out = pellucid("explain", ATT, "--by-hand", 4, "--depth", 2).out
    assert "1  h.0.attn.scores[0,1,0] = -1.2083" in out
    assert "products[0,1,0]" in out
    long = pellucid("explain", "h.0.mlp.c_proj.out[0,1]", "--by-hand", 4).out
    assert "more, together" not in long
    assert "weight[15,1]" in long


def test_an_update_is_explained_by_hand(pellucid: Command):
    ended = pellucid("explain", "wte.weight.update[0,1]", "--by-hand", 4, "--optimizer", "adamw")
    assert "    = -0.01 · 0.0655 / (√4.290e-03 + 1e-08) - (-0.0005700)" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("walk", "--by-hand", 4, "--digits", 6), "leave out --digits"),
        (("walk", "--by-hand", 4, "--shapes"), "--shapes prints no numbers"),
        (("explain", ATT, "--by-hand", 4, "--python"), "leave out --terms and --python"),
        (("explain", ATT, "--by-hand", 4, "--terms", 3), "leave out --terms and --python"),
        (("walk", "To be", "--model", "gpt2-tiny", "--by-hand", 4), "at most 200,000 numbers"),
    ],
)
def test_a_mistake_is_one_line(pellucid: Command, arguments: tuple[object, ...], message: str):
    assert message in pellucid(*arguments).refused()
