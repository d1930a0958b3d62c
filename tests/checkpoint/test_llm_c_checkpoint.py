"""llm.c's model and state, byte by byte, out and in."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.checkpoint import export_llm_c, load, open_tensors, write_state
from pellucid.checkpoint.llm_c import read_state
from pellucid.errors import CheckpointError
from pellucid.models import GPT, GPTConfig
from pellucid.tape import Tape
from pellucid.tree import flatten

CONFIG = GPTConfig(vocab_size=131, block_size=9, n_layer=3, n_head=2, n_embd=8)
PADDED = 256
TOKENS, TARGETS = torch.tensor([[3, 1, 130], [0, 5, 6]]), torch.tensor([[1, 130, 2], [5, 6, 7]])


def model(dtype: torch.dtype = torch.float32) -> GPT:
    made = GPT.init(CONFIG, seed=4)
    params = {
        key: value for key, value in made.params.items() if value is not None
    }  # biases too are to be seen
    flat = flatten(params)
    generator = torch.Generator().manual_seed(2)
    for name, values in flat.items():
        flat[name] = values + 0.1 * torch.randn(values.shape, generator=generator)
    from pellucid.tree import unflatten

    return GPT(CONFIG, unflatten(flat)).to(dtype=dtype)


def as_llm_c_writes(tensors: dict[str, torch.Tensor]) -> bytes:
    """The tensors in the order of write_tensors in train_gpt2.py, linear maps (out, in)."""
    table = np.zeros((PADDED, 8), np.float32)
    table[:131] = tensors["wte.weight"].numpy()
    parts = [table, tensors["wpe.weight"].numpy()]
    for kind, turned in (
        *(("ln_1.weight", False), ("ln_1.bias", False)),
        *(("attn.c_attn.weight", True), ("attn.c_attn.bias", False)),
        *(("attn.c_proj.weight", True), ("attn.c_proj.bias", False)),
        *(("ln_2.weight", False), ("ln_2.bias", False)),
        *(("mlp.c_fc.weight", True), ("mlp.c_fc.bias", False)),
        *(("mlp.c_proj.weight", True), ("mlp.c_proj.bias", False)),
    ):
        for layer in range(3):
            values = tensors[f"h.{layer}.{kind}"].numpy()
            parts.append(values.T if turned else values)
    parts += [tensors["ln_f.weight"].numpy(), tensors["ln_f.bias"].numpy()]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def test_the_model_s_file_is_llm_c_s_to_the_byte(tmp_path: Path):
    own = model()
    export_llm_c(own, tmp_path / "model.bin")
    header = struct.pack("<256i", 20240326, 3, 9, 131, 3, 2, 8, PADDED, *[0] * 248)
    assert (tmp_path / "model.bin").read_bytes() == header + as_llm_c_writes(flatten(own.params))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_comes_back_as_it_was(tmp_path: Path, dtype: torch.dtype):
    own = model(dtype)
    export_llm_c(own, tmp_path / "model.bin")
    again = load(tmp_path / "model.bin")
    assert again.config == CONFIG
    assert again.dtype == dtype
    for name, values in flatten(own.params).items():
        assert torch.equal(flatten(again.params)[name], values)


def test_the_state_is_llm_c_s_to_the_byte_and_comes_back(tmp_path: Path):
    tape = Tape()
    loss, grads = model().loss_and_grads(TOKENS, TARGETS, tape)
    file = tmp_path / "state.bin"
    write_state(file, CONFIG, {name: tape[name] for name in tape})
    expected = struct.pack("<256i", 20240327, 2, 2, 3, *[0] * 252)
    for ids in (TOKENS, TARGETS):
        expected += ids.numpy().astype("<i4").tobytes()
    expected += tape["logits"].numpy().tobytes() + loss.numpy().tobytes()
    assert file.read_bytes() == expected + as_llm_c_writes(flatten(grads))
    again = read_state(file, CONFIG)
    for name, values in again.items():
        assert torch.equal(values, tape[name]), name
    assert set(again) == {"tokens", "targets", "logits", "loss"} | {f"d{n}" for n in flatten(grads)}
    assert torch.equal(open_tensors(file, CONFIG)["dwte.weight"], tape["dwte.weight"])


def test_one_text_is_a_batch_of_one(tmp_path: Path):
    tape = Tape()
    model().loss_and_grads(TOKENS[0], TARGETS[0], tape)
    write_state(tmp_path / "state.bin", CONFIG, {name: tape[name] for name in tape})
    assert read_state(tmp_path / "state.bin", CONFIG)["logits"].shape == (1, 3, 131)


def test_what_llm_c_has_no_form_for_is_refused(tmp_path: Path):
    for config in (
        replace(CONFIG, tied=False),
        replace(CONFIG, activation="gelu_erf"),
        replace(CONFIG, bias=False),
        replace(CONFIG, n_inner=12),
        replace(CONFIG, eps=1e-6),
        replace(CONFIG, norm="post"),
    ):
        with pytest.raises(CheckpointError, match=r"llm\.c has GPT-2 alone"):
            export_llm_c(GPT.init(config), tmp_path / "model.bin")
    with pytest.raises(CheckpointError, match="float32 and bfloat16"):
        export_llm_c(model(torch.float64), tmp_path / "model.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_promises_too_much_takes_no_memory(tmp_path: Path):
    file = tmp_path / "model.bin"
    for header, said in (
        ((20240326, 3, 1024, 50257, 48, 25, 1600, 50304), "bytes long, as its header says"),
        ((20240326, 1, 9, 131, 3, 2, 8, PADDED), "version 3 or 5"),
        ((20240326, 3, -9, 131, 3, 2, 8, PADDED), "block_size"),
        ((20240326, 3, 9, 131, 3, 2, 8, 130), "a row for each token"),
        ((20240328, 2, 0, 0, 0, 0, 0, 0), "is not one of them"),
    ):
        file.write_bytes(struct.pack("<8i", *header) + bytes(992))
        with pytest.raises(CheckpointError, match=said) as raised:
            load(file)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("place", [8, 11, 255])
def test_a_number_of_the_header_that_nobody_knows_is_refused(tmp_path: Path, place: int):
    file = tmp_path / "model.bin"
    export_llm_c(model(), file)
    content = bytearray(file.read_bytes())
    content[4 * place : 4 * place + 4] = struct.pack("<i", 7)
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"number {place} is 7"):
        load(file)


def test_a_file_that_is_too_long_is_another_s(tmp_path: Path):
    file = tmp_path / "model.bin"
    export_llm_c(model(), file)
    file.write_bytes(file.read_bytes() + bytes(4))
    with pytest.raises(CheckpointError, match="bytes long, as its header says"):
        load(file)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_truncated_file_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    place = tmp_path_factory.mktemp("cut")
    export_llm_c(model(), place / "model.bin")
    tape = Tape()
    model().loss_and_grads(TOKENS, TARGETS, tape)
    write_state(place / "state.bin", CONFIG, {name: tape[name] for name in tape})
    for file, read in (
        (place / "model.bin", load),
        (place / "state.bin", lambda path: read_state(path, CONFIG)),
    ):
        whole = file.read_bytes()
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(CheckpointError):
            read(file)
