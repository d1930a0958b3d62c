"""Every loader by the command that calls it: a file of its format is changed, and read."""

import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from safetensors.torch import save

from pellucid.gguf_header import read_gguf
from tests.fuzz import originals
from tests.fuzz.mutation import any_file, damaged, dumped, mutated
from tests.fuzz.originals import Files
from tests.fuzz.running import run_command
from tests.fuzz.target import Target

GENERATE = ["generate", "--prompt", "a", "--max-new-tokens", "1", "--greedy", "--model"]

Changed = tuple[dict[str, bytes], Sequence[str]]
"""Files, and the arguments of the command that reads them."""


def written(changed: Changed, folder: Path) -> str:
    """Write the files and run the command."""
    files, arguments = changed
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return run_command(arguments, folder)


def one_changed(
    files: Callable[[], Files], arguments: Sequence[str], *names: str
) -> Callable[[], st.SearchStrategy[Changed]]:
    """One of the files is changed, of those whose path ends with one of the names."""

    def inputs() -> st.SearchStrategy[Changed]:
        whole = files()
        chosen = [name for name in whole if not names or name.endswith(names)]
        assert chosen, names

        def changed(name: str) -> st.SearchStrategy[Changed]:
            return any_file(name, whole[name]).map(lambda new: (whole | {name: new}, arguments))

        gone = st.sampled_from(chosen).map(
            lambda name: ({key: value for key, value in whole.items() if key != name}, arguments)
        )
        return st.sampled_from(chosen).flatmap(changed) | gone

    return inputs


def _pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def nanogpt() -> st.SearchStrategy[Changed]:
    """A pickle whose settings or tensors are others, or whose bytes are."""
    whole = originals.nanogpt()
    tokenizer = originals.native()["tokenizer.json"]

    def changed(value: Any) -> Changed:
        return {"ckpt.pt": value, "tokenizer.json": tokenizer}, [*GENERATE, "ckpt.pt"]

    return (mutated(whole).map(_pickled) | damaged(_pickled(whole))).map(changed)


def gguf(files: Callable[[], Files]) -> Callable[[], st.SearchStrategy[Changed]]:
    """A file of llama.cpp's, whose settings are others, or whose bytes are."""

    def inputs() -> st.SearchStrategy[Changed]:
        (whole,) = files().values()
        command = [*GENERATE, "m.gguf"]
        return (damaged(whole) | _with_other_setting(whole)).map(
            lambda content: ({"m.gguf": content}, command)
        )

    return inputs


def _with_other_setting(whole: bytes) -> st.SearchStrategy[bytes]:
    """A few bytes of a setting's value or of a tensor's place, behind its name, are others."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.gguf").write_bytes(whole)
        header, _ = read_gguf(Path(folder) / "m.gguf")

    def changed(name: str, behind: int, value: bytes) -> bytes:
        at = whole.index(name.encode()) + len(name) + behind
        return whole[:at] + value + whole[at + len(value) :]

    names = st.sampled_from([*header.settings, *header.tensors])
    values = st.binary(min_size=1, max_size=8) | st.sampled_from(
        [number.to_bytes(8, "little") for number in (0, 1, 2**31, 2**32 - 1, 2**63)]
    )
    return st.builds(changed, names, st.integers(0, 24), values)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


@st.composite
def own_tensors(draw: st.DrawFn) -> Changed:
    """Somebody's tensors beside a pack: other dtypes, shapes, names and numbers."""
    pack = originals.pack()
    names = ["tokens", "wte.out", "h.0.attn.att", "logits", "probs", "loss", "dlogits", "x.y.z"]
    names += ["decode.ids", "decode.logits", "decode.h.0.k", "sample.ids", "texts.1", "step.norms"]
    shapes = [
        (),
        (0,),
        (1,),
        (1, 2),
        (2, 4),
        (2, 257),
        (1, 2, 257),
        (8,),
        (8, 257),
        (2, 2, 2),
        (1, 1, 1, 1, 1),
    ]
    dtypes = ["f8", "f4", "f2", "i8", "i4", "u1", "?", "c16"]
    arrays = {}
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)):
        fill = draw(st.sampled_from([0, 1, 97, -1, 3.5, 1e30, float("nan"), float("inf")]))
        dtype = draw(st.sampled_from(dtypes))
        if dtype in {"i8", "i4", "u1"} and not (np.isfinite(fill) and 0 <= fill < 256):
            fill = 5
        with np.errstate(over="ignore"):
            arrays[name] = np.full(draw(st.sampled_from(shapes)), fill, dtype)
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    kind = draw(st.sampled_from(["npz", "safetensors", "pt", "npy"]))
    match kind:
        case "npz":
            files = {"mine.npz": _npz(arrays)}
        case "safetensors":
            plain = {
                name: value.real.clone() if value.is_complex() else value
                for name, value in tensors.items()
            }
            files = {"mine.safetensors": save(plain)}
        case "pt":
            files = {"mine.pt": _pickled(tensors)}
        case _:
            files = {f"mine/{name}.npy": _npy(array) for name, array in arrays.items()}
    mine = "mine" if kind == "npy" else f"mine.{kind}"
    if draw(st.booleans()):
        name = draw(st.sampled_from(list(files)))
        files[name] = draw(damaged(files[name]))
    if draw(st.integers(0, 3)) == 0:
        files["map.json"] = draw(any_file("map.json", b'{"mine.att": "h.0.attn.att", "q": "x"}'))
        return pack | files, ["compare", mine, "pack", "--map", "map.json"]
    return pack | files, ["compare", mine, "pack"]


