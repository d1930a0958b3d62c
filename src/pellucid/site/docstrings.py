"""Docstrings as Markdown has them: their examples are code.

MkDocs loads this by its name, through griffe, which reads the docstrings.
"""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)


def as_markdown(docstring: str) -> str:
    r"""The docstring with its examples in a block of code.

    >>> as_markdown("Twice.\n\n>>> 2 * 2")
    'Twice.\n\n```pycon\n>>> 2 * 2\n```'
    """
    return _EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", docstring)


class Docstrings(griffe.Extension):
    """Rewrites each docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for everything that may have a docstring."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
