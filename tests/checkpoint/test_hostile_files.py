"""Files that claim more than they hold, or are nested without end: one line, at once."""

import json
import os
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pellucid.checkpoint import export_huggingface, export_llm_c, open_tensors, save
from pellucid.checkpoint.read import read_ids
from pellucid.errors import CheckpointError, ConfigError
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.models.settings import DEPTH
from pellucid.text import load_tokenizer

MANY = 1_000_000_000
NESTED = "[" * 100_000 + "]" * 100_000

# -- layers without end -----------------------------------------------------------------------


def changed(file: Path, **settings: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def test_a_file_s_layers_are_not_listed_before_they_are_counted(tmp_path, make, refused):
    said = f"n_layer must be at most 10,000, not {MANY:,}"
    for write in (save, export_huggingface):
        write(make(), tmp_path)
        tensors = load_file(tmp_path / "model.safetensors")
        save_file(tensors, tmp_path / "model.safetensors")
        changed(tmp_path / "config.json", n_layer=MANY)
        refused(tmp_path, "config.json", said)
    (tmp_path / "config.json").unlink()
    (tmp_path / "model.safetensors").unlink()

    hparams = {"n_vocab": 37, "n_ctx": 11, "n_embd": 15, "n_head": 3, "n_layer": MANY}
    (tmp_path / "hparams.json").write_text(json.dumps(hparams))
    np.savez(tmp_path / "model.npz", x=np.ones(2))
    refused(tmp_path, "hparams.json", said)

    arguments = {"n_layer": MANY, "n_head": 3, "n_embd": 15, "block_size": 11, "vocab_size": 37}
    torch.save({"model": {}, "model_args": arguments}, tmp_path / "ckpt.pt")
    refused(tmp_path / "ckpt.pt", "ckpt.pt", said)

    export_llm_c(make(vocab_size=37, n_embd=12), tmp_path / "model.bin")
    content = bytearray((tmp_path / "model.bin").read_bytes())
    content[16:20] = struct.pack("<i", MANY)
    (tmp_path / "model.bin").write_bytes(content)
    refused(tmp_path / "model.bin", "model.bin", said)


def test_every_depth_of_a_configuration_has_a_limit():
    for kind, fields in ((GPTConfig, ["n_layer"]), (TransformerConfig, ["n_encoder", "n_decoder"])):
        for name in fields:
            kind(vocab_size=2, **{name: DEPTH})
            with pytest.raises(ConfigError, match=rf"^{name} must be at most 10,000, not 10,001$"):
                kind(vocab_size=2, **{name: DEPTH + 1})


@pytest.mark.parametrize(
    "config",
    [
        GPTConfig(n_embd=12_000_000),
        GPTConfig(block_size=10**15),
        GPTConfig(lora_rank=10**13),
        TransformerConfig(10**15),
    ],
)
def test_a_model_that_no_memory_holds_is_not_begun(config):
    kind = GPT if isinstance(config, GPTConfig) else Transformer
    with pytest.raises(
        ConfigError, match=r"must fit into memory, and [\d,]+ parameters in float32"
    ):
        kind.init(config)


def test_a_model_of_half_the_numbers_bytes_may_be_twice_as_large(monkeypatch):
    config = GPTConfig(5, block_size=4, n_layer=1, n_head=1, n_embd=4)
    count = GPT.init(config).parameter_count
    monkeypatch.setattr("os.sysconf", {"SC_PHYS_PAGES": count, "SC_PAGE_SIZE": 2}.__getitem__)
    assert GPT.init(config, dtype=torch.bfloat16).parameter_count == count
    with pytest.raises(ConfigError, match="must fit into memory"):
        GPT.init(config, dtype=torch.float32)


# -- nested without end -----------------------------------------------------------------------


def test_nested_json_is_one_line_wherever_it_stands(tmp_path, make, refused):
    save(make(), tmp_path)
    (tmp_path / "config.json").unlink()
    tensors = load_file(tmp_path / "model.safetensors")
    save_file(tensors, tmp_path / "model.safetensors", {"pellucid": NESTED})
    refused(tmp_path, "model.safetensors", "nested in more than 100 levels")
    for name in ("config.json", "hparams.json"):
        (tmp_path / name).write_text(NESTED)
        (tmp_path / "model.safetensors").unlink(missing_ok=True)
        refused(tmp_path, name, "nested in more than 100 levels")
        (tmp_path / name).unlink()
    (tmp_path / "ids.json").write_text(NESTED)
    with pytest.raises(CheckpointError, match="nested in more than 100 levels"):
        read_ids(tmp_path / "ids.json")
    for name in ("tokenizer.json", "vocab.json"):
        (tmp_path / "t").mkdir()
        (tmp_path / "t" / name).write_text(NESTED)
        (tmp_path / "t" / "merges.txt").touch()
        with pytest.raises(CheckpointError, match="nested in more than 100 levels"):
            load_tokenizer(tmp_path / "t")
        (tmp_path / "t" / name).unlink()
        (tmp_path / "t" / "merges.txt").unlink()
        (tmp_path / "t").rmdir()


@pytest.mark.parametrize("kind", ["deep", "cyclic", "doubled"])
def test_a_pickle_nested_without_end_is_one_line(tmp_path, kind):
    outer: dict[str, object] = {"x": torch.ones(1)}
    if kind == "cyclic":
        outer["a"] = outer
    for _ in range({"deep": 2_000, "cyclic": 0, "doubled": 50}[kind]):
        outer = {"a": outer, "b": outer} if kind == "doubled" else {"a": outer}
    deep(outer, tmp_path / "t.pt")
    with pytest.raises(CheckpointError, match=r"t\.pt must be .*nested") as raised:
        open_tensors(tmp_path / "t.pt")
    assert "\n" not in str(raised.value)


def deep(content: object, file: Path) -> None:
    """`torch.save` by a Python that may go deeper; reading takes no recursion."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        torch.save(content, file)
    finally:
        sys.setrecursionlimit(limit)


class Evil:
    """Code that runs where a pickle is opened without care."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("form", ["new", "old"])
def test_no_code_of_a_pickle_is_run(tmp_path, make, refused, form):
    evil = {"model": Evil(tmp_path / "ran"), "model_args": {}}
    export_huggingface(make(), tmp_path / "hf")
    (tmp_path / "hf" / "model.safetensors").unlink()
    for file in ("ckpt.pt", "hf/pytorch_model.bin", "x.pt"):
        torch.save(evil, tmp_path / file, _use_new_zipfile_serialization=form == "new")
    refused(tmp_path / "ckpt.pt", "mkdir, which could run any code")
    refused(tmp_path / "hf", "mkdir, which could run any code")
    with pytest.raises(CheckpointError, match="mkdir, which could run any code"):
        open_tensors(tmp_path / "x.pt")
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "x.pt", weights_only=False)
    assert (tmp_path / "ran").exists(), "without care it would have run"


