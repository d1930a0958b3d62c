"""llm.c's files: a model (magic 20240326), and the state by which it tests itself (20240327).

Both begin with 256 whole numbers of 4 bytes, and the tensors follow without names, all layers of a
kind together. Linear maps are (out, in) there, and the embedding's table is filled up with rows of
zeros to a multiple of 128; here they are transposed, and cut.

Source: karpathy/llm.c, train_gpt2.py: write_model, write_state and write_tensors.
"""

import math
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, check, check_unedited, configure
from pellucid.checkpoint.read import broken, one_line, unreadable
from pellucid.errors import CheckpointError
from pellucid.files import whole_file
from pellucid.models import GPT, GPTConfig, merged
from pellucid.tree import flatten

MODEL, STATE = 20240326, 20240327
HEADER = 256
"""Whole numbers at the beginning, of 4 bytes each."""

DTYPES = {3: torch.float32, 5: torch.bfloat16}
"""What a model's version says of its numbers; both with the table filled up."""

STATE_VERSION = 2
MULTIPLE = 128
"""The rows of the table are a multiple of this."""

FIXED = {"norm": "pre", "final_norm": True, "activation": "gelu_tanh", "bias": True, "tied": True}
"""What llm.c has no choice of, with ε = 1e-5 and an inner width of 4C."""

ORDER = (
    *("wte.weight", "wpe.weight", "ln_1.weight", "ln_1.bias"),
    *("attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias"),
    *("ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias"),
    *("mlp.c_proj.weight", "mlp.c_proj.bias", "ln_f.weight", "ln_f.bias"),
)
"""Our names in the order of the file; those of a block stand for all layers one after another."""


class _Place(NamedTuple):
    """Where a tensor lies: our name, its shape in the file, and its first number."""

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def linear(self) -> bool:
        """Whether it is a map's weight, (out, in) in the file."""
        return self.name.startswith("h.") and len(self.shape) == 2


def magic_of(file: Path) -> int:
    """The first number of a file, by which llm.c knows its own; 0 of a shorter one."""
    with file.open("rb") as opened:
        return int.from_bytes(opened.read(4).ljust(4, b"\0"), "little", signed=True)


# -- the model ---------------------------------------------------------------------------------


def read(file: Path) -> Found:
    """A model from its file, in the dtype that it has there."""
    header = _header(file, MODEL)
    version, *sizes, padded = header[1:8]
    if version not in DTYPES:
        known = " or ".join(map(str, DTYPES))
        raise broken(file, f"a model of llm.c of version {known}", f"it says version {version}")
    names = ("block_size", "vocab_size", "n_layer", "n_head", "n_embd")
    config = configure(file, GPTConfig, **dict(zip(names, sizes, strict=True)), **FIXED)
    places = list(_places(config, padded, file))
    dtype = DTYPES[version]
    return Found(config, _tensors(file, places, dtype, 4 * HEADER, config), file)


def export_llm_c(model: GPT, file: str | PathLike[str]) -> None:
    """Write a model as llm.c reads it, in float32 or bfloat16, the dtype that it has.

    LoRA's pairs are merged: their products are added to the weights.

    Raises `CheckpointError` for a model that llm.c has no form for, or where the file cannot be
    written.
    """
    check_unedited(model)
    whole, path, versions = merged(model), Path(file), {d: v for v, d in DTYPES.items()}
    config = whole.config
    usual = all(getattr(config, field) == value for field, value in FIXED.items())
    if not usual or config.eps != 1e-5 or config.inner != 4 * config.n_embd:
        raise CheckpointError(
            "llm.c has GPT-2 alone: pre-norm, a final norm, tanh GELU, biases, a tied head, ε 1e-5 "
            f"and an inner width of 4C; this model is {config}: keep it in another format"
        )
    if model.dtype not in versions:
        raise CheckpointError(
            f"llm.c has models in float32 and bfloat16, and this one is in {model.dtype}: convert "
            "it with --dtype float32"
        )
    params = flatten(whole.params)
    check(config, params, path)
    padded = _padded(config)
    sizes = (config.block_size, config.vocab_size, config.n_layer, config.n_head, config.n_embd)
    header = (MODEL, versions[model.dtype], *sizes, padded)
    _write(path, header, [], (_theirs(place, params) for place in _places(config, padded, path)))


# -- the state ---------------------------------------------------------------------------------


