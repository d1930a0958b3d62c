"""messages.json says all that page and session say, and nothing else."""

import json
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pellucid.errors import ConfigError
from pellucid.optim import OPTIMIZERS
from pellucid.web import SessionApi
from pellucid.web.answers.training import SIZES
from pellucid.web.notebook.messages import Messages
from pellucid.web.session.fields import CALLS, call_fields
from tests.web.examples import (
    AI_ROCKS,
    ENGLISH,
    LESSON,
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
LARGE = changed(AI_ROCKS, setting("wte.weight", [0, 0], 1e9), setting("wte.weight", [0, 1], -1e9))
NEXT = {"optimizer": "sgd", "learning_rate": 0.5, "weight_decay": 0.0}
STEPS = [stepping(name) | {"weight_decay": 0.1} for name in OPTIMIZERS]


def test_the_calls_are_those_of_the_session():
    assert session_api().calls == CALLS.keys()


def test_what_may_be_chosen_is_what_there_is():
    definitions = SCHEMA["$defs"]
    assert tuple(definitions["optimizer"]["enum"]) == tuple(OPTIMIZERS)
    assert definitions["training"]["properties"]["size"]["enum"] == list(SIZES)


def _look(api: SessionApi) -> None:
    answer(api, "start")
    for experiment in (
        *(AI_ROCKS, LESSON, ENGLISH, AI_ROCKS | {"text": None, "next": NEXT}),
        *(changed(AI_ROCKS, PATCH, *STEPS), LARGE),
    ):
        answer(api, "open", experiment=experiment)
        if experiment is not LESSON:
            answer(api, "norms", experiment=experiment)
    window = {"name": "h.0.attn.scores", "lead": [0], "rows": [0, 2], "columns": [0, 2]}
    for against in (LARGE, None):
        answer(api, "tensor", experiment=AI_ROCKS, **window, against=against)
    for name in ("tokens", "wte.weight"):
        answer(api, "tensor", experiment=AI_ROCKS, name=name)
    answer(api, "picture", experiment=AI_ROCKS, name="wte.weight", height=2, width=2)
    answer(api, "picture", experiment=AI_ROCKS, name="h.0.attn.att", lead=[0])
    answer(api, "merges", experiment=ENGLISH, text="In the beginning")
    for call, own in (("predictions", {}), ("lens", {}), ("attention", {"block": 0})):
        answer(api, call, experiment=ENGLISH, **own)
    for call in ("predictions", "lens", "effect"):
        answer(api, call, experiment=AI_ROCKS, position=0, top=2)
    answer(api, "effect", experiment=changed(AI_ROCKS, setting("wte.weight", [0, 0], 1.0)))


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
    for sampling in (every, {"top_k": None, "top_p": None}):
        answer(api, "generate", experiment=AI_ROCKS, sampling=sampling, seed=1, count=2, top=2)
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

ANY = some.recursive(
    some.none()
    | some.booleans()
    | some.sampled_from([0, 1, -1, 10**6, 1 << 70, 0.5, 1e12, "a", "sgd", "set", "x" * 201]),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(["do", "name", "index", "a"]), inner, max_size=3)
    ),
    max_leaves=4,
)
EXPERIMENT = AI_ROCKS | {
    "text": "AI",
    "next": NEXT,
    "actions": [setting("wte.weight", [0, 1], 0.5), PATCH, stepping("sgd")],
}
FIELDS: dict[str, dict[str, Any]] = {
    "start": {},
    "tensor": {"experiment": EXPERIMENT, "name": "loss", "lead": [1], "rows": [0, 1]},
    "picture": {"experiment": EXPERIMENT, "name": "loss", "height": 2},
    "generate": {"experiment": AI_ROCKS, "sampling": {"temperature": 1, "top_k": 2}, "seed": 1},
    "train": {"text": TEXT, "settings": {"size": "tiny", "iterations": 3, "from": EXPERIMENT}},
}


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an object or a list, to be changed."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [((*at, key), one) for key, one in inner]
    return [at, *(
        place
        for where, one in found
        for place in (_places(one, where) if isinstance(one, dict | list) else [where])
    )]  # fmt: skip


def _with(value: Any, place: tuple[Any, ...], key: str, other: Any) -> Any:
    """The same with another value at a place, or, where that is an object, under a key of it."""
    copied = json.loads(json.dumps(value))
    inner = copied
    for step in place[:-1]:
        inner = inner[step]
    if not place:
        copied[key] = other
    elif isinstance(inner[place[-1]], dict):
        inner[place[-1]][key] = other
    else:
        inner[place[-1]] = other
    return copied


CHANGES = some.sampled_from(sorted(FIELDS)).flatmap(
    lambda call: some.tuples(
        some.just(call),
        some.sampled_from(_places(FIELDS[call])),
        some.sampled_from(["experiment", "text", "count", "seed", "top_p", "a"]),
        ANY,
    )
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300, deadline=None)
@given(CHANGES)
def test_the_server_refuses_what_the_schema_does(change: tuple[str, Any, str, Any]):
    call, place, key, other = change
    fields = _with(FIELDS[call], place, key, other)
    if not errors(CALLS[call]["fields"], fields):
        call_fields(call, fields)
        return
    with pytest.raises(ConfigError) as refused:
        call_fields(call, fields)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 300
