"""The answer to `start`: what there is to look at, and how far one may go."""

from functools import cache
from importlib.metadata import version

from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.web.answers.json_values import Json
from pellucid.web.answers.proof import PROVED
from pellucid.web.session.experiment import STEPS, Experiment
from pellucid.web.session.fields import CALLS, DEFINITIONS, checked
from pellucid.web.session.library import Library


def start(library: Library) -> Json:
    """The models and worked examples, the limits, and what is taken where nothing is said."""
    first = next(iter(library.names))
    generated = CALLS["generate"]["fields"]["properties"]["count"]
    trained_on = CALLS["train"]["fields"]["properties"]["text"]
    return {
        "version": version("pellucid"),
        "models": [
            {"name": name, "about": library.about(name), "text": library.text(name)}
            for name in library.names
        ],
        "examples": _examples(),
        "default": Experiment("model", first, library.text(first)).as_json(),
        "defaults": {name: checked(name, {}) for name in ("update", "training", "sampling")},
        "limits": {
            "text": DEFINITIONS["text"]["maxLength"],
            "steps": STEPS,
            "generate": generated["maximum"],
            "training_text": trained_on["minLength"],
            "iterations": DEFINITIONS["training"]["properties"]["iterations"]["maximum"],
            "proved": PROVED,
        },
    }


@cache
def _examples() -> list[Json]:
    return [
        {
            "name": name,
            "title": example.title,
            "about": example.about,
            "kind": "model" if isinstance(example, Example) or example.shown else "lesson",
        }
        for name, example in ((name, find_example(name)) for name in EXAMPLES)
    ]
