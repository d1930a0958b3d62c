"""Models that are packed while they are read: the same as packed afterwards, piece by piece."""

import json
import mmap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import pellucid
from pellucid.checkpoint import export_gguf, export_huggingface, save
from pellucid.checkpoint.mapped import MappedFile
from pellucid.checkpoint.safetensors_file import open_safetensors
from pellucid.errors import CheckpointError, ConfigError
from pellucid.files import mapped
from pellucid.kernels.groups import BLOCK_FORMS
from pellucid.kernels.packing import FORMS, Form, PackedWeight, pack, unpacked
from pellucid.models import GPT, Llama, LlamaConfig, Model, packed, with_lora
from pellucid.text.characters import Characters
from pellucid.tree import flatten
from tests.checkpoint.conftest import random_model
from tests.checkpoint.gguf_files import written

CONFIG = {"n_embd": 48, "vocab_size": 300}


def ours(model: GPT, place: Path) -> Path:
    save(model, place)
    return place


def theirs(model: GPT, place: Path) -> Path:
    export_huggingface(model, place)
    return place


def ggml(model: GPT, place: Path) -> Path:
    export_gguf(model, Characters("abc"), place.with_suffix(".gguf"))
    return place.with_suffix(".gguf")


def pickled(model: GPT, place: Path) -> Path:
    """nanoGPT's layout: maps the other way round, and the head a second time."""
    tensors = {
        name: leaf.mT if name.startswith("h.") and leaf.ndim == 2 else leaf
        for name, leaf in flatten(model.params).items()
    }
    tensors["lm_head.weight"] = tensors["wte.weight"]
    sizes = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size", "bias", "activation")
    arguments = {name: getattr(model.config, name) for name in sizes}
    place.mkdir()
    torch.save({"model": tensors, "model_args": arguments}, place / "ckpt.pt")
    return place


def same(found: Model, wanted: Model) -> bool:
    one, other = flatten(found.params), flatten(wanted.params)
    return list(one) == list(other) and all(map(_same_leaf, one.values(), other.values()))


def _same_leaf(one: object, other: object) -> bool:
    if isinstance(one, PackedWeight) and isinstance(other, PackedWeight):
        parts = ((one.panels, other.panels), (one.scales, other.scales))
        alike = all(a is b or (a is not None and b is not None and a.equal(b)) for a, b in parts)
        return alike and (one.form, one.shape) == (other.form, other.shape)
    assert isinstance(one, torch.Tensor)
    assert isinstance(other, torch.Tensor)
    return one.equal(other)


@pytest.mark.parametrize("write", [ours, theirs, ggml, pickled])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_packed_while_it_is_read_is_what_is_packed_afterwards(
    tmp_path: Path, write: Callable[[GPT, Path], Path], form: Form
):
    place = write(random_model(**CONFIG), tmp_path / "m")
    whole = pellucid.load(place)
    assert isinstance(whole, GPT)
    assert same(pellucid.load(place, form=form), packed(whole, form))


def test_a_dtype_is_rounded_to_before_it_is_packed(tmp_path: Path):
    place = ours(random_model(**CONFIG), tmp_path / "m")
    rounded = pellucid.load(place, dtype=torch.bfloat16)
    assert isinstance(rounded, GPT)
    assert same(pellucid.load(place, dtype=torch.bfloat16, form="int8"), packed(rounded, "int8"))


def test_pairs_of_lora_are_added_before_their_weights_are_packed(tmp_path: Path):
    model = with_lora(random_model(**CONFIG), 2)
    place = ours(model, tmp_path / "m")
    assert same(pellucid.load(place, form="int8"), packed(model, "int8"))


@pytest.mark.parametrize(
    ("dtype", "form"), [(torch.float32, "float32"), (torch.bfloat16, "bfloat16")]
)
def test_own_is_the_form_of_the_model_s_own_numbers(tmp_path: Path, dtype: torch.dtype, form: Form):
    model = random_model(dtype, **CONFIG)
    place = ours(model, tmp_path / "m")
    assert same(pellucid.load(place, form="own"), packed(model, form))


def test_own_numbers_that_are_not_read_faster_stay_as_they_are(tmp_path: Path):
    model = random_model(torch.float64, **CONFIG)
    assert same(pellucid.load(ours(model, tmp_path / "m"), form="own"), model)


def test_a_model_without_a_file_is_packed_too():
    drawn = pellucid.load("gpt2-tiny", form="int8")
    whole = pellucid.load("gpt2-tiny")
    assert isinstance(whole, GPT)
    assert same(drawn, packed(whole, "int8"))


def test_packing_needs_the_processor(tmp_path: Path):
    place = ours(random_model(**CONFIG), tmp_path / "m")
    with pytest.raises(ConfigError, match="the model is on meta: leave out --quantize"):
        pellucid.load(place, form="int8", device="meta")
    assert pellucid.load(place, form="own", device="meta").device.type == "meta"


