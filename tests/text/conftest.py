import bz2
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import tiktoken

GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@pytest.fixture(scope="session")
def judge() -> tiktoken.Encoding:
    """GPT-2's encoding by tiktoken, made from the package's merges without Pellucid's code."""
    packed = files("pellucid.text").joinpath("gpt2_merges.txt.bz2").read_bytes()
    _version, *lines = bz2.decompress(packed).decode().splitlines()

    own = [b for b in range(256) if chr(b).isprintable() and chr(b) != " "]
    order = own + [b for b in range(256) if b not in own]
    byte_of = {chr(b) if b in own else chr(256 + i - len(own)): b for i, b in enumerate(order)}

    ranks = {bytes([byte]): rank for rank, byte in enumerate(order)}
    for line in lines:
        ranks[bytes(byte_of[symbol] for symbol in line.replace(" ", ""))] = len(ranks)
    return tiktoken.Encoding(
        "gpt2",
        pat_str=GPT2_PATTERN,
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": len(ranks)},
        explicit_n_vocab=50257,
    )


@pytest.fixture
def llm_c() -> Callable[..., Path]:
    """Writes a file of tokens as llm.c's scripts do."""

    def write(
        path: Path,
        ids: list[int],
        *,
        magic: int = 20240520,
        version: int = 1,
        dtype: str = "<u2",
        count: int | None = None,
    ) -> Path:
        header = np.zeros(256, "<i4")
        header[:3] = magic, version, len(ids) if count is None else count
        path.write_bytes(header.tobytes() + np.array(ids, dtype).tobytes())
        return path

    return write
