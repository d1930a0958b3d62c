"""A comparison in the terminal: what differs first, why, and what follows from it."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from torch import Tensor

from pellucid.compare import (
    STATED,
    Comparison,
    Finding,
    Fit,
    TensorDistance,
    Verdict,
    tensors_of,
)
from pellucid.compare.unmodelled import AGREES, UNMODELLED
from pellucid.compare.wording import dtype_name, heading, place, reasons
from pellucid.terminal.compare_names import name_lines
from pellucid.terminal.lines import columns

TRIED = 6
"""How many of the mistakes that were tried are listed; the JSON has all."""

LISTED = 8
"""How many consequences are listed."""

SHADES = " ░▒▓█"
"""From no difference beyond what is allowed to the largest."""

Line = Text | Table | Padding


def comparison_lines(found: Comparison, title: str) -> Iterator[Line]:
    """Everything that a comparison has to say."""
    dtype = dtype_name(found.dtype)
    yield Text(f"{title}, judged as {dtype}", style="bold")
    yield from _names(found)
    for said in found.sizes:
        yield Text(f"! {said}", style="bold red")
    if found.sizes:
        yield Text("no tensor was judged: give both models the same sizes first")
        return
    yield from _coverage(found)
    for said in found.inputs:
        yield Text(f"! {said}", style="bold red")
    for number, finding in enumerate(found.findings, 1):
        yield Text()
        yield from _finding(number, finding, found)
    yield Text()
    yield from _rest(found)


def _coverage(found: Comparison) -> Iterator[Line]:
    """How many of the pack's tensors were judged, and which were not."""
    yield Text(coverage(found))
    if not found.modelled:
        yield Text(UNMODELLED, style="yellow")
    if found.required:
        yield Text(f"! required, and not judged: {_listed(found.required)}", style="bold red")


def coverage(found: Comparison) -> str:
    """How many of the pack's tensors were judged, and which were not, as text."""
    total = len(tensors_of(found.pack))
    return f"{total - len(found.missing)} of the pack's {total} tensors judged{_without(found)}"


PARTS = {
    "given": "parameters",
    "forward": "activations",
    "backward": "gradients",
    "update": "of the update",
}
"""What a pack has, by the word of its manifest."""


def _without(found: Comparison) -> str:
    """What was not judged: by name, or of many how many of each part."""
    missing = found.missing
    if len(missing) <= LISTED:
        return f"; not there: {', '.join(missing)}" if missing else ""
    parts = Counter(PARTS[found.pack.rows[name]["part"]] for name in missing)
    return "; not there: " + ", ".join(f"{count} {part}" for part, count in parts.items())


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"


def _finding(number: int, finding: Finding, found: Comparison) -> Iterator[Line]:
    fault = finding.fault
    colour = "yellow" if finding.accepted else "red"
    title = Text(f"{number}. {fault.name}", style=f"bold {colour}")
    yield title.append(f" {heading(fault)}", style="not bold default")
    yield _line(place(fault, found.dtype))
    beside = next((one for one in found.beside if one.name == fault.name), None)
    if beside is not None and math.isfinite(beside.error):
        yield _line(f"farthest from the pack's: {beside.error:.2g}, {_relative(beside)}")
    yield from _picture(fault)
    yield from _why(finding)
    if finding.accepted:
        yield _line(f"accepted: {' and '.join(finding.accepted)}", "bold green")


def _line(said: str, style: str = "") -> Padding:
    """A line below a finding, and the lines that it is wrapped into, further in."""
    return Padding(Text(said, style), (0, 0, 0, 3), expand=False)


def _relative(beside: TensorDistance) -> str:
    ulps = f"{beside.ulps:,.0f}" if beside.ulps < 1e6 else f"{beside.ulps:.0e}"
    return f"{beside.relative:.1e} of the tensor's largest, {ulps} ulps there"


