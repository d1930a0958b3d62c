"""What the API answers is what the package's own calls give, to the last digit."""

import base64
import gc
import math
import weakref
from typing import Any

import pytest
import torch

from pellucid.checkpoint import load, open_model
from pellucid.documents.arithmetic import steps_of
from pellucid.documents.numbers import Format
from pellucid.documents.worded import WordedWriter
from pellucid.errors import PellucidError
from pellucid.examples import EXAMPLES, find_example
from pellucid.explain import explain
from pellucid.layers import IGNORE
from pellucid.models import Intervention, intervene
from pellucid.tape import Tape
from pellucid.train import record_step
from pellucid.tree import flatten
from pellucid.walkthrough import Sentences, TermNames, trace_labels
from pellucid.web import SessionApi, read_experiment
from pellucid.web.answers.json_values import SAMPLED
from tests.web.examples import (
    AI_ROCKS,
    ENGLISH,
    LESSON,
    LLAMA,
    answer,
    changed,
    roles_of,
    session_api,
    setting,
    stepping,
)


def numbers(values: list[list[float | str]]) -> torch.Tensor:
    return torch.tensor([[float(one) for one in row] for row in values], dtype=torch.float64)


def trace_of(model: Any, tokenizer: Any, text: str) -> Tape:
    tokens = tokenizer.encode(text)
    targets = [*tokens[1:], IGNORE]
    return record_step(model, tokens, tokenizer, update=None, targets=targets).tape


# -- looking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "experiment", [AI_ROCKS, ENGLISH, LLAMA], ids=["ai_rocks", "english-1M", "llama_by_hand"]
)
def test_every_tensor_of_the_outline_has_the_tape_s_numbers(api: SessionApi, experiment: Any):
    if "example" in experiment["subject"]:
        tape = find_example(experiment["subject"]["example"]).record().tape
    else:
        tape = trace_of(*open_model("english-1M"), ENGLISH["text"])  # type: ignore[misc]
    compared = 0
    for node in nodes(answer(api, "open", experiment=experiment)["outline"]):
        for tensor in node["tensors"]:
            for name in (tensor["name"], tensor["gradient"]):
                if name is None:
                    continue
                lead = [0] * (len(tensor["shape"]) - 2)
                got = answer(
                    api, "tensor", experiment=experiment, name=name, lead=lead,
                    rows=[0, 30], columns=[0, 30],
                )  # fmt: skip
                own = tape[name][tuple(lead)].double()
                matrix = own.reshape(1, -1) if own.dim() < 2 else own
                assert torch.equal(numbers(got["values"]), matrix[:30, :30]), name
                compared += matrix[:30, :30].numel()
    assert compared > 500


def test_every_value_of_a_run_but_the_given_has_its_gradient(api: SessionApi):
    outline = answer(api, "open", experiment=AI_ROCKS)["outline"]
    tensors = [tensor for node in nodes(outline) for tensor in node["tensors"]]
    without = {tensor["name"] for tensor in tensors if tensor["gradient"] is None}
    inner = {f"h.0.ln_{norm}.{name}" for norm in (1, 2) for name in ("mean", "variance", "rstd")}
    assert without == {"tokens", "targets", "losses", "loss", "probs", *inner}


def test_a_position_without_a_target_has_no_loss(api: SessionApi):
    opened = answer(api, "open", experiment=ENGLISH)
    assert (opened["losses"][-1], opened["targets"][-1]) == (None, None)
    counted = opened["losses"][:-1]
    assert sum(counted) / len(counted) == pytest.approx(opened["loss"], rel=1e-6)


def test_a_large_tensor_is_written_as_all_of_it_would_be(api: SessionApi):
    weight = load("english-1M").params["wte"]["weight"]
    assert weight.numel() > SAMPLED
    got = answer(api, "tensor", experiment=ENGLISH, name="wte.weight", rows=[0, 30])
    form = Format(weight)
    assert got["texts"] == [[form(number) for number in row] for row in weight[:30].tolist()]


