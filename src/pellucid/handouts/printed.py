"""One call of a run once more, on the figures that are printed.

Who works on paper has what is printed, and no more digits. So what a question asks for is made from
exactly that: the call that made it runs again, on its inputs as they are written.
"""

import torch
from torch import Tensor

from pellucid.documents.numbers import Format
from pellucid.errors import TraceError
from pellucid.prove.replay import is_real
from pellucid.tape import Tape

MOST = 4096
"""Up to so many numbers in scientific notation are rounded one by one; more are on no paper."""


def printed(tape: Tape, name: str, digits: int) -> Tape:
    """A tape of the one call that made a value, run on its inputs with so many printed digits.

    Raises `TraceError` where no call made the value.
    """
    call = tape.made_by(name)
    if call is None:
        raise TraceError(
            f"what is asked for must be computed, and {name} is given: ask for another"
        )
    own = Tape()
    rounded: dict[int, Tensor] = {}

    def read(argument: str, value: object) -> object:
        if not isinstance(value, Tensor):
            return value
        if id(value) not in rounded:
            rounded[id(value)] = as_printed(value, digits) if is_real(value) else value
            if argument in call.inputs:
                own.given({call.inputs[argument]: rounded[id(value)]})
        return rounded[id(value)]

    call.rerun(read, own)
    return own


def as_printed(values: Tensor, digits: int) -> Tensor:
    """Every number as the decimal that a table of the tensor has."""
    form = Format(values, digits)
    exact = values.detach().double()
    if not form.scientific:
        return exact.round(decimals=form.decimals)
    if exact.numel() > MOST:
        return exact
    texts = [
        form(value) if abs(value) < float("inf") else value for value in exact.ravel().tolist()
    ]
    return torch.tensor([float(text) for text in texts], dtype=torch.float64).reshape(exact.shape)
