"""llm.c's files: a model (20240326), the state by which it tests itself (20240327), a tokenizer.

All begin with 256 whole numbers of 4 bytes, of which the first is the form's, and the tensors
follow without names, as `pellucid.models.gpt.llm_c` knows them.

Source: karpathy/llm.c, train_gpt2.py: write_model, write_state and write_tokenizer.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, check_weights_alone
from pellucid.checkpoint.read import broken, unreadable
from pellucid.errors import CheckpointError, TextError
from pellucid.files import whole_file
from pellucid.models import GPT, GPTConfig, Model
from pellucid.models.gpt import llm_c as layout
from pellucid.text import Tokenizer, ending
from pellucid.tree import flatten

MODEL, STATE, TOKENIZER = 20240326, 20240327, 20240328
HEADER = 256
"""Whole numbers at the beginning, of 4 bytes each."""

DTYPES = {3: torch.float32, 5: torch.bfloat16}
"""What a model's version says of its numbers; both with the table filled up."""

STATE_VERSION, TOKENIZER_VERSION = 2, 2


def magic_of(file: Path) -> int:
    """The first number of a file, by which llm.c knows its own; 0 of a shorter one."""
    with file.open("rb") as opened:
        return int.from_bytes(opened.read(4).ljust(4, b"\0"), "little", signed=True)


# -- the model ---------------------------------------------------------------------------------


def read(file: Path) -> Found:
    """A model from its file, in the dtype that it has there."""
    version, *sizes, rows = _header(file, MODEL, known=8)[1:]
    if version not in DTYPES:
        known = " or ".join(map(str, DTYPES))
        raise broken(file, f"a model of llm.c of version {known}", f"it says version {version}")
    config = layout.config_of(sizes, file)
    if not config.vocab_size <= rows < config.vocab_size + (1 << 20):
        said = f"it says {rows} for {config.vocab_size} tokens"
        raise broken(file, "a model of llm.c with at least a row for each token", said)
    return Found(config, _tensors(file, config, rows, DTYPES[version], 4 * HEADER), file, GPT)


def export_llm_c(model: Model, file: str | PathLike[str]) -> None:
    """Write a model as llm.c reads it, in float32 or bfloat16, the dtype that it has.

    LoRA's matrices are merged: their products are added to the weights.

    Raises `CheckpointError` for a model that llm.c has no form for, `WriteError` where the file
    cannot be written.
    """
    check_weights_alone(model)
    whole, versions = layout.expressed(model), {dtype: v for v, dtype in DTYPES.items()}
    config = whole.config
    if model.dtype not in versions:
        raise CheckpointError(
            f"llm.c has models in float32 and bfloat16, and this one is in {model.dtype}: convert "
            "it to float32, by --dtype or by model.to"
        )
    sizes = (getattr(config, name) for name in layout.SIZES)
    header = (MODEL, versions[model.dtype], *sizes, layout.padded(config))
    _write(Path(file), header, layout.theirs(config, flatten(whole.params)))


# -- the state ---------------------------------------------------------------------------------


def read_state(file: Path, config: GPTConfig) -> dict[str, Tensor]:
    """What llm.c tests itself by, under our names: tokens, targets, logits, loss, all gradients.

    The file does not say of what sizes its model is: `config` does.
    """
    version, batch, length = _header(file, STATE, known=4)[1:]
    if version != STATE_VERSION or batch < 1 or length < 1:
        said = f"it says version {version}, {batch} by {length} tokens"
        raise broken(file, f"a state of llm.c of version {STATE_VERSION}", said)
    ids, scores = batch * length, batch * length * config.vocab_size
    start = 4 * (HEADER + 2 * ids + scores + 1)
    grads = _tensors(file, config, layout.padded(config), torch.float32, start)
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
    before = [part.int() if not part.is_floating_point() else part for part in head]
    grads = {name: tensors[f"d{name}"].float() for name in config.parameter_shapes()}
    header = (STATE, STATE_VERSION, *tokens.shape)
    _write(file, header, chain(before, layout.theirs(config, grads)))


# -- the tokenizer -----------------------------------------------------------------------------


def write_llm_c_tokenizer(file: Path, tokenizer: Tokenizer) -> None:
    """Write the bytes of every piece, each behind their number in one byte.

    Where no token ends a text, the last is said to. Raises `TextError`
    for a piece without bytes or with more than 255.
    """
    pieces = [tokenizer.piece(token) for token in range(tokenizer.vocab_size)]
    for token, piece in enumerate(pieces):
        if not 0 < len(piece) < 256:
            raise TextError(
                f"llm.c's tokenizer has 1 to 255 bytes for each token, and token {token} has "
                f"{len(piece)}: give --tokens FILE in place of a text, and no tokenizer is written"
            )
    end = ending(tokenizer)
    header = (TOKENIZER, TOKENIZER_VERSION, len(pieces), len(pieces) - 1 if end is None else end)
    content = b"".join(bytes((len(piece),)) + piece for piece in pieces)
    _write(file, header, [torch.frombuffer(bytearray(content), dtype=torch.uint8)])


# -- parts -------------------------------------------------------------------------------------


def _header(file: Path, magic: int, *, known: int) -> list[int]:
    """The numbers of the header that have a meaning; the others must be 0."""
    try:
        with file.open("rb") as opened:
            content = opened.read(4 * HEADER)
    except OSError as error:
        raise unreadable(file, error) from error
    if len(content) < 4 * HEADER or int.from_bytes(content[:4], "little", signed=True) != magic:
        raise broken(file, f"a file of llm.c that begins with {magic}", "it does not")
    header: list[int] = torch.frombuffer(bytearray(content), dtype=torch.int32).tolist()
    if unknown := next((place for place in range(known, HEADER) if header[place]), None):
        raise CheckpointError(
            f"{file}: the header's numbers from {known} on must be 0, as in llm.c's GPT-2; number "
            f"{unknown} is {header[unknown]}, and may change a formula; such a file cannot be read"
        )
    return header[:known]


def _tensors(
    file: Path, config: GPTConfig, rows: int, dtype: torch.dtype, start: int
) -> dict[str, Tensor]:
    """The tensors that begin at a byte of the file, in it until they are used, in our layout."""
    *_, last = layout.places(config, rows)
    expected, size = start + last.end * dtype.itemsize, file.stat().st_size
    if size != expected:
        raise broken(file, f"{expected:,} bytes long, as its header says", f"it has {size:,}")
    total = size // dtype.itemsize
    flat = torch.from_file(str(file), shared=False, size=total, dtype=dtype)
    return layout.ours(config, rows, flat[start // dtype.itemsize :])


def _write(file: Path, header: tuple[int, ...], tensors: Iterable[Tensor]) -> None:
    head = torch.zeros(HEADER, dtype=torch.int32)
    head[: len(header)] = torch.tensor(header, dtype=torch.int32)
    with whole_file(file) as beside, beside.open("wb") as opened:
        for values in (head, *tensors):
            opened.write(_bytes(values))


def _bytes(values: Tensor) -> Any:
    return values.contiguous().reshape(-1).view(torch.uint8).numpy()
