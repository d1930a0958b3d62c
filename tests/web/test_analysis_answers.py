"""Analyses as a session answers them, beside runs of their own with interventions."""

from contextlib import redirect_stdout
from io import StringIO

import pytest

from pellucid import Intervention, intervene
from pellucid.checkpoint import open_model
from pellucid.errors import ConfigError, PellucidError
from pellucid.inspect import stream_direction, token_direction
from pellucid.web import SessionApi
from pellucid.web.session.experiment import read_experiment
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


def test_a_sweep_of_a_text_without_a_loss_has_differences_alone(api: SessionApi):
    one = ENGLISH | {"text": "Mr"}
    *events, last = answer(api, "sweep", experiment=one, first=300, second=20)
    assert len(TOKENIZER.prompt("Mr")) == 1
    assert {loss for event in events for loss in event["losses"]} == {None}
    assert last["done"]["loss"] is None
    row = MODEL.forward(TOKENIZER.prompt("Mr"))[0]
    assert last["done"]["difference"] == pytest.approx(float(row[300] - row[20]), abs=1e-4)
    assert all(abs(change) > 0 for event in events for change in event["differences"])


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


def difference(model: object, tokens: list[int], read: int = 6) -> float:
    row = model.forward(tokens)[read]  # type: ignore[attr-defined]
    return float(row[300] - row[20])


def test_patches_are_runs_of_the_other_text_with_a_place_of_this_one(api: SessionApi):
    text = "In the beginning man created"
    others = TOKENIZER.prompt(text)
    asked = {"first": 300, "second": 20, "position": 6, "text": text}
    names = {"stream": "h.1.resid_post", "attention": "h.2.attn.c_proj.out",
             "mlp": "h.2.mlp.c_proj.out"}  # fmt: skip
    _, tape = MODEL.run_with_cache(TOKENS)
    for what, name in names.items():
        opened, *events, _ = answer(api, "patching", experiment=ENGLISH, what=what, **asked)
        assert opened["whole"] == pytest.approx(difference(MODEL, TOKENS), abs=1e-4)
        assert opened["before"] == pytest.approx(difference(MODEL, others), abs=1e-4)
        assert (opened["start"], len(opened["pieces"])) == (4, 7)
        (event,) = [one for one in events if one["block"] == 2]
        assert event["position"] == 4
        for place, found in enumerate(event["differences"], start=4):
            put = intervene(MODEL, [Intervention(name, tape[name][place], (place,))])
            wanted = difference(put, others)
            assert found == pytest.approx(wanted, abs=1e-4)
            share = (wanted - opened["before"]) / (opened["whole"] - opened["before"])
            assert event["shares"][place - 4] == pytest.approx(share, abs=1e-3)


def test_texts_of_other_lengths_and_the_same_text_are_one_line(api: SessionApi):
    asked = {"experiment": ENGLISH, "first": 0, "second": 1}
    for text, said in (("In the", "8 and 2 tokens"), (ENGLISH["text"], "texts that differ")):
        with pytest.raises(PellucidError, match=said) as caught:
            api.answer("patching", {**asked, "text": text})
        assert "\n" not in str(caught.value)


