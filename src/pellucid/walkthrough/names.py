"""Every name that a tape may hold: its shape, its symbol, and what it is.

The table is read off small runs of every kind of model: what a value means, the layer that makes it
says. `scripts/names_page.py` writes it as a page, `docs/names.md`, with what others call the same
number (`vocabularies`). In a pattern, `i` stands for the number of a layer, counted from 0. The
gradient of a name is the name with a `d` in front; what an optimizer makes of a parameter stands
under the parameter's name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import intervened
from pellucid.layers.facts import Meaning, facts_of
from pellucid.models import ARCHITECTURES, intervened_name, pairs_at
from pellucid.models.intervening import BESIDE
from pellucid.models.model import DryRun
from pellucid.optim import adamw_rule
from pellucid.tape import Call, Tape
from pellucid.walkthrough.scope import Scope, below
from pellucid.walkthrough.steps import PARAMETERS

SIZES = {
    "T": "positions of the text; rows of a table; windows of a next-token network",
    "S": "positions that can be looked at: T, and those in `past`",
    "N": "positions of the source, in a Transformer",
    "C": "n_embd, the width of the stream; of heads side by side H · d, where that differs",
    "H": "n_head",
    "G": "n_kv_head, heads of keys and values where heads of queries share them",
    "d": "the width of a head, C/H unless the configuration says otherwise",
    "d/2": "the pairs of channels of a head, which rotary positions turn",
    "Hd": "H · d, the heads of queries side by side",
    "Gd": "G · d, the heads of keys side by side",
    "F": "the width of the feed-forward network, in GPT-2 4C",
    "V": "vocab_size",
    "r": "lora_rank, the rank of LoRA's matrices",
    "maxT": "block_size",
    "W": "places of the window, in a next-token network",
    "I": "what goes into a first hidden layer: W · C, or W for ids, or a table's columns",
}
"""The letters of the shapes; a batch adds an axis B in front of activations, not of parameters."""

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


Maker = Callable[..., Any] | None


class NameRow(NamedTuple):
    """One row of the table."""

    pattern: str
    shape: tuple[str, ...]
    symbol: str  # as textbooks and papers write it
    meaning: str


def _said(words: Mapping[str, Meaning], prefix: str = "") -> tuple[NameRow, ...]:
    return tuple(NameRow(f"{prefix}{w}", (), m.symbol, m.words) for w, m in words.items())


UPDATES: tuple[NameRow, ...] = tuple(
    row for row in _said(facts_of(adamw_rule).values) if not row.pattern.endswith("_before")
)
"""What stands under a parameter's name after an update, each in the parameter's shape."""

MOMENTS: tuple[NameRow, ...] = tuple(
    row for row in _said(facts_of(adamw_rule).values) if row.pattern.endswith("_before")
)
"""What an update was given under a parameter's name: moments, in the parameter's shape."""

ADDED = Meaning("", "", "what was added by hand")

INTERVENTIONS: tuple[NameRow, ...] = _said(
    {**facts_of(intervened).values, "weight": ADDED, "rows": ADDED}, f"{BESIDE}."
)
"""What stands beside an activation that was set by hand, each in the activation's shape."""

OF_ITS_USE = "the part of the gradient that comes back through this use alone"
"""Of a value that is read under another name than its own."""


@cache
def names() -> tuple[NameRow, ...]:
    """All names, in data-flow order, one kind of model after the other."""
    return tuple(_by_pattern().values())


@cache
def _by_maker() -> Mapping[tuple[str, Maker], NameRow]:
    """The rows by their pattern and the layer that makes the value, None where it is given.

    Two kinds of model may have one name for what different layers make, as norms do.
    """
    rows: dict[tuple[str, Maker], NameRow] = {}
    for run in _runs():
        scope = Scope(run.tape)
        for name, value in _values(scope):
            meaning = scope.meaning(name)
            if meaning is not None:
                row = _row(_pattern(name), meaning, value, run.letters)
                rows.setdefault((row.pattern, _maker(run.tape, name)), row)
    return rows


def _maker(tape: Tape, name: str) -> Maker:
    """The layer that made a value on a tape; None for what was given."""
    call = tape.shown_by(name)
    return None if call is None else call.function


@cache
def uses() -> tuple[NameRow, ...]:
    """Values that a layer reads under a name of its own, each with a gradient by that use."""
    known, rows = {row.pattern for row in names()}, dict[str, NameRow]()
    for run in _runs():
        scope = Scope(run.tape)
        for name in run.tape:
            value = scope.value_of(name)
            path = value.rpartition(".")[0]
            for call in scope.at(path) if value != name and _pattern(value) not in known else ():
                said = (
                    facts_of(one.function).values.get(str(below(value, one.path)))
                    for one in scope.around(call)
                )
                meaning = next((one for one in said if one is not None), None)
                if meaning is not None:
                    row = _row(_pattern(value), meaning, run.tape.value(name), run.letters)
                    rows.setdefault(row.pattern, row)
    return tuple(rows.values())


