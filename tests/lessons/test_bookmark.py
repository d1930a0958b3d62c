"""What is kept of a learner: whole or not at all, and nobody's is lost."""

from pathlib import Path

import pytest

from pellucid.errors import WriteError
from pellucid.lessons.bookmark import DATA, FILE, Bookmark, data_directory


def test_what_is_done_is_there_the_next_time(tmp_path: Path):
    bookmark = Bookmark(tmp_path / "new")
    assert bookmark.done == frozenset()
    assert not bookmark.last
    bookmark.add("sums.node")
    bookmark.at("sums.bias")
    again = Bookmark(tmp_path / "new")
    assert again.done == {"sums.node"}
    assert again.last == "sums.bias"


def test_two_sessions_keep_what_both_did(tmp_path: Path):
    one, two = Bookmark(tmp_path), Bookmark(tmp_path)
    one.add("sums.node")
    two.add("sums.bias")
    assert Bookmark(tmp_path).done == {"sums.node", "sums.bias"}


def test_a_write_that_is_cut_leaves_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Bookmark(tmp_path).add("sums.node")
    before = (tmp_path / FILE).read_bytes()

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        Bookmark(tmp_path).add("sums.bias")
    assert (tmp_path / FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("found", ["", "{", "[]", '{"done": 3}', '{"done": [1]}', "\x00"])
def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path, found: str):
    (tmp_path / FILE).write_text(found)
    bookmark = Bookmark(tmp_path)
    assert bookmark.done == frozenset()
    assert bookmark.put_aside is not None
    assert bookmark.put_aside.read_text() == found
    bookmark.add("sums.node")
    assert Bookmark(tmp_path).done == {"sums.node"}


def test_lessons_are_forgotten_where_that_is_asked(tmp_path: Path):
    bookmark = Bookmark(tmp_path)
    for name in ("sums.node", "sums.bias", "softmax.share"):
        bookmark.add(name)
    bookmark.forget(["sums.node", "sums.bias"])
    assert Bookmark(tmp_path).done == {"softmax.share"}
    bookmark.forget()
    assert Bookmark(tmp_path).done == frozenset()


def test_the_directory_is_the_systems_or_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(DATA, str(tmp_path))
    assert data_directory() == tmp_path
    monkeypatch.delenv(DATA)
    assert data_directory().name == "pellucid"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError):
        Bookmark(tmp_path / "file").add("sums.node")
