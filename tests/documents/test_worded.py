"""Arithmetic as readers see it: tokens for indices, no names of the code's own, and right."""

import math
import re
from pathlib import Path

import pytest

import pellucid
from pellucid.documents.arithmetic import read_by, steps_of
from pellucid.documents.worded import WordedWriter
from pellucid.explain import explain
from pellucid.walkthrough import Sentences, TermNames
from tests.explain.calculator import calculate
from tests.walkthrough.said import KINDS, said_of, some

NOTED = {
    word
    for path in (Path(pellucid.__file__).parent / "layers").glob("*.py")
    for note in re.findall(r"tape\.note\((.*?)\)", path.read_text(encoding="utf-8"))
    for word in re.findall(r"(\w+)=", note)
}
"""What only the layers' code calls so."""

EXACT = 15
"""Digits with which a line's result can be told."""


def lines(said: Sentences, full: str, digits: int = EXACT) -> list[tuple[str, str, str, float]]:
    found = explain(said.tape, full)
    if found.term is None:
        return []
    writer = WordedWriter(digits, called=TermNames(said, found))
    assert all(part.label for part in read_by(found, writer))
    return [
        (writer.name(step) or "", writer.names(step), writer.figures(step), step.value)
        for step in steps_of(found.term, writer)
    ]


@pytest.mark.parametrize("name", KINDS)
def test_every_line_is_right_and_has_no_name_that_only_the_code_has(name: str):
    said, count = said_of(name), 0
    for full in some(said.tape):
        for own, names, figures, value in lines(said, full):
            text = re.sub(r"'[^']*'", "''", f"{own} = {names}")
            assert not NOTED & set(re.findall(r"[A-Za-z_]\w*", text)), (full, text)
            assert "," not in re.sub(r"\[[^]]*\]|\([^()]*\)", "", text), text
            check(figures, value, full)
            count += 1
    assert count > 50


def check(figures: str, value: float, full: str) -> None:
    """A calculator gets what the line says, of a long sum with what is told of the rest."""
    text = re.sub(r"\[… and \d+ more, together ([^]]*)\]", r"(\1)", figures)
    text = re.sub(r"max\(([^,()]+), and \d+ that are smaller\)", r"(\1)", text)
    found = float(calculate(text, "0.00000000000000000000"))
    if not math.isfinite(value):
        assert found == value, full
    assert found == pytest.approx(float(value), rel=1e-6, abs=1e-12), (full, figures)


def test_a_share_of_attention_is_written_with_its_tokens():
    own, largest = lines(said_of("ai_rocks"), "h.0.attn.att[0,1,0]", digits=4)
    first, second = "scores['rocks', 'AI']", "scores['rocks', 'rocks']"
    raised = [f"exp({score} - largest)" for score in (first, second)]
    assert own[1] == f"{raised[0]} / ({raised[0]} + {raised[1]})"
    assert largest[:3] == (
        "largest", f"max({first}, {second})", "max(-1.2084, -0.1110)"
    )  # fmt: skip


def test_of_a_long_sum_the_largest_come_first_and_none_that_is_0():
    said = said_of("translation_by_gpt")
    own, *_ = lines(said, "h.0.attn.att[0,3,9]", digits=4)
    assert own[2].endswith("[… and 6 more, together 0])")
    terms = re.findall(r"exp\(\S+ - \S+\)", own[2].partition(" / (")[2])
    values = [float(calculate(term, "0.0000")) for term in terms]
    assert len(values) == 4
    assert values == sorted(values, reverse=True)
    assert min(values) > 0


def test_conditions_are_not_told_and_count_as_they_hold():
    said = said_of("ai_rocks")
    ((_, names, figures, _),) = lines(said, "loss", digits=4)
    assert names == "(losses['AI'] + losses['rocks']) / number of losses that count"
    assert figures == "(0.8455 + 1.5674) / 2"
    assert lines(said, "losses[0]", digits=4)[0][1:3] == ("-log probability", "-(-0.8455)")
    (own,) = lines(said, "dlogits[0,1]", digits=4)
    assert own[1] == "dloss · (probs['AI', 'rocks'] + (-1)) / number of losses that count"
