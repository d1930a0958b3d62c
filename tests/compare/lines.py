"""The lines that a mistake prints, put in their place in our source and run."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pellucid.compare import Mistake
from pellucid.compare.mutation import MutatedTape, Mutation
from pellucid.tape import Call


def as_said(
    mistake: Mistake, knowing: Mapping[str, Any], function: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """The first function that a mistake changes, with the lines that are printed in its source.

    They may name what the function knows, and what is in `knowing`.
    """
    function = function or next(iter(mistake.changes))
    head, quotes, body = inspect.getsource(function).rpartition('"""')
    for ours, yours in mistake.lines:
        assert body.count(ours) == 1, ours
        body = body.replace(ours, yours)
    names = inspect.unwrap(function).__globals__ | knowing
    exec(f"from __future__ import annotations\n{head}{quotes}{body}", names)
    said: Callable[..., Any] = names[function.__name__]
    return said


def rerun(call: Call, function: Callable[..., Any], *mutations: Mutation) -> dict[str, Tensor]:
    """What a function shows that is given what a call was, with mutations."""
    tape = MutatedTape(mutations)
    function(**call.arguments, tape=tape.at(call.path))
    return {name: tape[name] for name in tape}
