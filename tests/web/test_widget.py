"""The view in notebooks: its Python side by messages alone, and in a notebook that is run."""

import gc
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from zipfile import ZipFile

import pytest

from pellucid.checkpoint import open_model
from pellucid.errors import ConfigError
from pellucid.models import Llama
from pellucid.shipped import SHIPPED
from pellucid.text import Characters
from tests.models.llama_examples import tiny
from tests.web.examples import AI_ROCKS, ENGLISH, changed, setting, stepping

pytest.importorskip("anywidget", reason="anywidget is not installed")

from pellucid.web.widget import VIEWS, View, see
from tests.web.notebook import Comm, asked, connected, said

TRAINING = {"text": "to be or not to be " * 20, "settings": {"iterations": 5000}}


@pytest.fixture
def opened() -> Iterator[Callable[..., tuple[View, Comm]]]:
    """Makes views, and closes them at the end."""
    views: list[View] = []

    def make(*what: Any, **how: Any) -> tuple[View, Comm]:
        views.append(see(*what, **how))
        return views[-1], connected(views[-1])

    yield make
    for view in views:
        view.close()


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.01)


def test_a_call_is_answered_with_what_the_api_says(opened: Any):
    view, comm = opened("ai_rocks")
    asked(view, "a", "open", experiment=AI_ROCKS)
    message, files = comm.reply()
    assert message["id"] == "a"
    assert (
        message["answer"]["loss"]
        == view._messages._api.answer("open", {"experiment": AI_ROCKS})["loss"]
    )
    assert files == []


@pytest.mark.parametrize(
    ("call", "fields", "says"),
    [
        ("nothing", {}, "a call must be one of start"),
        ("open", {}, "experiment must be given"),
        ("open", {"experiment": {"subject": {"model": "/etc"}}}, "a model must be one of"),
        ("train", {"text": "short", "settings": {}}, "at least 200 characters"),
    ],
)
def test_a_mistake_is_answered_in_one_line(opened: Any, call: str, fields: Any, says: str):
    view, comm = opened("ai_rocks")
    asked(view, "a", call, **fields)
    message, _ = comm.reply()
    assert says in message["error"]
    assert "\n" not in message["error"]


