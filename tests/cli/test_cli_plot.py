"""`pellucid plot`: pictures whose figures are the run's."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from pellucid.examples import Example, find_example
from pellucid.inspect import gradient_norms
from pellucid.models import Llama
from pellucid.pictures import plots
from pellucid.tape import Tape
from pellucid.train import descend
from pellucid.tree import flatten
from tests.cli.conftest import Command
from tests.models.llama_examples import tiny
from tests.train.run_logs import real_rows, write_log

pytest.importorskip("matplotlib", reason="pictures are drawn by Matplotlib, an extra")


def ai_rocks() -> Example:
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    return example


@pytest.mark.parametrize("what", ["attention", "gradients", "loss"])
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_each_is_drawn_the_same_each_time(pellucid: Command, tmp_path: Path, what: str, form: str):
    files = [tmp_path / f"{number}.{form}" for number in (1, 2)]
    for file in files:
        ended = pellucid("plot", what, "ai_rocks", "-o", file, *(["--steps", 3] * (what == "loss")))
        assert (ended.code, ended.err) == (0, "")
        assert str(file) in ended.out.replace("\n", "")
    first, second = (file.read_bytes() for file in files)
    assert first == second
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[form]
    assert first.startswith(begins)
    if form == "svg":
        ElementTree.fromstring(first)


def test_a_model_s_attention_by_block(pellucid: Command, trained: Path, tmp_path: Path):
    file = tmp_path / "att.svg"
    ended = pellucid("plot", "attention", "pick", "--model", trained, "--layers", "0,2", "-o", file)
    assert ended.code == 0
    text = file.read_text(encoding="utf-8")
    assert "h.2.attn.att, head 1" in text
    assert "h.1.attn.att" not in text


def test_attention_s_colours_are_the_tape_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    kept = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: kept.append(figure))
    trace = ai_rocks().record()
    table = trace.tape["h.0.attn.att"]
    both = {"h.0.attn.att": (trace.pieces, trace.pieces)}
    plots.draw_attention({"h.0.attn.att": table}, both, tmp_path / "a.svg")
    (figure,) = kept
    for axes, weights in zip(figure.axes[:2], table, strict=True):
        assert torch.equal(torch.tensor(axes.images[0].get_array().data), weights)
        assert axes.images[0].get_clim() == (0, 1)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["AI", "rocks"]


def test_cross_attention_has_the_target_s_tokens_in_rows_and_the_source_s_in_columns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pellucid: Command
):
    kept = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: kept.append(figure))
    ended = pellucid("plot", "attention", "where_do_you_live", "-o", tmp_path / "a.svg")
    assert (ended.code, ended.err) == (0, "")
    by_title = {axes.get_title(): axes for axes in kept[0].axes}
    cross = by_title["dec.h.0.cross.att, head 1"]
    rows, columns = (
        [label.get_text() for label in labels]
        for labels in (cross.get_yticklabels(), cross.get_xticklabels())
    )
    assert rows == ["<BOS>", "Where", "do", "you", "live", "?"]
    assert columns == ["Wo", "wohnst", "du", "?", "<EOS>"]
    assert cross.images[0].get_array().shape == (len(rows), len(columns))
    assert {"enc.h.0.attn.att, head 0", "dec.h.0.attn.att, head 0"} <= set(by_title)


def test_a_llama_s_many_parameters_have_a_colour_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    kept = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: kept.append(figure))
    model, tape = Llama.init(tiny(qk_norm=True)), Tape()
    model.loss_and_grads([0, 1, 2], [1, 2, 3], tape)
    plots.draw_gradient_norms(gradient_norms(model, tape), tmp_path / "g.svg")
    (figure,) = kept
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 2]
    assert len(lines) == len({line.get_color() for line in lines}) == 11


def test_norms_are_those_of_the_gradients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    trace = ai_rocks().record()
    norms = gradient_norms(trace.model, trace.tape)
    _, grads = trace.model.loss_and_grads(trace.tape["tokens"], trace.tape["targets"])
    squares = sum(float(leaf.square().sum()) for leaf in flatten(grads).values())
    own = [length for lengths in norms.blocks.values() for length in lengths]
    assert sum(
        x * x for x in [*own, *norms.before.values(), *norms.after.values()]
    ) == pytest.approx(squares)
    assert norms.stream[-1] == pytest.approx(float(trace.tape["dh.0.resid_post"].norm()))
    assert len(norms.stream) == 2
    kept = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: kept.append(figure))
    plots.draw_gradient_norms(norms, tmp_path / "g.svg")
    drawn = {line.get_label(): line.get_ydata()[0] for line in kept[0].axes[0].lines}
    assert drawn["wte.weight"] == norms.before["wte.weight"]
    places = {line.get_label(): line.get_xdata()[0] for line in kept[0].axes[0].lines}
    assert (places["wte.weight"], places["wpe.weight"]) == (-1, -1)
    assert norms.after == {}
    assert drawn["mlp.c_fc.weight"] == norms.blocks["mlp.c_fc.weight"][0]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_a_descent_is_the_optimizer_s_own(optimizer: str):
    example = ai_rocks()
    update = example.update | {"optimizer": optimizer}
    trace = example.record(update)
    batch = (trace.tape["tokens"], trace.tape["targets"])
    losses = descend(example.model, batch, update, steps=20)
    assert len(losses) == 21
    assert losses[0] == float(trace.tape["loss"])
    assert losses[1] == trace.loss_after
    assert descend(example.model, batch, update, steps=1) == losses[:2]
    assert losses[20] < losses[5] < losses[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["attention", "-o", "a.jpg"], ".svg, .png, .pdf"),
        (["attention", "softmax"], "softmax has none: try where_do_you_live"),
        (["attention", "where_do_you_live", "--layers", "0"], "--layers goes with a model"),
        (["attention", "--layers", "7"], "--layers"),
        (["loss", "--optimizer", "lion"], "sgd, momentum"),
        (["loss", "--learning-rate", "0"], "learning_rate"),
        (["gradients", "--model", "gpt2-tiny"], "at least one character"),
    ],
)
def test_a_mistake_is_one_line(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    arguments: list[str], words: str,
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert words in pellucid("plot", *arguments).refused()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory of a small training."""
    return write_log(tmp_path / "run", real_rows())


