"""A point holds all that it takes to go on, and survives its file to the last bit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint.read import read_safetensors
from pellucid.checkpoint.write import write_tensors
from pellucid.errors import CheckpointError
from pellucid.examples.where_do_you_live import PAIRS, WORDS
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.models.lazy_tensor import opened
from pellucid.text.parallel import BOS, EOS, PAD, train_parallel_bpe
from pellucid.text.parallel_corpus import ParallelCorpus
from pellucid.text.parallel_rows import Form, special
from pellucid.text.subwords import Subwords
from pellucid.train import Recipe, train
from pellucid.train.run import begin_run, resume_run
from pellucid.train.state import begin, load_point, save_point
from pellucid.tree import flatten
from tests.train.small_training import CORPUS, RECIPE, TOKENIZER, model, same


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"dropout": 0.2},
        {"mixed": True, "dropout": 0.1},
        {"accumulate": 3},
        {"schedule": "noam"},
    ],
    ids=str,
)
@pytest.mark.parametrize("stop", [1, 7, 20])
def test_a_training_goes_on_from_a_point_in_a_file_as_if_it_had_not_stopped(
    tmp_path: Path, choices: dict[str, Any], stop: int
):
    recipe = replace(RECIPE, max_iters=24, eval_interval=6, **choices)
    start = model(torch.float32)
    through = list(train(start, CORPUS, recipe))
    save_point(tmp_path / "point", through[stop - 1].point, {})
    point = load_point(tmp_path / "point")[0]
    assert same(point, through[stop - 1].point)
    rest = list(train(start, CORPUS, recipe, start=point))
    assert [step.iteration for step in rest] == list(range(stop + 1, 25))
    for again, before in zip(rest, through[stop:], strict=True):
        assert same(again.point, before.point)
        assert (again.loss, again.grad_norm) == (before.loss, before.grad_norm)
        assert (again.validation_loss, again.is_best) == (before.validation_loss, before.is_best)
        assert again.point.seconds > point.seconds


def test_an_encoder_decoder_goes_on_as_well(tmp_path: Path):
    corpus = ParallelCorpus.from_pairs(
        PAIRS, PAIRS, WORDS, form="transformer", block_size=16, extra=PAIRS[:1], extra_share=0.5
    )
    config = TransformerConfig(
        vocab_size=WORDS.vocab_size,
        block_size=16,
        n_encoder=1,
        n_decoder=1,
        n_head=2,
        n_embd=8,
        pad=special(WORDS, PAD),
        bos=special(WORDS, BOS),
        eos=special(WORDS, EOS),
    )
    start = Transformer.init(config, seed=2)
    recipe = Recipe(12, batch_size=20, smoothing=0.1, dropout=0.1, eval_interval=4)
    through = list(train(start, corpus, recipe))
    save_point(tmp_path / "point", through[4].point, {})
    *_, last = train(start, corpus, recipe, start=load_point(tmp_path / "point")[0])
    assert same(last.point, through[-1].point)


@pytest.mark.parametrize("form", ["transformer", "gpt"])
def test_a_translator_whose_words_are_spelled_anew_goes_on_as_well(tmp_path: Path, form: Form):
    tokenizer = train_parallel_bpe(PAIRS, 300, into=("en", "de"))

    def corpus() -> ParallelCorpus:
        subwords = Subwords(tokenizer, 0.3, seed=5)
        sizes = {"form": form, "block_size": 32}
        return ParallelCorpus.from_pairs(PAIRS, PAIRS, tokenizer, **sizes, subwords=subwords)

    sizes = {"vocab_size": tokenizer.vocab_size, "block_size": 64, "n_head": 2, "n_embd": 8}
    start: Any = GPT.init(GPTConfig(n_layer=1, **sizes), seed=2)
    if form == "transformer":
        marks = {"pad": PAD, "bos": BOS, "eos": EOS}
        ids = {name: special(tokenizer, mark) for name, mark in marks.items()}
        start = Transformer.init(TransformerConfig(n_encoder=1, n_decoder=1, **sizes, **ids))
    recipe = Recipe(12, batch_size=80, dropout=0.1, average=16, eval_interval=4)
    through = list(train(start, corpus(), recipe))
    save_point(tmp_path / "point", through[4].point, {})
    *_, last = train(start, corpus(), recipe, start=load_point(tmp_path / "point")[0])
    assert same(last.point, through[-1].point)


def test_before_the_first_iteration_there_is_a_point_too(tmp_path: Path):
    start = model()
    point = begin(start.params, RECIPE.seed)
    save_point(tmp_path / "point", point, {"by": "hand"})
    read, notes = load_point(tmp_path / "point")
    assert same(read, point)
    assert notes["by"] == "hand"
    assert read.state is None
    short = replace(RECIPE, max_iters=3)
    *_, one = train(start, CORPUS, short)
    *_, other = train(start, CORPUS, short, start=read)
    assert same(one.point, other.point)


@pytest.mark.parametrize("part", ["half", "header", "nothing", "other"])
def test_a_file_that_is_no_point_is_one_line(tmp_path: Path, part: str):
    path = tmp_path / "last.safetensors"
    *_, last = train(model(), CORPUS, replace(RECIPE, max_iters=1))
    save_point(path, last.point, {})
    content = path.read_bytes()
    if part == "other":
        from safetensors.torch import save_file

        save_file({"x": torch.ones(2)}, path)
    else:
        path.write_bytes(content[: {"half": len(content) // 2, "header": 40, "nothing": 0}[part]])
    with pytest.raises(CheckpointError) as error:
        load_point(path)
    assert "\n" not in str(error.value)
    assert "last.safetensors" in str(error.value)


def test_a_point_can_be_moved_to_another_device():
    *_, last = train(GPT.init(model().config, seed=1), CORPUS, replace(RECIPE, max_iters=2))
    moved = last.point.to("meta")
    leaves = flatten(moved.params) | flatten({"m": (moved.state or {})["m"]})
    assert {leaf.device.type for leaf in leaves.values()} == {"meta"}
    assert (moved.state or {})["t"] == 2
    assert moved.random.device.type == "cpu"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("iteration", value) for value in (None, "3", 1.5, -1, True)],
        *[("tokens", value) for value in ("x", -1)],
        *[("seconds", value) for value in (None, "x", float("nan"))],
        *[("best", value) for value in (None, [], float("nan"))],
        ("best_iteration", 0.5),
        *[("t", value) for value in ("x", 1.0, -2)],
        *[("order", value) for value in (None, 3, ["params"], ["params.wte", "params.wte.weight"])],
        *[("random", value) for value in (torch.zeros(3), torch.zeros(5, dtype=torch.uint8))],
    ],
)
def test_a_field_of_a_point_that_is_wrong_or_missing_is_one_line(
    tmp_path: Path, field: str, value: object
):
    path = tmp_path / "last.safetensors"
    *_, last = train(model(), CORPUS, replace(RECIPE, max_iters=1))
    save_point(path, last.point, {})
    closed, header = read_safetensors(path)
    tensors = {name: opened(tensor) for name, tensor in closed.items()}
    fields = json.loads(header["point"])
    for missing in (False, True):
        held, said = dict(tensors), dict(fields)
        if field == "random":
            held |= {} if missing else {"random": value}
            held = {name: held[name] for name in held if not missing or name != "random"}
        elif missing:
            del said[field]
        else:
            said[field] = value
        write_tensors(path, held, {"point": json.dumps(said)})
        with pytest.raises(CheckpointError, match=r"last\.safetensors must be") as error:
            load_point(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["params", "m", "v"])
@pytest.mark.parametrize("change", ["shape", "missing", "more", "whole numbers"])
def test_tensors_of_a_point_that_are_of_another_model_are_one_line(
    tmp_path: Path, part: str, change: str
):
    *_, last = train(model(), CORPUS, replace(RECIPE, max_iters=1))
    begin_run(tmp_path, model(), TOKENIZER, last.point, {"data": "x"})
    assert resume_run(tmp_path)[1].iteration == 1
    path = tmp_path / "last.safetensors"
    closed, header = read_safetensors(path)
    tensors = {name: opened(tensor) for name, tensor in closed.items()}
    fields, name = json.loads(header["point"]), f"{part}.h.0.attn.c_attn.weight"
    if change == "missing":
        del tensors[name]
        fields["order"].remove(name)
    elif change == "more":
        tensors[f"{part}.h.0.more"] = torch.ones(2)
        fields["order"].append(f"{part}.h.0.more")
    else:
        tensors[name] = tensors[name].T if change == "shape" else tensors[name].long()
    write_tensors(path, tensors, {"point": json.dumps(fields)})
    with pytest.raises(CheckpointError, match=r"last\.safetensors.* h\.0\.") as error:
        resume_run(tmp_path)
    assert "\n" not in str(error.value)