TENSORS = ["tokens", "h.0.attn.att", "logits", "loss", "dlogits", "x.y.z", "a\x1b b", "é" * 600]
WORDS = ["float32", "float64", "float16", "bfloat16", "int32", "uint8", "float8", "f4", ""]
RIGHT = {"h.0.attn.att": " 2 2 2", "logits": " 2 257", "loss": "", "dlogits": " 2 257"}
WIDTHS = st.sampled_from([("float32", 4), ("float64", 8), ("float16", 2), ("bfloat16", 2)])
SIZES = ["", " 2", " 2 2 2", " 2 257", " 0", " -1", " 99999999999 99999999999", " 1" * 9, " 1.5"]


@st.composite
def dumps(draw: st.DrawFn) -> Changed:
    """Somebody's `.bin`: dumps, bare numbers, and folders with an index, right and wrong."""
    pack, kind = originals.kit(), draw(st.sampled_from(["dump", "bare", "json", "txt"]))
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from(TENSORS), st.sampled_from(WORDS), st.sampled_from(SIZES)),
            min_size=1,
            max_size=3,
        )
    )
    numbers = st.sampled_from([0, 1, 4, 8, 16, 32, 2056, 2064]).map(bytes) | st.binary(max_size=32)
    lines = [f"{name} {word}{sizes}".encode() for name, word, sizes in rows]
    if kind == "dump":
        parts = [line + b"\n" + draw(numbers) for line in lines]
        for name, word in draw(st.dictionaries(st.sampled_from(list(RIGHT)), WIDTHS)).items():
            count = 8 if name == "h.0.attn.att" else 514 if "logits" in name else 1
            line = f"{name} {word[0]}{RIGHT[name]}\n".encode()
            parts.insert(0, line + draw(st.binary(min_size=1, max_size=8)) * (count * word[1]))
            parts[0] = parts[0][: len(line) + count * word[1]]
        parts = parts if draw(st.booleans()) else parts[: len(parts) - len(lines)] or parts
        content = draw(st.sampled_from([b"pellucid-dump 1\n", b"pellucid-dump 2\n"]))
        content += b"".join(parts)
        if draw(st.booleans()):
            content = draw(damaged(content))
        return pack | {"mine.bin": content}, ["compare", "mine.bin", "pack"]
    files = {f"mine/{name[:40]}.bin": draw(numbers) for name, *_ in rows}
    if kind == "txt":
        files["mine/index.txt"] = draw(st.just(b"\n".join(lines)) | damaged(b"\n".join(lines)))
    if kind == "json":
        index = {
            name: {"shape": [2, 2], "dtype": word, "file": draw(st.sampled_from(list(files)))[5:]}
            for name, word, _ in rows
        }
        files["mine/index.json"] = draw(mutated(index).map(dumped))
    return pack | files, ["compare", "mine", "pack"]


def beside_a_kit() -> st.SearchStrategy[Changed]:
    """The same, when the pack is there."""
    originals.kit()
    return dumps()


def beside_a_pack() -> st.SearchStrategy[Changed]:
    """The same, when the pack is there: a run is nothing to make while a value is drawn."""
    originals.pack()
    return own_tensors()


def _tokenizers() -> Files:
    """Tokenizers of each kind."""
    learnt = originals.prepared()
    return {
        "bpe/tokenizer.json": originals.native()["tokenizer.json"],
        "chars/tokenizer.json": learnt["data/tokenizer.json"],
        "words/tokenizer.json": originals.files_of(_words)["tokenizer.json"],
    }


def _words(folder: Path) -> None:
    from pellucid.text import Words

    Words(("In", "the", "beginning")).save(folder / "tokenizer.json")


