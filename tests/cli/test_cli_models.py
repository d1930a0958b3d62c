"""`pellucid models`: the shelf as a user meets it."""

import json
from pathlib import Path

import pytest

from pellucid.shipped import CARD, SHIPPED, shelf, shelf_model
from pellucid.shipped.fetched import CACHE
from tests.cli.conftest import Command

NAME = "english-1M"


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def test_the_list_says_of_each_what_it_is(pellucid: Command):
    ended = pellucid("models")
    assert (ended.code, ended.err) == (0, "")
    said = " ".join(ended.out.split())
    for one in shelf():
        name, described = one.name, one.described
        assert f"{described.line}. Licence: {described.licence}." in said
        assert f"{one.weight} · {one.state}" in said
        place = one.card or f"pellucid get {name}"
        assert str(place) in ended.out
    assert f"{shelf_model(NAME).parameters:,} weights" in said
    order = [line.split()[0] for line in ended.out.splitlines() if " · " in line]
    assert order == [one.name for one in shelf()]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_fits_into_eighty_columns_and_loses_no_word(pellucid: Command, name: str):
    ended = pellucid("models", name)
    assert (ended.code, ended.err) == (0, "")
    assert all(len(line) <= 80 for line in ended.out.splitlines() if CARD not in line)
    card = (SHIPPED[name] / CARD).read_text(encoding="utf-8")
    for heading in (line for line in card.splitlines() if line.startswith("#")):
        assert heading.lstrip("# ") in ended.out
    said = set(ended.out.split())
    prose = [line for line in card.splitlines() if line and line[0].isalpha() and "`" not in line]
    words = {word for line in prose for word in line.split() if word.isalpha()}
    assert words <= said


def test_the_facts_as_json(pellucid: Command):
    found = json.loads(pellucid("models", "--json").out)
    assert [one["name"] for one in found] == [one.name for one in shelf()]
    one = json.loads(pellucid("models", NAME, "--json").out)
    assert one == found[0]
    assert one["bytes"] == shelf_model(NAME).size
    assert Path(one["card"]).is_file()
    assert one["architecture"] == "gpt"
    assert one["licence"] == "Apache-2.0"


def test_a_model_that_was_not_fetched_says_how_to(pellucid: Command):
    ended = pellucid("models", "smollm2-135m")
    assert ended.code == 0
    assert "can be fetched" in ended.out
    assert ended.out.splitlines()[-1].strip() == "to fetch it: pellucid get smollm2-135m"


@pytest.mark.parametrize("command", ["models", "get"])
def test_a_name_that_is_none_is_one_line(pellucid: Command, command: str):
    line = pellucid(command, "english1m").refused()
    assert "did you mean 'english-1M'?" in line
    assert line.endswith("pellucid models lists them")
    assert "did you mean" not in pellucid(command, "zzz").refused()


def test_what_comes_along_need_not_be_fetched(pellucid: Command):
    ended = pellucid("get", NAME)
    assert (ended.code, ended.err) == (0, "")
    assert f"comes along: {SHIPPED[NAME]}" in ended.out


def test_get_without_a_name_lists_what_can_be_fetched(pellucid: Command):
    ended = pellucid("get")
    assert (ended.code, ended.err) == (0, "")
    assert "pellucid get smollm2-135m" in ended.out
    assert NAME not in ended.out
