"""Experiments and answers that several tests ask for."""

import json
from typing import Any

from pellucid.web import Library, SessionApi
from tests.web.messages import check_call

AI_ROCKS = {"subject": {"example": "ai_rocks"}}
LLAMA = {"subject": {"example": "llama_by_hand"}}
ENGLISH = {"subject": {"model": "english-1M"}, "text": "In the beginning God created"}
LESSON = {"subject": {"lesson": "where_do_you_live"}}
TRANSLATOR = {"subject": {"example": "where_do_you_live"}}
CLASSIFIER = {"subject": {"example": "leaf_or_flower"}}
WINDOWS = {"subject": {"example": "humpty_dumpty"}}


def session_api() -> SessionApi:
    return SessionApi(Library({"english-1M": "english-1M", "tiny": "gpt2-tiny"}))


def answer(api: SessionApi, call: str, **fields: Any) -> Any:
    """The answer as it is sent; of a stream all events, the last of them the end.

    What comes and what goes is what messages.json says.
    """
    came = json.loads(json.dumps(fields))
    made = api.answer(call, came)
    events = [made] if isinstance(made, dict) else list(made)
    sent = json.loads(json.dumps(events, allow_nan=False))
    check_call(call, came, sent)
    return sent[0] if isinstance(made, dict) else sent


def changed(base: dict[str, Any], *actions: dict[str, Any]) -> dict[str, Any]:
    return base | {"actions": list(actions)}


def setting(name: str, index: list[int], value: float) -> dict[str, Any]:
    return {"do": "set", "name": name, "index": index, "value": value}


def stepping(optimizer: str = "adamw", count: int = 1, rate: float = 0.01) -> dict[str, Any]:
    return {"do": "step", "optimizer": optimizer, "learning_rate": rate, "count": count}


def roles_of(outline: list[Any]) -> dict[str, str]:
    """What each tensor of an outline is for, by its name."""
    found = {}
    for node in outline:
        found |= {one["name"]: one["role"] for one in node["tensors"]}
        found |= roles_of(node["children"])
    return found
