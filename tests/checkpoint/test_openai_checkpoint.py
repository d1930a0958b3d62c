"""OpenAI's names: a GPT-2 of transformers under them, from each kind of file."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pellucid.checkpoint import load
from pellucid.tree import flatten

HPARAMS = {"n_vocab": 37, "n_ctx": 11, "n_embd": 15, "n_head": 3, "n_layer": 2}


def openai_names(weights):
    """GPT-2's tensors, from transformers' names to those of OpenAI's TensorFlow graph."""
    renamed = {}
    for name, leaf in weights.items():
        if name in ("wte.weight", "wpe.weight"):
            renamed[f"model/{name[:3]}"] = leaf
            continue
        path, _, kind = re.sub(r"^h\.(\d+)", r"h\1", name).rpartition(".")
        letter = "b" if kind == "bias" else "g" if "ln_" in path else "w"
        stored = leaf[None] if letter == "w" else leaf
        renamed[f"model/{path.replace('.', '/')}/{letter}"] = stored
    return renamed


def as_npz(directory, arrays):
    np.savez(directory / "model.npz", **arrays)
    return directory / "model.npz"


def as_safetensors(directory, arrays):
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    save_file(tensors, directory / "model.safetensors")
    return directory / "model.safetensors"


def as_tensorflow(directory, arrays):
    (directory / "model.ckpt.index").write_bytes(b"a table of names")
    return directory / "model.ckpt.index"


def tensorflow(arrays):
    """What the reader needs of TensorFlow: a checkpoint's names, shapes and arrays."""

    def load_checkpoint(prefix):
        assert prefix.endswith("model.ckpt")
        return SimpleNamespace(
            get_variable_to_shape_map=lambda: {name: array.shape for name, array in arrays.items()},
            get_tensor=arrays.__getitem__,
        )

    return SimpleNamespace(train=SimpleNamespace(load_checkpoint=load_checkpoint))


@pytest.fixture
def stored(tmp_path, make):
    (tmp_path / "hparams.json").write_text(json.dumps(HPARAMS))
    weights = openai_names(flatten(make().params))
    return {name: leaf.numpy() for name, leaf in weights.items()}


@pytest.mark.parametrize("form", [as_npz, as_safetensors, as_tensorflow])
def test_every_tensor_comes_back(tmp_path, monkeypatch, make, equal, stored, form):
    assert stored["model/h0/attn/c_attn/w"].shape == (1, 15, 45)
    assert "model/ln_f/g" in stored
    form(tmp_path, stored)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow(stored))
    assert equal(load(tmp_path), make())


def test_logits_of_transformers_gpt2(tmp_path):
    transformers = pytest.importorskip("transformers", reason="the judge of this test")
    sizes = {"vocab_size": 37, "n_positions": 11, "n_embd": 15, "n_head": 3, "n_layer": 2}
    tokens = {"bos_token_id": None, "eos_token_id": None}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes | tokens)).double().eval()
    generator = torch.Generator().manual_seed(3)
    ids = torch.arange(11)[None]
    with torch.no_grad():
        for leaf in model.parameters():
            leaf.add_(0.3 * torch.randn(leaf.shape, generator=generator))
        expected = model(ids).logits
    weights = {
        name.removeprefix("transformer."): leaf.detach().numpy()
        for name, leaf in model.named_parameters()
    }
    (tmp_path / "hparams.json").write_text(json.dumps(HPARAMS))
    as_npz(tmp_path, openai_names(weights))
    assert (load(tmp_path).forward(ids) - expected).abs().max() < 1e-10


@pytest.mark.parametrize("form", [as_npz, as_safetensors, as_tensorflow])
@pytest.mark.parametrize(
    ("name", "array", "names"),
    [
        ("model/h1/mlp/c_fc/w", None, ["h.1.mlp.c_fc.weight", "missing"]),
        ("model/h1/mlp/c_fc/extra", np.ones(1), ["extra", "unexpected"]),
        ("model/h1/mlp/c_fc/w", np.ones((1, 60, 15)), ["h.1.mlp.c_fc.weight", "(15, 60)"]),
        ("model/h1/mlp/c_fc/w", np.ones((2, 15, 60)), ["h.1.mlp.c_fc.weight", "(2, 15, 60)"]),
        ("model/wte", np.ones((50, 15)), ["wte.weight", "(37, 15)", "(50, 15)"]),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, monkeypatch, stored, refused, form, name, array, names):
    changed = {key: value for key, value in stored.items() if key != name}
    changed |= {} if array is None else {name: array.astype(np.float32)}
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow(changed))
    file = form(tmp_path, changed)
    refused(tmp_path, str(file), *names)


def test_without_tensorflow_the_remedy_is_named(tmp_path, monkeypatch, stored, refused):
    as_tensorflow(tmp_path, stored)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    refused(tmp_path, "model.ckpt.index", "install tensorflow")


def test_what_tensorflow_refuses_is_one_line(tmp_path, monkeypatch, stored, refused):
    def fail(prefix):
        raise RuntimeError("Unable to open table file:\nData loss")

    as_tensorflow(tmp_path, stored)
    library = SimpleNamespace(train=SimpleNamespace(load_checkpoint=fail))
    monkeypatch.setitem(sys.modules, "tensorflow", library)
    refused(tmp_path, "model.ckpt.index", "Data loss")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"text"])
def test_npz_that_is_none(tmp_path, stored, refused, content):
    (tmp_path / "model.npz").write_bytes(content)
    refused(tmp_path, "model.npz")


def test_npz_that_is_truncated_or_holds_objects(tmp_path, stored, refused):
    file = as_npz(tmp_path, stored)
    file.write_bytes(file.read_bytes()[:2000])
    refused(tmp_path, "model.npz")
    np.savez(file, **stored | {"model/wte": np.array([{}], dtype=object)})
    refused(tmp_path, "model.npz")
    np.savez(file, **stored | {"model/wte": np.array(["text"])})
    refused(tmp_path, "model.npz")


def test_one_file_of_weights(tmp_path, stored, refused):
    refused(tmp_path, str(tmp_path), "npz")
    as_npz(tmp_path, stored)
    np.savez(tmp_path / "copy.npz", **stored)
    refused(tmp_path, str(tmp_path), "copy.npz", "model.npz")


@pytest.mark.parametrize(
    ("hparams", "name"),
    [
        ({"n_ctx": None}, "n_ctx"),
        ({"n_head": 4}, "n_head"),
        ({"n_vocab": 0}, "vocab_size"),
    ],
)
def test_hparams_that_do_not_fit(tmp_path, stored, refused, hparams, name):
    as_npz(tmp_path, stored)
    settings = {key: value for key, value in (HPARAMS | hparams).items() if value is not None}
    (tmp_path / "hparams.json").write_text(json.dumps(settings))
    refused(tmp_path, "hparams.json", name)
    (tmp_path / "hparams.json").write_text(json.dumps(settings)[:-5])
    refused(tmp_path, "hparams.json")
