"""A proof in the terminal, the worst first, and as a certificate in JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from math import inf, isfinite, isnan, prod
from typing import Any

from rich.text import Text

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

FIGURES = ("slope", "gradient", "apart")
"""The figures of a slope."""

CLAIM = (
    "Each ball encloses the exact value of the code's formula, for inputs and constants as the "
    "floats they are; error is the largest distance of the float run from it, rounded up. Digits "
    "are certified where the printed decimal is the exact value, correctly rounded; where it is "
    "not, misprints gives the true digits. That each call made of its floats what rounding can "
    "make of them (inside) is judged by a model of float arithmetic, and that gradients are slopes "
    "of the loss by differences: evidence, not proof."
)
"""What a certificate says, and what it does not."""


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


def certificate(
    proofs: Sequence[tuple[Proof, Mapping[str, Any] | None]], *, digits: int, title: str
) -> str:
    """The certificate of some runs of one model on one text, as JSON.

    Each proof comes with the optimizer and the settings of its update, None where there was none.
    """
    content = {
        "title": title,
        "claim": CLAIM,
        "proved": all(proof.proved for proof, _ in proofs),
        "digits_certified": all(proof.digits_certified for proof, _ in proofs),
        "digits": digits,
        "runs": [_run(proof, update) for proof, update in proofs],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


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
        f"{found.lead:.6g} or more"
    )


def _summary(proof: Proof) -> Iterator[Hanging]:
    count = sum(prod(tensor.shape) for tensor in proof.tensors)
    amount = f"{count:,} numbers in {len(proof.tensors)} tensors, {proof.bits} bits"
    if proof.proved:
        slopes = "" if proof.slopes is None else "; every gradient agrees with the loss's slope"
        yield Hanging(f"proved: {amount}{slopes}", "bold green")
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
    return "-" if figure is None else "∞" if figure == inf else f"{figure:.2g}"


# -- certificate -----------------------------------------------------------------------------------


def _run(proof: Proof, update: Mapping[str, Any] | None) -> dict[str, Any]:
    slopes = [
        slope._asdict()
        | {key: _number(getattr(slope, key)) for key in FIGURES}
        | {"agrees": slope.agrees}
        for slope in proof.slopes or ()
    ]
    return {
        "proved": proof.proved,
        "failures": proof.failures,
        "not_finite": proof.not_finite or None,
        "digits_certified": proof.digits_certified,
        "update": dict(update) if update else None,
        "dtype": proof.dtype,
        "bits": proof.bits,
        "likeliest": proof.likeliest._asdict() if proof.likeliest else None,
        "sha256": dict(proof.hashes),
        "tensors": {tensor.name: _tensor(tensor) for tensor in proof.tensors},
        "slopes": slopes if proof.slopes is not None else None,
    }


def _tensor(tensor: Enclosed) -> dict[str, Any]:
    fields = {key: value for key, value in asdict(tensor).items() if key not in {"name", "unit"}}
    figures = {key: _number(fields[key]) for key in ("radius", "error", "ulps", "relative")}
    misprints = [found._asdict() for found in tensor.misprints]
    certified = {"digits_certified": tensor.digits_certified}
    return fields | figures | {"misprints": misprints} | certified


def _number(figure: float | None) -> float | str | None:
    """A number as JSON takes it, which knows neither infinity nor NaN."""
    if figure is None or isfinite(figure):
        return figure
    return "NaN" if isnan(figure) else "infinite" if figure > 0 else "-infinite"
