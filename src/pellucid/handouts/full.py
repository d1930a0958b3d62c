"""The sheet of a whole walk with blanks: each is graded by the number that stands there.

Its figures are those of the run. By hand they follow from each other to the last digit; else who
computes from what is printed may be one unit of the last digit off, and is right.
"""

from collections.abc import Iterator
from fractions import Fraction

from pellucid.documents.model import Document
from pellucid.errors import SheetError
from pellucid.explain import place
from pellucid.handouts.data import AnswerSheet
from pellucid.handouts.sheet import Blank
from pellucid.lessons import Ends, Exercise
from pellucid.lessons.slips.values import of_values
from pellucid.tape import Tape


def full_sheet(document: Document, tape: Tape, seed: int, *, by_hand: bool) -> AnswerSheet:
    """The sheet of a document with blanks and answers, but for those that are no finite number.

    Raises `SheetError` where none is.
    """
    blanks = tuple(_blanks(document, tape, by_hand=by_hand))
    if not blanks:
        raise SheetError(
            "a worksheet must have a blank that is a finite number, and this has none: another seed"
        )
    return AnswerSheet(document.title, seed, blanks)


def _blanks(document: Document, tape: Tape, *, by_hand: bool) -> Iterator[Blank]:
    for answer in document.answers:
        if not any(digit.isdigit() for digit in answer.text):
            continue
        label = answer.names[0]
        mantissa, _, exponent = answer.text.partition("e")
        decimals = max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))
        shown = Fraction(answer.text)
        off = Fraction(0) if by_hand else Fraction(1, 10**decimals)
        name, index = place(tape, label)
        slips = tuple(
            slip
            for slip in of_values(name, tape.value(name).double(), index, None)
            if abs(slip.ends.low - shown) > 2 * off
        )
        exercise = Exercise(
            f"blank-{answer.blank}",
            label,
            value=label,
            decimals=decimals,
            ends=Ends(shown - off, shown + off),
            slips=slips,
        )
        yield Blank(answer.blank, label, exercise)
