"""A text's tokens as a table, and the merges that made them."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from pellucid.terminal.lines import Hanging, columns
from pellucid.text import BPE, Tokenizer


def token_table(tokenizer: Tokenizer, text: str) -> Table:
    """One line a token: its place, id, piece and bytes."""
    table = columns("place", "id", "piece", "bytes", right={"place", "id"})
    for place, token in enumerate(tokenizer.encode(text)):
        piece = tokenizer.piece(token)
        shown = repr(piece.decode("utf-8", errors="replace"))
        table.add_row(
            str(place), Text(str(token), "bold cyan"), Text(shown), Text(piece.hex(" "), "dim")
        )
    return table


def merge_lines(tokenizer: BPE, text: str) -> Iterator[Hanging]:
    """Each pre-token, and below it one line a merge: its rank, the pair, and the pieces after."""
    for merging in tokenizer.merge_steps(text):
        start = Text.assemble((_piece(merging.pretoken), "bold"), "  ", _pieces(merging.start))
        yield Hanging(start)
        for step in merging.steps:
            yield Hanging(
                Text.assemble(
                    (f"  merge {step.rank:>5}  ", "dim"),
                    (f"{_piece(step.left)} + {_piece(step.right)}", "cyan"),
                    ("  →  ", "dim"),
                    _pieces(step.pieces),
                )
            )


def _piece(piece: bytes) -> str:
    """A piece as text where it is whole characters, else as bytes."""
    try:
        return repr(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return repr(piece)


def _pieces(pieces: tuple[bytes, ...]) -> Text:
    return Text(" · ".join(map(_piece, pieces)))
