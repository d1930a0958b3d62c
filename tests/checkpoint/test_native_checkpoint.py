"""Our own format: bit for bit, intervened at once, and readable by the library it is made with."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import pellucid.checkpoint
from pellucid.checkpoint import load, read_metadata, save
from pellucid.checkpoint.safetensors_file import save_tensors
from pellucid.checkpoint.write import write_tensors
from pellucid.errors import CheckpointError, WriteError
from pellucid.models import (
    GPT,
    Intervention,
    Transformer,
    TransformerConfig,
    intervene,
    parameter_shapes,
)
from pellucid.tree import flatten

KINDS = [
    {},
    {"tied": False, "bias": False, "n_inner": 7},
    {"norm": "post", "final_norm": False, "activation": "relu", "eps": 1e-3},
    {"lora_rank": 2, "bias": False},
]


def listed(directory):
    return sorted(file.name for file in directory.iterdir())


@pytest.mark.parametrize("fields", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_comes_back_bit_for_bit(tmp_path, make, equal, fields, dtype):
    model = make(dtype, **fields)
    save(model, tmp_path / "new" / "model")
    assert equal(load(tmp_path / "new" / "model"), model)
    assert equal(load(str(tmp_path / "new" / "model" / "model.safetensors")), model)


def test_edits_are_not_lost_in_silence(tmp_path, make):
    model = intervene(make(), [Intervention("embed.out", 0.0)])
    for write in (save, pellucid.checkpoint.export_huggingface, pellucid.checkpoint.export_llm_c):
        with pytest.raises(CheckpointError, match=r"write model\.without_interventions"):
            write(model, tmp_path / "model")
    assert listed(tmp_path) == []
    save(intervene(model.without_interventions, []), tmp_path)
    assert type(load(tmp_path)) is GPT


def test_the_files_are_as_documented(tmp_path, make):
    model = make()
    save(model, tmp_path, metadata={"step": "7"})
    assert listed(tmp_path) == ["config.json", "model.safetensors"]
    settings = json.loads((tmp_path / "config.json").read_text())
    assert settings == {"pellucid": 1, "architecture": "gpt"} | model.config.to_dict()
    stored = load_file(tmp_path / "model.safetensors")
    shapes = {name: tuple(leaf.shape) for name, leaf in stored.items()}
    assert shapes == parameter_shapes(model.config)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert file.metadata()["format"] == "pt"
    assert read_metadata(tmp_path) == {"step": "7"}


BEFORE_LORA = """{
  "pellucid": 1,
  "architecture": "gpt",
  "vocab_size": 37,
  "block_size": 11,
  "n_layer": 2,
  "n_head": 3,
  "n_embd": 15,
  "n_inner": null,
  "activation": "gelu_tanh",
  "norm": "pre",
  "final_norm": true,
  "bias": true,
  "tied": true,
  "eps": 1e-05
}
"""


def test_a_model_without_lora_is_written_as_before_there_was_lora(tmp_path, make, equal):
    save(make(), tmp_path)
    assert (tmp_path / "config.json").read_text(encoding="utf-8") == BEFORE_LORA
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["pellucid"]) == json.loads(BEFORE_LORA)
    assert equal(load(tmp_path), make())
    (tmp_path / "config.json").unlink()
    assert equal(load(tmp_path), make())


def test_pairs_are_kept_and_the_rank_is_said(tmp_path, make, equal):
    model = make(lora_rank=4)
    save(model, tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    assert settings == json.loads(BEFORE_LORA) | {"lora_rank": 4}
    assert "h.1.mlp.c_fc.lora_a" in load_file(tmp_path / "model.safetensors")
    assert equal(load(tmp_path), model)


def test_a_rank_that_is_missing_does_not_fit_the_pairs(tmp_path, make, refused):
    save(make(lora_rank=4), tmp_path)
    save_file(load_file(tmp_path / "model.safetensors"), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(BEFORE_LORA)
    refused(tmp_path, "h.0.attn.c_attn.lora_a", "unexpected")


def test_of_other_models_no_setting_may_be_missing(tmp_path, refused):
    config = TransformerConfig(5, block_size=8, n_encoder=1, n_decoder=1, n_head=1, n_embd=2)
    save(Transformer.init(config), tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    assert "lora_rank" not in settings
    (tmp_path / "config.json").write_text(json.dumps(settings | {"lora_rank": 2}))
    save_file(load_file(tmp_path / "model.safetensors"), tmp_path / "model.safetensors")
    refused(tmp_path, "'lora_rank' is unknown")


def test_other_files_beside_it_stay(tmp_path, make, equal):
    (tmp_path / "tokenizer.json").write_text("{}")
    save(make(), tmp_path)
    assert (tmp_path / "tokenizer.json").read_text() == "{}"
    assert equal(load(tmp_path), make())


def test_dtype_converts(tmp_path, make):
    save(make(), tmp_path)
    model = load(tmp_path, dtype=torch.float64)
    for name, leaf in flatten(model.params).items():
        assert torch.equal(leaf, flatten(make().params)[name].double())


def test_nan_and_infinity_load(tmp_path, make, equal):
    model = make()
    model.params["wte"]["weight"][0, :3] = torch.tensor([torch.nan, torch.inf, -0.0])
    save(model, tmp_path)
    assert equal(load(tmp_path), model)


def test_a_loaded_model_does_not_depend_on_its_file(tmp_path, make, equal):
    save(make(), tmp_path)
    model = load(tmp_path)
    with (tmp_path / "model.safetensors").open("rb+") as file:
        file.write(bytes((tmp_path / "model.safetensors").stat().st_size))
    assert equal(model, make())


def test_views_and_shared_memory_can_be_saved(tmp_path, make, equal):
    model = make(tied=False)
    table = model.params["wte"]["weight"]
    model.params["lm_head"]["weight"] = table
    model.params["wpe"]["weight"] = torch.arange(165.0).reshape(15, 11).mT
    model.params["ln_f"]["weight"].requires_grad_()
    save(model, tmp_path)
    assert equal(load(tmp_path), GPT(model.config, model.to(device="cpu").params))


def test_tensors_that_overlap_are_written_each(tmp_path):
    flat = torch.arange(12.0)
    for first, second in ((flat[:8], flat[4:]), (flat, flat[6:]), (flat[:3], flat), (flat, flat)):
        tensors = {"a": first, "b": second, "empty": flat[:0], "row": flat.view(3, 4)[:, 1]}
        write_tensors(tmp_path / "t.safetensors", tensors)
        found = load_file(tmp_path / "t.safetensors")
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_a_failed_save_needs_no_room_to_put_the_settings_back(tmp_path, monkeypatch, make, listing):
    """They are renamed: a full disk takes no copy of them."""
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    before = listing(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(WriteError, match="No space left"):
        save(make(), tmp_path)
    assert listing(tmp_path) == before


def test_settings_that_a_link_leads_to_are_kept_in_step(tmp_path, make, equal):
    (tmp_path / "real").mkdir()
    (tmp_path / "m").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "m" / name).symlink_to(tmp_path / "real" / name)
    for model in (make(), make(seed=1, activation="relu")):
        save(model, tmp_path / "m")
        assert equal(load(tmp_path / "real"), model)
        links = [file.name for file in sorted((tmp_path / "m").iterdir()) if file.is_symlink()]
        assert links == ["config.json", "model.safetensors"]
        assert sorted(file.name for file in (tmp_path / "real").iterdir()) == [
            *("config.json", "model.safetensors")
        ]


def test_weights_without_our_header_go_by_config_json(tmp_path, make, equal):
    model = make()
    save(model, tmp_path)
    save_file(flatten(model.params), tmp_path / "model.safetensors")
    assert equal(load(tmp_path), model)


@pytest.mark.parametrize("metadata", [{"step": 7}, {1: "a"}, {"pellucid": "2"}])
def test_metadata_must_be_text(tmp_path, make, metadata):
    with pytest.raises(CheckpointError, match="metadata must be text"):
        save(make(), tmp_path / "new", metadata=metadata)
    assert not (tmp_path / "new").exists()


def test_a_model_of_other_shapes_than_its_configuration_is_not_saved(tmp_path, make):
    model = make()
    with pytest.raises(CheckpointError, match=r"wpe.weight must have the shape \(12, 15\)"):
        save(GPT(replace(model.config, block_size=12), model.params), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_directory(tmp_path, make):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WriteError, match="Not a directory") as caught:
        save(make(), tmp_path / "file")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


# -- all of it or nothing ---------------------------------------------------------------------


class StopError(Exception):
    """The machine stops."""


def failing_at(count, real, error):
    """A function like the real one, which raises at the call of this number."""
    calls = iter(range(1, 1000))

    def call(*arguments, **keywords):
        if next(calls) == count:
            raise error
        return real(*arguments, **keywords)

    return call


OTHERS = [{"activation": "relu"}, {"vocab_size": 38}, {}]


@pytest.mark.parametrize("fields", OTHERS)
@pytest.mark.parametrize("error", [StopError, OSError(28, "No space left on device")])
@pytest.mark.parametrize(
    ("step", "real", "count", "new_weights_are_in"),
    [
        ("pellucid.checkpoint.write.save_tensors", save_tensors, 1, False),
        ("os.fsync", os.fsync, 1, False),  # of the weights
        ("pathlib.Path.replace", Path.replace, 1, False),  # of the weights
        ("os.fsync", os.fsync, 2, True),  # of the directory
        ("os.fsync", os.fsync, 3, True),  # of the configuration
        ("pathlib.Path.replace", Path.replace, 2, True),  # of the configuration
    ],
)
def test_a_failed_save_leaves_the_earlier_checkpoint_or_the_new(
    tmp_path, monkeypatch, make, equal, fields, error, step, real, count, new_weights_are_in
):
    earlier, later = make(), make(seed=1, **fields)
    save(earlier, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(step, failing_at(count, real, error))
        with pytest.raises(StopError if error is StopError else WriteError):
            save(later, tmp_path)
    assert equal(load(tmp_path), later if new_weights_are_in else earlier)
    assert set(listed(tmp_path)) <= {"config.json", "model.safetensors"}
    if not new_weights_are_in:
        assert json.loads((tmp_path / "config.json").read_text())["pellucid"] == 1


def test_a_first_save_that_fails_leaves_no_file(tmp_path, monkeypatch, make):
    monkeypatch.setattr("pathlib.Path.replace", failing_at(1, Path.replace, StopError))
    with pytest.raises(StopError):
        save(make(), tmp_path)
    assert listed(tmp_path) == []


def test_a_foreign_config_is_back_after_a_failed_save(tmp_path, monkeypatch, make, listing):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "model.safetensors").write_bytes(b"theirs")
    before = listing(tmp_path)
    monkeypatch.setattr("pathlib.Path.replace", failing_at(1, Path.replace, StopError))
    with pytest.raises(StopError):
        save(make(), tmp_path)
    assert listing(tmp_path) == before


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import random_model
from pellucid.checkpoint import save
steps = iter(range(1, 100))
def killed(real):
    def call(*arguments, **keywords):
        if next(steps) == {count}:
            os._exit(9)
        return real(*arguments, **keywords)
    return call
Path.rename, Path.replace = killed(Path.rename), killed(Path.replace)
Path.unlink = killed(Path.unlink)
save(random_model(seed=1, activation="relu"), {directory!r})
"""


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_process_killed_at_any_step_leaves_the_earlier_or_the_new(tmp_path, make, equal, count):
    earlier, later = make(), make(seed=1, activation="relu")
    save(earlier, tmp_path)
    script = KILLED.format(tests=str(Path(__file__).parent), count=count, directory=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ, check=False)
    assert ended.returncode == (0 if count == 5 else 9)
    assert equal(load(tmp_path), earlier if count < 3 else later)


