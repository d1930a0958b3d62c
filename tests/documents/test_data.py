"""The document as JSON: every digit, and the keys that the page of documents lists."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from pellucid.documents.json import data
from tests.documents.example_documents import document_of, worksheet_of

PAGE = Path(__file__).parents[2] / "docs" / "document.md"


def values(content: dict[str, Any]) -> list[dict[str, Any]]:
    steps = [
        step for section in content["sections"] for row in section["steps"] for step in row.values()
    ]
    return [value for step in steps if step for value in step["values"]]


def cells(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for table in value["tables"] for row in table["cells"] for cell in row]


def keys(content: Any) -> set[str]:
    """Every key of every object, but for the names in an object of names."""
    if isinstance(content, list):
        return set().union(*map(keys, content))
    if isinstance(content, dict):
        inner = [item for key, item in content.items() if key != "made_by"]
        return set(content).union(*map(keys, inner))
    return set()


@pytest.mark.parametrize("name", ["ai_rocks", "softmax"])
def test_numbers_are_the_tape_s_to_the_last_digit(name: str):
    made = document_of(name)
    found = {value["name"]: value for value in values(json.loads(data(made)))}
    for value in made.values:
        if value.whole:
            read = [float(cell["number"]) for cell in cells(found[value.name])]
            assert list(map(repr, read)) == list(
                map(repr, value.tensor.double().flatten().tolist())
            )


def test_what_is_not_finite_is_a_string():
    made = json.loads(data(document_of("ai_rocks")))
    scores = next(value for value in values(made) if value["name"] == "h.0.attn.scores")
    hidden = [cell for cell in cells(scores) if isinstance(cell["number"], str)]
    assert [cell["number"] for cell in hidden] == ["-inf", "-inf"]
    assert float(hidden[0]["number"]) == -math.inf


def test_values_say_what_they_are_and_where_they_lead():
    made = json.loads(data(document_of("ai_rocks")))
    found = {value["name"]: value for value in values(made)}
    xhat = found["h.0.ln_1.xhat"]
    assert xhat["shape"] == [2, 4]
    assert xhat["labels"] == [["AI", "rocks"], None]
    assert xhat["made_by"]["function"] == "layer_norm"
    assert [link["name"] for link in xhat["reads"]] == ["wpe.out", "h.0.ln_1.mean", "h.0.ln_1.rstd"]
    assert xhat["facing"] == "dh.0.ln_1.xhat"
    assert found["dwpe.out"]["same_as"] == "dh.0.resid_pre"
    assert cells(xhat)[1]["arithmetic"][0].startswith("h.0.ln_1.xhat[0,1] = centered[0,1]")


def test_a_worksheet_s_blanks_are_without_their_numbers():
    made = json.loads(data(worksheet_of("ai_rocks")[0]))
    blank = [
        cell
        for value in values(made)
        if "tables" in value
        for cell in cells(value)
        if cell["blank"]
    ]
    assert blank
    assert {cell["number"] for cell in blank} == {cell["text"] for cell in blank} == {None}
    assert {cell["blank"] for cell in blank} == {answer["blank"] for answer in made["answers"]}


def test_the_page_of_documents_lists_the_keys_that_there_are():
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    found = keys(json.loads(data(worksheet_of("ai_rocks")[0])))
    assert found <= listed
    assert listed == found | {"function", "equation"}
