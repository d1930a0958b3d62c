"""The folder that the generator reads: Markdown pages, files beside them, and their order."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

Navigation = list[dict[str, Any]]
"""Titles in their order, each with its page or with a list of the same kind."""

LANGUAGE = "en"

PACKAGE = Path(str(files("pellucid")))
"""The folder of the package."""


@dataclass(frozen=True)
class Pages:
    """Pages by their paths within one folder; `navigation` is what the menu shows."""

    folder: Path
    navigation: Navigation = field(default_factory=list)

    def write(self, path: str, content: str | bytes) -> str:
        """Write a page or another file; returns its path."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@cache
def words() -> Mapping[str, Any]:
    """What the site says beside the lessons' own words: its first page, captions, the glossary."""
    file = files("pellucid") / "words" / f"site.{LANGUAGE}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def templates() -> Environment:
    """The pieces of HTML and the Markdown pages that are filled in."""
    return Environment(
        loader=PackageLoader("pellucid.site"),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def up(path: str) -> str:
    """The way from a page to the site's root: `../` from `lessons/softmax.md`."""
    return "../" * path.count("/")