def nodes(outline: list[Any]) -> list[Any]:
    return [one for node in outline for one in (node, *nodes(node["children"]))]


def test_a_lesson_s_outline_has_its_parts_and_the_drawing_s_kinds(api: SessionApi):
    parts = answer(api, "open", experiment=LESSON)["outline"]
    assert {part["kind"] for part in parts} == {"part"}
    decoder = [step for part in parts if "Decoder" in part["title"] for step in part["children"]]
    assert [step["kind"] for step in decoder] == [
        *("embedding", "position", "attention", "sum", "norm", "cross", "sum", "norm"),
        *("mlp", "sum", "norm", "unembedding", "unembedding", "loss"),
    ]
    assert {step["block"] for step in decoder} == {None}


def test_the_outline_goes_from_the_model_to_its_heads(api: SessionApi):
    outline = answer(api, "open", experiment=ENGLISH)["outline"]
    assert [node["kind"] for node in outline] == [
        *("tokens", "embedding", "position", "block", "block", "block", "block"),
        *("norm", "unembedding", "unembedding", "loss"),
    ]
    parts = outline[3]["children"]
    assert [part["id"] for part in parts] == [
        *("h.0.ln_1", "h.0.attn", "h.0.resid_mid", "h.0.ln_2", "h.0.mlp", "h.0.resid_post"),
    ]
    heads = parts[1]["children"]
    assert [head["id"] for head in heads] == [f"h.0.attn.head.{place}" for place in range(4)]
    assert [tensor["lead"] for tensor in heads[2]["tensors"]] == [[2]] * 6
    ids = [node["id"] for node in nodes(outline)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_worked_example_opens(api: SessionApi, name: str):
    opened = answer(api, "open", experiment={"subject": {"example": name}})
    assert nodes(opened["outline"])
    assert (opened["model"] is None) == (opened["kind"] == "lesson")


def test_infinities_and_nothing_are_named(api: SessionApi):
    got = answer(api, "tensor", experiment=AI_ROCKS, name="h.0.attn.scores", lead=[0])
    assert got["values"][0][1] == "-Infinity"
    assert got["texts"][0][1] == "-∞"
    assert math.isfinite(got["largest"])


def test_a_window_is_cut_to_the_shape_and_labelled(api: SessionApi):
    asked = {"experiment": ENGLISH, "name": "h.1.attn.att", "lead": [3]}
    got = answer(api, "tensor", **asked, rows=[2, 99], columns=[1, 3])
    assert (got["rows"], got["columns"], got["shape"]) == ([2, 8], [1, 3], [4, 8, 8])
    pieces = [one["piece"] for one in answer(api, "open", experiment=ENGLISH)["tokens"]]
    assert got["labels"] == {"rows": pieces[2:8], "columns": pieces[1:3]}


def test_a_picture_has_the_largest_of_each_patch(api: SessionApi):
    name = "h.0.mlp.c_fc.weight"
    weight = load("english-1M").params["h"]["0"]["mlp"]["c_fc"]["weight"]
    got = answer(api, "picture", experiment=ENGLISH, name=name, height=16, width=8)
    tints = torch.frombuffer(bytearray(base64.b64decode(got["tints"])), dtype=torch.int8)
    assert (got["height"], got["width"], len(tints)) == (16, 8, 128)
    rows, columns = weight.shape
    patches = weight.reshape(16, rows // 16, 8, columns // 8).transpose(1, 2).flatten(2)
    largest = patches.gather(2, patches.abs().argmax(2, keepdim=True))[..., 0]
    wanted = (largest / float(weight.abs().max()) * 127).round().to(torch.int8)
    # Where two of a patch are as large and of other signs, either may stand for it.
    assert torch.equal(tints.reshape(16, 8).abs(), wanted.abs())
    assert int((tints.reshape(16, 8) != wanted).sum()) <= 2


def test_all_heads_come_in_one_picture(api: SessionApi):
    fields = {"experiment": ENGLISH, "name": "h.0.attn.att", "height": 4, "width": 4}
    whole = answer(api, "picture", **fields)
    parts = [answer(api, "picture", **fields, lead=[head]) for head in range(4)]
    tints = [base64.b64decode(one["tints"]) for one in (whole, *parts)]
    assert whole["matrices"] == 4
    assert tints[0] == b"".join(tints[1:])


def test_tensors_say_what_they_are_for(api: SessionApi):
    roles = roles_of(answer(api, "open", experiment=ENGLISH)["outline"])
    named = ("q", "k", "v", "att", "c_proj.weight")
    assert [roles[f"h.1.attn.{name}"] for name in named] == [
        *("query", "key", "value", "attention", "weight")
    ]
    assert roles["h.0.mlp.act.out"] == "hidden"
    assert roles["h.0.resid_mid"] == roles["embed.out"] == "stream"
    assert roles["h.0.ln_1.mean"] == ""


def test_against_another_run_the_same_window(api: SessionApi):
    other = changed(AI_ROCKS, setting("wte.weight", [0, 0], 3.0))
    asked = {"experiment": AI_ROCKS, "name": "wte.weight", "against": other}
    got = answer(api, "tensor", **asked)
    assert got["against"]["values"][0][0] == 3.0
    assert got["against"]["values"][1:] == got["values"][1:]
    longer = {"experiment": ENGLISH, "name": "embed.out", "against": ENGLISH | {"text": "In the"}}
    assert answer(api, "tensor", **longer)["against"] is None


# -- why -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["h.0.attn.att[0,1,0]", "h.0.mlp.act.out[1,3]", "loss", "dwte.weight[1,2]", "wte.weight[0,1]",
     "wte.weight.update[0,1]", "tokens[1]", "probs[0,2]", "h.0.ln_1.xhat[1,1]"],
)  # fmt: skip
def test_why_is_the_explanation(api: SessionApi, name: str):
    example = find_example("ai_rocks")
    tape = example.record({"learning_rate": 1e-3, "weight_decay": 0.1}).tape  # type: ignore[union-attr]
    found, got = explain(tape, name), answer(api, "why", experiment=AI_ROCKS, name=name)
    assert got["exact"] == repr(found.traced)
    assert got["name"] == name
    for step in got["steps"]:
        for piece in (*step["names"], *step["figures"]):
            if isinstance(piece, dict) and piece["source"]:
                explain(tape, piece["source"])
            if isinstance(piece, dict) and piece["step"]:
                assert piece["step"] in [one["name"] for one in got["steps"]]
    for operand in got["operands"]:
        if operand["source"]:
            assert operand["exact"] == repr(explain(tape, operand["source"]).traced)