# -- what is refused --------------------------------------------------------------------------


def test_an_edited_config_is_refused(tmp_path, make, equal, refused):
    save(make(), tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"vocab_size": 37', '"vocab_size": 38'))
    refused(tmp_path, "config.json", "vocab_size", "37", "38")
    config.unlink()
    assert equal(load(tmp_path), make())


def edit(directory, **settings):
    config = directory / "config.json"
    content = json.loads(config.read_text()) | settings
    config.write_text(json.dumps({key: value for key, value in content.items() if value != "gone"}))
    weights = directory / "model.safetensors"
    save_file(load_file(weights), weights)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"pellucid": 2}, ["version 1", "'pellucid': 2"]),
        ({"architecture": "rnn"}, ["'gpt'", "'rnn'"]),
        ({"n_head": "gone"}, ["'n_head' is missing"]),
        ({"colour": "red"}, ["'colour' is unknown"]),
        ({"n_head": 4}, ["n_embd must be a multiple of n_head"]),
        ({"activation": "tanh"}, ["activation must be one of"]),
        ({"n_layer": 0}, ["n_layer"]),
        ({"n_layer": "two"}, ["n_layer", "'two'"]),
        ({"n_layer": 3}, ["h.2.ln_1.weight", "missing"]),
        ({"n_layer": 1}, ["h.1.attn.c_attn.bias", "unexpected"]),
        ({"vocab_size": 38}, ["wte.weight", "(38, 15)", "(37, 15)"]),
        ({"tied": False}, ["lm_head.weight is missing"]),
    ],
)
def test_settings_that_do_not_fit(tmp_path, make, refused, settings, names):
    save(make(), tmp_path)
    edit(tmp_path, **settings)
    refused(tmp_path, "model.safetensors" if "." in names[0] else "config.json", *names)


