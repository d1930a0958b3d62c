"""Read a formula in the plain notation of the steps: "rstd = 1 / √(variance + ε)".

The notation is that of the terminal. Factors stand side by side; ` / ` with spaces is a fraction
of the factors to its left and the one to its right, and `2/π` without is a slash; a root, a Σ and
an exponent take one factor or what is in brackets. `,   ` and `:   ` lie between two formulas of a
line. What reads like English is words: a run of words with one among them that no formula has
("number of targets"), or of three and more; `where` and `else` with no more than a name on
either side are keywords. A text that is no formula by these rules is all words.
"""

import re
import unicodedata
from itertools import pairwise
from typing import NamedTuple

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
)
from pellucid.errors import PellucidError

_ENGLISH = """
    a all an and are as at before both but by each else even every for from in into is it its no odd
    of one or over same so than that the their they three times to twice two was whatever where with
    without
"""
ENGLISH = frozenset(_ENGLISH.split())
"""Words that no formula has for a name: a run of words with one of them is prose."""

FUNCTIONS = frozenset({"cos", "erf", "exp", "log", "max", "min", "sin", "softmax", "tanh"})
"""Names that stand before their argument without brackets too."""

KEYWORDS = frozenset({"where", "else"})
"""Words that an equation has among its signs: `dout where mask, else 0`."""

MANY = 3
"""So many words side by side are prose, whichever they are."""

CLOSING = {"(": ")", "[": "]", "|": "|"}
RELATIONS = "=+-−±·×←→<>≤≥≠≈"

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<stop>[,;:](?P<wide>\s{2,})?)"
    r"|(?P<quoted>(?<!\S)'[^']+'(?!\w))"
    r"|(?P<prose>[A-Za-z]{2,}(?:-[A-Za-z]{2,})+(?:'s)?|[A-Za-z]+'s\b)"
    r"|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?|[½∞…])"
    r"|(?P<name>[A-Za-z]\u0302'*|[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*'*|[Α-ΡΤ-Ωα-ω∂])"
    rf"|(?P<sign>[{re.escape(RELATIONS)}Σ/√^])"
    r"|(?P<bracket>[()\[\]|])"
    r"|(?P<script>.)"
)


class _Token(NamedTuple):
    kind: str
    text: str
    spaced: bool  # whether there is space before it


_END = _Token("", "", spaced=True)


class _NotAFormulaError(PellucidError):
    """The text breaks a rule of the notation, and is to be shown as it is."""


def formula(text: str) -> Row:
    """The tree of a formula; of what is none, its words.

    >>> from pellucid.documents.formulas.tree import plain
    >>> formula("z = x / 2").items[-1]
    Fraction(over=Row(items=(Name(text='x'),)), under=Row(items=(Number(text='2'),)))
    >>> formula("1 / )")
    Row(items=(Prose(text='1 / )'),))
    """
    try:
        reader = _Reader(_in_prose(_tokens(text)))
        row = reader.row(closing="")
        reader.end()
    except _NotAFormulaError:
        return Row((Prose(text),))
    return row


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    spaced = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "space":
            spaced = True
            continue
        if kind in {"stop", "wide"}:
            kind = "wide" if match["wide"] else "stop"
        if kind == "script":
            kind = {"<sub>": "below", "<super>": "above"}.get(
                unicodedata.decomposition(match[0]).partition(" ")[0], ""
            )
            if not kind:
                raise _NotAFormulaError(f"{match[0]} has no meaning in a formula")
        tokens.append(_Token(kind, match[0].rstrip(), spaced))
        spaced = bool(match["wide"])
    return tokens


def _in_prose(tokens: list[_Token]) -> list[_Token]:
    """The tokens with each run of words that reads like English as one."""
    found: list[_Token] = []
    run: list[_Token] = []
    for token, after in pairwise([*tokens, _END]):
        if _is_word(token, after):
            run.append(token)
            continue
        found += [*_run(run), token]
        run = []
    return found + _run(run)


def _is_word(token: _Token, after: _Token) -> bool:
    """Whether a token may be a word of a sentence; a name with an index or an argument is none."""
    if token.kind in {"prose", "quoted"}:
        return True
    if token.kind != "name" or not re.fullmatch(r"[A-Za-z]+'*", token.text):
        return False
    if token.text == "a":
        return after.kind in {"name", "prose"} and len(after.text) > 1
    marked = after.kind in {"below", "above"} or after.text in {"(", "[", "^"}
    symbol = len(token.text.rstrip("'")) == 1 or token.text in FUNCTIONS
    return not symbol and (after.spaced or not marked)