@pytest.mark.parametrize(
    "name", ["h.0.ln_1.out[0,1]", "h.0.attn.c_proj.out[1,2]", "dh.0.attn.scores[0,1,0]", "loss"]
)
def test_the_arithmetic_is_that_for_readers(api: SessionApi, name: str):
    trace = find_example("ai_rocks").record()  # type: ignore[union-attr]
    found = explain(trace.tape, name)
    assert found.term is not None
    sentences = Sentences(trace.tape, trace_labels(trace), trace.piece)
    writer = WordedWriter(called=TermNames(sentences, found))
    got = answer(api, "why", experiment=AI_ROCKS, name=name)
    steps = list(steps_of(found.term, writer))
    assert len(got["steps"]) == len(steps)
    assert got["label"] == got["steps"][0]["name"]
    for step, written in zip(got["steps"], steps, strict=True):
        for key in ("names", "figures"):
            pieces = (one if isinstance(one, str) else one["text"] for one in step[key])
            assert "".join(pieces) == getattr(writer, key)(written)


def test_every_negative_factor_keeps_its_brackets(api: SessionApi):
    tape = find_example("ai_rocks").record().tape  # type: ignore[union-attr]
    got = answer(api, "why", experiment=AI_ROCKS, name="h.0.attn.c_proj.out[1,2]")
    figures = [
        "".join(piece if isinstance(piece, str) else piece["text"] for piece in step["figures"])
        for step in got["steps"]
    ]
    lines = "\n".join(figures)
    assert "(-" in lines
    assert "· -" not in lines
    assert "+ -" not in lines
    assert got["exact"] == repr(float(tape["h.0.attn.c_proj.out"][1, 2]))


