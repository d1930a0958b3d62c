"""A manifest is as docs/reference-pack.md has it, or refused in one line at once."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.errors import CheckpointError
from pellucid.reference import Decoding, ReferenceRun, open_pack, write_pack
from tests.port.models import model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    params, tokens, targets = small()
    made = tmp_path_factory.mktemp("manifests") / "pack"
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    model, decoding = model_of(params, torch.float32), Decoding(2)
    run = ReferenceRun(model, "", *batch, UPDATE, steps=2, decoding=decoding)
    write_pack(run, made, dtypes=[torch.float32], texts=[{"text": "a", "ids": [1]}])
    return made


def row(manifest: Manifest, name: str) -> Manifest:
    return next(one for one in manifest["tensors"] if one["name"] == name)


WRONG: dict[str, tuple[Callable[[Manifest], Any], str]] = {
    "same_as itself": (
        lambda m: (row(m, "probs").pop("files"), row(m, "probs").update(same_as="probs")),
        "probs: same_as must name",
    ),
    "same_as in a circle": (
        lambda m: [
            (row(m, one).pop("files"), row(m, one).update(same_as=other))
            for one, other in (("probs", "dlogits"), ("dlogits", "probs"))
        ],
        "probs: same_as must name",
    ),
    "same_as unknown": (
        lambda m: row(m, "h.1.resid_pre").update(same_as="nothing"),
        "h.1.resid_pre: same_as must name",
    ),
    "same_as of another shape": (
        lambda m: row(m, "h.1.resid_pre").update(same_as="loss"),
        "h.1.resid_pre: same_as must name",
    ),
    "same_as a list": (lambda m: row(m, "h.1.resid_pre").update(same_as=[1]), "same_as must"),
    "neither": (lambda m: row(m, "loss").pop("files"), "loss must have files or same_as"),
    "both": (lambda m: row(m, "loss").update(same_as="losses"), "loss must have files or same_as"),
    "files a list": (lambda m: row(m, "loss").update(files=["a"]), "loss: files must have a name"),
    "files of no dtype": (lambda m: row(m, "loss").update(files={}), "loss: files must have"),
    "files of another": (
        lambda m: row(m, "loss").update(files={"float64": "a.safetensors"}),
        "loss: files must have a name for each of float32",
    ),
    "a file above": (
        lambda m: row(m, "loss")["files"].update(float32="../x.safetensors"),
        "loss: files must be names of files beside",
    ),
    "a file elsewhere": (
        lambda m: row(m, "loss")["files"].update(float32="/etc/passwd"),
        "loss: files must be names of files beside",
    ),
    "a file ..": (lambda m: row(m, "loss")["files"].update(float32=".."), "is missing"),
    "a file of a number": (lambda m: row(m, "loss")["files"].update(float32=3), "files must be"),
    "a shape of text": (lambda m: row(m, "loss").update(shape="x"), "loss: shape must be"),
    "a negative shape": (lambda m: row(m, "loss").update(shape=[-1]), "loss: shape must be"),
    "kept beyond": (lambda m: row(m, "loss").update(kept=[9]), "loss: kept must be"),
    "a larger part": (lambda m: row(m, "probs").update(kept=[99, 1]), "probs: kept must be"),
    "a parameter's shape": (
        lambda m: row(m, "ln_f.weight").update(shape=[3]),
        r"ln_f.weight: shape must be \[12\]",
    ),
    "another part": (lambda m: row(m, "loss").update(part="x"), "loss: part must be one of"),
    "a name twice": (lambda m: m["tensors"].append(row(m, "loss")), "a name of its own"),
    "a row of text": (lambda m: m["tensors"].append("x"), "a name of its own"),
    "no loss": (lambda m: m["tensors"].remove(row(m, "loss")), "loss is not among the tensors"),
    "steps of text": (lambda m: m.update(steps="2"), "steps must be a whole number"),
    "steps 0": (lambda m: m.update(steps=0), "steps must be a whole number"),
    "steps a float": (lambda m: m.update(steps=2.5), "steps must be a whole number"),
    "more steps": (lambda m: m.update(steps=3), "losses.float32 must be 3 numbers"),
    "losses of text": (lambda m: m["losses"].update(float32="x"), "losses.float32 must be"),
    "losses with a null": (lambda m: m["losses"].update(float32=[1, None]), "losses.float32 must"),
    "losses of no dtype": (lambda m: m.update(losses={}), "losses must have a list"),
    "a dtype of none": (lambda m: m["losses"].update(nothing=[1.0, 2.0]), "losses must have a"),
    "a dtype that is code": (lambda m: m["losses"].update(load=[1.0, 2.0]), "losses must have a"),
    "a model's dtype": (lambda m: m["model"].update(dtype="int8"), "model.dtype must be one of"),
    "a dtype's list": (lambda m: m["model"].update(dtype=["float32"]), "model.dtype must be one"),
    "a source of none": (lambda m: m["model"].update(source=None), "model.source must be a text"),
    "a sum of none": (lambda m: m["model"].pop("sha256"), "model.sha256 must be a text"),
    "an architecture": (
        lambda m: m["model"].update(architecture="classifier"),
        "model.architecture must be one of gpt, llama",
    ),
    "an architecture's list": (
        lambda m: m["model"].update(architecture=[]),
        "model.architecture must be one of",
    ),
    "another architecture": (
        lambda m: m["model"].update(architecture="llama"),
        "config has a field that a llama does not have",
    ),
    "sizes that nothing has": (
        lambda m: m["model"]["config"].update(n_embd=3 << 40, vocab_size=1 << 40),
        "its sizes are too large",
    ),
    "a config of more": (lambda m: m["model"]["config"].update(x=1), "config has a field"),
    "a config of text": (lambda m: m["model"]["config"].update(n_layer="x"), "n_layer must be"),
    "no update": (lambda m: m.update(update=None), "update must be an object"),
    "an update's rate": (lambda m: m["update"].update(learning_rate="x"), "with a learning_rate"),
    "a rate of 0": (lambda m: m["update"].update(learning_rate=0), "learning_rate must be above"),
    "an optimizer": (lambda m: m["update"].update(optimizer="x"), "an optimizer must be one of"),
    "an optimizer's list": (lambda m: m["update"].update(optimizer=[]), "update"),
    "betas of text": (lambda m: m["update"].update(betas="ab"), "update.betas must be 2 numbers"),
    "one beta": (lambda m: m["update"].update(betas=[0.9]), "update.betas must be 2 numbers"),
    "a beta of 1": (lambda m: m["update"].update(betas=[0.9, 1]), "betas must be two numbers"),
    "an eps of text": (lambda m: m["update"].update(eps="x"), "update.eps must be a number"),
    "a clip of null": (lambda m: m["update"].update(clip=None), "update.clip must be a number"),
    "a clip below 0": (lambda m: m["update"].update(clip=-1), "clip must be above 0"),
    "fewer rates": (lambda m: m["update"].update(learning_rates=[1]), "learning_rates must be 2"),
    "rates of 0": (lambda m: m["update"].update(learning_rates=[1, 0]), "learning_rate must be ab"),
    "what decays": (lambda m: m["update"].update(decay=[1]), "update: decay must be of matrices"),
    "version 3": (lambda m: m.update(pellucid_reference=3), "with 'pellucid_reference' 1 or 2"),
    "a version's list": (lambda m: m.update(pellucid_reference=[1]), "a reference pack's, with"),
    "decoding of text": (lambda m: m.update(decoding="x"), "decoding must be an object"),
    "decoding no step": (lambda m: m["decoding"].update(steps=0), "whole number of steps from 1"),
    "decoding more": (lambda m: m["decoding"].update(steps=3), r"decode.ids: shape must be \[3\]"),
    "decoding too long": (lambda m: m["decoding"].update(steps=9), "decoding must end within the"),
    "a prompt of rows": (lambda m: m["decoding"].update(prompt=[[1]]), "decoding.prompt must be"),
    "no prompt": (lambda m: m["decoding"].pop("prompt"), "decoding.prompt must be a list"),
    "a prompt too high": (lambda m: m["decoding"].update(prompt=[99]), "prompt must be below 11"),
    "a warmth of 0": (
        lambda m: m["decoding"]["sampling"].update(temperature=0),
        "decoding.sampling: temperature must be above 0",
    ),
    "a warmth of text": (
        lambda m: m["decoding"]["sampling"].update(temperature="x"),
        "decoding.sampling: ",
    ),
    "sampling of more": (lambda m: m["decoding"]["sampling"].update(x=1), "decoding.sampling: "),
    "sampling of none": (lambda m: m["decoding"].pop("sampling"), "decoding.sampling must be an"),
    "no decoding": (lambda m: m.pop("decoding"), "and the manifest have decoding"),
    "texts of text": (lambda m: m.update(texts="x"), "texts must be a list"),
    "a text of none": (lambda m: m["texts"][0].pop("text"), r"texts\[0\] must be an object with a"),
    "ids of text": (lambda m: m["texts"][0].update(ids=["x"]), r"texts\[0\].ids must be a list"),
    "ids below 0": (lambda m: m["texts"][0].update(ids=[-1]), r"texts\[0\].ids must be a list"),
    "a decay": (lambda m: m["update"].update(weight_decay="x"), "update.weight_decay must be"),
    "tokens of text": (lambda m: m.update(tokens=["a"]), "tokens must be whole numbers"),
    "tokens of floats": (lambda m: m.update(tokens=[0.5] * 6), "tokens must be whole numbers"),
    "no tokens": (lambda m: m.update(tokens=[]), "tokens must be whole numbers"),
    "rows of tokens": (lambda m: m.update(tokens=[[1], [1, 2]]), "tokens must be whole numbers"),
    "tokens too deep": (lambda m: m.update(tokens=[[[1]]]), "tokens must be whole numbers"),
    "fewer targets": (lambda m: m.update(targets=[1]), "tokens and targets must have one shape"),
    "tokens too many": (lambda m: m.update(tokens=[1] * 11, targets=[1] * 11), "at most 10"),
    "a token too high": (lambda m: m["tokens"].__setitem__(0, 11), "tokens must be below 11"),
    "a token below 0": (lambda m: m["tokens"].__setitem__(0, -100), "tokens must be below 11"),
    "a target too high": (lambda m: m["targets"].__setitem__(0, 11), "targets must be below 11"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_as_written_is_refused_in_one_line(place: Path, tmp_path: Path, case: str):
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    change, said = WRONG[case]
    change(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for file in place.glob("*.safetensors"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CheckpointError, match=said) as raised:
        open_pack(tmp_path)
    assert "\n" not in str(raised.value)


def test_what_need_not_be_there_may_be_missing(place: Path, tmp_path: Path):
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    right = copy.deepcopy(manifest)
    for key in ("text", "made_by"):
        del right[key]
    del right["model"]["architecture"]
    right["targets"][0] = -100
    for one in right["tensors"]:
        one.pop("made_by", None)
    (tmp_path / "manifest.json").write_text(json.dumps(right))
    for file in place.glob("*.safetensors"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert open_pack(tmp_path).targets[0] == -100


def test_a_file_with_another_dtype_is_refused(place: Path, tmp_path: Path):
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    manifest["losses"] = {"float64": manifest["losses"]["float32"]}
    for one in manifest["tensors"]:
        if "files" in one:
            one["files"] = {"float64": one["files"]["float32"]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for file in place.glob("*.safetensors"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CheckpointError, match="a file whose loss is of float64"):
        open_pack(tmp_path).tensor("loss", "float64")
