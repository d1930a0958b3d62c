"""`pellucid prove`: enclose every number of a run, and certify every digit that is printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import MODEL, MODEL_DTYPE, MODEL_TOKENIZER, SPECIAL, Dtype, opening
from pellucid.cli.options.optimizer import CHECK_GRADIENTS, OPTIMIZER
from pellucid.cli.options.output import DIGITS, OUT, SHOW, digits_of
from pellucid.cli.options.text import TEXT_OR_EXAMPLE, not_empty
from pellucid.cli.proved_runs import Until, beside_slopes, example_runs, text_runs
from pellucid.cli.recorded import reader_of
from pellucid.cli.screen import console

if TYPE_CHECKING:
    from pellucid.prove import Checkable, Proof


TOO_MUCH = (
    "the certificate has no enclosures, which would be too large: --show NAME gives those of a part"
)


def prove(
    text: Annotated[str | None, TEXT_OR_EXAMPLE] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    until: Annotated[
        Until | None,
        Option(
            help="Where to stop: at the logits, the gradients, or the optimizer's step; by default "
            "at the step, for models of over 5 million parameters at the gradients."
        ),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        variant(OPTIMIZER, "Repeatable.", default="the example's own, or adamw"),
    ] = None,
    bits: Annotated[
        int, Option(help="Precision at the start; more bits are taken where needed.")
    ] = 96,
    digits: Annotated[int | None, DIGITS] = None,
    check_gradients: Annotated[
        bool | None, variant(CHECK_GRADIENTS, default="up to 2 million parameters")
    ] = None,
    out: Annotated[Path | None, variant(OUT, "a certificate, a .json.")] = None,
    enclosures: Annotated[
        Path | None,
        Option(metavar="DIR", help="Write midpoints and radii, one file for each tensor."),
    ] = None,
    show: Annotated[
        list[str] | None,
        variant(SHOW, "With -o: enclose it and what it is made of; NAME may hold *. Repeatable."),
    ] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
) -> None:
    """Prove a run: bound the true value of every number, and certify the printed digits.

    Exit code 1 if something is not proved.
    """
    from pellucid.checkpoint import open_model
    from pellucid.documents.numbers import Format
    from pellucid.errors import ConfigError
    from pellucid.files import check_writable, make_room
    from pellucid.prove import checkable, fitting
    from pellucid.prove import prove as prove_tape
    from pellucid.terminal.proof import proof_lines
    from pellucid.terminal.proving import shown

    model = reader_of(text, model)
    how, decimals = opening(model, tokenizer_name, dtype, special=special), digits_of(digits)
    if out is not None:
        check_writable(out)
    elif show:
        raise ConfigError("--show says what a certificate encloses: give its file with -o")
    if enclosures is not None:
        make_room(enclosures, overwrite=False)
    title = text or "ai_rocks"
    if model is None:
        runs = example_runs(title, until, optimizer)
    else:
        gpt, tokenizer = open_model(model, **how)
        runs = text_runs(gpt, tokenizer, not_empty(text), until, optimizer)
    screen = console()
    proofs: list[tuple[Proof, Mapping[str, Any] | None]] = []
    exact: list[Checkable | None] = []
    for run in runs:
        if show:
            fitting(run.tape, show)  # before all the work
        with shown(screen, enclosures and enclosures / run.name) as watch:
            proof = prove_tape(
                run.tape,
                written=lambda values: Format(values, decimals),
                bits=bits,
                stepped=run.stepped,
                # Gradients are the same, whatever the optimizer.
                differences=not proofs
                and (beside_slopes(run.stepped) if check_gradients is None else check_gradients),
                watch=watch,
            )
            if out is not None:
                exact.append(checkable(run.tape, show=show or (), watch=watch))
        proofs.append((proof, run.update))
        screen.print(f"\n[bold]{run.name}[/]", highlight=False)
        for line in proof_lines(proof, run.piece, width=screen.width):
            screen.print(line)
    if out is not None:
        _write(out, proofs, exact, {"digits": decimals, "title": title})
    if not all(proof.proved for proof, _ in proofs):
        raise typer.Exit(1)


def _write(
    out: Path,
    proofs: "Sequence[tuple[Proof, Mapping[str, Any] | None]]",
    exact: "Sequence[Checkable | None]",
    known: dict[str, Any],
) -> None:
    """Write the certificate, and where they are too many for it, the floats beside it."""
    from pellucid.checkpoint.write import write_tensors
    from pellucid.files import write_text
    from pellucid.prove import certificate, floats_beside

    floats = floats_beside(exact)
    beside = f"{out.stem}.floats.safetensors" if floats else None
    if beside is not None:
        write_tensors(out.with_name(beside), floats)
    write_text(out, certificate(proofs, exact=exact, beside=beside, **known))
    if None in exact:
        console().print(TOO_MUCH)
