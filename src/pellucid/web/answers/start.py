"""The answer to `start`: what there is to look at, and how far one may go."""

from functools import cache
from importlib.metadata import version

from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.web.answers.plain import Json
from pellucid.web.answers.proved import PROVED
from pellucid.web.session.experiment import STEPS, TEXT, Experiment
from pellucid.web.session.library import Library
from pellucid.web.session.model_state import TOKENS

GENERATED = 200
"""Tokens that one call generates at most."""

ITERATIONS = 5_000
"""Iterations of a training on the page, at most."""


def start(library: Library) -> Json:
    """The models and worked examples, and the limits."""
    first = next(iter(library.names))
    return {
        "version": version("pellucid"),
        "models": [
            {"name": name, "about": str(library.open(name).model)} for name in library.names
        ],
        "examples": _examples(),
        "default": Experiment("model", first).as_json(),
        "limits": {
            "text": TEXT,
            "steps": STEPS,
            "tokens": TOKENS,
            "generate": GENERATED,
            "iterations": ITERATIONS,
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
            "kind": "gpt" if isinstance(example, Example) else "lesson",
        }
        for name, example in ((name, find_example(name)) for name in EXAMPLES)
    ]
