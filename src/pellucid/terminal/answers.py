"""What is proved of all questions of a task, in the terminal."""

from collections.abc import Callable, Iterator

from pellucid.numbers import at_least, at_most
from pellucid.prove import Margin, ProvedAnswers
from pellucid.tasks import Task
from pellucid.terminal.lines import Hanging

SHOWN = 10
"""So many questions that are not proved are named."""


def answered_lines(
    found: ProvedAnswers, task: Task, piece: Callable[[int], str]
) -> Iterator[Hanging]:
    """What was asked, what is proved, how closely, and what is not; `piece` spells a token."""
    yield Hanging(f"{task.title}: {task.says}")
    yield Hanging(f"the domain: {task.domain}")
    if found.proved:
        yield Hanging(
            f"proved: the right answer has the largest logit for all {found.questions:,} "
            "questions, in real numbers",
            "bold green",
        )
    else:
        yield Hanging(
            f"NOT proved: {len(found.failures):,} of {found.questions:,} questions fail",
            "bold red",
        )
    for margin in found.failures[:SHOWN]:
        yield Hanging(_failure(margin, piece), "bold red")
    if len(found.failures) > SHOWN:
        yield Hanging(f"and {len(found.failures) - SHOWN:,} more")
    if found.smallest.right:
        close = found.smallest
        yield Hanging(
            f"the smallest lead: '{_text(close, piece)}', where '{piece(close.answer)}' is ahead "
            f"of '{piece(close.runner_up)}' by {at_least(close.lead, 6)} or more; its ball has "
            f"radius {at_most(close.radius)}, and none of all has more than "
            f"{at_most(found.widest)}, with {found.bits} bits"
        )


def _failure(margin: Margin, piece: Callable[[int], str]) -> str:
    text, answer, rival = _text(margin, piece), piece(margin.answer), piece(margin.runner_up)
    if margin.wrong:
        return f"FALSE: '{text}' is followed by '{rival}', not by '{answer}'"
    return f"undecided: whether '{text}' is followed by '{answer}'"


def _text(margin: Margin, piece: Callable[[int], str]) -> str:
    return " ".join(map(piece, margin.tokens))
