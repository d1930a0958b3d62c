"""`pellucid explain`: the arithmetic behind a number, and mistakes in one line."""

import io
import math
import sys

import pytest

from tests.cli.conftest import Command

ATT = "h.0.attn.att[0,1,0]"


class Terminal(io.StringIO):
    """What a user types, at a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_an_example_it_is_ai_rocks(pellucid: Command):
    ended = pellucid("explain", ATT)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "Block 0, head 0: 'rocks' looks 25% at 'AI'."
    assert lines[2].startswith(f"{ATT} = 0.2502 ")
    assert "    = 0.3337 / (0.3337 + 1)" in lines
    assert "evaluates to 0.250232420489352" in ended.out
    assert lines[-1].split() == ["2", "scores[0,1,1]", "=", "-0.1110", "h.0.attn.scores[0,1,1]"]
    assert pellucid("explain", ATT, "ai_rocks").out == ended.out


def test_depth_goes_to_the_queries_and_keys(pellucid: Command):
    out = pellucid("explain", ATT, "--depth", 2).out
    assert "\n2  h.0.attn.scores[0,1,1] = -0.1110" in out
    assert "   1.1  q[0,1,0]" in out
    assert "q[0,1,0]" not in pellucid("explain", ATT).out


def test_digits_and_terms_are_the_user_s(pellucid: Command):
    assert "0.25023242 " in pellucid("explain", ATT, "--digits", 8).out
    ended = pellucid("explain", "h.0.mlp.c_proj.out[0,1]", "--terms", 3)
    assert "more, together" in ended.out
    assert "   4  weight" in ended.out


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_an_update_is_explained(pellucid: Command, optimizer: str):
    ended = pellucid("explain", "wte.weight.update[0,1]", "--optimizer", optimizer)
    assert ended.code == 0
    assert "    = -learning_rate · " in ended.out
    assert "(a setting)" in ended.out


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("dec.h.0.cross.att[0,1,0]", "where_do_you_live"),
        ("ddec.h.0.cross.c_q.weight[1,0]", "where_do_you_live"),
        ("plain.output.out[0,1]", "leaf_or_flower"),
        ("vectors.logits[0,3]", "humpty_dumpty"),
        ("dwte.weight[1,2]", "gpt1"),
        ("loss", "hello_world"),
    ],
)
def test_other_examples_are_explained(pellucid: Command, name: str, example: str):
    ended = pellucid("explain", name, example)
    assert (ended.code, ended.err) == (0, "")
    assert f"\n{name} = " in ended.out
    assert "made from" in ended.out


def test_a_model_s_number_is_explained(pellucid: Command):
    ended = pellucid("explain", "logits[1,100]", "To be or not", "--model", "gpt2-tiny")
    assert (ended.code, ended.err) == (0, "")
    assert "which is lm_head.out[1,100]" in ended.out
    assert "a parameter of the model" in ended.out
    tokens = pellucid("explain", "tokens[0]", "To be", "--model", "gpt2-tiny")
    assert "\ntokens[0] = 2514   (token 'To')" in tokens.out


def test_python_prints_what_python_runs(pellucid: Command):
    names: dict[str, object] = {"math": math}
    exec(pellucid("explain", ATT, "--python").out, names)
    assert names["value"] == pytest.approx(0.2502324204893522, rel=1e-14)


def test_no_line_is_wider_than_the_page(pellucid: Command):
    out = pellucid("explain", "dh.0.ln_1.x[0,1]", "--depth", 2, "--digits", 12).out
    assert max(map(len, out.splitlines())) <= 100


def test_a_conversation_goes_deeper_and_back(pellucid: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", Terminal("2\nb\n99\nx\nq\n"))
    ended = pellucid("explain", ATT, "--interactive")
    assert ended.code == 0
    starts = [line.split(" = ")[0] for line in ended.out.splitlines() if " = " in line[:40]]
    assert [start for start in starts if start[:2] == "h."] == [
        ATT,
        "h.0.attn.scores[0,1,1]",
        ATT,
    ]
    assert ended.out.count("the list goes from 1 to 2") == 2


def test_a_conversation_about_settings_and_its_end(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", Terminal("1\n"))
    update = ("wte.weight.update[0,1]", "--optimizer", "sgd")
    ended = pellucid("explain", *update, "--interactive")
    assert ended.code == 0
    assert "a setting of the step" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("h.0.attn.atx[0,1,0]",), "near it: h.0.attn.att"),
        (("h.0.attn.att",), "ask for h.0.attn.att[0,0,0]"),
        (("h.0.attn.att[0,1,9]",), "h.0.attn.att is (2, 2, 2)"),
        (("h.0.attn.att[0,1:,0]",), "slices pick several numbers"),
        (("h.0.attn.att[0,1,0]", "humpty_dumpty"), "has no 'h.0.attn.att'"),
        (("loss", "ai_rock"), "an example must be one of"),
        (("wte.weight.update[0,1]",), "add --optimizer adamw"),
        (("wte.weight.update[0,1]", "--optimizer", "adamax"), "an optimizer must be one of"),
        (("loss", "where_do_you_live", "--optimizer", "sgd"), "leave out --optimizer"),
        (("loss", "--dtype", "float32"), "leave out --tokenizer, --special, --dtype and --device"),
        (("loss", "--device", "cuda"), "leave out --tokenizer, --special, --dtype and --device"),
        (("loss", "--model", "gpt2-tiny"), "at least one character"),
        (("loss", "--interactive"), "--interactive needs a terminal"),
    ],
)
def test_a_mistake_is_one_line(
    pellucid: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert message in pellucid("explain", *arguments).refused()
