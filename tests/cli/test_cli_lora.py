"""Every command that reads a model, on one with LoRA's matrices."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pellucid.checkpoint import load, save
from pellucid.models import GPT, GPTConfig, merged, with_lora
from pellucid.text import Characters
from pellucid.tree import flatten, unflatten
from tests.cli.conftest import Command

TEXT = "abba"
LEARNED = "h.0.attn.c_attn.learned[1,2]"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with pairs that have learned something, and its tokenizer."""
    place = tmp_path_factory.mktemp("lora") / "tuned"
    pieces = Characters.from_text("abc")
    config = GPTConfig(pieces.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=8)
    model = with_lora(GPT.init(config, dtype=torch.float64), 2)
    generator = torch.Generator().manual_seed(1)
    flat = flatten(model.params)
    for name in (name for name in flat if name.endswith("lora_b")):
        flat[name] = torch.randn(flat[name].shape, generator=generator, dtype=torch.float64)
    save(model.with_params(unflatten(flat)), place)
    pieces.save(place / "tokenizer.json")
    return place


def test_it_writes_on_as_the_merged_model_does(pellucid: Command, tuned: Path, tmp_path: Path):
    save(merged(load(tuned)), tmp_path)
    (tmp_path / "tokenizer.json").write_text((tuned / "tokenizer.json").read_text())
    how = ("--prompt", TEXT, "--max-new-tokens", 4, "--seed", 3)
    ended = pellucid("generate", "--model", tuned, *how)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == pellucid("generate", "--model", tmp_path, *how).out
    assert ended.out.startswith(TEXT)
    assert ended.out == pellucid("generate", "--model", tuned, *how, "--no-past").out


def test_a_walk_shows_the_pairs_and_moves_them_alone(pellucid: Command, tuned: Path):
    ended = pellucid("walk", TEXT, "--full", "--model", tuned)
    assert (ended.code, ended.err) == (0, "")
    for low in ("c_attn.low = x c_attn.lora_a", "c_proj.low = merged c_proj.lora_a"):
        assert low in ended.out
    for back in ("dc_attn.lora_a = xᵀ dc_attn.low", "dc_proj.lora_a = act.outᵀ dc_proj.low"):
        assert back in ended.out
    for name in ("h.0.attn.c_attn.low", "h.0.mlp.c_proj.learned", "dh.0.mlp.c_fc.lora_b"):
        assert f"\n{name} " in ended.out or f" {name} " in ended.out, name
    told = " ".join(ended.out.split())
    assert re.search(r"LoRA's \d+ matrices alone move\..* the loss before the step was", told)
    assert "h.0.attn.c_attn.lora_a.update" in ended.out
    assert "h.0.attn.c_attn.weight.update" not in ended.out


@pytest.mark.parametrize("end", ["html", "json", "md", "tex"])
def test_a_walk_is_written_as_a_document(pellucid: Command, tuned: Path, tmp_path: Path, end: str):
    file = tmp_path / f"walk.{end}"
    ended = pellucid("walk", TEXT, "--model", tuned, "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert "low" in file.read_text(encoding="utf-8")


def test_a_number_of_a_pair_is_explained(pellucid: Command, tuned: Path):
    ended = pellucid("explain", LEARNED, TEXT, "--model", tuned)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Block 0: what LoRA adds to channel 2 of the query in head 0")
    assert f"\n{LEARNED} = " in ended.out
    assert "h.0.attn.c_attn.lora_b[0,2]" in ended.out
    assert "a parameter of the model" in ended.out
    assert "h.0.attn.c_attn.low[1,0]" in ended.out
    deep = pellucid("explain", LEARNED, TEXT, "--model", tuned, "--depth", 2).out
    assert "h.0.attn.c_attn.lora_a[0,0]" in deep


def test_a_pair_s_update_is_explained(pellucid: Command, tuned: Path):
    name = "h.0.mlp.c_fc.lora_a.update[1,1]"
    assert "add --optimizer" in pellucid("explain", name, TEXT, "--model", tuned).refused()
    ended = pellucid("explain", name, TEXT, "--model", tuned, "--optimizer", "adamw")
    assert (ended.code, ended.err) == (0, "")
    assert "h.0.mlp.c_fc.lora_a.m_hat" in ended.out


def test_by_hand_too(pellucid: Command, tuned: Path):
    ended = pellucid("explain", LEARNED, TEXT, "--model", tuned, "--by-hand", 4)
    assert (ended.code, ended.err) == (0, "")


def test_it_is_proved(pellucid: Command, tuned: Path, tmp_path: Path):
    file = tmp_path / "certificate.json"
    ended = pellucid("prove", TEXT, "--model", tuned, "--optimizer", "adamw", "-o", file)
    assert ended.err == ""
    (run,) = json.loads(file.read_text(encoding="utf-8"))["runs"]
    assert run["failures"] == []
    assert run["tensors"]["h.0.mlp.c_fc.learned"]["inside"]
    assert run["tensors"]["h.0.mlp.c_fc.lora_a.new"]["inside"]
    assert "h.0.mlp.c_fc.weight.new" not in run["tensors"]


def test_a_pack_of_it_compares_with_itself(pellucid: Command, tuned: Path, tmp_path: Path):
    pack = tmp_path / "pack"
    ended = pellucid("reference", TEXT, "--model", tuned, "-o", pack, "--steps", 2)
    assert (ended.code, ended.err) == (0, "")
    ended = pellucid("compare", pack, pack)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("to", ["huggingface", "llm.c"])
def test_its_export_is_merged_and_says_so(pellucid: Command, tuned: Path, tmp_path: Path, to: str):
    single = tmp_path / "single"
    save(load(tuned).to(dtype=torch.float32), single)
    (single / "tokenizer.json").write_text((tuned / "tokenizer.json").read_text())
    ended = pellucid("export", single, tmp_path / "out", "--format", to)
    assert (ended.code, ended.err) == (0, "")
    assert "LoRA's matrices are merged" in ended.out
    read = load(tmp_path / "out" / ("model.bin" if to == "llm.c" else ""))
    whole = merged(load(single))
    assert isinstance(read, GPT)
    assert read.config == whole.config
    for name, leaf in flatten(whole.params).items():
        assert torch.equal(flatten(read.params)[name], leaf), name
    if to == "huggingface":
        stored = load_file(tmp_path / "out" / "model.safetensors")
        assert not any("lora" in name for name in stored)
        assert "lora" not in (tmp_path / "out" / "config.json").read_text()


def test_an_export_without_pairs_does_not_speak_of_them(
    pellucid: Command, tuned: Path, tmp_path: Path
):
    save(merged(load(tuned)), tmp_path / "plain")
    (tmp_path / "plain" / "tokenizer.json").write_text((tuned / "tokenizer.json").read_text())
    ended = pellucid("export", tmp_path / "plain", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert "LoRA" not in ended.out
