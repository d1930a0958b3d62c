"""What is proved of all questions of a task, in the terminal."""

from collections.abc import Iterator

from pellucid.numbers import at_least, at_most
from pellucid.prove import Margin, ProvedAnswers
from pellucid.tasks import Task
from pellucid.terminal.lines import Hanging
from pellucid.text import readable_piece

SHOWN = 10
"""So many questions that are not proved are named."""


def answered_lines(found: ProvedAnswers, task: Task) -> Iterator[Hanging]:
    """What was asked, what is proved, how closely, and what is not."""
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
        yield Hanging(_failure(margin, task), "bold red")
    if len(found.failures) > SHOWN:
        yield Hanging(f"and {len(found.failures) - SHOWN:,} more")
    if found.smallest.right:
        close = found.smallest
        answer, rival = _pieces(close, task)
        yield Hanging(
            f"the smallest lead: '{_text(close, task)}', where '{answer}' is ahead "
            f"of '{rival}' by {at_least(close.lead, 6)} or more; its ball has "
            f"radius {at_most(close.radius)}, and none of all has more than "
            f"{at_most(found.widest)}, with {found.bits} bits"
        )


def _failure(margin: Margin, task: Task) -> str:
    text, (answer, rival) = _text(margin, task), _pieces(margin, task)
    if margin.wrong:
        return f"FALSE: '{text}' is followed by '{rival}', not by '{answer}'"
    return f"undecided: whether '{text}' is followed by '{answer}'"


def _text(margin: Margin, task: Task) -> str:
    return task.tokenizer.decode(margin.tokens)


def _pieces(margin: Margin, task: Task) -> tuple[str, str]:
    answer, rival = (
        readable_piece(task.tokenizer, token) for token in (margin.answer, margin.runner_up)
    )
    return answer, rival
