"""Which experiments are recorded: a subject as it is, and what a reader does to it first."""

from collections.abc import Iterator
from typing import Any

from pellucid.web.answers.json_values import Json
from pellucid.web.session.fields import DEFINITIONS, checked

OPTIMIZERS: tuple[str, ...] = tuple(DEFINITIONS["optimizer"]["enum"])

STEPS = (1, 2, 3)
"""How many single steps, one after the other, of the optimizer that is there at first."""

AT_ONCE = 10
"""And how many at once."""


def whole(experiment: Json) -> Json:
    """An experiment with all that it leaves unsaid."""
    said: Json = checked("experiment", experiment)
    return said


def done_to(experiment: Json, opened: Json) -> Iterator[Json]:
    """What is recorded of what may be done to a model: some steps; of a worked example's also steps
    of the other optimizers, heads ablated, and MLPs zeroed.
    """
    if opened["model"] is None:
        return
    if "example" not in experiment["subject"]:
        update = experiment["next"]
        yield from (_after(experiment, update, [_step(update, 1)] * count) for count in STEPS[:2])
        return
    for optimizer in OPTIMIZERS:
        update = checked("update", {"optimizer": optimizer})
        first = optimizer == experiment["next"]["optimizer"]
        if not first:
            yield experiment | {"next": update}
        for count in STEPS if first else STEPS[:1]:
            yield _after(experiment, update, [_step(update, 1)] * count)
        if first:
            yield _after(experiment, update, [_step(update, AT_ONCE)])
    for name in opened["editable"]:
        if name.endswith(".att"):
            for head in range(opened["model"]["heads"]):
                yield _after(experiment, experiment["next"], [_zero(name, [head])])
        elif name.endswith(".mlp.c_proj.out"):
            yield _after(experiment, experiment["next"], [_zero(name, [])])


def tried(experiment: Json, tour: Json | None) -> Iterator[Json]:
    """What the steps of a tour let a reader do."""
    for step in (tour or {}).get("steps", ()):
        if (offer := step.get("try")) is not None and offer.get("action") is not None:
            yield experiment | {"actions": [*experiment["actions"], offer["action"]]}


def _after(experiment: Json, update: Json, actions: list[Json]) -> Json:
    return experiment | {"actions": actions, "next": update}


def _step(update: Json, count: int) -> Json:
    return {"do": "step", **update, "count": count}


def _zero(name: str, index: list[int]) -> dict[str, Any]:
    return {"do": "set", "name": name, "index": index, "value": 0}
