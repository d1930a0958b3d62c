"""Plant mistakes in functions for a while: the code that runs, with a line of it changed.

>>> import torch
>>> from pellucid.layers import softmax
>>> columns = Change(softmax, "exps.sum(-1, keepdim=True)", "exps.sum(-2, keepdim=True)")
>>> with planted([Plan((columns,))]):
...     softmax(torch.zeros(1, 4))[0]
tensor([[1., 1., 1., 1.]])
>>> softmax(torch.zeros(1, 4))[0]
tensor([[0.2500, 0.2500, 0.2500, 0.2500]])

So a mistake is said in the words of the code that does not make it, and no second copy of a layer
can fall out of step with the first.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import RLock
from types import FunctionType
from typing import Any, NamedTuple

from pellucid.tape import NULL_TAPE, NullTape


class Change(NamedTuple):
    """A piece of a function's code and what stands there by mistake, or instead of it all."""

    function: Callable[..., Any]
    right: str
    wrong: str | Callable[..., Any]


class Plan(NamedTuple):
    """Changes, and whether they are made in the call at a path of the tape: by default in all."""

    changes: tuple[Change, ...]
    here: Callable[[str], bool] = lambda _: True


_PLANTING = RLock()
_CHOICE = "__planted__"
_ASKING = "<right or wrong>"


@contextmanager
def planted(plans: Iterable[Plan], words: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Run with the changes made, for whoever holds the functions: in tables of ops too.

    `words` are names that the wrong code uses and the function's module has not. Other threads see
    the changes as well; one planting is done at a time.

    Raises `ValueError` where a piece of code is not there once, as when two changes touch one line.
    """
    plans = list(plans)
    changes = [change for plan in plans for change in plan.changes]
    functions: list[Any] = [inspect.unwrap(f) for f in dict.fromkeys(c.function for c in changes)]
    with _PLANTING:
        kept = [(function, function.__code__) for function in functions]
        try:
            for function in functions:
                choose = _chooser(function, plans, dict(words or {}))
                function.__globals__.setdefault(_CHOICE, {})[function.__name__] = choose
                function.__code__ = _asking(function.__name__)
            yield
        finally:
            for function, code in kept:
                function.__code__ = code
                function.__globals__.pop(_CHOICE, None)


def _chooser(function: Any, plans: list[Plan], words: dict[str, Any]) -> Callable[..., Any]:
    """Calls the function's code, right or wrong by the path of the tape that it is given."""
    right = _copy(function, function.__code__, function.__globals__)

    @cache
    def variant(changes: tuple[Change, ...]) -> Callable[..., Any]:
        if not changes:
            return right
        if callable(changes[-1].wrong):
            wrong: Callable[..., Any] = inspect.unwrap(changes[-1].wrong)
            return wrong
        code = changed_code(right, changes)
        return _copy(function, code, function.__globals__ | words)

    for plan in plans:  # so that a line that is not there is told at once
        variant(tuple(_of(function, [plan], lambda _: True)))

    def choose(*given: Any, tape: NullTape = NULL_TAPE, **named: Any) -> Any:
        changes = tuple(_of(function, plans, lambda plan: plan.here(tape.path)))
        return variant(changes)(*given, tape=tape, **named)

    return choose


def _of(function: Any, plans: list[Plan], wanted: Callable[[Plan], bool]) -> Iterator[Change]:
    for plan in plans:
        if wanted(plan):
            yield from (c for c in plan.changes if inspect.unwrap(c.function) is function)


def changed_code(function: Any, changes: Iterable[Change]) -> Any:
    """The function's code with each piece replaced; `ValueError` where one is not there once."""
    source = inspect.getsource(function)
    for _, right, wrong in changes:
        if source.count(right) != 1:
            raise ValueError(
                f"a mistake's line must be in {function.__name__} once, and {right!r} is there "
                f"{source.count(right)} times"
            )
        source = source.replace(right, str(wrong))
    made: dict[str, Any] = dict(function.__globals__)  # which the defaults of arguments are from
    text = f"from __future__ import annotations\n{source}"  # the names in them need not be there
    exec(compile(text, f"<{function.__name__} under a mistake>", "exec"), made)
    return inspect.unwrap(made[function.__name__]).__code__


def _asking(name: str) -> Any:
    """Code under a function's name that hands everything to what chooses."""
    made: dict[str, Any] = {}
    source = f"def {name}(*given, **named):\n    return {_CHOICE}[{name!r}](*given, **named)\n"
    exec(compile(source, _ASKING, "exec"), made)
    return made[name].__code__


def _copy(function: Any, code: Any, names: dict[str, Any]) -> FunctionType:
    copy = FunctionType(code, names, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def site(path: str) -> str:
    """The place of a call in any layer.

    >>> site("h.3.attn.c_attn")
    'h.*.attn.c_attn'
    """
    return re.sub(r"(^|\.)\d+(?=\.|$)", r"\1*", path)
