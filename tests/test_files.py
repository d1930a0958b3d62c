import os
import re
import threading
from pathlib import Path

import pytest

from pellucid.errors import ConfigError
from pellucid.files import clear_unfinished, make_room, whole_file, write_text


@pytest.mark.parametrize("path", ["file.txt", "new/folders/file.txt"])
def test_what_is_written_takes_the_place_of_the_file(tmp_path: Path, path: str):
    target = tmp_path / path
    for text in ("öld", "new, and longer", ""):
        write_text(target, text)
        assert target.read_text(encoding="utf-8") == text
        assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("mistake", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, mistake: type[BaseException]
):
    target = tmp_path / "file.txt"
    target.write_text("old")

    def write_half() -> None:
        with whole_file(target) as beside:
            beside.write_text("half")
            raise mistake

    with pytest.raises(mistake):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_before_there_was_a_file_leaves_none(tmp_path: Path):
    with pytest.raises(ValueError, match="no"), whole_file(tmp_path / "file.txt"):
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_renames_over_the_temporary_file_is_served(tmp_path: Path):
    """Libraries that write by path may put a file of their own in its place."""
    with whole_file(tmp_path / "file.txt") as beside:
        (tmp_path / "own").write_text("text")
        (tmp_path / "own").replace(beside)
    assert (tmp_path / "file.txt").read_text() == "text"


def test_the_temporary_file_is_in_the_same_folder_and_hidden(tmp_path: Path):
    with whole_file(tmp_path / "file.txt") as beside:
        assert beside.parent == tmp_path
        assert beside.name.startswith(".file.txt.")


@pytest.mark.parametrize("other", [None, "notes.txt", ".model.bin.0123", ".hidden"])
def test_what_a_killed_process_left_alone_in_a_folder_makes_room(tmp_path: Path, other: str | None):
    left = [tmp_path / f".{name}.{'0123456789abcdef'}" for name in ("model.bin", "[x]*?.json")]
    for path in left:
        path.write_text("half")
    if other is None:
        make_room(tmp_path, overwrite=False)
        assert list(tmp_path.iterdir()) == []
        return
    (tmp_path / other).write_text("mine")
    with pytest.raises(ConfigError, match=f"for instance {re.escape(other)}"):
        make_room(tmp_path, overwrite=False)
    assert sorted(tmp_path.iterdir()) == sorted([*left, tmp_path / other])
    make_room(tmp_path, overwrite=True)
    assert list(tmp_path.iterdir()) == [tmp_path / other], "a file that is whole stays"


def test_what_is_left_beside_a_file_is_known_by_the_file_s_own_name(tmp_path: Path):
    names = [".[ab].json.0123456789abcdef", ".a.json.0123456789abcdef", ".[ab].json.0123"]
    for name in names:
        (tmp_path / name).touch()
    clear_unfinished(tmp_path / "[ab].json")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_room_is_made_in_a_new_or_empty_folder_only(tmp_path: Path):
    make_room(tmp_path, overwrite=False)
    make_room(tmp_path / "new", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["new"], "it makes the folder, no more"

    (tmp_path / "file").write_text("text")
    make_room(tmp_path, overwrite=True)
    assert (tmp_path / "file").read_text() == "text"
    with pytest.raises(ConfigError, match=r"new or an empty directory, .* add --overwrite$"):
        make_room(tmp_path, overwrite=False)
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match=r"must be a directory, and it is a file"):
            make_room(tmp_path / "file", overwrite=overwrite)


@pytest.mark.skipif(os.name != "posix", reason="the bits of a mode are POSIX's")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_is_that_of_any_new_file(tmp_path: Path, umask: int, mode: int):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "file.txt", "text")
        assert os.umask(umask) == umask, "the mask is as it was"
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == mode


def test_a_reader_never_sees_half_a_file(tmp_path: Path):
    target, texts = tmp_path / "file.txt", {letter * 100_000 for letter in "ab"}
    write_text(target, min(texts))
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(target.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for text in texts:
            write_text(target, text)
    done.set()
    reader.join()
    assert seen
    assert seen <= texts


def test_a_library_that_makes_its_own_file_does_not_change_the_permissions(tmp_path: Path):
    path = tmp_path / "weights"
    with whole_file(path) as beside:
        beside.unlink()
        beside.write_text("made anew")
        beside.chmod(0o600)
    plain = tmp_path / "plain"
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode
