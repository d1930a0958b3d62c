"""`pellucid prove`: enclose every number of a run, and certify every digit that is printed."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
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
from pellucid.cli.proved_sets import asked_of_sets, prove_sets
from pellucid.cli.proved_tasks import check_alone, prove_task
from pellucid.cli.recorded import reader_of
from pellucid.cli.screen import console

if TYPE_CHECKING:
    from pellucid.prove import Checkable, Development, Proof


class Proved(StrEnum):
    """What a proof is written as, for others to check."""

    CERTIFICATE = "certificate"
    ROCQ = "rocq"


BITS = 96
"""Of the balls at the beginning."""

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
    ] = BITS,
    digits: Annotated[int | None, DIGITS] = None,
    check_gradients: Annotated[
        bool | None, variant(CHECK_GRADIENTS, default="up to 2 million parameters")
    ] = None,
    out: Annotated[Path | None, variant(OUT, "a certificate, a .json; see --to.")] = None,
    to: Annotated[
        Proved,
        Option(
            help="What -o writes: a certificate, or a directory with a lemma a number, which Rocq "
            "(Coq) checks."
        ),
    ] = Proved.CERTIFICATE,
    enclosures: Annotated[
        Path | None,
        Option(metavar="DIR", help="Write midpoints and radii, one file for each tensor."),
    ] = None,
    show: Annotated[
        list[str] | None,
        variant(
            SHOW,
            "With -o, from what it is made of; NAME may hold *, and for Rocq end in an index. "
            "Repeatable.",
        ),
    ] = None,
    all_texts: Annotated[
        int | None,
        Option(
            metavar="N",
            help="Prove the most likely next token of every text of so many tokens.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        Option(
            "--all",
            metavar="TASK",
            help="Prove that a small task's model answers every question of it rightly: all sums "
            "of addition-113, for one. With --model, another model of that task.",
        ),
    ] = None,
    within: Annotated[
        str | None,
        Option(
            metavar="EPS",
            help="Prove that the most likely next token stays the same for all numbers within this "
            "distance of the embeddings, each by itself; auto finds the largest.",
        ),
    ] = None,
    of: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="With --within, a parameter or a layer's output in place of the embeddings.",
            show_default="h.0.resid_pre, what the first block reads",
        ),
    ] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
) -> None:
    """Prove a run: bound the true value of every number, and certify the printed digits.

    Exit code 1 if something is not proved.
    """
    from pellucid.checkpoint import open_model
    from pellucid.documents.numbers import Format
    from pellucid.prove import checkable, fitting, rocq_files, rocq_parts
    from pellucid.prove import prove as prove_tape
    from pellucid.terminal.proof import proof_lines
    from pellucid.terminal.proving import shown

    whole: dict[str, Any] = {
        "until": until,
        "optimizer": optimizer,
        "digits": digits,
        "check_gradients": check_gradients,
        "enclosures": enclosures,
        "show": show,
        "to": None if to == Proved.CERTIFICATE else to,
    }
    more = None if bits == BITS else bits
    if task is not None:
        check_alone(text, **whole, within=within, of=of, all_texts=all_texts)
        how = opening(model or task, tokenizer_name, dtype, special=special)
        prove_task(task, model, how, more, out)
        return
    sets = asked_of_sets(within, of, all_texts, **whole, bits=more)
    model = reader_of(text, model)
    how, decimals = opening(model, tokenizer_name, dtype, special=special), digits_of(digits)
    _check_output(out, to, show, enclosures)
    title = text or "ai_rocks"
    if sets is not None:
        prove_sets(title if model is None else open_model(model, **how), text, sets, out)
        return
    if model is None:
        runs = example_runs(title, until, optimizer)
    else:
        gpt, tokenizer = open_model(model, **how)
        runs = text_runs(gpt, tokenizer, not_empty(text), until, optimizer)
    screen = console()
    proofs: list[tuple[Proof, Mapping[str, Any] | None]] = []
    exact: list[Checkable | None] = []
    for run in runs:
        if show or to == Proved.ROCQ:  # refuses what is too large before all the work
            (rocq_parts if to == Proved.ROCQ else fitting)(run.tape, show or ())
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
            if out is not None and to == Proved.CERTIFICATE:
                exact.append(checkable(run.tape, show=show or (), watch=watch))
        proofs.append((proof, run.update))
        screen.print(f"\n[bold]{run.name}[/]", highlight=False)
        for line in proof_lines(proof, run.piece, width=screen.width):
            screen.print(line)
        if out is not None and to == Proved.ROCQ:
            folder = out / run.name if len(optimizer or ()) > 1 else out
            screen.print(_write_rocq(folder, rocq_files(run.tape, title=title, show=show or ())))
    if out is not None and to == Proved.CERTIFICATE:
        _write_certificate(out, proofs, exact, digits=decimals, title=title)
        if None in exact:
            screen.print(TOO_MUCH)
    if not all(proof.proved for proof, _ in proofs):
        raise typer.Exit(1)


def _check_output(
    out: Path | None, to: Proved, show: list[str] | None, enclosures: Path | None
) -> None:
    """Raise `ConfigError` where the proof cannot be written, before it is made."""
    from pellucid.errors import ConfigError
    from pellucid.files import check_writable, make_room

    if out is not None and to == Proved.ROCQ:
        make_room(out, overwrite=False)
    elif out is not None:
        check_writable(out)
    elif to == Proved.ROCQ:
        raise ConfigError("--to rocq writes a directory of files: say where with -o DIR")
    elif show:
        raise ConfigError("--show says what -o writes: give its file or directory")
    if enclosures is not None:
        make_room(enclosures, overwrite=False)


def _write_certificate(
    out: Path,
    proofs: "Sequence[tuple[Proof, Mapping[str, Any] | None]]",
    exact: "Sequence[Checkable | None]",
    **known: Any,
) -> None:
    """Write the certificate, and beside it the floats that are too many for it."""
    from pellucid.checkpoint.write import write_tensors
    from pellucid.files import write_text
    from pellucid.prove import certificate, floats_beside

    floats = floats_beside(exact)
    beside = f"{out.stem}.floats.safetensors" if floats else None
    if beside is not None:
        write_tensors(out.with_name(beside), floats)
    write_text(out, certificate(proofs, exact=exact, beside=beside, **known))


def _write_rocq(folder: Path, found: "Development") -> str:
    """Write the files of a development; returns what to do with them."""
    from pellucid.files import write_text

    for name, text in found.files.items():
        write_text(folder / name, text)
    lemmas = "1 lemma" if found.lemmas == 1 else f"{found.lemmas:,} lemmas"
    tensors = "1 tensor" if len(found.stated) == 1 else f"{len(found.stated)} tensors"
    return f"{lemmas} and a theorem about {tensors}: check them with make -j2 -C {folder}"
