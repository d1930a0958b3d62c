"""Where the numbers of a run stopped being finite: the first tensor, and the call that made it."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.tape.call import Call
from pellucid.tape.tape import Tape

HIDDEN = "scores"
"""What a name ends in whose value may be -∞: a position that is hidden scores so."""


class NotFinite(NamedTuple):
    """A tensor that has NaN or ∞ among its numbers, and the call that made it, None for an input.

    >>> import torch
    >>> from pellucid.layers import softmax
    >>> tape = Tape()
    >>> _ = softmax(torch.tensor([0.0, torch.inf]), tape=tape.at("att"))
    >>> print(first_not_finite(tape))
    att.x is the first tensor that is not finite: 1 of its 2 numbers is infinite; it was given
    """

    name: str
    value: Tensor
    call: Call | None

    @property
    def counts(self) -> str:
        """How many of its numbers are no finite ones."""
        return counts(self.name, self.value)

    def __str__(self) -> str:
        made = "it was given"
        if self.call is not None:
            place = f" at {self.call.path}" if self.call.path else ""
            made = f"{self.call.function.__name__}{place} made it"
        return f"{self.name} is the first tensor that is not finite: {self.counts}; {made}"


def first_not_finite(tape: Tape) -> NotFinite | None:
    """The first value with a number that is not finite, of all that calls read and made, in order.

    -∞ is in order where a score is hidden. What no call reads or makes, such as a column of figures
    beside a run, is not looked at.
    """
    read = dict.fromkeys(name for call in tape.calls for name in call.inputs.values())
    given = [name for name in read if tape.made_by(name) is None]
    for name in (*given, *tape):
        value, call = tape.value(name), tape.made_by(name)
        if isinstance(value, Tensor) and (call or name in read) and not is_finite(name, value):
            return NotFinite(name, value, call)
    return None


def check_finite(tape: Tape, what: str, names: Iterable[str]) -> None:
    """Raise `TraceError`, with the first tensor that went wrong, unless all these are numbers."""
    if not all(is_finite(name, tape.value(name)) for name in names):
        raise TraceError(
            f"{what} must be numbers, and this model's are not: {first_not_finite(tape)}; are its "
            "weights complete, and is its dtype wide enough?"
        )


def is_finite(name: str, value: Tensor) -> bool:
    """Whether all numbers of that name are as they should be: finite, or -∞ of a hidden score."""
    if not value.is_floating_point() or value.is_meta:
        return True
    if math.isfinite(float(value.sum())):  # one number that is not would make the sum like it
        return True
    wrong = value.isfinite().logical_not_()
    if name.endswith(HIDDEN):
        wrong &= value != -float("inf")
    return not bool(wrong.any())


def counts(name: str, value: Tensor) -> str:
    """How many of its numbers are NaN or infinite."""
    infinite = value.isinf()
    if name.endswith(HIDDEN):
        infinite &= value > 0
    nans, infinities = int(value.isnan().sum()), int(infinite.sum())
    kinds = [kind for kind, some in (("NaN", nans), ("infinite", infinities)) if some]
    one = nans + infinities == 1
    which = (
        "its number"
        if value.numel() == 1
        else f"{nans + infinities:,} of its {value.numel():,} numbers"
    )
    return f"{which} {'is' if one else 'are'} {' or '.join(kinds)}"
