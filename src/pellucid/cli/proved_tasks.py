"""What `prove` proves of a task: that a model answers every question of it rightly."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import CausalModel
    from pellucid.prove import Boxed, ProvedAnswers
    from pellucid.text import Tokenizer


def check_alone(text: str | None, **others: Any) -> None:
    """Raise `ConfigError` beside a text, or options that say nothing of a task."""
    if text is not None:
        raise ConfigError(
            f"--all asks every question of a task, and a text came too, {text!r}: leave it out"
        )
    given = [name for name, value in others.items() if value is not None and value != []]
    if given:
        raise ConfigError(
            "--all proves forward runs of all questions of a task, and "
            f"--{given[0].replace('_', '-')} is for another proof: leave one of them out"
        )


def prove_task(
    name: str, model: str | None, how: dict[str, Any], bits: int | None, out: Path | None
) -> None:
    """Prove, print, and write the certificate; exit code 1 where an answer is not proved."""
    from pellucid.checkpoint import open_model
    from pellucid.cli.screen import console
    from pellucid.files import check_writable
    from pellucid.models import CausalModel
    from pellucid.prove import prove_answers
    from pellucid.tasks import find_task
    from pellucid.terminal.answers import answered_lines
    from pellucid.terminal.proving import shown

    task = find_task(name)
    if out is not None:
        check_writable(out)
    read, tokenizer = open_model(name if model is None else model, **how)
    if not isinstance(read, CausalModel) or not _same_tokens(tokenizer, task.tokenizer):
        raise ConfigError(
            f"{task.name} must be asked of a language model with its {task.tokenizer.vocab_size} "
            f"tokens, and {model} has others: take the model {task.name}, or one that is trained "
            "to the task"
        )
    questions = task.questions()
    screen = console()
    more: dict[str, Any] = {} if bits is None else {"bits": bits}
    with shown(screen, None) as watch:
        found = prove_answers(read, *questions, watch=watch, **more)
    for line in answered_lines(found, task):
        screen.print(line)
    if out is not None:
        _write(out, found, read, task.name)
    if not found.proved:
        raise typer.Exit(1)


def _same_tokens(one: "Tokenizer | None", other: "Tokenizer") -> bool:
    return one is not None and one.to_json() == other.to_json()


def _write(out: Path, found: "ProvedAnswers", model: "CausalModel", title: str) -> None:
    """Write the certificate, with the closest question's run as another program can check it."""
    from pellucid.files import write_text
    from pellucid.prove import answers_certificate, boxed

    runs: list[Boxed] = []
    if found.smallest.right:
        _, tape = model.run_with_cache(list(found.smallest.tokens))
        run = boxed(tape, found.smallest.answer)
        runs = [run] if run else []
    write_text(out, answers_certificate(found, title=title, runs=runs))
