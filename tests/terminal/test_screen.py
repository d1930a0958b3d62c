"""What reaches the terminal of a foreign text, and what a command says where nothing can."""

import errno
import io

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pellucid.errors import PellucidError, WriteError
from pellucid.terminal.screen import Screen, printing

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31mred\u202eb"


def printed(*things: object, terminal: bool) -> str:
    file = io.StringIO()
    screen = Screen(file=file, force_terminal=terminal, width=100, highlight=False)
    for thing in things:
        screen.print(thing, markup=False)
    return file.getvalue()


def wrapped() -> list[object]:
    table = Table(EVIL)
    table.add_row(Text(EVIL, "bold"))
    return [EVIL, Text(EVIL), table, Panel(EVIL, title=EVIL), Text.assemble((EVIL, "green"), "x")]


@pytest.mark.parametrize("number", range(5))
def test_no_escape_of_a_text_is_sent_however_it_is_wrapped(number: int):
    shown = printed(wrapped()[number], terminal=False)
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "a\\x1b]0;owned" in shown
    assert "\\x9b31mred\\u202eb" in shown


def test_the_terminal_s_own_colours_and_lines_are_sent():
    shown = printed(Text("a\tb\nc", "green"), terminal=True)
    assert "\x1b[32m" in shown
    assert "\\" not in shown
    assert shown.count("\n") == 2


def test_a_refusal_of_the_system_s_is_one_line():
    with pytest.raises(PellucidError, match=r"^/a must be a file .* Permission denied; give"):
        with printing():
            raise PermissionError(errno.EACCES, "Permission denied", "/a")
    with pytest.raises(PellucidError, match="No space left"), printing():
        raise OSError(errno.ENOSPC, "No space left on device", "/a")
    with pytest.raises(ConnectionResetError), printing():
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    with pytest.raises(SystemExit), printing():
        raise SystemExit(1)


def test_standard_output_without_room_is_one_line(monkeypatch: pytest.MonkeyPatch):
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def fileno(self) -> int:
            return 99

    dropped = []
    monkeypatch.setattr("sys.stdout", Full())
    monkeypatch.setattr("os.dup2", lambda _, number: dropped.append(number))
    with pytest.raises(WriteError, match="standard output gave: No space left on device; print"):
        with printing():
            pass
    assert dropped == [99], "what was not written is dropped"
