"""Names that are there: plain, whatever a framework wraps them in, each with what it says of ours.

`params/h/0/ln_1/scale`, `['h']['0']['ln_1']['scale']` and `_orig_mod.h.0.ln_1.scale` are all
`h.0.ln_1.scale`. A gradient, a moment or a value after an update is a form of the name of its
value.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

VALUE, GRADIENT = "{}", "d{}"

_GRADIENTS = (
    *("{}.grad", "{}_grad", "{}.gradient", "grad.{}", "grads.{}", "gradients.{}"),
    *("grads_acts.{}", "d_{}", "d{}"),
)
_WRAPPERS = ("_orig_mod.", "module.", "params.", "intermediates.", "state.")
_CALLED = re.compile(r"\.__call__(\.0)?$")
_STATE = re.compile(r"\b(kernel|scale|bias|embedding)\.value$")
_KEY = re.compile(r"\[\s*['\"]?([^\[\]'\"]*)['\"]?\s*\]")
_STEP = re.compile(r"(step\.\d+\.)(.+)")
_UPDATED = re.compile(r"(.+)(\.(?:new|m|v|m_hat|v_hat|m_before|v_before))")


def plain(name: str) -> str:
    """The name with dots between its parts, without what a framework wraps all of them in.

    >>> plain("params/h_0/attn/c_attn/kernel")
    'h_0.attn.c_attn.kernel'
    >>> plain("_orig_mod.module.lm_head.weight")
    'lm_head.weight'
    """
    dotted = _KEY.sub(r".\1", name).replace("/", ".").strip(".")
    unwrapped = True
    while unwrapped:
        unwrapped = False
        for wrapper in _WRAPPERS:
            if dotted.startswith(wrapper) and len(dotted) > len(wrapper):
                dotted, unwrapped = dotted[len(wrapper) :], True
    return _STATE.sub(r"\1", _CALLED.sub("", dotted))


def forms(name: str) -> Iterator[tuple[str, str]]:
    """What a plain name may be: the form of ours, and the name of the value that it is a form of.

    >>> list(forms("wq.grad"))
    [('{}', 'wq.grad'), ('d{}', 'wq')]
    """
    yield VALUE, name
    for form in _GRADIENTS:
        before, after = form.split("{}")
        if name.startswith(before) and name.endswith(after) and len(name) > len(form) - 2:
            yield GRADIENT, plain(name[len(before) : len(name) - len(after)])
    step = _STEP.fullmatch(name)
    updated = _UPDATED.fullmatch(step[2] if step else name)
    if updated:
        yield f"{step[1] if step else ''}{{}}{updated[2]}", plain(updated[1])


class NamesThere(NamedTuple):
    """The names of a dump by what they may be: for each form of ours, the values' plain names."""

    by_form: Mapping[str, Mapping[str, str]]
    again: Mapping[str, tuple[str, ...]]  # the other names of the same, by the first

    @classmethod
    def of(cls, names: Iterable[str]) -> "NamesThere":
        """All of them; a name that is there as it is comes before one that is wrapped."""
        by_form: dict[str, dict[str, str]] = {}
        again: dict[str, tuple[str, ...]] = {}
        for name in names:
            for form, base in forms(plain(name)):
                first = by_form.setdefault(form, {}).setdefault(base, name)
                if first != name:
                    again[first] = (*again.get(first, ()), name)
        return cls(by_form, again)

    def find(self, form: str, theirs: Iterable[str]) -> tuple[str, ...] | None:
        """The names there that have this form of all of these values; None where one is missing."""
        bases = self.by_form[form]
        found = tuple(bases.get(name, "") for name in theirs)
        return found if all(found) else None
