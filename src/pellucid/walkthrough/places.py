"""Where a number stands, in words: its layer, its head, and the tokens that it is about."""

from collections.abc import Callable, Mapping, Sequence

from pellucid.tape import Tape
from pellucid.tape.select import picked
from pellucid.walkthrough.names import describe
from pellucid.words import placeholders, quoted, share

Spell = Callable[[int], str]
"""A token as one can read it."""


def in_words(tape: Tape, expression: str, spell: Spell | None = None) -> str:
    """One number of a tape by layer, head and tokens; "" where no word can be said of its place.

        layer 12, head 4: ' is' looks 31.2% at ' France'

    `spell` spells a token. The letters of the value's shape say what its axes are: T and S are
    positions, H and G heads, V the vocabulary. Layers and heads are counted from 0, as in names.
    """
    name = expression.partition("[")[0].strip()
    row = describe(name, tape)
    value = tape.value(name)
    index = tuple(place for place in picked(expression, value.shape) if isinstance(place, int))
    if row is None or len(row.shape) != value.dim() or len(index) != value.dim():
        return ""
    at = dict(zip(row.shape, index, strict=True))
    where = [f"layer {number}" for number in name.split(".")[:2] if number.isdecimal()]
    where += [f"head {at[letter]}" for letter in "H" if letter in at]
    where += [f"key-value head {at[letter]}" for letter in "G" if letter in at]
    spelt = _spelt(tape, at, spell)
    if row.says and placeholders(row.says) <= {*spelt, "share"}:
        about = row.says.format(share=share(float(value[index])), **spelt)
    else:
        looked = "looking at {}" if "T" in spelt else "at {}"
        words = {"T": "at {}", "S": looked, "V": "for {}"}
        about = ", ".join(
            words[letter].format(spelt[letter]) for letter in words if letter in spelt
        )
    return ": ".join(part for part in (", ".join(where), about) if part)


def _spelt(tape: Tape, at: Mapping[str, int], spell: Spell | None) -> dict[str, str]:
    """The tokens of the places, in quotes; nothing where a text cannot be told."""
    if spell is None or "tokens" not in tape or tape.value("tokens").dim() != 1:
        return {}
    tokens: Sequence[int] = tape.value("tokens").tolist()
    found = {
        letter: quoted(spell(tokens[at[letter]]))
        for letter in "TS"
        if letter in at and at[letter] < len(tokens)
    }
    return found | ({"V": quoted(spell(at["V"]))} if "V" in at else {})
