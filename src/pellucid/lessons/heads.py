"""What the lessons about heads show: the small models of copying and induction, each on a text."""

from typing import Any

from pellucid.layers import IGNORE
from pellucid.lessons.run import Run, text_trace
from pellucid.models import CausalModel
from pellucid.tasks import COPYING, INDUCTION, Task, right
from pellucid.tasks import copying as copies
from pellucid.tasks import induction as repeats
from pellucid.train import Trace
from pellucid.walkthrough import gpt_walkthrough

COPIED = "badef|badef"
REPEATED = "cafbcaf"
"""What the models read, but for the last letter, which is to follow."""

ANOTHER = "bdcabd"
"""A text that somebody goes on with by the rule."""


def _known(task: Task, text: str) -> tuple[Trace, dict[str, Any]]:
    """The record of a task's model that reads a text, and what is known of both."""
    trace = text_trace(text, task.name)
    assert isinstance(trace.model, CausalModel)
    chances = trace.tape.value("logits")[-1].softmax(-1)
    questions = task.questions()
    count, lead = right(trace.model, questions)
    return trace, {
        "name": task.name,
        "text": text[:-1],
        "next": trace.piece(int(chances.argmax())),
        "share": float(chances.max()),
        "parameters": trace.model.parameter_count,
        "texts": len(questions.tokens),
        "answers": int((questions.answers != IGNORE).sum()),
        "right": count,
        "lead": lead,
        **task.found(trace.model),
    }


def copying_run() -> Run:
    """A head that copies reads a string and most of its copy."""
    trace, known = _known(COPYING, COPIED)
    att = trace.tape.value("h.0.attn.att")[0]
    place = copies.LENGTH + 3
    tokens = trace.tape.value("tokens").tolist()
    told = known | {
        "length": copies.LENGTH,
        "mark": copies.MARK,
        "begins": trace.piece(tokens[0]),
        "seen": len(copies.trained_on()),
        "letters": len(copies.LETTERS),
        "from_mark": float(att[copies.LENGTH, 0]),
        "looked_at": int(att[copies.LENGTH].argmax()),
        "place": place,
        "reader": trace.piece(tokens[place]),
        "placed": int(att[place].argmax()),
        "guess": round(1 / len(copies.LETTERS), 2),
    }
    return Run(gpt_walkthrough(trace, COPYING.name, COPIED), told)


def induction_run() -> Run:
    """Two heads go on with a text as it went before."""
    trace, known = _known(INDUCTION, REPEATED)
    first, second = (trace.tape.value(f"h.{layer}.attn.att")[0] for layer in (0, 1))
    tokens = trace.tape.value("tokens")
    last, wanted = len(tokens) - 1, int(second[-1].argmax())
    another = INDUCTION.tokenizer.encode(ANOTHER)
    answer = int(repeats.repetitions(tokens.new_tensor([another])).answers[0, -1])
    shares = [known[side] for side in ("queries", "keys", "values")]
    told = known | {
        "length": repeats.LENGTH,
        "letters": len(repeats.LETTERS),
        "seen": len(repeats.trained_on()),
        "letter": trace.piece(int(tokens[-1])),
        "last": last,
        "looked_at": wanted,
        "found": trace.piece(int(tokens[wanted])),
        "looks": float(second[-1, wanted]),
        "second_place": last - 2,
        "before": int(first[last - 2].argmax()),
        "another": ANOTHER,
        "answer": answer,
        "side": shares.index(max(shares)),
    }
    return Run(gpt_walkthrough(trace, INDUCTION.name, REPEATED), told)
