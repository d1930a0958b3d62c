"""A proof in the terminal, the worst first."""

from collections.abc import Callable, Iterator, Sequence
from math import inf, prod

from rich.text import Text

from pellucid.numbers import at_least, at_most
from pellucid.prove import Enclosed, Likeliest, Proof
from pellucid.terminal.lines import Hanging, Heading

WORST = 8
"""How many tensors of a part are listed, and how many misprints; all that fail are named."""

NAME = 34
"""Columns of a name; a longer one has a line of its own."""

ROW = 61
"""Columns of a row behind its name; where a terminal has less room, names are given fewer."""

NARROW = 12
"""Columns that a name has at least."""

PARTS = {"forward": "Forward", "backward": "Backward", "update": "Update"}


def proof_lines(
    proof: Proof, piece: Callable[[int], str] = str, *, width: int = NAME + ROW
) -> Iterator[Hanging | Heading]:
    """A table a part, the worst tensors first; what is misprinted; and what comes of it all.

    `piece` spells a token; `width` is the terminal's, in columns.
    """
    column = max(NARROW, min(NAME, width - ROW))
    for part, heading in PARTS.items():
        tensors = [tensor for tensor in proof.tensors if tensor.part == part]
        if tensors:
            yield from _part(heading, sorted(tensors, key=_badness, reverse=True), column)
    yield from _misprints(proof)
    if proof.slopes is not None:
        yield from _slopes(proof, column)
    yield Hanging("")
    if proof.likeliest is not None:
        yield _next_token(proof.likeliest, piece)
    yield from _summary(proof)


# -- lines -----------------------------------------------------------------------------------------


def _part(heading: str, tensors: Sequence[Enclosed], column: int) -> Iterator[Hanging | Heading]:
    yield Heading(heading)
    named = "".join(f" {name:>8}" for name in ("radius", "error", "in ulps", "relative"))
    yield Hanging(f"    {'':<{column}} {'shape':>9}{named}", "dim")
    for tensor in tensors[:WORST]:
        shape = "×".join(map(str, tensor.shape)) or "number"
        figures = (tensor.radius, tensor.error, tensor.ulps, tensor.relative)
        yield from _row(
            tensor.name,
            column,
            (f" {shape:>9}", "dim"),
            "".join(f" {_figure(figure):>8}" for figure in figures),
            ("  proved", "green") if tensor.proved else (f"  {_why(tensor)}", "bold red"),
        )
    if len(tensors) > WORST:
        rest = tensors[WORST:]
        failed = sum(not tensor.proved for tensor in rest)
        yield Hanging(
            f"    … {len(rest)} more, {f'{failed} not' if failed else 'all'} proved", "dim"
        )


def _row(name: str, column: int, *cells: str | tuple[str, str]) -> Iterator[Hanging]:
    """A name and what stands behind it; a name that is too long stands above."""
    if len(name) > column:
        yield Hanging(f"    {name}", "cyan")
        name = ""
    yield Hanging(Text.assemble((f"    {name:<{column}}", "cyan"), *cells))


def _badness(tensor: Enclosed) -> tuple[bool, bool, float]:
    return not tensor.inside, not tensor.proved, inf if tensor.ulps is None else tensor.ulps


def _why(tensor: Enclosed) -> str:
    """What is not proved of a tensor, in a word."""
    if tensor.nans:
        return f"{tensor.nans:,} NaN"
    return "undecided" if tensor.inside else "WRONG"


def _misprints(proof: Proof) -> Iterator[Hanging]:
    wrong = [(tensor, found) for tensor in proof.tensors for found in tensor.misprints]
    if wrong:
        yield Hanging("\nPrinted digits that are not the true number's, correctly rounded", "bold")
    for tensor, found in wrong[:WORST]:
        place = ",".join(map(str, found.place))
        name = f"{tensor.name}[{place}]" if place else tensor.name
        yield Hanging(f"    {name}  printed {found.printed}, true {found.true}")
    count = sum(tensor.misprinted for tensor in proof.tensors)
    if count > WORST:
        yield Hanging(f"    … {count - WORST:,} more: see the certificate", "dim")


def _slopes(proof: Proof, column: int) -> Iterator[Hanging | Heading]:
    yield Heading("Gradients beside slopes of the loss")
    yield Hanging(f"    {'':<{column}} {'slope':>18} {'gradient':>18} {'apart':>9}", "dim")
    slopes = sorted(proof.slopes or (), key=lambda slope: (slope.agrees, -slope.apart))
    for slope in slopes[:WORST]:
        yield from _row(
            _names(slope.names),
            column,
            f" {slope.slope:>18.10g} {slope.gradient:>18.10g} {_figure(slope.apart):>9}",
            ("  agree", "green") if slope.agrees else ("  WRONG", "bold red"),
        )
    if len(slopes) > WORST:
        failed = sum(not slope.agrees for slope in slopes[WORST:])
        rest = f"{failed} do not" if failed else "all"
        yield Hanging(f"    … {len(slopes) - WORST} more, {rest} agree", "dim")


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} parameters together"


def _next_token(found: Likeliest, piece: Callable[[int], str]) -> Hanging:
    return Hanging(
        f"most likely next, certified: '{piece(found.token)}' (token {found.token}), probability "
        f"{found.probability}; its logit leads that of '{piece(found.runner_up)}' by "
        f"{at_least(found.lead, 6)} or more"
    )


def _summary(proof: Proof) -> Iterator[Hanging]:
    count = sum(prod(tensor.shape) for tensor in proof.tensors)
    amount = f"{count:,} numbers in {len(proof.tensors)} tensors, {proof.bits} bits"
    if proof.proved:
        yield Hanging(f"proved: {amount}", "bold green")
        if proof.slopes:
            yield Hanging("evidence: along random directions, each gradient is the slope", "green")
    if proof.digits_certified:
        yield Hanging("every printed digit is the true number's, correctly rounded", "green")
    else:
        wrong = sum(tensor.misprinted for tensor in proof.tensors)
        open_ = sum(tensor.undecided for tensor in proof.tensors)
        yield Hanging(
            f"as {proof.dtype} prints them, {wrong:,} numbers are not the true ones, correctly "
            f"rounded, and {open_:,} are undecided",
            "yellow",
        )
    if not proof.proved:
        yield Hanging(f"NOT proved ({amount}): {_failures(proof)}", "bold red")
        if proof.not_finite:
            yield Hanging(proof.not_finite, "bold red")


def _failures(proof: Proof) -> str:
    """The names that are not proved; those that only hold NaN, as all behind one do, together."""
    nans = [tensor.name for tensor in proof.tensors if tensor.nans and tensor.inside]
    names = [name for name in proof.failures if name not in nans]
    if nans:
        others = f" and {len(nans) - 1} more" if len(nans) > 1 else ""
        names.append(f"and for the NaN in them {nans[0]}{others}" if names else nans[0] + others)
    return ", ".join(names)


def _figure(figure: float | None) -> str:
    return "-" if figure is None else "∞" if figure == inf else at_most(figure)
