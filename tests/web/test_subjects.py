"""Encoder-decoders, classifiers and next-character networks on the page, as GPT is."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint import save
from pellucid.errors import PellucidError, TextError
from pellucid.examples import EXAMPLES, Example, Shown, find_example
from pellucid.generate import translate
from pellucid.layers import IGNORE
from pellucid.models import Transformer, TransformerConfig, slide
from pellucid.models.settable_places import settable
from pellucid.optim import sgd
from pellucid.shipped import DESCRIBED
from pellucid.shipped import TRANSLATOR as SHIPPED_TRANSLATOR
from pellucid.tape import Tape
from pellucid.text.bpe import END_OF_TEXT
from pellucid.text.parallel import (
    BOS,
    PAD,
    ParallelText,
    phrasebook,
    read_parallel,
    train_parallel_bpe,
)
from pellucid.text.parallel_rows import parallel_row, special
from pellucid.tree import flatten
from pellucid.web import Library, SessionApi
from tests.web.examples import (
    AI_ROCKS,
    CLASSIFIER,
    ENGLISH,
    TRANSLATOR,
    WINDOWS,
    answer,
    changed,
    setting,
    stepping,
)

KINDS = {"translator": TRANSLATOR, "classifier": CLASSIFIER, "windows": WINDOWS}
ALONE = {
    "a token": AI_ROCKS | {"text": "AI"},
    "a token of a trained model": ENGLISH | {"text": "the"},
    "no target": TRANSLATOR | {"text": ""},
    "a row without a class": CLASSIFIER | {"text": "32 107 56 11.2"},
    "one window": WINDOWS | {"text": "humpty dumpt"},
}
"""Runs in which nothing is to be predicted."""

each_kind = pytest.mark.parametrize("kind", KINDS)
each_alone = pytest.mark.parametrize("what", ALONE)


def shown_of(experiment: Any) -> Shown:
    example = find_example(experiment["subject"]["example"])
    assert not isinstance(example, Example)
    assert example.shown is not None
    return example.shown()


def batch_of(shown: Shown) -> Any:
    return shown.model.read(shown.tokenizer, shown.text, shown.source)


def nodes(outline: list[Any]) -> list[Any]:
    return [one for node in outline for one in (node, *nodes(node["children"]))]


@each_kind
def test_every_number_of_the_outline_is_the_run_s(api: SessionApi, kind: str):
    shown, tape = shown_of(KINDS[kind]), Tape()
    loss, _ = shown.model.loss_and_grads(*batch_of(shown), tape)
    opened = answer(api, "open", experiment=KINDS[kind])
    compared = set()
    for node in nodes(opened["outline"]):
        for tensor in node["tensors"]:
            for name in filter(None, (tensor["name"], tensor["gradient"])):
                lead = [0] * (len(tensor["shape"]) - 2)
                got = answer(api, "tensor", experiment=KINDS[kind], name=name, lead=lead)
                own = tape[name][tuple(lead)].double()
                own = own.reshape(1, -1) if own.dim() < 2 else own
                rows = [[float(one) for one in row] for row in got["values"]]
                assert torch.equal(torch.tensor(rows, dtype=torch.float64), own), name
                compared.add(name)
    assert {"probs", "losses", "loss", *(f"d{name}" for name in opened["parameters"])} <= compared
    assert opened["loss"] == float(loss)
    assert opened["losses"] == [
        None if target == IGNORE else one
        for one, target in zip(tape["losses"].tolist(), batch_of(shown)[-1], strict=True)
    ]
    likeliest = answer(api, "predictions", experiment=KINDS[kind])["rows"][0]
    assert likeliest["probability"] == float(tape["probs"][-1].max())


def test_two_streams_have_their_blocks_their_tokens_and_the_cross_between(api: SessionApi):
    opened = answer(api, "open", experiment={"subject": {"example": "encoder_decoder"}})
    blocks = [node for node in opened["outline"] if node["kind"] == "block"]
    assert [(node["id"], node["stream"]) for node in blocks] == [
        *((f"enc.h.{at}", "encoder") for at in range(2)),
        *((f"dec.h.{at}", "decoder") for at in range(2)),
    ]
    assert [node["stream"] for node in opened["outline"] if node["kind"] == "tokens"] == [
        *("encoder", "decoder")
    ]
    (cross,) = (node for node in blocks[-1]["children"] if node["kind"] == "cross")
    table = {"name": "dec.h.1.cross.att", "lead": [1]}
    assert any(table.items() <= tensor.items() for tensor in cross["children"][1]["tensors"])
    got = answer(api, "tensor", experiment={"subject": opened["subject"]}, **table)
    assert got["labels"]["rows"] == [token["piece"] for token in opened["tokens"]]
    assert got["labels"]["columns"] == [token["piece"] for token in opened["source_tokens"]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_opens_and_says_its_other_form(api: SessionApi, name: str):
    opened = answer(api, "open", experiment={"subject": {"example": name}})
    if opened["kind"] == "lesson":
        assert opened["other"] is None
        return
    assert opened["writes"] == (opened["reads"] != ["inputs"])
    if opened["other"] is not None:
        lesson = answer(api, "open", experiment={"subject": opened["other"]})
        assert (lesson["kind"], lesson["other"]) == ("lesson", {"example": name})


@each_kind
def test_a_step_is_the_optimizer_s(api: SessionApi, kind: str):
    shown = shown_of(KINDS[kind])
    batch = batch_of(shown)
    _, grads = shown.model.loss_and_grads(*batch)
    params, _ = sgd(shown.model.params, grads, learning_rate=0.01)
    wanted = float(shown.model.with_params(params).loss(*batch))
    stepped = changed(KINDS[kind], stepping("sgd", 1, 0.01))
    assert answer(api, "open", experiment=stepped)["loss"] == wanted
    update = answer(api, "norms", experiment=stepped)["rows"]
    assert [row["name"] for row in update] == list(flatten(params))


@each_kind
def test_a_run_with_a_number_set_by_hand_is_proved(api: SessionApi, kind: str):
    name, place = next(iter(settable(shown_of(KINDS[kind]).model).items()))
    edited = changed(KINDS[kind], setting(name, [0] * len(place.axes), 0.25))
    *_, last = answer(api, "prove", experiment=edited)
    assert last["done"]["proved"], last


@each_kind
def test_every_activation_can_be_set_and_is_as_it_was_set(api: SessionApi, kind: str):
    model = shown_of(KINDS[kind]).model
    for name, place in settable(model).items():
        index = [0] * len(place.axes)
        edited = changed(KINDS[kind], setting(name, index, 0.25))
        made = name.rpartition(".")[0] + (".attn_dropout" if name.endswith(".att") else "")
        if len(place.axes) > 2:
            index = index[:-2]
        got = answer(api, "tensor", experiment=edited, name=f"{made}.intervened.out",
                     lead=[0] * (len(place.axes) - 2), rows=[0, 1], columns=[0, 1])  # fmt: skip
        assert got["values"] == [[0.25]], name
        assert answer(api, "effect", experiment=edited)["loss"][1] is not None


def test_a_head_of_cross_attention_is_ablated_and_patched(api: SessionApi):
    whole = answer(api, "open", experiment=TRANSLATOR)["loss"]
    ablated = changed(TRANSLATOR, setting("dec.h.0.cross.att", [0], 0.0))
    assert answer(api, "open", experiment=ablated)["loss"] != whole
    patch = {"do": "patch", "name": "enc.h.0.resid_post", "text": "", "source": "Wo wohnt er?"}
    patched = changed(TRANSLATOR | {"text": ""}, patch)
    said = answer(api, "predictions", experiment=patched)["rows"]
    other = TRANSLATOR | {"text": "", "source": "Wo wohnt er?"}
    assert said == answer(api, "predictions", experiment=other)["rows"]


def test_it_translates_as_the_package_does(api: SessionApi):
    shown = shown_of(TRANSLATOR)
    for source in ("Wo wohnst du?", "Ich komme aus Berlin."):
        (wanted,) = translate(shown.model, shown.tokenizer, [source], width=1)
        anew = TRANSLATOR | {"text": "", "source": source}
        *events, last = answer(api, "generate", experiment=anew, sampling={"greedy": True})
        assert last["done"]["text"] == f"{wanted.text} <EOS>"
        assert [len(event["lens"]) for event in events] == [2] * len(events)
        likeliest = answer(api, "next", experiment=anew, sampling={})["tokens"][0]
        assert likeliest["text"] == events[0]["piece"]
        assert likeliest["whole"] == wanted.text.split()[0]


def test_a_translator_of_one_s_own_begins_with_its_source(tmp_path: Path):
    words = train_parallel_bpe(read_parallel(phrasebook()), 400)
    marks: Any = {"pad": special(words, PAD), "bos": special(words, BOS)}
    sizes: Any = {"block_size": 16, "n_encoder": 1, "n_decoder": 1, "n_head": 2, "n_embd": 8}
    model = Transformer.init(TransformerConfig(words.vocab_size, **sizes, **marks))
    save(model, tmp_path)
    words.save(tmp_path)
    api = SessionApi(Library({"own": str(tmp_path)}))
    own = {"subject": {"model": "own"}}
    opened = answer(api, "open", experiment=own)
    assert (opened["text"], opened["loss"], len(opened["tokens"])) == ("", None, 1)
    assert opened["source_text"]
    said = own | {"source": "Wie geht es dir?", "text": f"How are you?{END_OF_TEXT}"}
    opened = answer(api, "open", experiment=said)
    row = parallel_row(words, ParallelText("Wie geht es dir?", "How are you?"), "transformer")
    assert opened["loss"] == float(model.loss(*row))
    made: dict[str, Any] = {}
    exec(answer(api, "python", experiment=said)["python"], made)
    assert float(made["trace"].tape["loss"]) == opened["loss"]


def test_the_translator_that_comes_along_begins_with_its_source_too():
    library = Library({SHIPPED_TRANSLATOR: SHIPPED_TRANSLATOR})
    assert library.text(SHIPPED_TRANSLATOR) == ""
    api = SessionApi(library)
    for text in ({}, {"text": answer(api, "start")["models"][0]["text"]}):
        opened = answer(api, "open", experiment={"subject": {"model": SHIPPED_TRANSLATOR}} | text)
        assert (opened["text"], opened["loss"]) == ("", None)
        assert opened["source_text"] == DESCRIBED[SHIPPED_TRANSLATOR].text
    given = Library({SHIPPED_TRANSLATOR: SHIPPED_TRANSLATOR}, text="Wie geht es dir?")
    assert given.text(SHIPPED_TRANSLATOR) == ""
    assert given.open(SHIPPED_TRANSLATOR).source == "Wie geht es dir?"


def test_a_model_of_a_few_letters_begins_with_its_own_text_where_it_cannot_read_the_given():
    names = {name: name for name in ("english-1M", "copying", "induction")}
    given = Library(names, text="Good morning")
    assert given.text("english-1M") == given.open("english-1M").text == "Good morning"
    for name in ("copying", "induction"):
        assert given.text(name) == given.open(name).text == DESCRIBED[name].text
        opened = answer(SessionApi(given), "open", experiment={"subject": {"model": name}})
        assert opened["text"] == DESCRIBED[name].text
    assert Library(names, text="fade").text("induction") == "fade"
    first = Library({"copying": "copying"}, text="Good morning")
    with pytest.raises(TextError, match=r"'abcdef\|'"):
        first.open("copying")


def test_the_window_slides(api: SessionApi):
    shown = shown_of(WINDOWS)
    first = WINDOWS | {"text": "humpty dumpt"}
    made = answer(api, "generate", experiment=first, sampling={"greedy": True}, count=15)
    tokens = slide(shown.model, shown.tokenizer.encode("humpty dumpt"), steps=15)
    assert made[-1]["done"]["text"] == "humpty dumpt" + shown.tokenizer.decode(tokens)
    assert made[-1]["done"]["text"] == shown.text


def test_a_classifier_says_the_class_and_writes_nothing(api: SessionApi):
    row = CLASSIFIER | {"text": "32 107 56 11.2"}
    said = answer(api, "next", experiment=row, sampling={})
    assert (said["asks"], said["tokens"][0]["text"]) == ("Class of", "leaf")
    assert said["tokens"][0]["whole"] == "32 107 56 11.2 leaf"
    with pytest.raises(PellucidError, match="writes nothing"):
        answer(api, "generate", experiment=row, sampling={})


# -- nothing to predict ----------------------------------------------------------------------------


@each_alone
def test_a_run_without_a_target_has_all_but_a_loss(api: SessionApi, what: str):
    experiment = ALONE[what]
    opened = answer(api, "open", experiment=experiment)
    assert (opened["loss"], opened["losses"], opened["history"]) == (None, [None], [])
    assert len(opened["tokens"]) == 1
    tensors = [tensor for node in nodes(opened["outline"]) for tensor in node["tensors"]]
    assert {tensor["gradient"] for tensor in tensors} == {None}
    likeliest = answer(api, "predictions", experiment=experiment)["rows"][0]
    why = answer(api, "why", experiment=experiment, name=likeliest["name"])
    assert float(why["exact"]) == likeliest["probability"]
    assert {row["gradient"] for row in answer(api, "norms", experiment=experiment)["rows"]} == {
        None
    }
    answer(api, "tour", experiment=experiment)
    if opened["writes"] and opened["reads"] == ["tokens"]:  # what the page analyzes
        asked = {"experiment": experiment, "first": 0, "second": 1}
        for call in ("sweep", "contributions", "paths"):
            answer(api, call, **asked)
    name = opened["parameters"][-1]
    edited = changed(experiment, setting(name, [0], 0.5))
    assert answer(api, "effect", experiment=edited)["loss"] == [None, None]
    with pytest.raises(PellucidError, match="no place of this text has a target"):
        answer(api, "open", experiment=changed(experiment, stepping()))


EMPTY = {
    "a model": (ENGLISH | {"text": ""}, "from 1 to 256 tokens here, and it has 0"),
    "a source": (TRANSLATOR | {"source": ""}, "a source must have at least one word"),
    "rows": (CLASSIFIER | {"text": " \n"}, "at least one row of 4 numbers"),
    "a window": (WINDOWS | {"text": "humpty"}, "at least the 12 tokens"),
    "a long source": (TRANSLATOR | {"source": "Wo " * 20}, "the source must have from 1 to 16"),
    "another word": (CLASSIFIER | {"text": "1 2 3 4 dog"}, "one of leaf, flower"),
}


@pytest.mark.parametrize("what", EMPTY)
def test_what_cannot_be_read_is_one_line(api: SessionApi, what: str):
    experiment, said = EMPTY[what]
    with pytest.raises(PellucidError, match=said) as refused:
        answer(api, "open", experiment=experiment)
    assert len(str(refused.value).splitlines()) == 1
