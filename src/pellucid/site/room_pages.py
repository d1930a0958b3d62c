"""The API, a page a room: what it exports, from the docstrings."""

import ast
import importlib.util
import inspect
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pellucid.documents.markdown import escaped
from pellucid.site.pages import PACKAGE, Pages, words


def rooms() -> list[str]:
    """The package's rooms that export anything, in the order of the alphabet."""
    names = [info.name for info in pkgutil.iter_modules([str(PACKAGE)]) if info.ispkg]
    return [name for name in names if getattr(import_module(f"pellucid.{name}"), "__all__", ())]


def write_rooms(pages: Pages, names: Sequence[str]) -> None:
    """Write a page for each room, and one that lists them."""
    own = words()["api"]
    lines = [f"# {own['title']}", "", own["about"], "", "| | |", "|---|---|"]
    entries = []
    for name in names:
        path = f"api/{name}.md"
        room = import_module(f"pellucid.{name}")
        first, _, more = inspect.cleandoc(room.__doc__ or "").partition("\n")
        lines.append(f"| [`pellucid.{name}`]({name}.md) | {escaped(first)} |")
        shown = "\n\n".join(_shown(room, one) for one in _ordered(room))
        pages.write(path, f"# `pellucid.{name}`\n\n{escaped(first)}\n{more}\n\n{shown}\n")
        entries.append({f"pellucid.{name}": path})
    pages.write("api/index.md", "\n".join(lines) + "\n")
    pages.navigation.append({words()["tabs"]["api"]: ["api/index.md", *entries]})


def _ordered(room: ModuleType) -> list[str]:
    """What a room exports: functions, then classes, then what has a value."""

    def kind(name: str) -> int:
        found = getattr(room, name)
        return 1 if isinstance(found, type) else 0 if callable(found) else 2

    return sorted(room.__all__, key=kind)


def _shown(room: ModuleType, name: str) -> str:
    """What stands for a name on its page: its docstring, or itself where none is found."""
    home = _home(room.__name__, name)
    return f"::: {home}" if home else f"## {name}\n\n`{name} = {getattr(room, name)!r}`"


def _home(module: str, name: str) -> str | None:
    """Where a name is defined, found by its imports: a layer's module has the layer's own name.

    None of one that is assigned together with others, which the reader of docstrings passes over.
    """
    source = importlib.util.find_spec(module)
    assert source is not None
    assert source.origin is not None
    for node in ast.parse(Path(source.origin).read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module=str(other), names=names) if other.startswith("pellucid"):
                for alias in names:
                    if name == (alias.asname or alias.name):
                        return _home(other, alias.name)
            case ast.FunctionDef(name=own) | ast.ClassDef(name=own) if own == name:
                return f"{module}.{name}"
            case ast.Assign(targets=[ast.Name(id=own)]) | ast.AnnAssign(target=ast.Name(id=own)):
                if own == name:
                    return f"{module}.{name}"
    return None
