"""Whatever a message has in it, it is answered in JSON, or refused in one line."""

import copy
import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pellucid.errors import PellucidError
from pellucid.web import SessionApi
from pellucid.web.session.fields import CALLS
from tests.web.examples import AI_ROCKS, ENGLISH, answer, changed, session_api, setting, stepping
from tests.web.messages import HTTP, errors
from tests.web.served import Browser

TEXT = "the cat sat on the mat, and the dog sat on the log. " * 8
PATCH = {"do": "patch", "name": "h.0.resid_post", "index": [1], "text": "rocks AI"}
EXPERIMENT = changed(AI_ROCKS, setting("wte.weight", [0, 1], 0.5), PATCH, stepping("sgd")) | {
    "text": "AI rocks",
    "next": {"optimizer": "sgd", "learning_rate": 0.5, "weight_decay": 0.0},
}
OWN = {"experiment": EXPERIMENT}
FIELDS: dict[str, dict[str, Any]] = {
    "start": {},
    "open": OWN,
    "tensor": OWN
    | {"name": "h.0.attn.att", "lead": [0], "rows": [0, 1], "columns": [0, 1], "against": AI_ROCKS},
    "picture": OWN | {"name": "h.0.attn.att", "lead": [0], "height": 2, "width": 2},
    "why": OWN | {"name": "losses[0]"},
    "merges": {"experiment": ENGLISH, "position": 1},
    "predictions": OWN | {"position": 0, "top": 2},
    "next": OWN | {"sampling": {"temperature": 2.0, "top_k": 2, "top_p": 0.9}, "top": 2},
    "lens": OWN | {"position": 0, "top": 2},
    "attention": OWN | {"block": 0},
    "norms": OWN,
    "effect": OWN | {"position": 0, "top": 2},
    "generate": OWN
    | {
        "sampling": {"temperature": 1.0, "top_k": 2, "top_p": 0.5, "greedy": False},
        "seed": 1,
        "count": 2,
        "top": 2,
    },
    "train": {
        "text": TEXT,
        "settings": {"size": "tiny", "iterations": 1, "learning_rate": 0.1, "seed": 1},
    },
    "python": OWN,
    "checkpoint": OWN,
    "prove": OWN,
    "tour": OWN,
    "tried": OWN | {"before": AI_ROCKS},
    "sweep": {"experiment": AI_ROCKS, "first": 0, "second": 1, "position": 1, "at": 1},
    "patching": {
        "experiment": AI_ROCKS,
        "text": "rocks AI",
        "first": 0,
        "second": 1,
        "position": 1,
        "what": "mlp",
    },
    "paths": {"experiment": AI_ROCKS, "first": 0, "second": 1, "position": 1, "least": 0.2},
    "contributions": {"experiment": AI_ROCKS, "first": 0, "second": 1, "position": 1},
}
DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]

POOL = [
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, math.nan, math.inf, 10**30, -(10**30)),
    *("", " ", "a", "x" * 30_000, "\0", "\x1b[2J", "\ud800", "\u202e", "\n\r", "../../etc/passwd"),
    *("__class__", "loss", "tokens", "loss[", "loss[0,0,0,0]", "losses[-1]", "losses[9" * 99),
    *([], {}, DEEP, [[]], [0] * 600, [-1], [1e9], {"a": {}}, {"do": "set"}, {"example": "softmax"}),
    *({"subject": {"example": "softmax"}}, ENGLISH, [PATCH] * 501, [stepping()] * 3),
    *("wte.weight.new", "dwte.weight", "h.0.attn.scores"),
]
"""Wrong kinds, bounds and what lies beyond, nested, huge, of no use, with a meaning elsewhere."""


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a message, from outside to inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*way, key)
        if isinstance(one, dict | list):
            yield from places(one, (*way, key))


def replaced(value: Any, way: tuple[Any, ...], other: Any) -> Any:
    """The same with another thing at one place."""
    made = copy.deepcopy(value)
    part = made
    for key in way[:-1]:
        part = part[key]
    part[way[-1]] = other
    return made


def check_answered(api: SessionApi, call: str, fields: Any) -> None:
    """What is answered is JSON, and fits the schema; what is refused is one line."""
    try:
        made = api.answer(call, fields)
        events = [made] if isinstance(made, Mapping) else list(islice(made, 2))
        if close := getattr(made, "close", None):
            close()
    except PellucidError as error:
        said = str(error)
        assert said
        assert len(said) < 1_000, (call, fields)
        json.dumps(" ".join(said.split()))
        return
    for event in events:
        assert json.dumps(event, allow_nan=False)
    if "answer" in CALLS[call]:
        assert errors(CALLS[call]["answer"], events[0]) == []


@pytest.fixture(scope="module")
def own_api() -> Iterator[SessionApi]:
    made = session_api()
    yield made
    made.close()


def test_every_call_has_its_message():
    assert FIELDS.keys() == CALLS.keys()


@pytest.mark.parametrize("call", [call for call in FIELDS if FIELDS[call]])
def test_a_message_with_anything_in_it_is_answered_or_refused(own_api: SessionApi, call: str):
    check_answered(own_api, call, FIELDS[call])
    every = [*places(FIELDS[call])]
    slow = {
        "prove": 10,
        "tour": 20,
        "tried": 20,
        "sweep": 20,
        "patching": 20,
        "paths": 20,
        "train": 10,
        "checkpoint": 15,
        "merges": 40,
    }

    @settings(
        max_examples=slow.get(call, 60),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(some.sampled_from(every), some.sampled_from(POOL))
    def holds(way: tuple[Any, ...], other: Any) -> None:
        check_answered(own_api, call, replaced(FIELDS[call], way, other))

    holds()


@pytest.mark.parametrize("other", POOL, ids=lambda one: type(one).__name__)
def test_a_message_that_is_something_else_is_refused(own_api: SessionApi, other: Any):
    for call in ("open", "train", "generate"):
        check_answered(own_api, call, other)


def test_every_tensor_of_a_run_is_drawn_told_and_explained(api: SessionApi):
    experiment = changed(AI_ROCKS, setting("h.0.attn.att", [0], 0.0))
    run = answer(api, "open", experiment=experiment)
    for name in run["names"]:
        fields = {"experiment": experiment, "name": name}
        try:
            shape = answer(api, "tensor", **fields)["shape"]
        except PellucidError as error:
            assert "place must be given" in str(error)  # noqa: PT017
            shape = [0, 0, 0]
        lead = {"lead": [0]} if len(shape) > 2 else {}
        answer(api, "picture", **fields, **lead)
        answer(api, "tensor", **fields, **lead)


@pytest.mark.parametrize("body", [b"{}", b'{"a":1}', b'{"session":{"a":[[]]}}', b'{"x":"\\u0000"}'])
def test_the_calls_of_a_session_itself_take_anything_that_is_json(browser: Browser, body: bytes):
    answered = browser.post("session", b"{}")
    assert answered.status == 200
    assert {"session", "close"} <= HTTP.keys()
    session = answered.json()["session"]
    assert browser.ask(
        "POST",
        f"/{browser.token}/api/close",
        body,
        {"Content-Type": "application/json", "Pellucid-Session": session},
    ).status in {200, 400}
