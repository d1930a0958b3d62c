"""Small tasks with few enough questions to ask them all, and the models trained to one each.

`task` says what a task is; each has a file, with its tokens, its whole domain, the right answer to
every question, the model's sizes and how it is trained. `scripts/small_models.py` trains them and
writes the model that ships under the task's name; `pellucid prove --all NAME` proves by balls that
it is right on the whole domain.

>>> addition = find_task("addition-113")
>>> questions = addition.questions()
>>> len(questions.tokens)
12769
>>> addition.tokenizer.decode(questions.tokens[-1].tolist())
'112 + 112 ='
"""

from pellucid.errors import ConfigError, did_you_mean
from pellucid.tasks.addition import ADDITION
from pellucid.tasks.brackets import BRACKETS
from pellucid.tasks.copying import COPYING
from pellucid.tasks.induction import INDUCTION
from pellucid.tasks.task import Questions, Task, Training, right

TASKS = {task.name: task for task in (ADDITION, BRACKETS, COPYING, INDUCTION)}
"""All tasks by name, which is the name of the shipped model too."""


def find_task(name: str) -> Task:
    """The task of a name; `ConfigError` where there is none."""
    if name not in TASKS:
        raise ConfigError(
            f"a task must be one of {', '.join(TASKS)}, not {name!r}{did_you_mean(name, TASKS)}"
        )
    return TASKS[name]


__all__ = [
    "ADDITION",
    "BRACKETS",
    "COPYING",
    "INDUCTION",
    "TASKS",
    "Questions",
    "Task",
    "Training",
    "find_task",
    "right",
]
