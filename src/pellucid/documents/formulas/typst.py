r"""Formulas as Typst sets them.

>>> typst("rstd = 1 / √(variance + ε)")
'$display("rstd" = frac(1, sqrt("variance" + ε)))$'
"""

import re

from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import (
    Applied,
    Bracketed,
    Fraction,
    Gap,
    Name,
    Node,
    Number,
    Prose,
    Root,
    Row,
    Scripted,
    Sign,
    Stop,
    bare,
    in_words,
    pieces,
    plain,
    spelt,
)

SIGNS = {"−": "-", "Σ": "sum", "·": "dot.op", "/": r"\/"}
NUMBERS = {"½": "frac(1, 2)", "…": "dots.h"}


def typst(text: str) -> str:
    """A formula in the plain notation as Typst's markup: its formulas, and the words between."""
    return " ".join(map(_piece, pieces(formula(text))))


def _piece(piece: Row) -> str:
    """Words as they are, the rest as mathematics; behind a wide stop there is room."""
    *_, last = piece.items
    room = " #h(0.7em)" if isinstance(last, Stop) and last.wide else ""
    worded = in_words(piece)
    return (escaped(plain(piece).strip()) if worded else f"$display({maths(piece)})$") + room


def maths(node: Node) -> str:
    """The Typst of one node, to be set in mathematics."""
    match node:
        case Name() | Scripted():
            return _scripted(node)
        case Number(text):
            return NUMBERS.get(text, quoted(text) if "e" in text else text)
        case Prose(text):
            return quoted(text)
        case Sign(text):
            return SIGNS.get(text, text)
        case Stop(text):
            return rf"\{text}"
        case Gap():
            return "thin"
        case Bracketed("|", inside, _):
            return f"lr(| {maths(inside)} |)"
        case Bracketed(left, inside, right):
            return f"{left}{maths(inside)}{right}"
        case Applied(base, to):
            return maths(base) + maths(to)
        case Root(of):
            return f"sqrt({maths(bare(of))})"
        case Fraction(over, under):
            return f"frac({maths(bare(over))}, {maths(bare(under))})"
        case Row(items):
            starts = bool(items) and isinstance(items[0], Sign) and not items[0].prefix
            first = '""' if starts and items[0] != Sign("Σ") else ""
            return " ".join(filter(None, (first, *map(maths, items))))


def quoted(text: str) -> str:
    """A string of Typst's, which it sets as it is."""
    inside = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{inside}"'


def escaped(text: str) -> str:
    """Text with the signs that Typst gives a meaning to written out."""
    return re.sub(r"([\\#*_`$<>@=~\[\]/'\"+-])", r"\\\1", text)


def _scripted(node: Name | Scripted) -> str:
    base, hat, below, primes, above = spelt(node)
    made = _name(base.text) if isinstance(base, Name) else maths(base).strip()
    made = f"hat({made})" if hat else made
    high = " ".join(map(_letter, above)) if isinstance(above, str) else maths(above.inside)
    low = " ".join(map(_letter, below))
    return made + "'" * primes + (f"_({low})" if low else "") + (f"^({high})" if high else "")


def _name(text: str) -> str:
    """A single letter slants; a name of the code's stands upright and whole."""
    return text if len(text) == 1 else quoted(text)


def _letter(char: str) -> str:
    return "upright(T)" if char == "T" else char