def _run(run: list[_Token]) -> list[_Token]:
    prose = len(run) >= MANY or any(
        token.kind in {"prose", "quoted"} or token.text in ENGLISH for token in run
    )
    if not prose:
        return run
    for place, token in enumerate(run[:2]):
        others = run[:place] + run[place + 1 :]
        plain = all(other.kind == "name" and other.text not in ENGLISH for other in others)
        if token.text in KEYWORDS and plain and len(run) <= place + 2:
            return [*run[:place], token._replace(kind="words"), *run[place + 1 :]]
    return [_Token("words", " ".join(token.text for token in run), run[0].spaced)]


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0

    def next(self) -> _Token:
        """The token that stands next; behind the last, one of no kind."""
        return self.tokens[self.place] if self.place < len(self.tokens) else _END

    def take(self) -> _Token:
        """The same, gone past."""
        token = self.next()
        self.place += 1
        return token

    def end(self) -> None:
        """Nothing may be left."""
        if self.next().kind:
            raise _NotAFormulaError(f"{self.next().text} closes nothing")

    def row(self, closing: str) -> Row:
        """Items up to a closing bracket, or to the end."""
        items: list[Node] = []
        term = 0  # where the factors begin that a fraction would have above
        while (token := self.next()).kind and token.text != closing:
            if token.text == "/" and token.spaced:
                if term == len(items):
                    raise _NotAFormulaError("nothing is divided")
                self.take()
                items[term:] = [Fraction(Row(tuple(items[term:])), self.divisor())]
            elif token.kind in {"stop", "wide", "sign"} and token.text not in "Σ√^":
                self.take()
                items.append(self.sign(token, items))
                term = term if token.text == "/" else len(items)
            else:
                if items and token.spaced and not isinstance(items[-1], Sign | Stop):
                    items.append(Gap())
                worded = token.kind == "words" or any(
                    isinstance(item, Prose) for item in items[-2:]
                )
                term = len(items) if worded else term
                items.append(self.factor())
        return Row(tuple(items))

    def sign(self, token: _Token, before: list[Node]) -> Node:
        """A stop, a relation or an operator; one that leans on what follows is a prefix."""
        if token.kind != "sign":
            return Stop(token.text, token.kind == "wide")
        last = before[-1] if before else Stop("")
        last = last.base if isinstance(last, Scripted) else last
        starts = isinstance(last, Sign | Stop | Prose)
        return Sign(token.text, starts and token.text in "+-−±" and not self.next().spaced)

    def factor(self) -> Node:
        """One factor, with its index, argument and exponent."""
        token = self.take()
        made: Node
        if token.text == "√":
            return Root(self.operand())
        if token.text == "Σ":
            made = Sign(token.text)
        elif token.text in CLOSING:
            self.place -= 1
            return self.scripted(self.brackets())
        else:
            made = self.atom(token)
        made = self.scripted(made)
        while (
            isinstance(made, Name | Scripted | Applied) and self.attached() and token.kind == "name"
        ):
            made = self.scripted(Applied(made, self.brackets()))
        return made

    def atom(self, token: _Token) -> Node:
        """A name, a number, or words."""
        match token.kind:
            case "name":
                return Name(token.text)
            case "number":
                return Number(token.text)
            case "words":
                return Prose(token.text)
        raise _NotAFormulaError(f"{token.text} stands for nothing")

    def attached(self) -> bool:
        """Whether a bracket opens without a space before it."""
        return self.next().text in {"(", "["} and not self.next().spaced

    def brackets(self) -> Bracketed:
        """What stands in brackets, which must close."""
        left = self.take().text
        inside = self.row(CLOSING[left])
        if self.take().text != CLOSING[left]:
            raise _NotAFormulaError(f"{left} is not closed")
        return Bracketed(left, inside, CLOSING[left])

    def scripted(self, base: Node) -> Node:
        """The base with what is written below and above it, if anything is."""
        below = self.scripts("below")
        above: str | Bracketed = self.scripts("above")
        if not above and self.next().text == "^":
            self.take()
            if self.next().text != "(":
                raise _NotAFormulaError("^ is followed by an exponent in brackets")
            above = self.brackets()
        if not below and not above:
            return base
        return self.scripted(Scripted(base, below, above))

    def scripts(self, kind: str) -> str:
        """The letters below or above that stand next."""
        found = ""
        while self.next().kind == kind and not self.next().spaced:
            found += self.take().text
        return found

    def operand(self) -> Row:
        """What a root or a fraction's bar takes: one factor, with a Σ before it both."""
        items = [self.factor()]
        first = items[0].base if isinstance(items[0], Scripted) else items[0]
        if first == Sign("Σ"):
            items += [Gap()] * self.next().spaced + [self.factor()]
        return Row(tuple(items))

    def divisor(self) -> Row:
        """What a fraction has below: an operand, with the letters of 2h that no space divides."""
        items = list(self.operand().items)
        while self.next().kind in {"name", "number"} and not self.next().spaced:
            items.append(self.factor())
        return Row(tuple(items))