def read_state(file: Path, config: GPTConfig) -> dict[str, Tensor]:
    """What llm.c tests itself by, under our names: tokens, targets, logits, loss, all gradients.

    The file does not say of what sizes its model is: `config` does.
    """
    _, version, batch, length = _header(file, STATE)[:4]
    if version != STATE_VERSION or batch < 1 or length < 1:
        said = f"it says version {version}, {batch} by {length} tokens"
        raise broken(file, f"a state of llm.c of version {STATE_VERSION}", said)
    ids, scores = batch * length, batch * length * config.vocab_size
    places = list(_places(config, _padded(config), file))
    start = 4 * (HEADER + 2 * ids + scores + 1)
    grads = _tensors(file, places, torch.float32, start, config)
    whole = torch.from_file(str(file), shared=False, size=start // 4, dtype=torch.int32)
    tokens, targets, logits, loss = whole[HEADER:].split([ids, ids, scores, 1])
    return {
        "tokens": tokens.view(batch, length).long(),
        "targets": targets.view(batch, length).long(),
        "logits": logits.view(torch.float32).view(batch, length, config.vocab_size),
        "loss": loss.view(torch.float32)[0],
    } | {f"d{name}": grad for name, grad in grads.items()}


def write_state(file: Path, config: GPTConfig, tensors: Mapping[str, Tensor]) -> None:
    """Write such a state in float32, as `read_state` reads it. Tokens (T,) are a batch of one."""
    tokens = torch.atleast_2d(tensors["tokens"])
    head = [tokens, tensors["targets"], tensors["logits"].float(), tensors["loss"].float()]
    padded = _padded(config)
    grads = {name: tensors[f"d{name}"].float() for name in config.parameter_shapes()}
    header = (STATE, STATE_VERSION, *tokens.shape)
    before = [part.int() if not part.is_floating_point() else part for part in head]
    _write(file, header, before, (_theirs(one, grads) for one in _places(config, padded, file)))


# -- parts -------------------------------------------------------------------------------------


def _header(file: Path, magic: int) -> list[int]:
    try:
        with file.open("rb") as opened:
            content = opened.read(4 * HEADER)
    except OSError as error:
        raise unreadable(file, error) from error
    if len(content) < 4 * HEADER or int.from_bytes(content[:4], "little", signed=True) != magic:
        raise broken(file, f"a file of llm.c that begins with {magic}", "it does not")
    header: list[int] = torch.frombuffer(bytearray(content), dtype=torch.int32).tolist()
    return header


def _padded(config: GPTConfig) -> int:
    return -(-config.vocab_size // MULTIPLE) * MULTIPLE


def _places(config: GPTConfig, padded: int, file: Path) -> Iterator[_Place]:
    """Where each tensor lies behind the numbers that come before all."""
    if not config.vocab_size <= padded < config.vocab_size + (1 << 20):
        said = f"it says {padded} for {config.vocab_size} tokens"
        raise broken(file, "a model of llm.c with at least a row for each token", said)
    shapes, start = config.parameter_shapes(), 0
    for kind in ORDER:
        layers = [kind] if kind in shapes else [f"h.{i}.{kind}" for i in range(config.n_layer)]
        for name in layers:
            shape = shapes[name][::-1] if name.startswith("h.") else shapes[name]
            shape = (padded, shape[1]) if name == "wte.weight" else shape
            yield _Place(name, shape, start)
            start += math.prod(shape)


def _tensors(
    file: Path, places: list[_Place], dtype: torch.dtype, start: int, config: GPTConfig
) -> dict[str, Tensor]:
    """The tensors that begin at a byte of the file, in it until they are used, in our layout."""
    last = places[-1]
    count = last.start + math.prod(last.shape)
    expected, size = start + count * dtype.itemsize, file.stat().st_size
    if size != expected:
        raise broken(file, f"{expected:,} bytes long, as its header says", f"it has {size:,}")
    total = size // dtype.itemsize
    flat = torch.from_file(str(file), shared=False, size=total, dtype=dtype)
    numbers = flat[start // dtype.itemsize :]
    found = {}
    for place in places:
        values = numbers[place.start : place.start + math.prod(place.shape)].view(place.shape)
        found[place.name] = values.mT if place.linear else values
    found["wte.weight"] = found["wte.weight"][: config.vocab_size]
    return found


def _theirs(place: _Place, tensors: Mapping[str, Tensor]) -> Tensor:
    values = tensors[place.name].detach().cpu()
    if place.name == "wte.weight":
        return torch.nn.functional.pad(values, (0, 0, 0, place.shape[0] - values.shape[0]))
    return values.mT if place.linear else values


def _write(
    file: Path, header: tuple[int, ...], before: list[Tensor], tensors: Iterator[Tensor]
) -> None:
    head = torch.zeros(HEADER, dtype=torch.int32)
    head[: len(header)] = torch.tensor(header, dtype=torch.int32)
    try:
        with whole_file(file) as beside, beside.open("wb") as opened:
            for values in (head, *before, *tensors):
                opened.write(_bytes(values))
    except OSError as error:
        raise CheckpointError(
            f"{file} must be a file that can be written; {one_line(error)}; make room there, or "
            "give another"
        ) from None


def _bytes(values: Tensor) -> Any:
    return values.contiguous().reshape(-1).view(torch.uint8).numpy()