def test_a_run_is_drawn_into_its_directory_the_same_each_time(pellucid: Command, run: Path):
    ended = pellucid("plot", run)
    assert (ended.code, ended.err) == (0, "")
    file = run / "training.svg"
    assert str(file) in ended.out
    first = file.read_bytes()
    ElementTree.fromstring(first)
    for word in (b"learning rate", b"h.1", b"tokens/s"):
        assert b"<!-- " + word + b" -->" in first
    assert pellucid("plot", run).code == 0
    assert file.read_bytes() == first


def test_runs_are_compared_in_a_file_of_their_own(
    pellucid: Command, run: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(run.parent)
    write_log(Path("other"), real_rows(seed=2))
    assert pellucid("plot", "run", "other").code == 0
    picture = Path("training.svg").read_text(encoding="utf-8")
    assert "run: training" in picture
    assert "other: training" in picture
    for form, begins in {"png": b"\x89PNG", "pdf": b"%PDF"}.items():
        assert pellucid("plot", "run", "other", "-o", f"both.{form}").code == 0
        assert Path(f"both.{form}").read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nowhere"],
            "attention, gradients, loss, paths, or the directory of a run, and 'nowhere'",
        ),
        (["run", "nowhere"], "'nowhere' is none of them"),
        (["run/log.jsonl"], "the directory of a run"),
        (["."], "log.jsonl"),
        (["run", "-o", "a.jpg"], ".svg, .png, .pdf"),
        (["attention", "ai_rocks", "run"], "one text or example, not of 2"),
        (["run", "--steps", "50"], "--steps does not go with a run"),
        (["run", "--learning-rate", "0.01"], "--learning-rate does not go with a run"),
        (["run", "--model", "gpt2-tiny"], "--model does not go with a run"),
        (["run", "--layers", "0"], "--layers does not go with a run"),
        (["run", "--optimizer", "sgd"], "--optimizer does not go with a run"),
        (["run", "--tokenizer", "gpt2"], "--tokenizer does not go with a run"),
        (["run", "--dtype", "float32"], "--dtype does not go with a run"),
    ],
)
def test_a_mistake_with_a_run_is_one_line(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch, run: Path, arguments: list[str], words: str
):
    monkeypatch.chdir(run.parent)
    assert words in pellucid("plot", *arguments).refused()
    assert [path.name for path in run.parent.rglob("*")] == ["run", "log.jsonl"]


@pytest.mark.parametrize("what", ["attention", "gradients"])
def test_a_backend_that_there_is_not_names_its_variable(tmp_path: Path, what: str):
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pellucid", "plot", what, "My dear", "--model", "english-1M"),
            *("-o", str(tmp_path / "a.png")),
        ],
        env=os.environ | {"MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "MPLBACKEND in the environment must name a backend" in ended.stderr
    assert list(tmp_path.iterdir()) == []
