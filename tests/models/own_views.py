"""Ops that hand each call views of its own, and the names of the gradients on a tape."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from torch import Tensor

from pellucid.layers import REFERENCE, Ops, Pair
from pellucid.tape import BACKWARD, Tape


def with_own_views(forward: Callable[..., Any]) -> Callable[..., Any]:
    def viewing(*inputs: Any, tape: Tape, **keywords: Any) -> Any:
        own = {key: view(value) for key, value in keywords.items()}
        return forward(*map(view, inputs), **own, tape=tape)

    return viewing


def view(value: Any) -> Any:
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return value.view_as(value) if floating else value


VIEWING = Ops(
    **{
        field.name: Pair(with_own_views(pair.forward), pair.backward)
        for field in fields(Ops)
        for pair in [getattr(REFERENCE, field.name)]
    }
)


def gradient_names(tape: Tape) -> list[str]:
    return [
        name
        for call in tape.calls
        if call.function.__name__.endswith(BACKWARD)
        for name in call.outputs
    ]
