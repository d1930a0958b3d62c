"""A formula as a small tree: what a writer needs to know of it, and nothing of how it looks.

Only what is typeset by its structure has a node: fractions, roots, indices and exponents, brackets.
The rest of a formula is a row of items from left to right, as it is read.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

HAT = "\u0302"
"""The combining circumflex of x̂."""


@dataclass(frozen=True)
class Name:
    """A name of the code's, such as `c_fc.out` and `W'`, a Greek letter, or a function's."""

    text: str


@dataclass(frozen=True)
class Number:
    """A number in figures, and what stands for one: ½, ∞, …"""

    text: str


@dataclass(frozen=True)
class Prose:
    """Prose among the signs."""

    text: str


@dataclass(frozen=True)
class Sign:
    """An operator, a relation, or a Σ; `prefix` where it belongs to what follows alone: -∞."""

    text: str
    prefix: bool = False


@dataclass(frozen=True)
class Stop:
    """A comma, a semicolon or a colon; `wide` where another formula begins behind it."""

    text: str
    wide: bool = False


@dataclass(frozen=True)
class Gap:
    """The space between two factors, or between words and signs."""


@dataclass(frozen=True)
class Bracketed:
    """What stands in brackets or between bars."""

    left: str
    inside: "Row"
    right: str


@dataclass(frozen=True)
class Applied:
    """A function and its arguments, or a name and its index: f(x), wte.weight[2]."""

    base: "Node"
    to: Bracketed


@dataclass(frozen=True)
class Scripted:
    """A base with an index or an exponent; both are kept as they were written."""

    base: "Node"
    below: str = ""
    above: "str | Bracketed" = ""


@dataclass(frozen=True)
class Root:
    """A square root; brackets that only hold its inside together are part of it."""

    of: "Row"


@dataclass(frozen=True)
class Fraction:
    """A quotient that is set as one above the other; brackets are as in a root."""

    over: "Row"
    under: "Row"


@dataclass(frozen=True)
class Row:
    """Items from left to right."""

    items: "tuple[Node, ...]"


Node = (
    Name
    | Number
    | Prose
    | Sign
    | Stop
    | Gap
    | Bracketed
    | Applied
    | Scripted
    | Root
    | Fraction
    | Row
)


def plain(node: Node) -> str:
    """The tree in the notation that it was read from, but for the width of its spaces."""
    match node:
        case Name(text) | Number(text) | Prose(text):
            return text
        case Sign(text, prefix):
            return text if prefix or text in {"Σ", "/"} else f" {text} "
        case Stop(text, wide):
            return f"{text}   " if wide else f"{text} "
        case Gap():
            return " "
        case Bracketed(left, inside, right):
            return left + plain(inside) + right
        case Applied(base, to):
            return plain(base) + plain(to)
        case Scripted(base, below, above):
            exponent = above if isinstance(above, str) else f"^{plain(above)}"
            return plain(base) + below + exponent
        case Root(of):
            return "√" + plain(of)
        case Fraction(over, under):
            return f"{plain(over)} / {plain(under)}"
        case Row(items):
            return "".join(
                plain(item) + " " * _spaced(item, after)
                for item, after in zip_longest(items, items[1:])
            )


def _spaced(item: Node, after: Node | None) -> bool:
    """Whether there is a space between two items that neither of them has."""
    if isinstance(after, Sign):
        return after.prefix and (isinstance(item, Prose | Scripted) or item == Sign("Σ"))
    return item == Sign("Σ") and after is not None and not isinstance(after, Gap)


def bare(row: Row) -> Row:
    """A row without the brackets that a bar or a root's sign makes needless.

    >>> bare(Row((Bracketed("(", Row((Name("x"),)), ")"),)))
    Row(items=(Name(text='x'),))
    """
    match row.items:
        case (Bracketed("(", inside, ")"),):
            return inside
        case _:
            return row


def tall(node: Node) -> bool:
    """Whether brackets around it have to grow: a fraction or a root stands in it."""
    match node:
        case Root() | Fraction():
            return True
        case Row(items):
            return any(map(tall, items))
        case Bracketed(_, inside, _):
            return tall(inside)
        case Applied(base, to):
            return tall(base) or tall(to)
        case Scripted(base):
            return tall(base)
        case _:
            return False


def letters(script: str) -> str:
    """The signs of an index or an exponent at their full size: "ᵀ" is T, "ᵢ₊₁" is i+1."""
    return unicodedata.normalize("NFKC", script)


class Spelt(NamedTuple):
    """A name or a scripted base, taken apart as mathematics sets it."""

    base: Node
    hat: bool
    below: str
    primes: int
    above: str | Bracketed


def spelt(node: Name | Scripted) -> Spelt:
    """The letters, and what stands below and above: `W'ᵀ`, `x̂₁`, and the textbook's `W_e`.

    >>> spelt(Scripted(Name("W_e''"), above="ᵀ"))
    Spelt(base=Name(text='W'), hat=False, below='e', primes=2, above='T')
    """
    if isinstance(node, Scripted):
        above = letters(node.above) if isinstance(node.above, str) else node.above
        if not isinstance(node.base, Name | Scripted):
            return Spelt(node.base, hat=False, below=letters(node.below), primes=0, above=above)
        own = spelt(node.base)
        return own._replace(below=own.below + letters(node.below), above=above or own.above)
    text = node.text.rstrip("'")
    primes = len(node.text) - len(text)
    hat = HAT in text
    text = text.replace(HAT, "")
    below = text[2:] if len(text) == 3 and text[1] == "_" else ""
    return Spelt(Name(text[0] if below else text), hat, below, primes, "")


def pieces(row: Row) -> Iterator[Row]:
    """A formula in parts between which a line may break: behind wide stops, and around words."""
    piece: list[Node] = []
    for item in row.items:
        worded = isinstance(item, Prose)
        if piece and (worded or isinstance(piece[-1], Prose)) and not isinstance(item, Stop):
            yield from _piece(piece)
            piece = []
        piece.append(item)
        if isinstance(item, Stop) and (item.wide or in_words(Row(tuple(piece)))):
            yield from _piece(piece)
            piece = []
    yield from _piece(piece)


def _piece(items: list[Node]) -> Iterator[Row]:
    """The items without gaps at the ends, if any are left."""
    while items and isinstance(items[0], Gap):
        items = items[1:]
    while items and isinstance(items[-1], Gap):
        items = items[:-1]
    if items:
        yield Row(tuple(items))


def in_words(row: Row) -> bool:
    """Whether there is nothing in it but words, to be set as a line of text."""
    worded = (Prose, Stop, Gap)
    return all(
        isinstance(item, worded)
        or (isinstance(item, Name) and item.text.isalpha() and len(item.text) > 1)
        for item in row.items
    )