# -- indexes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "other.index.json"])
def test_an_index_that_names_an_index_is_refused(tmp_path, make, refused, name):
    export_huggingface(make(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    index = tmp_path / "model.safetensors.index.json"
    for place in (tmp_path / name, index):
        place.write_text(json.dumps({"weight_map": {"a": name}}))
    refused(tmp_path, str(index), f"it names an index, {name}")


# -- arrays that unfold -----------------------------------------------------------------------


def bomb(file: Path, name: str, shape: tuple[int, ...]) -> None:
    """An .npz with an array of zeros: about a thousandth of what it says that it is."""
    head = np.lib.format.header_data_from_array_1_0(np.zeros(1, np.float32)) | {"shape": shape}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, head)
            for _ in range(int(np.prod(shape)) // (1 << 20)):
                member.write(bytes(4 << 20))


def test_an_npz_is_not_unfolded_before_its_header_fits(tmp_path, refused, monkeypatch):
    hparams = {"n_vocab": 37, "n_ctx": 11, "n_embd": 15, "n_head": 3, "n_layer": 2}
    (tmp_path / "hparams.json").write_text(json.dumps(hparams))
    bomb(tmp_path / "model.npz", "model/wte", (1 << 10, 1 << 13))
    assert (tmp_path / "model.npz").stat().st_size < 100_000

    def read(*_: object, **__: object) -> None:
        raise AssertionError("an array is unfolded")

    monkeypatch.setattr("numpy.load", read)
    refused(tmp_path, "model.npz", "missing")
    assert open_tensors(tmp_path / "model.npz").shape("model/wte") == (1 << 10, 1 << 13)


@pytest.mark.parametrize("shape", [(1 << 62, 1 << 62), (-1, 2)])
def test_a_header_with_no_shape_of_any_array_is_one_line(tmp_path, refused, shape):
    hparams = {"n_vocab": 37, "n_ctx": 11, "n_embd": 15, "n_head": 3, "n_layer": 2}
    (tmp_path / "hparams.json").write_text(json.dumps(hparams))
    head = np.lib.format.header_data_from_array_1_0(np.zeros(1, np.float32)) | {"shape": shape}
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        with archive.open("model/wte.npy", "w") as member:
            np.lib.format.write_array_header_1_0(member, head)
    refused(tmp_path, "model.npz")


def test_shapes_are_told_of_every_form(tmp_path):
    values = torch.arange(6.0).view(2, 3)
    save_file({"x": values}, tmp_path / "x.safetensors")
    np.savez_compressed(tmp_path / "x.npz", x=values.numpy())
    np.save(tmp_path / "x.npy", values.numpy())
    torch.save({"x": values}, tmp_path / "x.pt")
    for form in ("safetensors", "npz", "npy", "pt"):
        assert open_tensors(tmp_path / f"x.{form}").shape("x") == (2, 3), form


def test_a_model_of_the_most_layers_is_refused_at_once_too(tmp_path, make, refused):
    save(make(), tmp_path)
    save_file(load_file(tmp_path / "model.safetensors"), tmp_path / "model.safetensors")
    changed(tmp_path / "config.json", n_layer=DEPTH)
    refused(tmp_path, "h.2.ln_1.weight", "missing")