def test_value_and_gradient_face_each_other(api: SessionApi):
    value = answer(api, "why", experiment=AI_ROCKS, name="h.0.attn.att[0,1,0]")
    gradient = answer(api, "why", experiment=AI_ROCKS, name="dh.0.attn.att[0,1,0]")
    assert value["facing"] == {
        "name": gradient["name"], "text": gradient["text"], "exact": gradient["exact"],
        "kind": "gradient",
    }  # fmt: skip
    assert gradient["facing"]["exact"] == value["exact"]
    assert gradient["facing"]["kind"] == "value"


def test_a_token_and_a_parameter_are_named(api: SessionApi):
    token = answer(api, "why", experiment=AI_ROCKS, name="tokens[1]")
    assert token["sentence"] == "The token at position 1: 'rocks', number 1 of the vocabulary."
    weight = answer(api, "why", experiment=AI_ROCKS, name="wte.weight[0,0]")
    assert weight["sentence"] == "Channel 0 of the embedding of 'AI'."
    assert weight["effect"].startswith("If this number grew by a little, the loss would ")
    assert weight["steps"] == []


def test_what_was_set_by_hand_is_said_of_what_it_takes_the_place_of(api: SessionApi):
    experiment = changed(AI_ROCKS, setting("h.0.attn.att", [0, 1, 0], 0.0))
    name = "h.0.attn.attn_dropout.intervened.value[0,1,0]"
    assert answer(api, "why", experiment=experiment, name=name)["sentence"] == (
        "Block 0, head 0: what the share of its attention that 'rocks' gives to 'AI' was set to by "
        "hand."
    )


def test_after_a_proof_the_true_digits_are_there(api: SessionApi):
    name = "h.0.attn.att[0,1,0]"
    assert answer(api, "why", experiment=AI_ROCKS, name=name)["proved"] is None
    *events, last = answer(api, "prove", experiment=AI_ROCKS)
    assert events
    assert last["done"]["proved"]
    box = " ".join(last["done"]["box"])
    assert "every point within ε = 0.01" in box
    assert "'rocks' (token 1) is the most likely next token" in box
    assert "refuted from ε = 0.29" in box
    assert last["done"]["claim"].endswith("are enclosed, in balls of 96 bits."), "no word of tables"
    got = answer(api, "why", experiment=AI_ROCKS, name=name)
    proved = got["proved"]
    assert proved["printed_right"]
    assert float(proved["digits"]) == pytest.approx(float(got["exact"]), rel=1e-15)
    assert 0 < float(proved["error"]) < 1e-15
    assert float(proved["radius"]) < 1e-20
    assert len(proved["digits"]) > 20
    assert answer(api, "open", experiment=AI_ROCKS)["proved"]
    assert not answer(api, "open", experiment=AI_ROCKS | {"text": "AI rocks"})["proved"]


@pytest.mark.parametrize(
    "edit",
    [
        setting("h.0.attn.att", [0, 1, 0], 0.5),
        setting("h.0.mlp.c_fc.out", [1], 2.0),
        setting("embed.out", [0, 3], -1.0),
    ],
    ids=lambda edit: edit["name"],
)
def test_a_run_with_numbers_set_by_hand_is_proved_as_any(api: SessionApi, edit: dict[str, Any]):
    *_, last = answer(api, "prove", experiment=changed(AI_ROCKS, edit))
    assert last["done"]["proved"]
    assert "proved: for every point within" in " ".join(last["done"]["box"])


