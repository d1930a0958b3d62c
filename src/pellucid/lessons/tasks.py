"""What the lessons about small tasks show: a run of each model, and what is in its weights."""

from functools import cache
from typing import Any

from pellucid.lessons.run import Run, text_trace
from pellucid.models import CausalModel
from pellucid.tasks import ADDITION, BRACKETS, find_task, right
from pellucid.tasks.addition import MODULUS, trained_on
from pellucid.tasks.brackets import LENGTH, depths
from pellucid.walkthrough import gpt_walkthrough

SUM = "46 + 80 = 13"
"""What is trained on: the model of the additions reads all but the answer, which is to follow."""

OPEN = "((())"
"""What the model of the brackets reads, but for the last of them."""


@cache
def _facts(name: str, text: str) -> tuple[Run, dict[str, Any]]:
    """A run of a task's model on a text, and what is known of the model and of the run."""
    task = find_task(name)
    trace = text_trace(text, task.name)
    model = trace.model
    assert isinstance(model, CausalModel)
    count, lead = right(model, task.questions())
    chances = trace.tape.value("logits")[-1].softmax(-1)
    found: dict[str, Any] = {
        "name": task.name,
        "text": task.tokenizer.decode(trace.tape.value("tokens").tolist()),
        "parameters": model.parameter_count,
        "right": count,
        "lead": lead,
        "next": trace.piece(int(chances.argmax())),
        "share": float(chances.max()),
    }
    found |= task.found(model)
    return Run(gpt_walkthrough(trace, task.name, text)), found


def clock_run() -> Run:
    """The model of the additions reads a sum."""
    run, found = _facts(ADDITION.name, SUM)
    tokens = run.tape.value("tokens").tolist()
    first, second = tokens[0], tokens[2]
    often = found["frequencies"][0]
    told = found | {
        "first": first,
        "second": second,
        "modulus": MODULUS,
        "largest": MODULUS - 1,
        "sums": MODULUS**2,
        "seen": len(trained_on()),
        "count": len(found["frequencies"]),
        "often": often,
        "sum": first + second,
        "remainder": (first + second) % MODULUS,
        "turns": round(often * first / MODULUS, 3),
        "turn": round(often * first / MODULUS % 1, 3),
        "circles": 0 if found["only"] > found["without"] else 1,
    }
    return Run(run.walkthrough, told)


def brackets_run() -> Run:
    """The model of the brackets reads a string."""
    run, found = _facts(BRACKETS.name, OPEN)
    tokens = run.tape.value("tokens")
    open_ones = int(depths(tokens)[-1])
    told = found | {
        "strings": 2 ** (LENGTH + 1) - 2,
        "longest": LENGTH,
        "length": len(tokens),
        "open": open_ones,
        "share_open": round(open_ones / len(tokens), 3),
        "even_share": round(1 / len(tokens), 3),
        "ends": 1,
        "ends_in": open_ones + 1,
        "answers": found["right"],
    }
    return Run(run.walkthrough, told)
