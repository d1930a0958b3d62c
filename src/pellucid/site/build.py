"""Building the site: pages are written into a folder, and MkDocs makes the site of them."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pellucid.errors import ConfigError, WriteError
from pellucid.examples import EXAMPLES
from pellucid.files import make_room
from pellucid.lessons import PATH, Lesson
from pellucid.shipped import SHIPPED_MODEL
from pellucid.site.chapters import example_of, write_chapters
from pellucid.site.glossary import write_glossary
from pellucid.site.live_page import list_live_page, write_live_page
from pellucid.site.pages import Pages
from pellucid.site.papers import write_papers
from pellucid.site.room_pages import rooms, write_rooms
from pellucid.site.settings import settings
from pellucid.site.start import write_start
from pellucid.site.walks import write_walks

NEEDED = ("mkdocs", "material", "mkdocstrings_handlers")
"""What the extra `site` brings: the generator, its theme, and the reader of docstrings."""

SERVED = ("404.html", "sitemap.xml", "sitemap.xml.gz")
"""What only a server has a use for."""


@dataclass(frozen=True)
class Contents:
    """What the site is of: all of it, or some lessons with their examples and the glossary.

    `models` are those that the page shows beside the examples.
    """

    lessons: Sequence[Lesson] = PATH
    examples: Sequence[str] = EXAMPLES
    rooms: Sequence[str] = field(default_factory=rooms)
    models: Sequence[str] = (SHIPPED_MODEL,)
    whole: bool = True

    @classmethod
    def of(cls, lessons: Sequence[Lesson]) -> "Contents":
        """These lessons and what they are about; without documents and API."""
        examples = dict.fromkeys(filter(None, map(example_of, lessons)))
        return cls(lessons, tuple(examples), (), (), whole=False)


@dataclass(frozen=True)
class BuiltSite:
    """A site that was written: its first page, how many pages and bytes, and what was warned of."""

    first: Path
    pages: int
    size: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def check_generator() -> None:
    """Raise `ConfigError` where the packages that make a site are not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            "a site is made by MkDocs with its Material theme and mkdocstrings, and "
            f"{missing[0]} is not installed: pip install 'pellucid[site]'"
        )


def build_site(
    out: Path,
    contents: Contents | None = None,
    *,
    overwrite: bool = False,
    watch: Callable[[str], None] = lambda _: None,
) -> BuiltSite:
    """Write the site into a directory; `watch` is told what is being done.

    Files in it that are not of the site stay. Raises `ConfigError` where the generator is not
    installed, or where the directory holds files and may not be written over.
    """
    check_generator()
    make_room(out, overwrite=overwrite)
    contents = contents or Contents()
    with TemporaryDirectory(prefix="pellucid-site-") as place:
        pages, made = Pages(Path(place, "pages")), Path(place, "site")
        notes = _write(pages, contents, watch)
        watch("the pages")
        warnings = _generate(pages, made)
        for name in SERVED:
            Path(made, name).unlink(missing_ok=True)
        _copy(made, out)
        written = [file for file in made.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in written)
        count = sum(file.suffix == ".html" for file in written)
    return BuiltSite(out / "index.html", count, size, tuple(warnings), tuple(notes))


def _copy(made: Path, out: Path) -> None:
    """Copy the site to where it is wanted, over what stands there of an earlier one."""
    try:
        shutil.copytree(made, out, dirs_exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"the site must have a directory that can be written, and {out} is none "
            f"({error.strerror or error}): choose another"
        ) from None


def _write(pages: Pages, contents: Contents, watch: Callable[[str], None]) -> list[str]:
    """Fill the folder; returns what could not be put in."""
    for file in files("pellucid.site").joinpath("assets").iterdir():
        pages.write(f"assets/{file.name}", file.read_bytes())
    write_start(pages, whole=contents.whole)
    walks = write_walks(pages, contents.examples, watch)
    live = write_live_page(pages, contents.examples, contents.models, watch)
    write_chapters(pages, contents.lessons, walks, live, watch)
    walks.list_them(pages, live)
    list_live_page(pages)
    notes = write_papers(pages) if contents.whole else []
    write_glossary(pages, walks, contents.lessons)
    if contents.rooms:
        write_rooms(pages, contents.rooms)
    return notes


def _generate(pages: Pages, made: Path) -> list[str]:
    """Run MkDocs; returns what it warned of."""
    from mkdocs.commands.build import build  # noqa: PLC0415 (an extra)
    from mkdocs.config import load_config  # noqa: PLC0415
    from mkdocs.exceptions import MkDocsException  # noqa: PLC0415

    file = pages.folder.parent / "mkdocs.yml"
    file.write_text(settings(pages, made), encoding="utf-8")
    with _warned() as warnings:
        try:
            build(load_config(str(file)))
        except (SystemExit, MkDocsException) as error:
            raise ConfigError(
                f"MkDocs must make the pages, and it says: {' '.join(warnings) or error}. "
                "Try: pip install --upgrade 'pellucid[site]'"
            ) from None
    return warnings


@contextmanager
def _warned() -> Iterator[list[str]]:
    """What MkDocs warns of, instead of on the screen."""
    found: list[str] = []

    class _Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger = logging.getLogger("mkdocs")
    before: tuple[Any, ...] = (logger.handlers, logger.propagate, logger.level)
    logger.handlers, logger.propagate = [_Collector(logging.WARNING)], False
    logger.setLevel(logging.WARNING)
    try:
        yield found
    finally:
        logger.handlers, logger.propagate, logger.level = before
