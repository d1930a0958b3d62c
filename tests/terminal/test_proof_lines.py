"""A proof's tables: names in full, and rows that stay rows, in terminals of different widths."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from pellucid.documents.numbers import Format
from pellucid.prove import Proof, Slope, prove
from pellucid.terminal.proof import proof_lines
from tests.examples.walkthroughs import walkthrough_of

NAME = "h.0.attn.c_attn.weight.update"


@pytest.fixture(scope="module")
def proof() -> Proof:
    return prove(walkthrough_of("softmax").tape, written=Format)


def printed(proof: Proof, width: int) -> list[str]:
    file = StringIO()
    console = Console(file=file, width=width)
    for line in proof_lines(proof, width=width):
        console.print(line)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(("width", "own_line"), [(100, False), (80, True)])
def test_a_name_that_has_no_room_stands_above_its_row(proof: Proof, width: int, own_line: bool):
    tensor = next(tensor for tensor in proof.tensors if tensor.part == "forward")
    long = replace(proof, tensors=(replace(tensor, name=NAME),))
    lines = printed(long, width)
    (place,) = [place for place, line in enumerate(lines) if NAME in line]
    assert (lines[place].strip() == NAME) is own_line
    row = lines[place + own_line]
    assert re.search(r"\d(?:×\d)*( +\S+){4}  proved$", row), "a row is one line"
    heads = next(line for line in lines if "relative" in line)
    assert row.index("  proved") == len(heads), "and stands below its heads"


def test_what_is_evidence_is_not_called_proved(proof: Proof):
    slope = Slope(("weight",), 0.5, 0.5, 0.0)
    lines = printed(replace(proof, slopes=(slope,)), 100)
    (told,) = [line for line in lines if line.startswith("proved:")]
    assert "slope" not in told
    (told,) = [line for line in lines if line.startswith("evidence:")]
    assert "slope" in told
    assert not [line for line in printed(proof, 100) if line.startswith("evidence:")]
