"""A document as one HTML file: no script, nothing from a network, every number's arithmetic in it.

A cell's arithmetic is a panel of its own, which CSS shows while the pointer is over the cell; the
cell is a button that opens it as a popover, so that a tap, the keyboard and Escape work too.
"""

from itertools import count

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pellucid.documents.formulas import mathml
from pellucid.documents.links import Link
from pellucid.documents.model import Document
from pellucid.documents.values import Cell, Value

MINUS = "−"
"""A minus sign as wide as a digit, and not to be overlooked."""


ROOM = 64
"""Characters of a table's row that there is room for beside another table."""


def html(document: Document, home: Link | None = None) -> str:
    """The whole page; `home` is where it leads back to, where it is one of several."""
    environment = Environment(
        loader=PackageLoader("pellucid.documents"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    numbers = count()

    def behind(cell: Cell) -> list[str]:
        """The lines of a cell's panel; those of the number itself begin with an equals sign."""
        first, *others = document.arithmetic(cell.name)
        own = first.removeprefix(f"{cell.name} = ")
        return [own, *others] if own == first else [f"= {own}".replace(" = ", "\n= "), *others]

    style = environment.get_template("walk.css").render()
    return environment.get_template("walk.html").render(
        document=document,
        home=home,
        style=Markup(style),
        mathml=lambda text: Markup(mathml(text)),
        behind=behind,
        width=_width,
        wide=lambda value: len(value.tables[0].cells[0]) * (_width(value) + 2) > ROOM,
        figure=lambda text: text.replace("-", MINUS),
        place=lambda: f"n{next(numbers)}",
    )


def _width(value: Value) -> int:
    """Characters of the longest of its numbers."""
    return max(len(cell.text) for cell in value.cells)
