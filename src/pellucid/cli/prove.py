"""`pellucid prove`: enclose every number of a run, and certify every digit that is printed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from pellucid.cli.options import MODEL, DtypeOption, TokenizerOption, console, dtype_of, not_empty
from pellucid.cli.runs import Until, beside_slopes, example_runs, text_runs
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.prove import Proof


def prove(
    text: Annotated[
        str | None, Argument(help="A text to prove with --model, or a worked example's name.")
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer: TokenizerOption = None,
    until: Annotated[
        Until | None,
        Option(
            help="Where to end: at the logits, the gradients, or an optimizer's step; by default "
            "at the step, and of models with over 5 million parameters at the gradients."
        ),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        Option(help="Of the step: sgd, momentum, adam or adamw, the default; repeatable."),
    ] = None,
    bits: Annotated[int, Option(help="To begin with; more are taken where they are needed.")] = 96,
    digits: Annotated[int, Option(min=1, max=17, help="Decimals, as in walk.")] = 4,
    differences: Annotated[
        bool | None,
        Option(
            "--differences/--no-differences",
            help="Gradients beside slopes of the loss; by default up to 2 million parameters.",
        ),
    ] = None,
    out: Annotated[
        Path | None, Option("--out", "-o", metavar="FILE.json", help="Write a certificate.")
    ] = None,
    enclosures: Annotated[
        Path | None,
        Option(metavar="DIR", help="Write every tensor's midpoints and radii, a file each."),
    ] = None,
    dtype: DtypeOption = None,
) -> None:
    """Prove a run: the true value of every number, and which printed digits are right.

    Exit code 1 where something is not proved.
    """
    from pellucid.checkpoint import open_model
    from pellucid.documents.numbers import Format
    from pellucid.files import make_room, write_text
    from pellucid.prove import prove as prove_tape
    from pellucid.terminal.proof import certificate, proof_lines
    from pellucid.terminal.proving import shown

    if model is None and (tokenizer or dtype):
        raise ConfigError(
            "a worked example has a tokenizer and a dtype of its own: leave out --tokenizer "
            "and --dtype, or give a --model"
        )
    if out is not None and out.is_dir():
        raise ConfigError(f"{out} must be a file's name, and it is a directory: add a name")
    if enclosures is not None:
        make_room(enclosures, overwrite=False)
    title = text or "ai_rocks"
    if model is None:
        runs = example_runs(title, until, optimizer)
    else:
        gpt, pieces = open_model(model, tokenizer=tokenizer, dtype=dtype_of(dtype))
        runs = text_runs(gpt, pieces, not_empty(text), until, optimizer)
    screen = console()
    proofs: list[tuple[Proof, Mapping[str, Any] | None]] = []
    for run in runs:
        with shown(screen, enclosures and enclosures / run.name) as watch:
            proof = prove_tape(
                run.tape,
                written=lambda values: Format(values, digits),
                bits=bits,
                stepped=run.stepped,
                # Gradients are the same, whatever the optimizer.
                differences=not proofs
                and (beside_slopes(run.stepped) if differences is None else differences),
                watch=watch,
            )
        proofs.append((proof, run.update))
        screen.print(f"\n[bold]{run.name}[/]", highlight=False)
        for line in proof_lines(proof, run.piece):
            screen.print(line)
    if out is not None:
        write_text(out, certificate(proofs, digits=digits, title=title))
    if not all(proof.proved for proof, _ in proofs):
        raise typer.Exit(1)
