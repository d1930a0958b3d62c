"""The page's files as one module and one style sheet, for where no server gives them out.

A notebook's widget is one text of JavaScript. The page is written as plain ES modules that import
by name from one another, at the beginnings of lines, without a cycle and without default exports:
so each becomes a function that returns what it exports, called in the order of the imports.
Whatever is written in another way is refused with `BundleError`, at once, and not in the browser.
"""

import json
import re
from pathlib import Path, PurePosixPath

from pellucid.web.resources import PAGE

_IMPORT = re.compile(r"^import\s+(?:\{([^}]*)\}\s*from\s*)?\"(\.[^\"]+)\";[ \t]*$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*? |class |const )(\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import\b|export\b|await\b)|\bimport\s*\(|\bimport\.meta\b", re.MULTILINE)
_SHEET = re.compile(r"@import url\(\"([^\"]+)\"\)(?: layer\((\w+)\))?;")
_WIDTH = re.compile(r"@media (\((?:min|max)-width: [\d.]+(?:rem|px)\)) \{")
_WINDOW = re.compile(r"(?<=\d)d?v([wh])\b")
_REM = re.compile(r"(?<![\w.])(\d*\.?\d+)rem\b")

ROOT_SIZE = 16
"""Pixels of the page's rem. A notebook's own differs from one to the other, from 10 to 16."""


class BundleError(Exception):
    """A file of the page is written in a way that cannot be put into one module."""


def module_text(entry: str, folder: Path = PAGE) -> str:
    """One module's text that exports what `entry` exports by default: its constant `widget`."""
    style = f"const STYLE = {json.dumps(style_text('notebook.css', folder))};"
    defined = _defined(entry, folder)
    return f"{style}\n{defined}\nexport default {_place(entry)}.widget(STYLE);\n"


def script_text(entry: str, folder: Path = PAGE) -> str:
    """One plain script's text that does what the module `entry` does: from disk no module loads."""
    return f'"use strict";\n(() => {{\n{_defined(entry, folder)}\n}})();\n'


def style_text(name: str, folder: Path = PAGE) -> str:
    """A style sheet with those that it imports, in which the window is the page's own box.

    Widths are asked of the box, and a window's hundredths are the box's: a notebook's output is
    narrower than its window, and as high as it is told to be.
    """
    text = _WINDOW.sub(r"cq\1", _WIDTH.sub(r"@container \1 {", _sheet(name, folder)))
    return _REM.sub(lambda found: f"{float(found[1]) * ROOT_SIZE:g}px", text)


def _defined(entry: str, folder: Path) -> str:
    """The modules that `entry` needs and itself, each a constant with what it exports."""
    parts: dict[str, str] = {}
    _collect(entry, folder, parts, ())
    return "\n".join(f"const {_place(name)} = {text}" for name, text in parts.items())


def _sheet(name: str, folder: Path) -> str:
    def imported(found: re.Match[str]) -> str:
        text = _sheet(_beside(name, found[1]), folder)
        return f"@layer {found[2]} {{\n{text}}}" if found[2] else text

    text = _SHEET.sub(imported, (folder / name).read_text(encoding="utf-8"))
    if "@import" in text:
        raise BundleError(f"a sheet is imported by @import url(…) layer(…);, and in {name} is not")
    return text


def _collect(name: str, folder: Path, parts: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise BundleError(f"modules must not import in a circle: {' -> '.join((*above, name))}")
    if name in parts:
        return
    source = (folder / name).read_text(encoding="utf-8")
    uses = []

    def imported(found: re.Match[str]) -> str:
        other = _beside(name, found[2])
        uses.append(other)
        names = " ".join((found[1] or "").replace(" as ", ": ").split())
        return f"const {{ {names} }} = {_place(other)};" if names else ""

    body = _IMPORT.sub(imported, source)
    exported = [found[1] for found in _EXPORT.finditer(body)]
    body = _EXPORT.sub("", body)
    if other := _OTHER.search(body):
        line = body[other.start() :].splitlines()[0]
        raise BundleError(f"a module must import and export by name, and {name} has: {line}")
    for use in uses:
        _collect(use, folder, parts, (*above, name))
    parts[name] = f"(() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})(); // {name}\n"


def _beside(name: str, path: str) -> str:
    """A relative import's file, named from the page's folder.

    >>> _beside("parts/app/bar.js", "../../core/dom.js")
    'core/dom.js'
    """
    steps: list[str] = list(PurePosixPath(name).parent.parts)
    for step in path.split("/"):
        if step == "..":
            steps.pop()
        elif step != ".":
            steps.append(step)
    return "/".join(steps)


def _place(name: str) -> str:
    """The constant in which a module's exports lie.

    >>> _place("core/dom.js")
    '$core$dom'
    """
    return "$" + re.sub(r"\W", "$", name.removesuffix(".js"))
