"""Matrices of numbers as lines of text: labelled, cut to the width, side by side."""

from collections.abc import Iterator, Sequence

from rich.text import Text

GAP = " " * 4


def matrix_lines(
    texts: Sequence[Sequence[str]],
    names: Sequence[str],
    columns: Sequence[str] | None,
    room: int,
) -> list[Text]:
    """A matrix of texts, labelled, in parts of about equal width that fit the room."""
    label = min(14, max(map(len, names)))
    indent = label + 1 if label else 0
    width = len(texts[0][0])
    if columns is not None:
        width = max(width, min(10, max(map(len, columns))))
    total = len(texts[0])
    parts = -(-total // max(1, (room - indent) // (width + 1)))
    at_once = -(-total // parts)
    lines: list[Text] = []
    for start in range(0, total, at_once):
        part = slice(start, start + at_once)
        if columns is not None:
            heads = " ".join(f"{cut(piece, width):>{width}}" for piece in columns[part])
            lines.append(Text(f"{'':{indent}}{heads}", "dim"))
        elif parts > 1:
            end = min(total, start + at_once) - 1
            lines.append(Text(f"{'':{indent}}columns {start} to {end}", "dim"))
        for name, row in zip(names, texts, strict=True):
            numbers = " ".join(f"{text:>{width}}" for text in row[part])
            lines.append(Text.assemble((f"{cut(name, label):<{indent}}", "dim"), numbers))
    return lines


def beside(blocks: Sequence[list[Text]], room: int) -> Iterator[Text]:
    """The blocks in columns, as many side by side as fit; all are of the same height and width."""
    width = max(len(line) for line in blocks[0])
    at_once = max(1, (room + len(GAP)) // (width + len(GAP)))
    for start in range(0, len(blocks), at_once):
        for lines in zip(*blocks[start : start + at_once], strict=True):
            padded = [line + " " * (width - len(line)) for line in lines[:-1]]
            yield Text(GAP).join([*padded, lines[-1]])


def cut(text: str, width: int) -> str:
    """The text, shortened to the width where it is longer."""
    return text if len(text) <= width else text[: width - 1] + "…"
