"""messages.json says all that page and session say, and nothing else."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from pellucid.errors import ConfigError
from pellucid.optim import OPTIMIZERS
from pellucid.web import SessionApi
from pellucid.web.answers.training import SIZES
from pellucid.web.notebook.messages import Messages
from pellucid.web.session.fields import CALLS, call_fields
from tests.web.examples import (
    AI_ROCKS,
    CLASSIFIER,
    ENGLISH,
    LESSON,
    LLAMA,
    TRANSLATOR,
    answer,
    changed,
    session_api,
    setting,
    stepping,
)
from tests.web.messages import SCHEMA, Conversation, errors, unsaid
from tests.web.served import served

TEXT = "the cat sat on the mat, and the dog sat on the log. " * 8
PATCH = {"do": "patch", "name": "h.0.resid_post", "index": [1], "text": "rocks AI"}
STEER = {"do": "steer", "name": "h.0.resid_post", "strength": 0.5}
STEERED = (
    STEER | {"first": 0, "second": 1, "text": None, "against": None},
    STEER | {"text": "rocks AI", "against": "AI", "first": None, "second": None},
)
LARGE = changed(AI_ROCKS, setting("wte.weight", [0, 0], 1e9), setting("wte.weight", [0, 1], -1e9))
NEXT = {"optimizer": "sgd", "learning_rate": 0.5, "weight_decay": 0.0}
STEPS = [stepping(name) | {"weight_decay": 0.1} for name in OPTIMIZERS]


def test_the_calls_are_those_of_the_session():
    assert session_api().calls == CALLS.keys()


def test_what_may_be_chosen_is_what_there_is():
    definitions = SCHEMA["$defs"]
    assert tuple(definitions["optimizer"]["enum"]) == tuple(OPTIMIZERS)
    assert definitions["training"]["properties"]["size"]["enum"] == list(SIZES)


def test_the_documentation_says_the_same_bounds():
    text = (Path(__file__).parents[2] / "docs" / "page.md").read_text(encoding="utf-8")
    definitions, trained_on = SCHEMA["$defs"], CALLS["train"]["fields"]["properties"]["text"]
    actions = definitions["experiment"]["properties"]["actions"]
    limits = answer(session_api(), "start")["limits"]
    for row in (
        f"| a text | {definitions['text']['maxLength']:,} characters",
        f"{actions['maxItems']} things, {limits['steps']:,} steps in all",
        f"{trained_on['maxLength']:,} characters; {limits['iterations']:,} iterations",
        f"| tokens generated at once | {limits['generate']} |",
        f"| numbers of a run that is proved | {limits['proved']:,};",
    ):
        assert row in text


def _look(api: SessionApi) -> None:
    answer(api, "start")
    for experiment in (
        *(AI_ROCKS, LESSON, ENGLISH, AI_ROCKS | {"text": None, "next": NEXT}),
        *(changed(AI_ROCKS, PATCH, *STEPS), LARGE),
        *(changed(AI_ROCKS, one) for one in STEERED),
    ):
        answer(api, "open", experiment=experiment)
        answer(api, "tour", experiment=experiment)
        if experiment is not LESSON:
            answer(api, "norms", experiment=experiment)
    answer(api, "tried", experiment=changed(AI_ROCKS, *STEPS), before=AI_ROCKS)
    window = {"name": "h.0.attn.scores", "lead": [0], "rows": [0, 2], "columns": [0, 2]}
    for against in (LARGE, None):
        answer(api, "tensor", experiment=AI_ROCKS, **window, against=against)
    for name in ("tokens", "wte.weight"):
        answer(api, "tensor", experiment=AI_ROCKS, name=name)
    answer(api, "picture", experiment=AI_ROCKS, name="wte.weight", height=2, width=2)
    answer(api, "picture", experiment=AI_ROCKS, name="h.0.attn.att", lead=[0])
    answer(api, "merges", experiment=ENGLISH, position=2)
    answer(api, "merges", experiment=AI_ROCKS)
    for call, own in (("predictions", {}), ("lens", {}), ("attention", {"block": 0})):
        answer(api, call, experiment=ENGLISH, **own)
    answer(api, "sweep", experiment=AI_ROCKS, first=0, second=1, position=0, at=0)
    answer(api, "sweep", experiment=AI_ROCKS, first=0, second=1, at=None)
    swapped = {"experiment": AI_ROCKS, "text": "rocks AI", "first": 0, "second": 1}
    for what in ("stream", "attention", "mlp"):
        answer(api, "patching", **swapped, what=what, position=1)
    for call in ("contributions", "paths"):
        answer(api, call, experiment=AI_ROCKS, first=0, second=1, position=0)
        answer(api, call, experiment=AI_ROCKS, first=0, second=None)
    answer(api, "contributions", experiment=LLAMA, first=0)
    answer(api, "contributions", experiment=changed(AI_ROCKS, STEERED[0]), first=0)
    answer(api, "paths", experiment=AI_ROCKS, first=0, least=0.5)
    for call in ("predictions", "lens", "effect"):
        answer(api, call, experiment=AI_ROCKS, position=0, top=2)
    answer(api, "effect", experiment=changed(AI_ROCKS, setting("wte.weight", [0, 0], 1.0)))
    for experiment in (
        CLASSIFIER,
        AI_ROCKS | {"text": "AI"},
        TRANSLATOR | {"source": "Wo wohnt er?"},
    ):
        answer(api, "open", experiment=experiment)
    answer(api, "sweep", experiment=AI_ROCKS | {"text": "AI"}, first=0, second=1)
    alone = changed(AI_ROCKS | {"text": "AI"}, setting("wte.weight", [0, 0], 1.0))
    for call in ("norms", "effect"):
        answer(api, call, experiment=alone)
    other = {"do": "patch", "name": "dec.h.0.cross.att", "text": "Where", "source": "Wo wohnst du?"}
    for source in ("Wo wohnt er?", None):
        patched = changed(
            TRANSLATOR | {"text": "Where", "source": None}, other | {"source": source}
        )
        answer(api, "open", experiment=patched)


def _work(api: SessionApi) -> None:
    answer(api, "why", experiment=AI_ROCKS, name="loss")
    answer(api, "prove", experiment=AI_ROCKS)
    for name in (
        "loss",
        "h.0.attn.att[0,1,0]",
        "dh.0.attn.att[0,1,0]",
        "wte.weight.update[0,1]",
        "tokens[1]",
    ):
        answer(api, "why", experiment=AI_ROCKS, name=name)
    every = {"temperature": 0.5, "top_k": 3, "top_p": 0.9, "greedy": False}
    for sampling in (every, {"top_k": None, "top_p": None}, {"greedy": True}):
        answer(api, "generate", experiment=AI_ROCKS, sampling=sampling, seed=1, count=2, top=2)
        answer(api, "next", experiment=AI_ROCKS, sampling=sampling, top=2)
    small = {"size": "small", "iterations": 1, "learning_rate": 0.01, "seed": 1, "from": None}
    answer(api, "train", text=TEXT, settings=small)
    *_, last = answer(api, "train", text=TEXT, settings={"size": "tiny", "iterations": 45})
    trained = {"subject": last["done"]["subject"]}
    answer(api, "train", text=TEXT, settings={"iterations": 1, "from": trained})
    answer(api, "python", experiment=AI_ROCKS)
    answer(api, "checkpoint", experiment=AI_ROCKS)


def _serve(page: Path) -> None:
    with served(page) as (browser, _):
        browser.call(browser.session(), "close")
        browser.post("none").refused(410)


def _converse() -> None:
    conversation, replies = Conversation(), SimpleQueue[dict[str, Any]]()

    def send(message: dict[str, Any], _: list[bytes]) -> None:
        conversation.to_page(message)
        replies.put(message)

    messages = Messages(session_api(), send)
    own = {"experiment": AI_ROCKS}
    for call, fields in (
        *(
            ("start", {}),
            ("generate", own | {"sampling": {}, "count": 1}),
            ("predictions", own | {"position": 7}),
        ),
    ):
        message = {"id": call, "call": call, "fields": fields}
        conversation.to_python(message)
        messages.take(message)
        while "event" in replies.get(timeout=60):
            pass
    for message in ({"id": "start", "abort": True}, {"leave": True}):
        conversation.to_python(message)
        messages.take(message)
    messages.close()


def test_nothing_stands_in_the_schema_that_nobody_says(
    api: SessionApi, page: Path, monkeypatch: pytest.MonkeyPatch
):
    _look(api)
    _work(api)
    monkeypatch.setattr("pellucid.web.session.runs.PREVIEWED", 0)
    answer(api, "norms", experiment=AI_ROCKS | {"text": "rocks AI"})
    _serve(page)
    _converse()
    assert unsaid() == []


# -- what is refused -------------------------------------------------------------------------------

EXPERIMENT = AI_ROCKS | {
    "text": "AI",
    "next": NEXT,
    "actions": [setting("wte.weight", [0, 1], 0.5), PATCH, stepping("sgd")],
}
FIELDS: dict[str, dict[str, Any]] = {
    "start": {},
    "tensor": {"experiment": EXPERIMENT, "name": "loss", "lead": [1], "rows": [0, 1]},
    "picture": {"experiment": AI_ROCKS, "name": "loss", "height": 2},
    "generate": {
        "experiment": AI_ROCKS,
        "sampling": {"temperature": 1, "top_k": 2, "top_p": 0.5, "greedy": True},
        "seed": 1,
    },
    "train": {
        "text": TEXT,
        "settings": {"size": "tiny", "iterations": 3, "learning_rate": 0.1, "from": AI_ROCKS},
    },
}


def bounds(schema: Any, *keywords: str) -> set[float]:
    """The numbers that stand in the schema under these keywords."""
    if not isinstance(schema, dict | list):
        return set()
    inner = schema.values() if isinstance(schema, dict) else schema
    own = [schema[one] for one in keywords if isinstance(schema, dict) and one in schema]
    return {*own, *(bound for part in inner for bound in bounds(part, *keywords))}


def awkward() -> Iterator[Any]:
    """Values at each bound of the schema, on either side of it, and of each kind."""
    yield from (
        None,
        True,
        False,
        0.5,
        2.0,
        1 << 70,
        -(1 << 70),
        "",
        "sgd",
        "huge",
        "set",
        {},
        {"a": 1},
    )
    for bound in bounds(SCHEMA, "minimum", "maximum", "exclusiveMinimum"):
        yield from (bound - 1, bound, bound + 1, math.nextafter(bound, 2 * bound + 1))
    for size in bounds(SCHEMA, "minLength", "maxLength"):
        yield from ("x" * (int(size) + more) for more in (-1, 0, 1))
    for size in bounds(SCHEMA, "minItems", "maxItems"):
        yield from ([0] * (int(size) + more) for more in (-1, 0, 1))
        yield [PATCH] * (int(size) + 1)


LEFT_OUT = object()


def changes(value: Any) -> Iterator[Any]:
    """The same with one thing in it left out, misspelt, or another."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys:
        rest = [(one, value[one]) for one in keys if one != key]
        inner = changes(value[key]) if isinstance(value[key], dict | list) else ()
        for other in (LEFT_OUT, *awkward(), *inner):
            now = dict(rest) if other is LEFT_OUT else {**dict(rest), key: other}
            yield now if isinstance(value, dict) else [now[one] for one in sorted(now)]
    if isinstance(value, dict):
        yield from ({**value, name: 1} for name in ("a", "seed", "example", "model"))


@pytest.mark.parametrize("call", FIELDS)
def test_the_server_refuses_what_the_schema_does(call: str):
    found = Counter[bool]()
    for fields in changes(FIELDS[call]):
        fits = not errors(CALLS[call]["fields"], fields)
        found[fits] += 1
        try:
            call_fields(call, fields)
            refusal = None
        except ConfigError as error:
            refusal = str(error)
        assert (refusal is None) == fits, (fields, refusal)
        assert refusal is None or (len(refusal.splitlines()) == 1 and len(refusal) < 300)
    assert found[False] > 3
    assert call == "start" or found[True] > 3