# -- learning and touching -------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_steps_are_the_optimizer_s_and_the_next_goes_on_from_them(api: SessionApi, optimizer: str):
    from pellucid.train import updated

    example = find_example("ai_rocks")
    model, batch = example.model, ([0, 1], [1, 2])  # type: ignore[union-attr]
    update = {"optimizer": optimizer, "learning_rate": 0.01, "weight_decay": 0.1}
    params, state, losses = model.params, None, []
    for _ in range(5):
        loss, grads = model.with_params(params).loss_and_grads(*batch)
        losses.append(float(loss))
        before, (params, state) = params, updated(params, grads, state, update)
    one_by_one = changed(AI_ROCKS, *[stepping(optimizer)] * 4) | {"next": update}
    at_once = changed(AI_ROCKS, stepping(optimizer, 4)) | {"next": update}
    for experiment in (one_by_one, at_once):
        assert answer(api, "open", experiment=experiment)["history"] == losses
        got = answer(api, "tensor", experiment=experiment, name="wte.weight.new")
        assert torch.equal(numbers(got["values"]), params["wte"]["weight"])
        now = answer(api, "tensor", experiment=experiment, name="wte.weight")
        assert torch.equal(numbers(now["values"]), before["wte"]["weight"])


def test_what_is_set_is_the_edited_run(api: SessionApi):
    model, tokenizer = open_model("english-1M")
    text = ENGLISH["text"]
    other = Tape()
    model.forward(tokenizer.encode("And the king said unto him"), other)
    interventions = [
        Intervention("h.0.attn.att", 0.0, (1,)),
        Intervention("h.2.resid_post", other["h.2.resid_post"][3], (3,)),
    ]
    tape = trace_of(intervene(model, interventions), tokenizer, str(text))
    experiment = changed(
        ENGLISH,
        setting("h.0.attn.att", [1], 0.0),
        {
            "do": "patch",
            "name": "h.2.resid_post",
            "index": [3],
            "text": "And the king said unto him",
        },
    )
    got = answer(api, "effect", experiment=experiment)
    assert got["loss"][1] == float(tape["loss"])
    assert got["loss"][0] == answer(api, "open", experiment=ENGLISH)["loss"]
    plain = trace_of(model, tokenizer, str(text))
    logs = [one["logits"][-1].double().log_softmax(-1) for one in (plain, tape)]
    assert got["kl"] == pytest.approx(float((logs[0].exp() * (logs[0] - logs[1])).sum()), rel=1e-4)
    names = [row["name"] for row in got["tensors"]]
    assert "dh.0.attn.c_attn.weight" in names
    assert not [name for name in names if name.startswith("h.0.ln_1")]
    likeliest = got["predictions"]["after"][0]
    assert likeliest["probability"] == float(tape["probs"][-1].max())


def test_norms_are_of_every_parameter_its_gradient_and_its_update(api: SessionApi):
    example = find_example("ai_rocks")
    tape = example.record({"learning_rate": 1e-3, "weight_decay": 0.1}).tape
    rows = {row["name"]: row for row in answer(api, "norms", experiment=AI_ROCKS)["rows"]}
    assert list(rows) == list(flatten(example.model.params))
    for name, row in rows.items():
        for key, of in (("value", name), ("gradient", f"d{name}"), ("update", f"{name}.update")):
            assert row[key] == pytest.approx(float(tape[of].norm()))


def test_nothing_set_is_no_change(api: SessionApi):
    got = answer(api, "effect", experiment=changed(AI_ROCKS, stepping(count=2)))
    assert got["loss"][0] == got["loss"][1]
    assert (got["kl"], got["tensors"]) == (0, [])


def test_a_weight_may_be_set_between_steps(api: SessionApi):
    actions = (stepping(count=2), setting("wte.weight", [0, 1], 0.5), stepping(count=1))
    first = answer(api, "open", experiment=changed(AI_ROCKS, *actions[:1]))["history"]
    whole = answer(api, "open", experiment=changed(AI_ROCKS, *actions))["history"]
    assert whole[:2] == first[:2]
    assert whole[2] != first[2]
    assert len(whole) == 4


