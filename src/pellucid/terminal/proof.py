"""A proof in the terminal, the worst first, and as a certificate in JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from math import inf, isfinite, isnan, prod
from typing import Any

from rich.rule import Rule
from rich.text import Text

from pellucid.documents.tables import cut
from pellucid.prove import Enclosed, Likeliest, Proof

WORST = 8
"""How many tensors of a part are listed, and how many misprints; all that fail are named."""

NAME = 34
"""Columns of a name."""

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


def proof_lines(proof: Proof, piece: Callable[[int], str] = str) -> Iterator[Text | Rule]:
    """A table a part, the worst tensors first; what is misprinted; and what comes of it all.

    `piece` spells a token.
    """
    for part, heading in PARTS.items():
        tensors = [tensor for tensor in proof.tensors if tensor.part == part]
        if tensors:
            yield from _part(heading, sorted(tensors, key=_badness, reverse=True))
    yield from _misprints(proof)
    if proof.slopes is not None:
        yield from _slopes(proof)
    yield Text()
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


def _part(heading: str, tensors: Sequence[Enclosed]) -> Iterator[Text | Rule]:
    yield Rule(Text(heading, "bold"), align="left")
    yield Text(
        f"    {'':<{NAME}} {'shape':>9} {'radius':>9} {'error':>9} {'in ulps':>9} {'relative':>9}",
        "dim",
    )
    for tensor in tensors[:WORST]:
        shape = "×".join(map(str, tensor.shape)) or "number"
        figures = (tensor.radius, tensor.error, tensor.ulps, tensor.relative)
        yield Text.assemble(
            (f"    {cut(tensor.name, NAME):<{NAME}}", "cyan"),
            (f" {shape:>9}", "dim"),
            "".join(f" {_figure(figure):>9}" for figure in figures),
            ("  proved", "green") if tensor.proved else (f"  {_why(tensor)}", "bold red"),
        )
    if len(tensors) > WORST:
        rest = tensors[WORST:]
        failed = sum(not tensor.proved for tensor in rest)
        yield Text(f"    … {len(rest)} more, {f'{failed} not' if failed else 'all'} proved", "dim")


def _badness(tensor: Enclosed) -> tuple[bool, bool, float]:
    return not tensor.inside, not tensor.proved, inf if tensor.ulps is None else tensor.ulps


def _why(tensor: Enclosed) -> str:
    """What is not proved of a tensor, in a word."""
    if tensor.nans:
        return f"{tensor.nans:,} NaN"
    return "undecided" if tensor.inside else "WRONG"


def _misprints(proof: Proof) -> Iterator[Text]:
    wrong = [(tensor, found) for tensor in proof.tensors for found in tensor.misprints]
    if wrong:
        yield Text("\nPrinted digits that are not the true number's, correctly rounded", "bold")
    for tensor, found in wrong[:WORST]:
        place = ",".join(map(str, found.place))
        name = f"{tensor.name}[{place}]" if place else tensor.name
        yield Text(f"    {name}  printed {found.printed}, true {found.true}")
    count = sum(tensor.misprinted for tensor in proof.tensors)
    if count > WORST:
        yield Text(f"    … {count - WORST:,} more: see the certificate", "dim")


def _slopes(proof: Proof) -> Iterator[Text | Rule]:
    yield Rule(Text("Gradients beside slopes of the loss", "bold"), align="left")
    yield Text(f"    {'':<{NAME}} {'slope':>18} {'gradient':>18} {'apart':>9}", "dim")
    slopes = sorted(proof.slopes or (), key=lambda slope: (slope.agrees, -slope.apart))
    for slope in slopes[:WORST]:
        yield Text.assemble(
            (f"    {cut(_names(slope.names), NAME):<{NAME}}", "cyan"),
            f" {slope.slope:>18.10g} {slope.gradient:>18.10g} {_figure(slope.apart):>9}",
            ("  agree", "green") if slope.agrees else ("  WRONG", "bold red"),
        )
    if len(slopes) > WORST:
        failed = sum(not slope.agrees for slope in slopes[WORST:])
        rest = f"{failed} do not" if failed else "all"
        yield Text(f"    … {len(slopes) - WORST} more, {rest} agree", "dim")


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} parameters together"


def _next_token(found: Likeliest, piece: Callable[[int], str]) -> Text:
    return Text(
        f"most likely next, certified: '{piece(found.token)}' (token {found.token}), probability "
        f"{found.probability}; its logit leads that of '{piece(found.runner_up)}' by "
        f"{found.lead:.6g} or more"
    )


def _summary(proof: Proof) -> Iterator[Text]:
    count = sum(prod(tensor.shape) for tensor in proof.tensors)
    amount = f"{count:,} numbers in {len(proof.tensors)} tensors, {proof.bits} bits"
    if proof.proved:
        slopes = "" if proof.slopes is None else "; every gradient agrees with the loss's slope"
        yield Text(f"proved: {amount}{slopes}", "bold green")
    if proof.digits_certified:
        yield Text("every printed digit is the true number's, correctly rounded", "green")
    else:
        wrong = sum(tensor.misprinted for tensor in proof.tensors)
        open_ = sum(tensor.undecided for tensor in proof.tensors)
        yield Text(
            f"as {proof.dtype} prints them, {wrong:,} numbers are not the true ones, correctly "
            f"rounded, and {open_:,} are undecided",
            "yellow",
        )
    if not proof.proved:
        yield Text(f"NOT proved ({amount}): {_failures(proof)}", "bold red")
        if proof.not_finite:
            yield Text(proof.not_finite, "bold red")


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
