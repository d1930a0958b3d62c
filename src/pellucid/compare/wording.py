"""Wording: what is said of one finding, as lines of text without any style."""

import inspect
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch

from pellucid.compare.finding import Finding
from pellucid.compare.fit import Fit
from pellucid.compare.judge import Verdict


class Reason(NamedTuple):
    """One line of what a finding is put down to."""

    said: str
    kind: str  # "cause", "code" of both, "extent", another "dtype", or "tried" in vain


def finding_lines(finding: Finding, dtype: torch.dtype) -> Iterator[str]:
    """The first lines of a finding, and why it is, each a line."""
    yield f"{finding.fault.name} {heading(finding.fault)}"
    yield place(finding.fault, dtype)
    for reason in reasons(finding, "dtype=torch.{}"):
        yield reason.said


def heading(fault: Verdict) -> str:
    """What a tensor is not, to be said behind its name."""
    if fault.call is None:
        return "is not what the pack's model has"
    path, function = fault.call
    where = f" at {path}" if path and not fault.name.startswith(path) else ""
    made = f"is not what {function}{where} makes of your own numbers"
    return made if not fault.carried else f"{made}, as far as you show them"


def place(fault: Verdict, dtype: torch.dtype) -> str:
    """The worst number, what it should be, and how far off it is."""
    at = f"[{', '.join(map(str, fault.worst))}]" if fault.worst else "it"
    mine, made = (_figure(value, dtype) for value in (fault.mine, fault.made))
    return f"at {at} yours is {mine}, and should be {made}: {_off(fault, dtype)}"


def _figure(value: float, dtype: torch.dtype) -> str:
    digits = 9 if dtype == torch.float32 else 17 if dtype == torch.float64 else 4
    return f"{value:.{digits}g}"


def _off(fault: Verdict, dtype: torch.dtype) -> str:
    if math.isnan(fault.mine):
        return "a NaN, and nothing that went into it is one"
    if math.isinf(fault.mine) or math.isinf(fault.made):
        return "one of them is infinite"
    off = abs(fault.mine - fault.made)
    return (
        f"{off:.2g} apart, {_times(fault.excess)} the {fault.allowed:.2g} that "
        f"{dtype_name(dtype)} allows there"
    )


def _times(excess: float) -> str:
    return f"{excess:,.1f} times" if excess < 1e6 else f"{excess:.0e} times"


def reasons(finding: Finding, dtype_by: str = "--dtype {}") -> Iterator[Reason]:
    """What explains a finding, line by line; `dtype_by` is how the reader gives a dtype."""
    if finding.relation:
        yield Reason(finding.relation, "cause")
    if finding.named:
        alike = " or ".join(mistake.text for fit in finding.named for mistake in fit.mistakes)
        yield Reason(f"because {alike}", "cause")
        if finding.named[0].mistakes[0].lines:
            yield from _changed(finding.named[0])
        if finding.explains:
            where = f" at {finding.place}" if finding.place else ""
            yield Reason(f"so made{where}, it explains {_count(finding.explains)}", "extent")
    elif finding.fitting is not None:
        kind = dtype_name(finding.fitting)
        yield Reason(
            f"as {kind} no tensor of the step differs: if that is what you computed in, say so by "
            f"{dtype_by.format(kind)}",
            "dtype",
        )
    elif finding.dropped:
        yield Reason(
            f"because dropout is on: numbers are 0 or 1/(1-p) of what they should be, for a p of "
            f"about {finding.dropped:.2g}; turn it off, in PyTorch by model.eval()",
            "cause",
        )
        yield Reason(f"it is seen in {_count(finding.explains)}", "extent")
    elif finding.fits:
        count = len(finding.fits)
        yield Reason(f"none of {count} known mistakes makes these numbers", "tried")


def cause(finding: Finding) -> str:
    """What a finding is put down to, in a few words."""
    if finding.named:
        return " or ".join(mistake.text for fit in finding.named for mistake in fit.mistakes)
    if finding.fitting is not None:
        return f"nothing differs as {dtype_name(finding.fitting)}"
    if finding.dropped:
        return f"dropout is on, with a p of about {finding.dropped:.2g}"
    return finding.relation or "no known mistake makes these numbers"


def _changed(fit: Fit) -> Iterator[Reason]:
    """The first line of ours that the mistake changes, and the line that replaces it."""
    function, (right, wrong) = next(iter(fit.mistakes[0].changes)), fit.mistakes[0].lines[0]
    file = function.__module__.removeprefix("pellucid.").replace(".", "/")
    body = inspect.getsource(function).rpartition('"""')[2]
    line = body[: body.index(right)].count("\n")
    ours = body.splitlines()[line].strip().split("  #")[0]
    theirs = ours.replace(right, wrong) if right in ours else wrong.splitlines()[0].strip()
    yield Reason(f"ours, {file}.py:  {ours}", "code")
    yield Reason(f"yours, as it seems:  {theirs.splitlines()[0]}", "code")


def _count(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} tensor{'s' * (len(names) > 1)}: {', '.join(names[:3])}{more}"


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a dtype, without torch."""
    return str(dtype).removeprefix("torch.")
