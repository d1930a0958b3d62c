"""The answers to `tour` and `tried`: a run as a story, and what a change to it has changed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from pellucid.models import CausalModel
from pellucid.walkthrough import Story, TensorPart, Tour, TourStop, lesson_stops
from pellucid.web.answers.json_values import Json
from pellucid.web.answers.outline import Outline
from pellucid.web.session.runs import ExperimentRun, traced
from pellucid.words import phrasebook

NEXT = {"node": "next"}
"""The drawing's chart of the next token."""


def tour(run: ExperimentRun) -> Json:
    """The stops of a run, each with the node of the outline that it looks at."""
    if "tour" not in run.notes:
        nodes = {} if run.trace is None else dict(_nodes(Outline(run).nodes()))
        run.notes["tour"] = [_step(run, stop, nodes) for stop in _stops(run)]
    return {"steps": run.notes["tour"]}


def _stops(run: ExperimentRun) -> Iterator[TourStop]:
    if run.trace is None or not isinstance(run.trace.model, CausalModel):
        return lesson_stops(run.walkthrough)
    return Tour(run.walkthrough, run.trace, asdict(run.experiment.next)).stops()


def tried(run: ExperimentRun, before: ExperimentRun) -> Json:
    """In words, what is otherwise than in the run before."""
    texts = Story(traced(run)).against(Story(traced(before)))
    figures = {name: text for name, text in texts.items() if text is not None}
    return {"says": list(phrasebook().sentences_said("tour.tried.says", figures))}


def _step(
    run: ExperimentRun, stop: TourStop, nodes: dict[tuple[str, tuple[int, ...]], str]
) -> Json:
    place = {"node": stop.id} if run.trace is None else _look(stop.look, nodes)
    return {
        "id": stop.id,
        "title": stop.title,
        "says": list(stop.says),
        "look": {**place, "mode": "gradient" if stop.backward else "forward"},
        "spotlight": [*map(_spot, stop.spots), *([NEXT] if stop.id == "softmax" else [])],
        "number": stop.number,
        "try": {"label": stop.label, "action": _action(run, stop)} if stop.label else None,
    }


def _look(look: TensorPart | None, nodes: dict[tuple[str, tuple[int, ...]], str]) -> Json:
    """The node of a tensor; nothing is the whole."""
    node = None if look is None else nodes.get((look.name, look.lead))
    return {"node": node} if node else {}


def _spot(spot: TensorPart) -> Json:
    places = {"row": spot.row, "column": spot.column}
    found = {axis: place for axis, place in places.items() if place is not None}
    return {"tensor": spot.name, "lead": list(spot.lead), **found}


def _action(run: ExperimentRun, stop: TourStop) -> Json:
    if stop.tries is None:
        return {"do": "step", **asdict(run.experiment.next), "count": 1}
    spot, value = stop.tries
    return {"do": "set", "name": spot.name, "index": list(spot.lead), "value": value}


def _nodes(outline: Sequence[Json]) -> Iterator[tuple[tuple[str, tuple[int, ...]], str]]:
    """For each tensor, with its first axes where a head has its own, the innermost node of it."""
    for node in outline:
        for tensor in node["tensors"]:
            for name in (tensor["name"], tensor["gradient"]):
                yield (name, tuple(tensor["lead"])), node["id"]
        yield from _nodes(node["children"])
