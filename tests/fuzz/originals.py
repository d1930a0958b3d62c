"""Small files of each format, made by the package itself, and read once."""

import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pellucid
from pellucid.checkpoint import export_gguf, export_huggingface, export_llm_c
from pellucid.models import GPT, CausalModel, GPTConfig, Llama, LlamaConfig, RotaryScaling
from pellucid.text import ChatTemplate, Tokenizer, train_bpe
from pellucid.tree import flatten
from tests.fuzz.running import run_command

Files = dict[str, bytes]
"""A folder's files by their paths in it."""

VOCABULARY = 257
MERGED = 260  # that of a file for llama.cpp, whose tokenizers merge
SIZES = {"block_size": 16, "n_layer": 1, "n_head": 2, "n_embd": 4}
SHORT = ["--max-iters", "2", "--eval-interval", "1", "--batch-size", "2"]
TEXT = "In the beginning was the word, and the word was good. " * 8

TABLE = "height,width,kind\n" + "1.5,2,leaf\n0.5,3,flower\n2.5,1,leaf\n0.25,4,flower\n" * 6
PAIRS = "Guten Tag\tGood day\nWo bist du?\tWhere are you?\nIch bin da\tI am here\nJa\tYes\n" * 12


@cache
def small_model() -> GPT:
    """A GPT of a few hundred weights that reads bytes."""
    torch.manual_seed(0)
    return GPT.init(GPTConfig(vocab_size=VOCABULARY, **SIZES))