def tokenizers() -> st.SearchStrategy[Changed]:
    """A tokenizer's file, and a text for it."""
    whole = _tokenizers()

    def inputs(name: str) -> st.SearchStrategy[Changed]:
        command = ["tokenize", "In the beginning", "--merges", "--tokenizer", name]
        return any_file(name, whole[name]).map(lambda new: ({name: new}, command))

    return st.sampled_from(list(whole)).flatmap(inputs)


def raw_ids() -> st.SearchStrategy[Changed]:
    """nanoGPT's bare ids, of either width, odd lengths, and beyond the vocabulary."""
    tokenizer = originals.native()["tokenizer.json"]
    content = st.binary(max_size=400) | st.lists(
        st.integers(0, 300) | st.integers(0, 2**32 - 1), max_size=200
    ).flatmap(
        lambda ids: st.sampled_from(["<u4", "<u2"]).map(
            lambda width: np.array(ids, np.uint32).astype(width).tobytes()
        )
    )
    sizes = ["--n-layer", "1", "--n-head", "1", "--n-embd", "4", "--block-size", "4"]
    command = ["train", "data", "--out", "run", *sizes, *originals.SHORT, "--num-samples", "0"]
    return st.tuples(content, content).map(
        lambda both: (
            {
                "data/train.bin": both[0],
                "data/val.bin": both[1],
                "data/tokenizer.json": tokenizer,
            },
            command,
        )
    )


RESUME = ["train", "text.txt", "--out", "run", "--resume", "--num-samples", "0"]
TRAIN = ["train", "data", "--out", "run", "--n-layer", "1", "--n-head", "1", "--n-embd", "4"]
LEARN = ["--label", "kind", "--epochs", "1", "--hidden", "2", "--no-check-gradients"]
TRANSLATE = ["--n-layer", "1", "--n-head", "1", "--n-embd", "4", "--vocab-size", "270"]
TRANSLATE += ["--max-iters", "1", "--eval-interval", "1", "--batch-tokens", "256"]

LOADERS: dict[str, Callable[[], st.SearchStrategy[Changed]]] = {
    "own checkpoint": one_changed(originals.native, [*GENERATE, "."]),
    "Hugging Face checkpoint": one_changed(originals.huggingface, [*GENERATE, "."]),
    "index of shards": one_changed(originals.sharded, [*GENERATE, "."], "index.json"),
    "nanoGPT checkpoint": nanogpt,
    "llm.c checkpoint": one_changed(originals.llm_c, [*GENERATE, "gpt2.bin"], ".bin"),
    "GGUF checkpoint of a GPT-2": gguf(originals.gguf(originals.small_gpt())),
    "GGUF checkpoint of a Llama": gguf(originals.gguf(originals.small_llama())),
    "OpenAI checkpoint": one_changed(originals.openai, [*GENERATE, "."]),
    "tokenizer": tokenizers,
    "raw ids": raw_ids,
    "prepared tokens": one_changed(
        originals.prepared,
        [*TRAIN, "--block-size", "4", *originals.SHORT, "--num-samples", "0"],
        *(".json", ".bin"),
    ),
    "run to resume": one_changed(originals.training_run, RESUME),
    "log to draw": one_changed(
        originals.training_run, ["plot", "run", "--out", "a.svg"], ".jsonl", "run.json"
    ),
    "table": one_changed(
        originals.classifier, ["train-classifier", "table.csv", "--out", "new", *LEARN], ".csv"
    ),
    "classifier": one_changed(
        originals.classifier, ["classify", "table.csv", "--model", "model", "--label", "kind"]
    ),
    "pairs": one_changed(
        originals.translator,
        ["train-translator", "pairs.tsv", "--out", "new", *TRANSLATE],
        ".tsv",
    ),
    "translator": one_changed(
        originals.translator,
        ["translate", "Guten Tag", "--model", "model", "--max-new-tokens", "2"],
        *("config.json", "tokenizer.json", "model.safetensors"),
    ),
    "pack": one_changed(
        originals.pack,
        ["compare", "pack", "pack"],
        *(".json", "safetensors"),
    ),
    "C kit": one_changed(
        originals.kit, ["compare", "pack/float32.bin", "pack"], "float32.bin", "manifest.json"
    ),
    "small pack": one_changed(
        originals.small_pack,
        ["compare", "whole", "pack"],
        *("pack/manifest.json", "safetensors"),
    ),
    "own tensors": beside_a_pack,
    "own dumps": beside_a_kit,
}

TARGETS = [Target(name, inputs, written) for name, inputs in LOADERS.items()]
