"""GGUF files, written by llama.cpp's own package: what they hold, and what is no such file."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pellucid
from pellucid.checkpoint.gguf import gguf_tensors
from pellucid.errors import CheckpointError
from pellucid.gguf_header import QUANTS, as_written
from pellucid.models import Llama, LlamaConfig, RotaryScaling
from pellucid.models.llama.gguf import in_halves, in_pairs
from pellucid.tree import flatten, unflatten
from tests.checkpoint.gguf_files import their_name, written

gguf = pytest.importorskip("gguf")

SIZES = {"vocab_size": 32, "block_size": 16, "n_layer": 2, "n_head": 4, "n_kv_head": 2}
WIDTHS = {"n_embd": 256, "n_inner": 256}
IDS = torch.tensor([3, 1, 4, 1, 5, 9])

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("llama", {}),
    "Llama, untied": ("llama", {"tied": False}),
    "Llama, biases, window": ("llama", {"qkv_bias": True, "out_bias": True, "window": 3}),
    "Llama, linear scaling": ("llama", {"rope_scaling": RotaryScaling(4.0)}),
    "Qwen 2": ("qwen2", {"qkv_bias": True}),
    "Qwen 3": ("qwen3", {"qk_norm": True, "head_size": 32}),
}


def model_of(choices: dict[str, Any]) -> Llama:
    config = LlamaConfig(**SIZES, **WIDTHS, **choices)
    generator = torch.Generator().manual_seed(0)
    params = {
        name: 0.3 * torch.randn(shape, generator=generator) + (len(shape) == 1)
        for name, shape in config.parameter_shapes().items()
    }
    return Llama(config, unflatten(params))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_holds_the_model_that_was_written(kind: str, tmp_path: Path):
    architecture, choices = KINDS[kind]
    model = model_of(choices)
    loaded = pellucid.load(written(tmp_path / "m.gguf", architecture, model))
    assert loaded.config == model.config
    torch.testing.assert_close(loaded.forward(IDS), model.forward(IDS))


FORMS = {"F16": 1e-3, "BF16": 1e-2, "Q8_0": 2e-2, "Q5_0": 0.15, "Q5_1": 0.15, "Q4_0": 0.3}
FORMS["Q4_1"] = 0.3


@pytest.mark.parametrize("form", FORMS)
def test_quantized_numbers_are_those_that_llama_cpp_opens(form: str, tmp_path: Path):
    model = model_of({})
    file = written(tmp_path / "m.gguf", "llama", model, form)
    loaded = pellucid.load(file, dtype=torch.float32)
    reader = gguf.GGUFReader(file)
    opened = {one.name: gguf.dequantize(one.data, one.tensor_type) for one in reader.tensors}
    for name, value in flatten(loaded.params).items():
        theirs = torch.from_numpy(opened[their_name(name)].copy()).float().reshape(-1)
        assert torch.equal(value.reshape(-1).sort().values, theirs.sort().values), name
    before = flatten(model.params)["h.0.mlp.up_proj.weight"]
    after = flatten(loaded.params)["h.0.mlp.up_proj.weight"]
    assert (before - after).abs().max() < FORMS[form]


@pytest.mark.parametrize("form", ["Q4_K", "Q5_K", "Q6_K"])
def test_blocks_that_only_llama_cpp_writes_are_opened_as_it_does(form: str, tmp_path: Path):
    """The package writes none of them, so these blocks are made of random bytes."""
    kind = gguf.GGMLQuantizationType[form]
    _, count, size = next(one for one in QUANTS.values() if one[0] == form)
    blocks = np.random.default_rng(0).integers(0, 60, (4, size), np.uint8)
    writer = gguf.GGUFWriter(tmp_path / "t.gguf", "llama")
    writer.add_tensor("x", blocks, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    opened = gguf_tensors(tmp_path / "t.gguf")["x"].read()
    assert opened.shape == (4, count)
    assert np.array_equal(opened.numpy(), gguf.dequantize(blocks, kind), equal_nan=True)


@pytest.mark.parametrize("value", [1e-5, 1e-6, 10_000.0, 0.1, 3.4028234663852886e38, 1 / 3, -2.5])
def test_a_float32_is_read_as_a_person_wrote_it(value: float):
    (stored,) = struct.unpack("<f", struct.pack("<f", value))
    assert struct.pack("<f", as_written(stored)) == struct.pack("<f", value)
    assert len(repr(as_written(stored))) <= max(len(repr(value)), 12)


def test_pairs_and_halves_are_the_other_way_round():
    rows = torch.arange(24).reshape(12, 2)
    assert torch.equal(in_halves(in_pairs(rows, 2), 2), rows)
    assert in_pairs(torch.arange(6), 1).tolist() == [0, 3, 1, 4, 2, 5]


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        pellucid.load(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    return written(tmp_path / "whole.gguf", "llama", model_of({})).read_bytes()


@pytest.mark.parametrize("length", [0, 3, 4, 20, 100, 400, 1500, -1])
def test_a_file_that_was_cut_off_is_refused(length: int, whole: bytes, tmp_path: Path):
    (tmp_path / "cut.gguf").write_bytes(whole[:length])
    assert "must be GGUF, and whole" in refused(tmp_path / "cut.gguf")


@pytest.mark.parametrize("count", [2**20, 2**40, 2**64 - 1])
@pytest.mark.parametrize("place", [8, 16, 24], ids=["tensors", "settings", "a name"])
def test_a_count_that_lies_is_refused_at_once(place: int, count: int, whole: bytes, tmp_path: Path):
    content = whole[:place] + struct.pack("<Q", count) + whole[place + 8 :]
    (tmp_path / "lies.gguf").write_bytes(content)
    assert "must be GGUF, and whole" in refused(tmp_path / "lies.gguf")


def test_an_unknown_architecture_names_those_that_are_known(tmp_path: Path):
    file = written(tmp_path / "m.gguf", "mamba", model_of({}))
    message = refused(file)
    assert "llama, qwen2, qwen3" in message
    assert "'mamba'" in message


def test_an_unknown_setting_is_refused(tmp_path: Path):
    file = written(tmp_path / "m.gguf", "llama", model_of({}), logit_scale=2.0)
    assert "llama.logit_scale is 2.0" in refused(file)


def test_an_unknown_form_of_numbers_is_refused(whole: bytes, tmp_path: Path):
    name = b"output_norm.weight"
    at = whole.index(name) + len(name) + 4 + 8
    (tmp_path / "m.gguf").write_bytes(whole[:at] + struct.pack("<I", 99) + whole[at + 4 :])
    assert "quantized in form 99" in refused(tmp_path / "m.gguf")