def files_of(make: Callable[[Path], object]) -> Files:
    """What is in a folder after something was made there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        return {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }


def command(*arguments: str) -> Callable[[Path], object]:
    """What makes a folder's files by a command, run in it."""

    def make(folder: Path) -> None:
        (folder / "text.txt").write_text(TEXT, encoding="utf-8")
        (folder / "table.csv").write_text(TABLE, encoding="utf-8")
        (folder / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
        assert run_command(arguments, folder) == "accepted", arguments

    return make


@cache
def bytes_tokenizer() -> Tokenizer:
    """A token for each byte, and the end of a text."""
    return train_bpe("", VOCABULARY)


def _tokenizer(folder: Path) -> None:
    bytes_tokenizer().save(folder / "tokenizer.json")


@cache
def native() -> Files:
    """A checkpoint of our own."""

    def make(folder: Path) -> None:
        pellucid.save(small_model(), folder)
        _tokenizer(folder)

    return files_of(make)


@cache
def huggingface() -> Files:
    """A folder as transformers writes it."""

    def make(folder: Path) -> None:
        export_huggingface(small_model(), folder)
        _tokenizer(folder)

    return files_of(make)


@cache
def sharded() -> Files:
    """The same with an index of shards."""
    files = dict(huggingface())
    weights = files.pop("model.safetensors")
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    shard = "model-00001-of-00001.safetensors"
    weight_map = {name: shard for name in header if name != "__metadata__"}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    return files | {shard: weights, "model.safetensors.index.json": json.dumps(index).encode()}


@cache
def nanogpt() -> dict[str, object]:
    """What nanoGPT saves, before it is written."""
    model = small_model()
    state = {
        f"transformer.{name}": (value.mT if name.startswith("h.") and value.ndim == 2 else value)
        for name, value in flatten(model.params).items()
    }
    state["lm_head.weight"] = state["transformer.wte.weight"]
    arguments = SIZES | {"bias": True, "vocab_size": VOCABULARY, "dropout": 0.0}
    return {
        "model": {name: value.contiguous() for name, value in state.items()},
        "optimizer": None,
        "model_args": arguments,
        "iter_num": 1,
        "best_val_loss": 1.0,
        "config": {},
    }


@cache
def llm_c() -> Files:
    """A file of llm.c's, and a tokenizer beside it."""

    def make(folder: Path) -> None:
        export_llm_c(small_model(), folder / "gpt2.bin")
        _tokenizer(folder)

    return files_of(make)


def gguf(model: CausalModel) -> Callable[[], Files]:
    """A file for llama.cpp, with its tokenizer and a chat template in it."""

    def files() -> Files:
        template = ChatTemplate("{{ messages[0].content }}", {}, ())

        def make(folder: Path) -> None:
            export_gguf(model, train_bpe(TEXT, MERGED), folder / "m.gguf", template=template)

        return files_of(make)

    return cache(files)


def small_gpt() -> GPT:
    """A GPT-2 that llama.cpp could run."""
    return GPT.init(GPTConfig(MERGED, **SIZES))


def small_llama() -> Llama:
    """A Llama as small, with Llama 3.1's scaling."""
    scaling = RotaryScaling(8.0, 1.0, 4.0, 4)
    sizes: dict[str, Any] = SIZES | {"n_kv_head": 1, "n_inner": 4, "rope_scaling": scaling}
    return Llama.init(LlamaConfig(MERGED, **sizes))


@cache
def openai() -> Files:
    """Hyperparameters and an archive of arrays, as OpenAI released them."""

    def make(folder: Path) -> None:
        settings = {"n_vocab": VOCABULARY, "n_ctx": 16, "n_embd": 4, "n_head": 2, "n_layer": 1}
        (folder / "hparams.json").write_text(json.dumps(settings), encoding="utf-8")
        arrays = {
            "model/" + _openai_name(name): value.numpy()
            for name, value in flatten(small_model().params).items()
        }
        np.savez(folder / "weights.npz", **arrays)
        _tokenizer(folder)

    return files_of(make)


def _openai_name(name: str) -> str:
    ends = {"weight": "w", "bias": "b"}
    if name in {"wte.weight", "wpe.weight"}:
        return name.removesuffix(".weight")
    *where, end = name.split(".")
    if where[0] == "h":
        where = [f"h{where[1]}", *where[2:]]
    if where[-1].startswith("ln_"):
        ends = {"weight": "g", "bias": "b"}
    return "/".join([*where, ends[end]])


@cache
def training_run() -> Files:
    """A training of two steps, which can go on."""
    sizes = ["--n-layer", "1", "--n-head", "2", "--n-embd", "4", "--block-size", "8"]
    make = command("train", "text.txt", "--out", "run", *sizes, *SHORT, "--num-samples", "0")
    return files_of(make)


@cache
def prepared() -> Files:
    """A folder of prepared tokens."""
    return files_of(command("prepare", "text.txt", "--tokenizer", "chars", "--out", "data"))


@cache
def classifier() -> Files:
    """A classifier, and the table it learnt from."""
    learn = ["--label", "kind", "--epochs", "2", "--hidden", "2", "--no-check-gradients"]
    return files_of(command("train-classifier", "table.csv", "--out", "model", *learn))


@cache
def translator() -> Files:
    """A translator, and the pairs it learnt from."""
    sizes = ["--n-layer", "1", "--n-head", "2", "--n-embd", "4", "--vocab-size", "270"]
    steps = ["--max-iters", "2", "--eval-interval", "1", "--batch-tokens", "256"]
    return files_of(command("train-translator", "pairs.tsv", "--out", "model", *sizes, *steps))


@cache
def pack(*options: str) -> Files:
    """A reference pack of the small model, and the model."""

    def make(folder: Path) -> None:
        pellucid.save(small_model(), folder / "model")
        _tokenizer(folder / "model")
        arguments = ["reference", "a b", "--model", "model", "--out", "pack", *options]
        assert run_command(arguments, folder) == "accepted"

    return files_of(make)


def kit() -> Files:
    """The same with a dump and the C kit."""
    return pack("--to", "c")


@cache
def small_pack() -> Files:
    """A pack of runs and checksums whose model is not there, and a whole one beside it."""

    def make(folder: Path) -> None:
        pellucid.save(small_model(), folder / "model")
        _tokenizer(folder / "model")
        arguments = ["reference", "a b", "--model", "model", "--recipe", "nanogpt", "--out"]
        assert run_command([*arguments, "whole"], folder) == "accepted"
        small = ["pack", "--size", "600KB"]
        assert run_command([*arguments, *small], folder) == "accepted"
        shutil.rmtree(folder / "model")

    return files_of(make)
