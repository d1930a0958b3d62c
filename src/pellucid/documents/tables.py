"""Matrices of numbers as lines of text: labelled, in parts that fit the width, side by side."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

GAP = " " * 4

LABEL = 14
"""Columns of a row's label; a longer one goes on below itself."""

HEAD = 10
"""Columns that a column's head may ask for where its numbers are shorter; it goes on below too."""


def matrix_lines(
    texts: Sequence[Sequence[str]],
    names: Sequence[str],
    columns: Sequence[str] | None,
    room: int,
) -> list[Text]:
    """A matrix of texts, labelled, in parts of about equal width that fit the room."""
    label = min(LABEL, max(map(cell_len, names)))
    indent = label + 1 if label else 0
    width = len(texts[0][0])
    if columns is not None:
        width = max(width, min(HEAD, max(map(cell_len, columns))))
    total = len(texts[0])
    parts = -(-total // max(1, (room - indent + 1) // (width + 1)))
    at_once = -(-total // parts)
    lines: list[Text] = []
    for start in range(0, total, at_once):
        part = slice(start, start + at_once)
        if columns is not None:
            for heads in _stacked(columns[part], width):
                row = " ".join(" " * (width - cell_len(head)) + head for head in heads)
                lines.append(Text(" " * indent + row, "dim"))
        elif parts > 1:
            end = min(total, start + at_once) - 1
            lines.append(Text(f"{'':{indent}}columns {start} to {end}", "dim"))
        for name, numbers in zip(names, texts, strict=True):
            own, *more = chop_cells(name, label) if name else [""]
            row = " ".join(f"{text:>{width}}" for text in numbers[part])
            lines.append(Text.assemble((own + " " * (indent - cell_len(own)), "dim"), row))
            lines += (Text(line, "dim") for line in more)
    return lines


def beside(blocks: Sequence[list[Text]], room: int) -> Iterator[Text]:
    """The blocks in columns, as many side by side as fit; all are of the same height and width."""
    width = max(line.cell_len for line in blocks[0])
    at_once = max(1, (room + len(GAP)) // (width + len(GAP)))
    for start in range(0, len(blocks), at_once):
        for lines in zip(*blocks[start : start + at_once], strict=True):
            padded = [line + " " * (width - line.cell_len) for line in lines[:-1]]
            yield Text(GAP).join([*padded, lines[-1]])


def _stacked(heads: Sequence[str], width: int) -> Iterator[tuple[str, ...]]:
    """Heads broken to the width, line by line, so that each ends just above its column."""
    broken = [chop_cells(head, width) if head else [""] for head in heads]
    height = max(map(len, broken))
    yield from zip(*([""] * (height - len(one)) + one for one in broken), strict=True)
