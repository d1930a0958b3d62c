"""The formats of a document, by the ending of a file's name."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import ConfigError, did_you_mean
from pellucid.files import check_writable, whole_file

if TYPE_CHECKING:
    from pellucid.documents.model import Document

WRITERS = {
    ".html": "html.html",
    ".pdf": "pdf.pdf",
    ".ipynb": "notebook.notebook",
    ".md": "markdown.markdown",
    ".tex": "latex.latex_article",
    ".json": "json.data",
}
"""The writer of each format: a module beside this one, and its function of the document."""

ALIASES = {".markdown": ".md", ".latex": ".tex", ".jupyter": ".ipynb", ".notebook": ".ipynb"}
"""Endings that somebody might write, and those that are meant."""


def check_path(path: Path) -> None:
    """Raise `ConfigError` for another ending, `WriteError` where no file can be written there."""
    if path.suffix not in WRITERS:
        near = did_you_mean(path.suffix, WRITERS, ALIASES)
        raise ConfigError(
            f"a document is written to {', '.join(WRITERS)}, and {path} is not one of them{near}: "
            "give the file another ending"
        )
    check_writable(path)


def write_document(document: "Document", path: Path) -> int:
    """Write the document in the format of the path's ending; returns how many bytes it has.

    Raises `ConfigError` for another ending, or where the format needs a package that is missing,
    `WriteError` where the file cannot be written.
    """
    check_path(path)
    module, _, function = WRITERS[path.suffix].partition(".")
    write: Callable[[Document], str | bytes] = getattr(
        import_module(f"pellucid.documents.{module}"), function
    )
    content = write(document)
    whole = content.encode() if isinstance(content, str) else content
    with whole_file(path) as beside:
        beside.write_bytes(whole)
    return len(whole)
