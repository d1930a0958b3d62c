"""The documents of docs/ as pages; what they link to outside docs/ becomes a page too."""

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from pellucid.site.pages import PACKAGE, Pages, words

PICTURES = {".svg", ".png"}

SHELF = "docs"
"""Where the documents stand on the site."""

_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^()\s#]+)(#[^()\s]*)?\)")
_CODE = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
"""Blocks of code: what looks like a link in them is none."""

_HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)

LANGUAGES = {".py": "python", ".toml": "toml", ".md": "", ".v": "coq", ".c": "c", ".sh": "sh"}


def documents() -> Path | None:
    """The folder docs/: that of an installed package, or of the clone; None where neither is."""
    found = (PACKAGE / "site" / SHELF, PACKAGE.parents[1] / SHELF)
    return next((folder for folder in found if (folder / "commands.md").is_file()), None)


def write_papers(pages: Pages) -> list[str]:
    """Write all documents; returns a line that says so where there are none."""
    folder = documents()
    if folder is None:
        return ["the documents of docs/ are not here, and left out: build the site in a clone"]
    _Shelf(pages, folder).fill()
    return []


class _Shelf:
    """Copies pages and what they link to; a link that leads nowhere becomes its words."""

    def __init__(self, pages: Pages, folder: Path) -> None:
        self._pages, self._folder = pages, folder
        self._root = folder.parent
        self._done: set[str] = set()

    def fill(self) -> None:
        """Write all pages, and say in which order the menu has them."""
        files = sorted(self._folder.iterdir())
        for file in files:
            if file.suffix in PICTURES:
                self._pages.write(f"{SHELF}/{file.name}", file.read_bytes())
        titles = {file.stem: self._paper(file) for file in files if file.suffix == ".md"}
        groups, listed = [], set()
        for group in words()["papers"]:
            names = [name for name in group["pages"] if name in titles]
            listed |= set(names)
            groups.append({group["title"]: [{titles[one]: f"{SHELF}/{one}.md"} for one in names]})
        rest = [name for name in titles if name not in listed]
        if rest:
            own = [{titles[name]: f"{SHELF}/{name}.md"} for name in rest]
            groups.append({words()["papers_rest"]: own})
        self._pages.navigation.append({words()["tabs"]["papers"]: groups})

    def _paper(self, file: Path) -> str:
        """Write a document; returns its title."""
        text = file.read_text(encoding="utf-8")
        path = f"{SHELF}/{file.name}" if file.parent == self._folder else self._place(file)
        self._pages.write(path, self._linked(text, file, path))
        title = _HEADING.search(text)
        return title[1].replace("`", "") if title else file.stem

    def _linked(self, text: str, file: Path, path: str) -> str:
        """The text with its links led to pages of the site; code is left as it is."""
        parts = _CODE.split(text)
        link = self._link_of(file, path)
        return "".join(part if at % 2 else _LINK.sub(link, part) for at, part in enumerate(parts))

    def _link_of(self, file: Path, path: str) -> Callable[[re.Match[str]], str]:
        def link(found: re.Match[str]) -> str:
            said, aim, anchor = found[1], found[2], found[3] or ""
            if re.match(r"[a-z]+:", aim):
                return found[0]
            target = Path(os.path.normpath(file.parent / aim))
            if target.parent == self._folder and target.suffix in {*PICTURES, ".md"}:
                place = f"{SHELF}/{target.name}"
            elif target.is_file() and target.is_relative_to(self._root):
                place = self._file(target)
            else:
                return said.removeprefix("!")[1:-1]
            return f"{said}({posixpath.relpath(place, posixpath.dirname(path))}{anchor})"

        return link

    def _file(self, file: Path) -> str:
        """The page of a file outside docs/: a document as it is, code as code."""
        place = self._place(file)
        if place not in self._done:
            self._done.add(place)
            if file.suffix == ".md":
                self._paper(file)
            else:
                name = file.relative_to(self._root).as_posix()
                code = file.read_text(encoding="utf-8")
                fence = f"````{LANGUAGES.get(file.suffix, '')}\n{code}````\n"
                self._pages.write(place, f"# `{name}`\n\n{fence}")
        return place

    def _place(self, file: Path) -> str:
        name = file.relative_to(self._root).as_posix()
        return f"files/{name}" if name.endswith(".md") else f"files/{name}.md"