def describe(name: str, tape: Tape | None = None) -> NameRow | None:
    """The row of the table for a name on a tape, gradients and updates too; None if there is none.

    Without the `tape`, of a name that several kinds of model have the first one's row.

    >>> describe("h.3.attn.att").shape
    ('H', 'T', 'S')
    >>> describe("dh.3.attn.att").meaning
    'gradient: attention: softmax of a row of scores'
    """
    gradient = tape is not None and name.startswith("d") and _pattern(name) not in _by_pattern()
    return _described(name, tape and _maker(tape, name[1:] if gradient else name))


@cache
def _described(name: str, maker: Maker) -> NameRow | None:
    """The row for a name of what this layer made, or a gradient by it."""
    pattern = _pattern(name)
    row = _by_maker().get((pattern, maker)) or _by_pattern().get(pattern)
    if row is not None:
        return row
    *owner, last = name.rsplit(".", 1)
    for update in (*UPDATES, *MOMENTS):
        parameter = describe(owner[0]) if owner and last == update.pattern else None
        if parameter is not None and owner[0].endswith(PARAMETERS):
            return update._replace(shape=parameter.shape)
    by_hand = _intervention(name)
    if by_hand is not None:
        return by_hand
    if name.startswith("d"):
        value = _use(name[1:]) or _described(name[1:], maker)
        if value is not None:
            symbol = f"({value.symbol})" if " " in value.symbol else value.symbol
            return value._replace(symbol=f"∂L/∂{symbol}", meaning=f"gradient: {value.meaning}")
    return None


def _intervention(name: str) -> NameRow | None:
    """The row for what stands beside an activation that was set by hand."""
    path, beside, last = name.rpartition(f".{BESIDE}.")
    row = next((row for row in INTERVENTIONS if row.pattern == f"{BESIDE}.{last}"), None)
    made = _set_by_hand().get(_pattern(f"{path}{beside}out")) if row is not None else None
    own = _by_pattern()[made] if made is not None else None
    return row and own and row._replace(shape=own.shape, meaning=f"{row.meaning}: {own.meaning}")


@cache
def _set_by_hand() -> Mapping[str, str]:
    """What takes the place of each activation that can be set, and that activation's name."""
    names_made = (name for run in _runs() for name in pairs_at(run.tape))
    return {_pattern(intervened_name(name)): _pattern(name) for name in names_made}


def _use(name: str) -> NameRow | None:
    """The row for a layer's own use of a value: its input `x`, or an embedding's table."""
    row = {row.pattern: row for row in uses()}.get(_pattern(name))
    if row is not None:
        return row._replace(meaning=f"{row.meaning}: {OF_ITS_USE}")
    return NameRow(name, (), "x", OF_ITS_USE) if name.endswith(".x") else None


@cache
def _by_pattern() -> Mapping[str, NameRow]:
    rows: dict[str, NameRow] = {}
    for row in _by_maker().values():
        rows.setdefault(row.pattern, row)
    return rows


@cache
def _runs() -> tuple[DryRun, ...]:
    return tuple(run for kind in ARCHITECTURES.values() for run in kind.dry_runs())


def _values(scope: Scope) -> Iterator[tuple[str, Tensor]]:
    """The values of a run in data-flow order: what a call was given before what it made."""
    tape = scope.tape
    for name in tape:
        call = tape.shown_by(name)
        if call is None or call.backward:
            continue
        for word, given in call.inputs.items() if name == call.outputs[0] else ():
            if tape.shown_by(given) is None and given in tape and _has_a_word(call, word, given):
                yield given, tape.value(given)
        yield name, tape.value(name)


def _has_a_word(call: Call, word: str, name: str) -> bool:
    """Whether a call says what it was given; a layer around layers says it of some only."""
    return word in facts_of(call.function).values or name in facts_of(call.function).values


def _row(pattern: str, meaning: Meaning, value: Tensor, letters: Mapping[int, str]) -> NameRow:
    """A row, its shape in the letters of the model."""
    own = dict(zip(range(-len(meaning.letters), 0), meaning.letters, strict=True))
    shape = []
    shown = value.shape[-len(own) :] if own else value.shape
    for axis, size in zip(range(-len(shown), 0), shown, strict=True):
        letter, by_size = own.get(axis, ""), letters.get(size, str(size))
        shape.append("S" if letter == "S" and by_size == "T" else by_size)
    norm = re.search(r"\.ln_(\d+)\.", pattern)
    plain = len(meaning.symbol.rstrip("²\u0302")) == 1
    index = norm[1].translate(SUBSCRIPTS) if norm and plain else ""
    return NameRow(pattern, tuple(shape), meaning.symbol + index, meaning.words)


def _pattern(name: str) -> str:
    """The name with `i` for the number of a layer."""
    return re.sub(r"(?<=\.)\d+(?=\.)", "i", name)
