"""What `prove` proves of sets: all texts of a length, and all that is within a radius."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from pellucid.cli.options.text import not_empty
from pellucid.cli.proved_runs import Until, example_runs, text_runs
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import CausalModel
    from pellucid.prove import Boxed, Read, Watch, Within
    from pellucid.tape import Tape
    from pellucid.text import Tokenizer

AUTO = "auto"
"""In place of a radius: the largest that can be certified."""

Source = str | tuple["CausalModel", "Tokenizer"]
"""The name of a worked example, or a model with its tokenizer."""


class AskedOfSets(NamedTuple):
    """What is to be proved."""

    within: str | None
    of: str | None
    length: int | None


def asked_of_sets(
    within: str | None, of: str | None, length: int | None, **others: Any
) -> AskedOfSets | None:
    """What is to be proved of sets, None for nothing.

    Raises `ConfigError` beside options that say nothing of a set.
    """
    if of is not None and within is None:
        raise ConfigError("--of names what numbers are within a distance of: give --within EPS")
    if within is None and length is None:
        return None
    given = [name for name, value in others.items() if value is not None and value != []]
    if given:
        raise ConfigError(
            "--within and --all-texts prove forward runs of a set, and "
            f"--{given[0].replace('_', '-')} is for a whole step: leave one of them out"
        )
    return AskedOfSets(within, of, length)


def radius_of(text: str) -> float | None:
    """The radius that a user names; None for the largest."""
    try:
        return None if text == AUTO else float(text)
    except ValueError:
        raise ConfigError(
            f"--within must be a number above 0, or the word {AUTO}, not {text!r}"
        ) from None


def prove_sets(source: Source, text: str | None, asked: AskedOfSets, out: Path | None) -> None:
    """Prove, print, and write the certificate; exit code 1 where something is not proved."""
    from pellucid.cli.screen import console
    from pellucid.prove import within as certify
    from pellucid.prove.lead import STREAM
    from pellucid.terminal.proving import shown
    from pellucid.terminal.sets import checkable_line, texts_table, within_lines

    radius = None if asked.within is None else radius_of(asked.within)
    screen = console()

    def box(tape: "Tape") -> "Within | None":
        if asked.within is None:
            return None
        with shown(screen, None) as watch:
            return certify(tape, radius, of=asked.of or STREAM, watch=watch)

    reads: list[tuple[Read, Within | None]] = []
    found: Within | None = None
    tapes: list[tuple[Tape, Within | None]] = []
    if asked.length is None:
        tape, piece = _one(source, text)
        found = box(tape)
        assert found is not None
        tapes = [(tape, found)]
        lines: Any = within_lines(found, piece)
        proved = found.proved
    else:
        reads, piece = _all(source, asked.length, box)
        tapes = [(read.tape, one) for read, one in reads]
        lines = texts_table(reads, piece)
        proved = all(
            read.likeliest is not None and (one is None or one.proved) for read, one in reads
        )
    for line in lines:
        screen.print(line)
    if out is not None:
        title = source if isinstance(source, str) else text or f"{asked.length} tokens"
        with shown(screen, None) as watch:
            runs = _checkable(tapes, watch) if proved else []
        _write(out, runs, title=title, reads=reads, within=found, proved=proved)
        if proved:
            screen.print(checkable_line(runs, len(tapes)))
    if not proved:
        raise typer.Exit(1)


def _checkable(tapes: "Sequence[tuple[Tape, Within | None]]", watch: "Watch") -> "list[Boxed]":
    """What of each run another program can check."""
    from pellucid.prove import boxed

    runs = []
    for tape, found in tapes:
        row = tape.value("logits").reshape(-1, tape.value("logits").shape[-1])[-1]
        of, radius = (found.of, found.certified) if found else ("", 0.0)
        run = boxed(tape, int(row.double().argmax()), of, radius, watch)
        runs += [run] if run else []
    return runs


def _write(out: Path, runs: "Sequence[Boxed]", **known: Any) -> None:
    """Write the certificate, and beside it the floats that are too many for it."""
    from pellucid.checkpoint.write import write_tensors
    from pellucid.files import write_text
    from pellucid.prove import floats_beside, set_certificate

    floats = floats_beside([run.exact for run in runs])
    beside = f"{out.stem}.floats.safetensors" if floats else None
    if beside is not None:
        write_tensors(out.with_name(beside), floats)
    write_text(out, set_certificate(runs=runs, beside=beside, **known))


def _one(source: Source, text: str | None) -> "tuple[Tape, Callable[[int], str]]":
    if isinstance(source, str):
        _model_of(source)
        runs = example_runs(source, Until.FORWARD, None)
    else:
        runs = text_runs(*source, not_empty(text), Until.FORWARD, None)
    run = next(iter(runs))
    return run.tape, run.piece


def _all(
    source: Source, length: int, box: "Callable[[Tape], Within | None]"
) -> "tuple[list[tuple[Read, Within | None]], Callable[[int], str]]":
    from pellucid.prove import all_texts
    from pellucid.text import readable_piece

    model, tokenizer = _model_of(source) if isinstance(source, str) else source
    reads = [(read, box(read.tape)) for read in all_texts(model, length)]
    return reads, lambda token: readable_piece(tokenizer, token)


def _model_of(name: str) -> "tuple[CausalModel, Tokenizer]":
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if not isinstance(example, Example):
        raise ConfigError(
            "--within and --all-texts take a language model's next token, and the example "
            f"{name} has none: take ai_rocks, or a text with --model"
        )
    return example.model, example.tokenizer