def _picture(fault: Verdict) -> Iterator[Line]:
    """Where in the tensor: a character for each part of it, in rows of the last axis."""
    cells = fault.where
    if cells.numel() <= 1:
        return
    yield _line("where: " + _extent(cells))
    logs = cells.clamp(min=1).log10()
    most = float(logs[logs.isfinite()].max()) if bool(logs.isfinite().any()) else 0.0
    levels = (logs / (most or 1.0) * (len(SHADES) - 2)).nan_to_num(posinf=len(SHADES) - 2).ceil()
    shown = torch.where(cells > 1, levels + 1, 0).clamp(max=len(SHADES) - 1).int()
    for row in shown.tolist():
        yield Text("   │" + "".join(SHADES[level] for level in row) + "│", style="red")


def _extent(cells: Tensor) -> str:
    wrong = f"{int((cells > 1).sum())} of {cells.numel()} parts"
    return f"{wrong}, rows of the last axis; darker is farther off"


STYLES = {"cause": "bold green", "code": "dim", "dtype": "bold"}
"""How a reason is printed, by its kind."""


def _why(finding: Finding) -> Iterator[Line]:
    for reason in reasons(finding):
        more = "; what each leaves of the distance:" if reason.kind == "tried" else ""
        yield _line(reason.said + more, STYLES.get(reason.kind, ""))
    if finding.fits and finding.fitting is None:
        tried = finding.fits[: TRIED if finding.named else TRIED + 2]
        table = columns("", "", "")
        for fit in tried:
            names = " and ".join(mistake.name for mistake in fit.mistakes)
            style = "green" if fit.reproduces else "dim"
            table.add_row("  ", names, _left(fit), style=style)
        yield table
        if len(finding.fits) > len(tried):
            yield _line(f"and {len(finding.fits) - len(tried)} more, that fit no better", "dim")


def _left(fit: Fit) -> str:
    if fit.reproduces:
        return "makes your numbers"
    return "leaves a NaN or an infinity" if math.isinf(fit.left) else f"leaves {fit.left:.3%}"


def _rest(found: Comparison) -> Iterator[Line]:
    wrong = [later for later in found.later if not later.agrees]
    # Where the first step differs already, later ones are consequences.
    after = [one for one in wrong if one.follows][: 1 if found.findings else LISTED]
    for later in (shown := [*(one for one in wrong if not one.follows), *after][:LISTED]):
        yield Text(f"{later.name}: {later.said}", style="red")
    if len(wrong) > len(shown):
        yield Text(f"and {len(wrong) - len(shown)} more of the later steps", "red")
    if found.unsure:
        names = _listed([one.name for one in found.unsure])
        yield Text(
            f"what is accepted is not in the pack's later steps, so not judged: {names}", "yellow"
        )
    worst = max(found.beside, key=lambda one: one.relative, default=None)
    if found.agrees:
        accepted = sorted({name for one in found.findings for name in one.accepted})
        allowed = f" and what is accepted: {', '.join(accepted)}" if accepted else ""
        said = f"{AGREES[found.modelled]}{allowed}"
        yield Text(f"agrees: {said}", style="bold green")
        if worst is not None:
            yield Text(f"farthest from the pack: {worst.name}, {_relative(worst)}")
        return
    follow = found.consequences
    if follow:
        yield Text(
            f"as consequences {len(follow)} other tensors are more than "
            f"{STATED[found.dtype]:.0e} of their largest from the pack's, though made rightly of "
            f"what went into them: {_listed([one.name for one in follow])}"
        )
    left = len(found.beside) - len({f.fault.name for f in found.findings}) - len(follow)
    yield Text(f"of {len(found.beside)} tensors, {max(left, 0)} are near the pack's")


def _names(found: Comparison) -> Iterator[Line]:
    yield from name_lines(found.translation)
    unseen = [name for name in found.unseen if not name.startswith("step.")]
    if unseen:
        yield Text(f"not in this step: {_listed(unseen)}", style="yellow")
