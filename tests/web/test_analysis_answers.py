"""Analyses as a session answers them, beside runs of their own with interventions."""

import pytest

from pellucid import Intervention, intervene
from pellucid.checkpoint import open_model
from pellucid.errors import ConfigError
from pellucid.web import SessionApi
from tests.web.examples import ENGLISH, LESSON, answer, changed, setting

MODEL, TOKENIZER = open_model("english-1M")
TOKENS = TOKENIZER.prompt(str(ENGLISH["text"]))
EDIT = setting("h.2.attn.att", [1], 0.0)


@pytest.mark.parametrize("at", [None, 5])
def test_a_sweep_is_as_many_runs_with_a_head_off(api: SessionApi, at: int | None):
    asked = {"first": 300, "second": 20, "position": 6, "at": at}
    *events, last = answer(api, "sweep", experiment=changed(ENGLISH, EDIT), **asked)
    model = intervene(MODEL, [Intervention("h.2.attn.att", 0.0, (1,))])
    loss, row = model.loss(TOKENS[:-1], TOKENS[1:]), model.forward(TOKENS)[6]
    assert last["done"]["loss"] == pytest.approx(float(loss), abs=1e-5)
    assert last["done"]["difference"] == pytest.approx(float(row[300] - row[20]), abs=1e-4)
    found = {
        (event["block"], event["head"] + place): pair
        for event in events
        for place, pair in enumerate(zip(event["losses"], event["differences"], strict=True))
    }
    assert len(found) == 16
    assert found[2, 1] == pytest.approx((0.0, 0.0), abs=1e-5)
    for block, head in ((0, 3), (2, 0), (3, 2)):
        index = (head,) if at is None else (head, at)
        off = intervene(model, [Intervention(f"h.{block}.attn.att", 0.0, index)])
        changes = off.loss(TOKENS[:-1], TOKENS[1:]) - loss, (off.forward(TOKENS)[6] - row)
        wanted = float(changes[0]), float(changes[1][300] - changes[1][20])
        assert found[block, head] == pytest.approx(wanted, abs=1e-4)
        assert max(map(abs, wanted)) > 1e-4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"experiment": LESSON}, "a lesson on layers by themselves"),
        ({"first": 50_000}, "first must be a whole number from 0 to 2,047"),
        ({"at": 99}, "at must be a whole number from 0 to 7"),
    ],
)
def test_what_cannot_be_swept_is_one_line(api: SessionApi, asked: dict[str, object], said: str):
    fields = {"experiment": ENGLISH, "first": 0, "second": 1, **asked}
    with pytest.raises(ConfigError, match=said) as caught:
        api.answer("sweep", fields)
    assert "\n" not in str(caught.value)