def test_contributions_add_up_to_what_ran(api: SessionApi):
    for second in (20, None):
        asked = {"experiment": changed(ENGLISH, EDIT), "first": 300, "second": second}
        found = answer(api, "contributions", **asked)
        off = intervene(MODEL, [Intervention("h.2.attn.att", 0.0, (1,))])
        row = off.forward(TOKENS)[-1]
        wanted = float(row[300] - (0 if second is None else row[20]))
        assert found["value"] == pytest.approx(wanted, abs=1e-4)
        assert found["total"] == pytest.approx(found["value"], abs=1e-4)
        values = {one["name"]: one["value"] for one in found["terms"]}
        assert sum(values.values()) == pytest.approx(found["total"], abs=1e-9)
        assert values["h.2.attn.z[1]"] == 0
        paths = answer(api, "paths", **asked, least=0.05)
        answers, *nodes = paths["nodes"]
        assert answers["value"] == found["value"]
        assert sum(one["rest"] for one in paths["nodes"]) == pytest.approx(found["value"], abs=1e-6)
        assert {one["title"] for one in nodes} >= {"block 0, MLP", "block 3, head 1"}
        for edge in paths["edges"]:
            if edge["to"] == 0:
                assert edge["value"] == values[paths["nodes"][edge["from"]]["name"]]
        (mlp,) = [one for one in found["terms"] if one["name"] == "h.0.mlp.c_proj.out"]
        assert len(mlp["neurons"]) == 8
        assert mlp["neurons"][0]["name"].startswith("h.0.mlp.act.out[7,")
    changed_stream = changed(ENGLISH, setting("h.1.resid_post", [], 0.5))
    with pytest.raises(PellucidError, match="changed it"):
        api.answer("contributions", {"experiment": changed_stream, "first": 0})


@pytest.mark.parametrize("kind", ["tokens", "texts"])
def test_a_run_is_steered_undone_and_written_as_python(api: SessionApi, kind: str):
    """Its next tokens are those of the package's own calls, and its Python makes the same run."""
    name, others = "h.1.resid_post", "And God said"
    if kind == "tokens":
        action = {"first": 300, "second": 20}
        direction = token_direction(MODEL, 300, 20)
    else:
        action = {"text": ENGLISH["text"], "against": others}
        direction = stream_direction(MODEL, name, TOKENS, TOKENIZER.prompt(others))
    action |= {"do": "steer", "name": name, "strength": 1.5}
    steered = changed(ENGLISH, action)
    model = intervene(MODEL, [Intervention(name, 1.5 * direction, add=True)])
    loss = float(model.loss(TOKENS[:-1], TOKENS[1:]))
    opened = answer(api, "open", experiment=steered)
    assert opened["loss"] == pytest.approx(loss, abs=1e-5)
    assert opened["changed"]
    assert answer(api, "open", experiment=ENGLISH)["loss"] != pytest.approx(loss, abs=1e-3)
    *events, _ = answer(api, "generate", experiment=steered, sampling={"greedy": True}, count=3)
    text = list(TOKENS)
    for event in events:
        assert event["token"] == int(model.forward(text)[-1].argmax())
        text.append(event["token"])
    source = answer(api, "python", experiment=steered)["python"]
    printed = StringIO()
    with redirect_stdout(printed):
        exec(source, {})
    assert float(printed.getvalue().split()[-1]) == pytest.approx(loss, abs=1e-5)
    terms = answer(api, "contributions", experiment=steered, first=300)["terms"]
    assert [one["title"] for one in terms if one["part"] == "added"] == ["added by hand to h.1"]
    assert read_experiment(steered).as_json()["actions"] == [action]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"first": 1}, "two texts, text and against, or of two tokens"),
        ({"first": 1, "second": 2, "text": "a", "against": "b"}, "one pair, and not the other"),
        ({"first": 1, "second": 5000}, "second must be a whole number from 0 to 2,047"),
        ({"first": 1, "second": 2, "name": "h.1.mlp.act.out"}, "must fit what it sets"),
        ({"first": 1, "second": 2, "name": "wte.weight"}, "wte.weight is a parameter"),
        ({"first": 1, "second": 2, "name": "h.0.attn.att"}, "a table of attention came"),
        ({"text": "", "against": "b"}, "must"),
    ],
)
def test_what_cannot_steer_is_one_line(api: SessionApi, action: dict[str, object], said: str):
    whole = {"do": "steer", "name": "h.1.resid_post", "strength": 1.0, **action}
    with pytest.raises(PellucidError, match=said) as caught:
        api.answer("open", {"experiment": changed(ENGLISH, whole)})
    assert "\n" not in str(caught.value)
