"""Inside web/ imports go one way: a session knows nothing of answers, nor they of who asks."""

import ast

import pytest

from pellucid.web.resources import PAGE

WEB = PAGE.parent
BELOW: dict[str, set[str]] = {
    "resources": set(),
    "turns": set(),
    "session": {"resources", "turns"},
    "answers": {"session"},
    "http": {"answers", "resources", "turns"},
    "notebook": {"answers", "resources", "turns"},
    "record": {"answers", "notebook", "resources", "session"},
    "widget": {"notebook", "answers", "session"},
}
"""What each room of web/ may import of the others."""


def test_the_rooms_are_these():
    files = {path.name for path in WEB.iterdir() if path.name != "__pycache__"}
    assert files == {"__init__.py", "messages.json", "page"} | {
        room if (WEB / room).is_dir() else f"{room}.py" for room in BELOW
    }


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_what_lies_below(room: str):
    place = WEB / room
    for path in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        names = [
            node.module
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module
        ]
        rooms = {name.split(".")[2] for name in names if name.startswith("pellucid.web.")}
        assert rooms <= BELOW[room] | {room}, path
