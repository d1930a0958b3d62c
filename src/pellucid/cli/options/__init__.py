"""Options that several commands have, each declared once: a file a subject.

A command writes `digits: Annotated[int | None, DIGITS] = None`, and where it has more to say of an
option than all commands have, `variant(SEED, "that choose a worksheet's blanks.")`. What one
command alone has is declared there. Beside an option stands what its value is turned into.
"""

from copy import copy
from typing import Any


def variant(option: Any, more: str = "", *, default: str | None = None) -> Any:
    """The option with `more` added to its help; `default` says what it is where none is given."""
    changed = copy(option)
    changed.help = f"{option.help} {more}".rstrip()
    if default is not None:
        changed.show_default = default
    return changed


__all__ = ["variant"]
