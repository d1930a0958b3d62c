"""`pellucid prove`: enclose every number of a step, and certify every digit that is printed."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from pellucid.cli.options import MODEL, DtypeOption, TokenizerOption, console, dtype_of, not_empty
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.trace import Proof, Trace


def prove(
    text: Annotated[
        str | None, Argument(help="A text to prove with --model, or a GPT's worked example.")
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer: TokenizerOption = None,
    optimizer: Annotated[
        list[str] | None,
        Option(help="Of the step: sgd, momentum, adam or adamw, the default; repeatable."),
    ] = None,
    bits: Annotated[int, Option(help="To compute with; doubled where a digit needs it.")] = 96,
    digits: Annotated[int, Option(min=1, max=17, help="Decimals, as in walk.")] = 4,
    differences: Annotated[
        bool,
        Option("--differences/--no-differences", help="Gradients beside slopes of the loss."),
    ] = True,
    out: Annotated[
        Path | None, Option("--out", "-o", metavar="FILE.json", help="Write a certificate.")
    ] = None,
    dtype: DtypeOption = None,
) -> None:
    """Prove a whole step: the true value of every number, and which printed digits are right.

    Exit code 1 where something is not proved.
    """
    from pellucid.files import write_text
    from pellucid.report.numbers import Format
    from pellucid.report.proof import certificate, proof_lines
    from pellucid.trace import prove as prove_step

    if model is None and (tokenizer or dtype):
        raise ConfigError(
            "a worked example has a tokenizer and a dtype of its own: leave out --tokenizer "
            "and --dtype, or give a --model"
        )
    if out is not None and out.is_dir():
        raise ConfigError(f"{out} must be a file's name, and it is a directory: add a name")
    title = text or "ai_rocks"
    record, settings = (
        _example(title) if model is None else _text(not_empty(text), model, tokenizer, dtype)
    )
    screen = console()
    proofs: list[Proof] = []
    for name in optimizer or [settings.get("optimizer", "adamw")]:
        update = settings | {"optimizer": name}
        trace = record(update)
        proof = prove_step(
            trace.model,
            (trace.tape["tokens"], trace.tape["targets"]),
            written=lambda values: Format(values, digits),
            update=update,
            bits=bits,
            # The gradients are the same, whatever the optimizer.
            differences=differences and not proofs,
        )
        proofs.append(proof)
        screen.print(f"\n[bold]{name}[/]", highlight=False)
        for line in proof_lines(proof):
            screen.print(line)
    if out is not None:
        write_text(out, certificate(proofs, digits=digits, title=title))
    if not all(proof.proved for proof in proofs):
        raise typer.Exit(1)


def _example(name: str) -> "tuple[Callable[[dict[str, Any]], Trace], dict[str, Any]]":
    """How to record a GPT's example, and the settings of its update."""
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if not isinstance(example, Example):
        raise ConfigError(f"only a GPT's example is proved, and {name} is none: try ai_rocks")
    return example.record, example.update


def _text(
    text: str, name: str, tokenizer: str | None, dtype: Any
) -> "tuple[Callable[[dict[str, Any]], Trace], dict[str, Any]]":
    """How to record a step of a model on a text, and the settings of its update."""
    from pellucid.checkpoint import open_model
    from pellucid.trace import record_step

    gpt, pieces = open_model(name, tokenizer=tokenizer, dtype=dtype_of(dtype))

    def record(update: dict[str, Any]) -> "Trace":
        return record_step(gpt, pieces.encode(text), pieces, update=update)

    return record, {"learning_rate": 1e-3, "weight_decay": 0.1}