def drop(tensors):
    del tensors["h.1.mlp.c_fc.bias"]


def add(tensors):
    tensors["h.1.mlp.c_fc.scale\n"] = torch.ones(1)


def bend(tensors):
    tensors["h.1.mlp.c_fc.weight"] = tensors["h.1.mlp.c_fc.weight"].mT.contiguous()


def quantise(tensors):
    tensors["h.1.mlp.c_fc.weight"] = tensors["h.1.mlp.c_fc.weight"].char()


def mix(tensors):
    tensors["h.1.mlp.c_fc.weight"] = tensors["h.1.mlp.c_fc.weight"].half()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (drop, ["h.1.mlp.c_fc.bias", "missing"]),
        (add, ["h.1.mlp.c_fc.scale", "unexpected"]),
        (bend, ["h.1.mlp.c_fc.weight", "(15, 60)", "(60, 15)"]),
        (quantise, ["h.1.mlp.c_fc.weight", "torch.int8"]),
        (mix, ["torch.float16", "torch.float32", "dtype"]),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, make, refused, change, names):
    save(make(), tmp_path)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    refused(tmp_path, str(weights), *names)
    if change is mix:
        assert load(tmp_path, dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize("length", [0, 5, 100, -1])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_truncated_files(tmp_path, make, refused, name, length):
    save(make(), tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:length].rstrip(b"}"))
    refused(tmp_path, str(tmp_path / name))