@pytest.mark.parametrize("experiment", [
    changed(AI_ROCKS, setting("h.0.attn.att", [1], 0.0), stepping("adam", 3),
            setting("wte.weight", [0, 1], 0.5), stepping("sgd", 2)),
    changed(ENGLISH, setting("h.3.mlp.c_proj.out", [], 0.0),
            {"do": "patch", "name": "h.1.resid_post", "index": [2], "text": "And the king said"}),
    changed(LLAMA, setting("h.0.attn.k_rope.out", [0, 1], 0.0), stepping("adam", 3),
            setting("h.0.mlp.c_proj.out", [], 0.0)),
], ids=["example", "model", "llama"])  # fmt: skip
def test_the_python_makes_the_same_run(api: SessionApi, experiment: Any):
    source = answer(api, "python", experiment=experiment)["python"]
    names: dict[str, Any] = {"print": lambda *_: None}
    exec(source, names)
    loss = answer(api, "open", experiment=experiment)["loss"]
    assert float(names["trace"].tape["loss"]) == loss
    assert all(len(line) <= 200 for line in source.splitlines())


def test_a_checkpoint_is_the_model_of_now(api: SessionApi, tmp_path: Any):
    from zipfile import ZipFile

    experiment = changed(ENGLISH, stepping("sgd", 2))
    made = answer(api, "checkpoint", experiment=experiment)
    file = api.download(made["download"].rpartition("/")[2])
    assert file is not None
    assert (file.name, file.stat().st_size) == (made["name"], made["bytes"])
    ZipFile(file).extractall(tmp_path)
    model, tokenizer = open_model(str(tmp_path / file.stem))
    tape = trace_of(model, tokenizer, str(ENGLISH["text"]))
    assert float(tape["loss"]) == answer(api, "open", experiment=experiment)["loss"]
    assert api.download("0" * 32) is None
    api.close()
    assert not file.exists()


# -- guesses, generation, training -----------------------------------------------------------------


def test_predictions_and_lens_agree_at_the_end(api: SessionApi):
    for position in (0, -1):
        asked = {"experiment": ENGLISH, "position": position, "top": 3}
        guessed, seen = answer(api, "predictions", **asked), answer(api, "lens", **asked)
        last = seen["layers"][-1]["rows"]
        assert [row["id"] for row in last] == [row["id"] for row in guessed["rows"]]
        for row, other in zip(last, guessed["rows"], strict=True):
            assert row["probability"] == pytest.approx(other["probability"], rel=1e-4)
    assert guessed["target"] is None
    assert answer(api, "predictions", experiment=ENGLISH, position=0)["target"]["piece"] == " the"


def test_each_token_falls_where_its_candidate_lies(api: SessionApi):
    asked = {"sampling": {"temperature": 0.9, "top_k": 40}, "seed": 3, "count": 12, "top": 5}
    *events, last = answer(api, "generate", experiment=ENGLISH, **asked)
    assert len(events) == 12
    for event in events:
        (chosen,) = [one for one in event["candidates"] if one["id"] == event["token"]]
        assert chosen["from"] <= event["u"] < chosen["to"]
        assert chosen["to"] - chosen["from"] == pytest.approx(chosen["probability"])
        assert len(event["candidates"]) + event["more"] == 40
        assert len(event["lens"]) == 5
    written = "".join(event["piece"] for event in events)
    assert last["done"]["text"].startswith(ENGLISH["text"])
    assert last["done"]["text"].replace("\n", "\\n").endswith(written)
    assert answer(api, "generate", experiment=ENGLISH, **asked)[-1] == last


TEXT = "the cat sat on the mat, and the dog sat on the log. " * 40


def test_a_llama_s_lens_ends_in_its_prediction_and_it_describes_its_own_values(api: SessionApi):
    asked = {"experiment": LLAMA, "position": -1, "top": 4}
    guessed, seen = answer(api, "predictions", **asked), answer(api, "lens", **asked)
    for row, other in zip(seen["layers"][-1]["rows"], guessed["rows"], strict=True):
        assert row["id"] == other["id"]
        assert row["probability"] == pytest.approx(other["probability"], rel=1e-12)
    assert answer(api, "open", experiment=LLAMA)["kind"] == "model"
    bent = answer(api, "tensor", experiment=LLAMA, name="h.0.mlp.act.out")
    assert bent["symbol"] == "SiLU(x W)"


