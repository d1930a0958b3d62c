import os
import re
import threading
from pathlib import Path

import pytest

from pellucid.errors import ConfigError, WriteError
from pellucid.files import (
    check_writable,
    clear_unfinished,
    make_room,
    parse_json,
    whole_file,
    write_text,
)


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


# -- links and devices ------------------------------------------------------------------------


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path):
    (tmp_path / "real").mkdir()
    target, link, second = tmp_path / "real" / "a.txt", tmp_path / "link", tmp_path / "second"
    link.symlink_to(target)
    second.symlink_to("link")
    for number, path in enumerate((link, second, tmp_path / "real" / ".." / "link")):
        check_writable(path)
        write_text(path, f"text {number}")
        assert (link.is_symlink(), second.is_symlink()) == (True, True)
        assert target.read_text() == f"text {number}"
    assert [file.name for file in (tmp_path / "real").iterdir()] == ["a.txt"]
    (tmp_path / "real" / ".a.txt.0123456789abcdef").touch()
    clear_unfinished(link)
    assert [file.name for file in (tmp_path / "real").iterdir()] == ["a.txt"]


def test_a_pipe_is_written_into_and_stays(tmp_path: Path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    check_writable(pipe)
    write_text(pipe, "text")
    reader.join(timeout=20)
    assert got == ["text"]
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_what_a_process_has_open_is_written_into(tmp_path: Path):
    path = tmp_path / "open.txt"
    with path.open("w") as file:
        write_text(Path(f"/dev/fd/{file.fileno()}"), "text")
        assert path.read_text() == "text"
        assert os.path.samestat(path.stat(), os.fstat(file.fileno())), "the file is the same one"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux's")
def test_a_full_device_is_one_line_and_stays(tmp_path: Path):
    (tmp_path / "full.txt").symlink_to("/dev/full")
    for path in (Path("/dev/full"), tmp_path / "full.txt"):
        with pytest.raises(WriteError, match=r"is not \(No space left on device\): make"):
            write_text(path, "text")
        assert path.is_char_device()
    write_text(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


# -- where nothing can be written -------------------------------------------------------------


def unwritable(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    return {
        "a parent is a file": (tmp_path / "file" / "a.txt", "Not a directory"),
        "a parent's parent is": (tmp_path / "file" / "a" / "a.txt", "Not a directory"),
        "a directory": (tmp_path / "directory", "Is a directory"),
        "a name too long": (tmp_path / ("a" * 300), "File name too long"),
        "a parent's name too long": (tmp_path / ("a" * 300) / "a", "File name too long"),
    }


@pytest.mark.parametrize("case", range(5))
def test_where_no_file_can_be_written_is_one_line(tmp_path: Path, case: int):
    name, (path, said) = list(unwritable(tmp_path).items())[case]
    for attempt in (check_writable, lambda path: write_text(path, "text")):
        with pytest.raises(WriteError) as raised:
            attempt(path)
        message = str(raised.value)
        assert message.startswith(f"{path} must be where a file can be written"), name
        assert said in message
        assert "\n" not in message
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["directory", "file", "loop"]


def test_a_directory_without_permission_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def no(path: Path, mode: int) -> bool:
        asked.append((Path(path), mode))
        return False

    monkeypatch.setattr("os.access", no)  # root may do everything, so the system is not asked
    with pytest.raises(WriteError, match="Permission denied"):
        check_writable(tmp_path / "new" / "a.txt")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]


def test_the_longest_name_can_be_written_and_cleared(tmp_path: Path):
    path = tmp_path / ("ü" * 127)
    write_text(path, "text")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    left = path.with_name(f".{path.name[:90]}.0123456789abcdef")
    left.touch()
    clear_unfinished(path)
    assert not left.exists()


@pytest.mark.parametrize("name", ["a*.txt", "[a].txt"])
def test_only_this_file_s_unfinished_ones_are_cleared(tmp_path: Path, name: str):
    for other in (name, "ab.txt", "a.txt"):
        (tmp_path / f".{other}.0123456789abcdef").touch()
    clear_unfinished(tmp_path / name)
    assert sorted(file.name[1:-17] for file in tmp_path.iterdir()) == ["a.txt", "ab.txt"]


def test_an_error_of_the_system_s_within_is_one_line_and_leaves_nothing(tmp_path: Path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    for error, said in ((OSError(28, "No space left on device"), "No space"), (OSError("x"), "x")):
        with pytest.raises(WriteError, match=said), whole_file(target):
            raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


# -- JSON -------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [101, 900, 5_000, 100_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_json_that_is_nested_too_deeply_is_a_value_error(levels: int, opens: str, closes: str):
    with pytest.raises(ValueError, match=r"^nested in more than 100 levels$"):
        parse_json(opens * levels + "0" + closes * levels)


def test_json_is_read_to_a_hundred_levels():
    value = parse_json("[" * 100 + "]" * 100)
    for _ in range(99):
        (value,) = value
    assert value == []
    assert parse_json('{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
    with pytest.raises(ValueError, match="Expecting"):
        parse_json("{")