@pytest.mark.parametrize("content", ["[1, 2]", '"text"', "null", "\ufeff{}", "[" * 100_000])
def test_json_that_is_no_object(tmp_path, make, refused, content):
    save(make(), tmp_path)
    (tmp_path / "config.json").write_text(content)
    refused(tmp_path, str(tmp_path / "config.json"))


def test_weights_alone_come_before_files_of_other_formats(tmp_path, make, equal):
    save(make(), tmp_path)
    (tmp_path / "ckpt.pt").write_text("another model")
    (tmp_path / "hparams.json").write_text("{}")
    (tmp_path / "config.json").unlink()
    assert equal(load(tmp_path), make())


def test_header_that_is_no_json(tmp_path, make, refused):
    for text in ("{", "[]"):
        save_file(flatten(make().params), tmp_path / "model.safetensors", {"pellucid": text})
        refused(tmp_path, "model.safetensors", "header")


def test_weights_alone_without_our_header(tmp_path, make, refused):
    save_file(flatten(make().params), tmp_path / "model.safetensors")
    refused(tmp_path, "model.safetensors", "config.json")


def test_missing_weights(tmp_path, make, refused):
    save(make(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    refused(tmp_path, str(tmp_path / "model.safetensors"))


def test_places_that_hold_no_checkpoint(tmp_path, refused):
    refused(tmp_path / "absent", "absent")
    refused(str(tmp_path / "absent"), "absent")
    refused(Path("absent"), "absent")
    refused("absent.pt", "absent.pt")
    refused(tmp_path, str(tmp_path))
    (tmp_path / "notes.txt").write_text("text")
    refused(tmp_path / "notes.txt", "notes.txt")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refused(tmp_path, str(tmp_path), "'bert'")


# -- the package ------------------------------------------------------------------------------


def test_exported_names():
    names = ["TensorFiles", "export_gguf", "export_huggingface", "export_llm_c", "load"]
    names += ["open_model", "open_tensors", "read_chat_template", "read_metadata"]
    names += ["read_torch_stacks", "read_torch_transformer", "save", "write_chat_template"]
    names += ["write_state"]
    assert pellucid.checkpoint.__all__ == names
    for name in names:
        assert f"{name}(" in pellucid.checkpoint.__doc__
        assert re.search(r"\w", getattr(pellucid.checkpoint, name).__doc__)


def test_importing_it_imports_no_optional_library():
    script = (
        "import sys, pellucid.checkpoint; "
        "print({'transformers', 'tensorflow', 'huggingface_hub'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_a_setting_that_only_the_header_has_is_named_and_missing(tmp_path, make, refused):
    save(make(), tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    settings = json.loads(config.read_text(encoding="utf-8"))
    del settings["n_inner"]  # null in the header
    config.write_text(json.dumps(settings), encoding="utf-8")
    refused(tmp_path / "m", "n_inner is missing in the one and None in the other")