def test_packing_needs_an_architecture_with_kernels(tmp_path: Path):
    kind = pellucid.Transformer
    save(kind.init(next(kind.small())[0]), tmp_path / "m")
    for form in ("int8", "stored"):
        with pytest.raises(ConfigError, match="a transformer has none: leave out --quantize"):
            pellucid.load(tmp_path / "m", form=form)
    pellucid.load(tmp_path / "m", form="own")


def test_each_tensor_s_pages_are_given_back_once_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place, seen = ours(random_model(**CONFIG), tmp_path / "m"), []
    content = mapped(place / "model.safetensors")
    tensors, _ = open_safetensors(content)
    monkeypatch.setattr(MappedFile, "give_back", lambda _, *part: seen.append(part))
    pellucid.load(place, form="int8")
    whole = sum(end - start for start, end in set(seen))
    assert whole == sum(lazy.outline.numel() * 4 for lazy in tensors.values())


def test_pages_that_were_given_back_hold_the_same_numbers(tmp_path: Path):
    file = tmp_path / "numbers"
    numbers = torch.arange(8 * mmap.PAGESIZE, dtype=torch.int32)
    file.write_bytes(numbers.numpy().tobytes())
    lazy = MappedFile(mapped(file)).lazy(4, (len(numbers) - 1,), torch.int32)
    assert lazy.read().equal(numbers[1:])
    lazy.done()
    assert lazy.read().equal(numbers[1:])
    assert MappedFile(mapped(file)).tensor(3, (2,), torch.int32).tolist() == [0x100, 0x200]


def test_the_parts_of_a_weight_are_looked_at_one_after_another():
    weight, seen = torch.randn(64, 9000), []
    pack(weight, "int8", passed=lambda: seen.append(0))
    assert len(seen) > 3


HEADERS = {
    "no header": b"1234567",
    "longer than the file": (99).to_bytes(8, "little") + b"{}",
    "no JSON": (2).to_bytes(8, "little") + b"{]",
    "no UTF-8": (2).to_bytes(8, "little") + b"\xff{",
    "a list": (2).to_bytes(8, "little") + b"[]",
    "bytes after the last": (2).to_bytes(8, "little") + b"{}x",
}
PLACES = {
    "an unknown dtype": {"dtype": "F7", "shape": [1], "data_offsets": [0, 4]},
    "no whole numbers": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
    "no shape": {"dtype": "F32", "data_offsets": [0, 4]},
    "a negative size": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
    "another size": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
    "turned round": {"dtype": "F32", "shape": [0], "data_offsets": [4, 0]},
    "a hole": {"dtype": "F32", "shape": [0], "data_offsets": [4, 4]},
    "no dict": [],
}


@pytest.mark.parametrize("why", [*HEADERS, *PLACES, "notes", "an empty file"])
def test_a_safetensors_file_that_is_none_is_one_line(tmp_path: Path, why: str):
    if why in HEADERS:
        content = HEADERS[why]
    elif why == "an empty file":
        content = b""
    else:
        header = {"t": PLACES[why]} if why in PLACES else {"__metadata__": {"one": 1}}
        text = json.dumps(header).encode()
        content = len(text).to_bytes(8, "little") + text + (b"1234" if why in PLACES else b"")
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"must be safetensors, and whole; ") as raised:
        pellucid.load(tmp_path / "model.safetensors")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("form", ["Q4_0", "Q4_1", "Q8_0", "Q5_0"])
def test_a_quantized_file_s_blocks_are_kept_to_the_bit(tmp_path: Path, form: str):
    """Rows of queries that stand in pairs, maps that are turned, and a table that is not."""
    sizes = {"n_layer": 2, "n_head": 2, "n_kv_head": 1, "n_embd": 64, "n_inner": 96}
    config = LlamaConfig(vocab_size=70, block_size=16, **sizes)
    file = written(tmp_path / "m.gguf", "llama", Llama.init(config), form)
    exact, kept = pellucid.load(file), pellucid.load(file, form="stored")
    for name, leaf in flatten(kept.params).items():
        numbers = flatten(exact.params)[name]
        if isinstance(leaf, PackedWeight):
            assert leaf.form == BLOCK_FORMS.get(form, "float32")
            assert unpacked(leaf).equal(numbers.mT if name == "wte.weight" else numbers)
        else:
            assert leaf.equal(numbers)
    for how in ({"form": "stored", "dtype": torch.float32}, {"form": "own"}):
        whole = flatten(pellucid.load(file, **how).params).values()
        assert {leaf.form for leaf in whole if isinstance(leaf, PackedWeight)} == {"float32"}