def test_an_error_of_ours_says_no_more_than_that(
    opened: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    view, comm = opened("ai_rocks")
    monkeypatch.setattr(view._messages._api, "answer", lambda *_: 1 // 0)
    asked(view, "a", "start")
    message, _ = comm.reply()
    assert "Pellucid made a mistake" in message["error"]
    assert "ZeroDivisionError" in capsys.readouterr().err
    monkeypatch.undo()
    asked(view, "b", "start")
    assert "answer" in comm.reply()[0], "it goes on"


@pytest.mark.parametrize(
    "content",
    [None, [], "call", {}, {"id": 1, "call": "start", "fields": {}}, {"id": "a", "call": "start"}],
    ids=str,
)
def test_what_is_no_call_is_passed_over(opened: Any, content: Any):
    view, comm = opened("ai_rocks")
    said(view, method="custom", content=content)
    asked(view, "b", "start")
    assert comm.reply()[0]["id"] == "b"


def test_a_stream_comes_as_events_and_calls_do_not_wait_for_it(opened: Any):
    view, comm = opened("ai_rocks")
    asked(view, "train", "train", **TRAINING)
    assert "event" in comm.reply()[0]
    asked(view, "start", "start")
    while (message := comm.reply()[0])["id"] == "train":
        assert "event" in message, "5,000 iterations are not over"
    assert message["id"] == "start"
    said(view, method="custom", content={"id": "train", "abort": True})
    until(lambda: not view._messages._streams)
    asked(view, "last", "start")
    left = [comm.reply()[0]]
    while left[-1]["id"] != "last":
        left.append(comm.reply()[0])
    assert not any("done" in one or "error" in one for one in left)


def test_a_stream_that_is_left_alone_ends_with_done(opened: Any):
    view, comm = opened("ai_rocks")
    sampling = {"temperature": 1.0, "top_k": None, "top_p": None, "greedy": False}
    fields = {"experiment": AI_ROCKS, "sampling": sampling, "seed": 1, "count": 2}
    asked(view, "a", "generate", **fields)
    messages = [comm.reply()[0] for _ in range(3)]
    assert [next(key for key in one if key != "id") for one in messages] == [
        *("event", "event"),
        "done",
    ]
    wanted = list(view._messages._api.answer("generate", fields))
    assert [one.get("event") or {"done": one["done"]} for one in messages] == wanted


def test_a_call_that_is_broken_off_before_its_turn_is_not_answered(opened: Any):
    view, comm = opened("ai_rocks")
    asked(view, "a", "open", experiment=ENGLISH)
    asked(view, "b", "start")
    said(view, method="custom", content={"id": "b", "abort": True})
    asked(view, "c", "start")
    assert [comm.reply()[0]["id"] for _ in range(2)] == ["a", "c"]


def test_a_call_that_is_broken_off_while_it_is_answered_ends(opened: Any):
    view, comm = opened("ai_rocks")
    asked(view, "a", "open", experiment=changed(AI_ROCKS, stepping("sgd", 1000, 1e-6)))
    until = time.monotonic() + 30
    while view._messages._answered != "a" and time.monotonic() < until:
        time.sleep(0.001)
    said(view, method="custom", content={"id": "a", "abort": True})
    asked(view, "b", "start")
    assert comm.reply()[0]["id"] == "b"
    kept = [made for made, _ in view._messages._api.runs._cache.values()]
    assert not any(getattr(made, "losses", ()) for made in kept)


def test_a_file_comes_as_its_bytes(opened: Any, tmp_path: Any):
    view, comm = opened("ai_rocks")
    asked(view, "a", "checkpoint", experiment=AI_ROCKS)
    message, (content,) = comm.reply()
    assert message["answer"]["bytes"] == len(content)
    (tmp_path / "model.zip").write_bytes(content)
    with ZipFile(tmp_path / "model.zip") as archive:
        assert archive.testzip() is None
        assert any(name.endswith("model.safetensors") for name in archive.namelist())


def test_two_views_share_nothing(opened: Any):
    (one, first), (other, second) = opened("ai_rocks"), opened("ai_rocks")
    short = {**TRAINING, "settings": {"iterations": 1}}
    asked(one, "a", "train", **short)
    while "done" not in (message := first.reply()[0]):
        pass
    trained = {"subject": message["done"]["subject"]}
    asked(one, "b", "open", experiment=trained)
    assert "answer" in first.reply()[0]
    asked(other, "c", "open", experiment=trained)
    assert "is there no more" in second.reply()[0]["error"]


def test_a_view_that_nobody_sees_keeps_none_of_its_runs_but_its_models(opened: Any):
    view, comm = opened("ai_rocks")
    asked(view, "a", "train", **{**TRAINING, "settings": {"iterations": 1}})
    while "done" not in (message := comm.reply()[0]):
        pass
    asked(view, "b", "open", experiment={"subject": message["done"]["subject"]})
    before = comm.reply() and view._messages._api.held
    said(view, method="custom", content={"leave": True})
    asked(view, "c", "start")
    assert comm.reply()[0]["id"] == "c"
    assert 0 < view._messages._api.held < before


def test_closing_a_view_frees_what_it_held_and_ends_what_is_at_work(opened: Any):
    view, comm = opened("ai_rocks")
    api = view._messages._api
    asked(view, "a", "open", experiment=ENGLISH)
    comm.reply()
    run = weakref.ref(next(run for run, _ in api.runs._cache.values()))
    asked(view, "b", "train", **TRAINING)
    comm.reply()
    view.close()
    until(lambda: api.held == 0 and not view._messages._streams)
    gc.collect()
    assert run() is None
    view.comm = comm
    asked(view, "c", "start")
    assert "this view was closed" in comm.reply()[0]["error"]
    view.close()


# -- what Python says and hears --------------------------------------------------------------------


def test_nothing_said_is_what_a_page_opens_on(opened: Any):
    view, _ = opened()
    assert (view.experiment, view.view) == (None, "see")


def test_a_model_and_a_text_are_an_experiment(opened: Any):
    view, comm = opened("english-1M", "In the beginning", view="learn", height=500)
    assert view.experiment["subject"] == {"model": "english-1M"}
    assert view.experiment["text"] == "In the beginning"
    assert (view.view, view.height) == ("learn", 500)
    asked(view, "a", "open", experiment=view.experiment)
    assert comm.reply()[0]["answer"]["tokens"][0]["piece"] == "In"


def llama() -> tuple[Llama, Characters]:
    letters = Characters.from_text("In the beginning God created the heaven and the earth.")
    config = tiny(vocab_size=letters.vocab_size, block_size=64)
    return Llama.init(config), letters


@pytest.mark.parametrize(
    "made", [lambda: open_model("gpt2-tiny"), llama], ids=["gpt2-tiny", "a Llama"]
)
def test_a_model_in_hand_is_looked_at_as_it_is(opened: Any, made: Callable[[], Any]):
    model, tokenizer = made()
    view, comm = opened(model, tokenizer=tokenizer)
    asked(view, "a", "open", experiment=view.experiment)
    answer = comm.reply()[0]["answer"]
    wanted = model.loss(
        [one["id"] for one in answer["tokens"]],
        [one["id"] if one else -100 for one in answer["targets"]],
    )
    assert answer["loss"] == pytest.approx(float(wanted), abs=1e-6)
    asked(view, "b", "python", experiment=view.experiment)
    assert "# the model that was given: save it" in comm.reply()[0]["answer"]["python"]
    asked(view, "c", "start")
    start = comm.reply()[0]["answer"]
    assert [one["name"] for one in start["models"]] == ["this model", *SHIPPED]


def test_a_path_is_what_open_model_takes(opened: Any, tmp_path: Any):
    view, comm = opened(str(tmp_path / "missing"), "a text")
    asked(view, "a", "open", experiment=view.experiment)
    assert "missing" in comm.reply()[0]["error"]


def test_what_the_page_shows_can_be_read_and_is_checked_where_it_is_set(opened: Any):
    view, comm = opened("ai_rocks")
    shown = changed(AI_ROCKS, setting("wte.weight", [0, 0], 1.0))
    said(view, method="update", state={"experiment": shown, "view": "touch"}, buffer_paths=[])
    assert (view.experiment, view.view) == (shown, "touch")
    comm.fetched()
    view.experiment = AI_ROCKS
    assert {"experiment": AI_ROCKS} in [data.get("state") for data, _ in comm.fetched()]
    for name, wrong, says in (
        ("experiment", {"subject": {}}, "a subject must be one of"),
        ("view", "hear", f"view must be one of {', '.join(VIEWS)}"),
        ("height", 20, "height must be from 200"),
    ):
        with pytest.raises(ConfigError, match=says):
            setattr(view, name, wrong)
    assert view.experiment == AI_ROCKS


@pytest.mark.parametrize("model", [open_model("gpt2-tiny")[0], llama()[0]], ids=["GPT", "Llama"])
def test_a_model_comes_with_its_tokenizer(model: Any):
    with pytest.raises(ConfigError, match="a model must come with its tokenizer"):
        see(model)


CELL = """\
from pellucid.web.widget import see
view = see("ai_rocks")
view"""


def test_a_notebook_shows_it():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    book = nbformat.v4.new_notebook()
    book.cells = [
        nbformat.v4.new_code_cell(CELL),
        nbformat.v4.new_code_cell("view.experiment['subject']"),
        nbformat.v4.new_code_cell("view.close()"),
    ]
    client = nbclient.NotebookClient(book, timeout=120)
    client.execute()
    (shown,) = book.cells[0].outputs
    kind = "application/vnd.jupyter.widget-view+json"
    name = shown["data"][kind]["model_id"]
    state = book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"][name]
    assert state["model_module"] == "anywidget"
    assert state["state"]["_esm"] == View._esm
    assert state["state"]["experiment"]["subject"] == {"example": "ai_rocks"}
    assert "ai_rocks" in book.cells[1].outputs[0]["data"]["text/plain"]