def test_the_lens_looks_where_the_token_is_drawn(api: SessionApi):
    *events, _ = answer(api, "generate", experiment=ENGLISH, sampling={}, count=4, seed=5)
    for event in events:
        (chosen,) = [one for one in event["candidates"] if one["id"] == event["token"]]
        assert event["lens"][-1]["chosen"] == pytest.approx(chosen["probability"], rel=1e-3)


def test_a_model_is_trained_and_looked_into(api: SessionApi):
    settings = {"iterations": 40, "learning_rate": 0.01, "seed": 1}
    *events, last = answer(api, "train", text=TEXT, settings=settings)
    assert events[-1]["iteration"] == 40
    assert events[-1]["loss"] < events[0]["loss"]
    assert any(event["sample"] for event in events)
    subject = {"subject": last["done"]["subject"]}
    opened = answer(api, "open", experiment=subject)
    assert opened["model"]["layers"] == 2
    more = {"iterations": 5, "from": subject}
    again = answer(api, "train", text=TEXT, settings=more)
    assert again[0]["loss"] < events[0]["loss"] - 1
    assert again[-1]["done"]["subject"] != last["done"]["subject"]
    with pytest.raises(PellucidError, match="train it again"):
        answer(session_api(), "open", experiment=subject)


def test_training_stops_where_nobody_listens(api: SessionApi):
    events = api.answer("train", {"text": TEXT, "settings": {"iterations": 5000}})
    assert not isinstance(events, dict)
    next(iter(events))
    events.close()  # type: ignore[attr-defined]
    assert api.runs.trained == {}


# -- what is refused -------------------------------------------------------------------------------

HUGE = [setting(f"h.0.{name}", [], 1e9) for name in ("ln_2.bias", "mlp.c_fc.weight")]
HUGE.append(setting("h.0.mlp.c_proj.weight", [], 1e9))

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "another call": ("shutdown", {}),
    "no experiment": ("open", {}),
    "a model that was not named": ("open", {"experiment": {"subject": {"model": "gpt2"}}}),
    "a path": ("open", {"experiment": {"subject": {"model": "../../etc"}}}),
    "another example": ("open", {"experiment": {"subject": {"example": "ai_rock"}}}),
    "a step without a loss": (
        "open", {"experiment": changed(ENGLISH | {"text": "In"}, stepping())}),
    "an empty text": ("open", {"experiment": ENGLISH | {"text": ""}}),
    "a long text": ("open", {"experiment": ENGLISH | {"text": "word " * 3000}}),
    "a word it does not know": ("open", {"experiment": AI_ROCKS | {"text": "AI dances"}}),
    "a name that is not there": ("tensor", {"experiment": AI_ROCKS, "name": "h.9.attn.q"}),
    "a head that is not there": (
        "tensor", {"experiment": AI_ROCKS, "name": "h.0.attn.q", "lead": [5]}),
    "no head": ("tensor", {"experiment": AI_ROCKS, "name": "h.0.attn.q"}),
    "too many numbers": ("tensor", {"experiment": ENGLISH, "name": "wte.weight"}),
    "why of no number": ("why", {"experiment": AI_ROCKS, "name": "h.0.attn.q"}),
    "why of nothing": ("why", {"experiment": AI_ROCKS, "name": "[0]"}),
    "a large proof": ("prove", {"experiment": ENGLISH}),
    "an edit in passing": (
        "open", {"experiment": changed(AI_ROCKS, setting("h.0.attn.q", [0], 1.0))}),
    "an edit outside": (
        "open", {"experiment": changed(AI_ROCKS, setting("wte.weight", [9, 9], 1.0))}),
    "an edit of a lesson": ("open", {"experiment": changed(LESSON, setting("x", [], 1.0))}),
    "a step that runs away": ("open", {"experiment": changed(ENGLISH, *HUGE, stepping(count=2))}),
    "predictions of a lesson": ("predictions", {"experiment": LESSON}),
    "a position beyond": ("predictions", {"experiment": AI_ROCKS, "position": 7}),
    "temperature 0": ("generate", {"experiment": ENGLISH, "sampling": {"temperature": 0}}),
    "top-k of 0": ("generate", {"experiment": ENGLISH, "sampling": {"top_k": 0}}),
    "too many tokens": ("generate", {"experiment": ENGLISH, "sampling": {}, "count": 10**6}),
    "a short text to train on": ("train", {"text": "too short"}),
    "another size": ("train", {"text": TEXT, "settings": {"size": "huge"}}),
    "endless training": ("train", {"text": TEXT, "settings": {"iterations": 10**9}}),
    "a checkpoint of a lesson": ("checkpoint", {"experiment": LESSON}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_answered_is_one_line(api: SessionApi, what: str):
    call, fields = REFUSED[what]
    with pytest.raises(PellucidError) as refused:
        answer(api, call, **fields)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


# -- memory ----------------------------------------------------------------------------------------


def test_old_runs_make_room_for_new_ones(api: SessionApi, monkeypatch: pytest.MonkeyPatch):
    answer(api, "open", experiment=ENGLISH)
    one = api.held
    monkeypatch.setattr("pellucid.web.session.runs.ROOM", 3 * one)
    for count in range(12):
        answer(api, "open", experiment=ENGLISH | {"text": f"In the beginning {count}"})
        assert api.held <= 4 * one


def test_a_run_stays_beside_the_one_it_is_compared_with(
    api: SessionApi, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pellucid.web.session.runs.ROOM", 0)
    experiment = changed(ENGLISH, setting("h.0.attn.att", [0], 0.0))
    edited = api.runs.run(read_experiment(experiment))
    before = api.runs.run(read_experiment(ENGLISH))
    answer(api, "effect", experiment=experiment)
    assert api.runs.run(read_experiment(experiment)) is edited
    assert api.runs.run(read_experiment(ENGLISH)) is before
    monkeypatch.setattr("pellucid.web.session.runs.MOST", 0)
    assert api.runs.run(read_experiment(ENGLISH)) is before
    assert api.runs.run(read_experiment(experiment)) is not edited
    monkeypatch.undo()
    edited = api.runs.run(read_experiment(experiment))
    monkeypatch.setattr("pellucid.web.session.runs.ROOM", 0)
    answer(api, "open", experiment=ENGLISH)
    answer(api, "open", experiment=ENGLISH | {"text": "In the beginning there"})
    assert api.runs.run(read_experiment(experiment)) is not edited


def test_what_an_optimizer_keeps_of_a_stepped_run_counts(api: SessionApi):
    weights = 4 * load("english-1M").parameter_count
    held = {}
    for optimizer in ("sgd", "adamw"):
        api.close()
        run = read_experiment(changed(ENGLISH, stepping(optimizer)))
        api.runs.run(run)
        (held[optimizer],) = [
            size for key, (_, size) in api.runs._cache.items() if key == ("run", run)
        ]
    assert held["adamw"] - held["sgd"] >= 2 * weights


def test_a_closed_api_holds_nothing(api: SessionApi):
    run = weakref.ref(api.runs.run(read_experiment(ENGLISH)))
    api.close()
    gc.collect()
    assert api.held == 0
    assert run() is None


def test_apis_share_the_models_and_nothing_else():
    first = session_api()
    second = SessionApi(first.runs.library)
    runs = [api.runs.run(read_experiment(ENGLISH)) for api in (first, second)]
    assert runs[0] is not runs[1]
    weights = [run.tape.value("wte.weight").data_ptr() for run in runs]
    assert weights[0] == weights[1]
    experiment = changed(ENGLISH, setting("wte.weight", [0, 0], 9.0))
    got = answer(first, "tensor", experiment=experiment, name="wte.weight", rows=[0, 1])
    assert got["values"][0][0] == 9.0
    assert float(second.runs.run(read_experiment(ENGLISH)).tape["wte.weight"][0, 0]) != 9.0
    for api in (first, second):
        api.close()
