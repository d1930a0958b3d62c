"""Files of tokens as nanoGPT and llm.c write them, read as one row of which windows are taken."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import TextError
from pellucid.text.token_files import UINT16, UINT32, TokenFiles, dtype_for, read_tokens

IDS = [15496, 995, 50256, 0, 65535]


def test_raw_tokens_are_mapped(tmp_path: Path):
    file = tmp_path / "train.bin"
    file.write_bytes(bytes.fromhex("883c e303 50c4 0000 ffff"))
    tokens = read_tokens(file)
    assert isinstance(tokens, np.memmap)
    assert tokens.tolist() == IDS
    wide = tmp_path / "wide.bin"
    wide.write_bytes(np.array([*IDS, 128_000], "<u4").tobytes())
    assert read_tokens(wide, UINT32).tolist() == [*IDS, 128_000]


def test_a_header_of_llm_c_s_is_seen_and_left_out(tmp_path: Path, llm_c):
    tokens = read_tokens(llm_c(tmp_path / "x.bin", IDS))
    assert isinstance(tokens, np.memmap)
    assert tokens.tolist() == IDS
    wide = llm_c(tmp_path / "y.bin", [128_000, 1], magic=20240801, version=7, dtype="<u4")
    assert read_tokens(wide).tolist() == [128_000, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version 1, .* version 2"),
        ({"count": 6}, "6 in 1,036 bytes, .* has 1,034"),
        ({"count": 4}, "4 in 1,032 bytes, .* has 1,034"),
        ({"count": 0}, "0 in 1,024 bytes"),
    ],
)
def test_a_file_of_llm_c_s_that_is_not_whole_is_refused(
    tmp_path: Path, llm_c, changes: dict, words: str
):
    with pytest.raises(TextError, match=words):
        read_tokens(llm_c(tmp_path / "x.bin", IDS, **changes))


@pytest.mark.parametrize(
    ("content", "dtype", "words"),
    [
        (b"", UINT16, "at least one"),
        (b"abc", UINT16, "2 bytes for each, .* 3 bytes"),
        (b"abcdef", UINT32, "4 bytes for each, .* 6 bytes"),
        (None, UINT16, "No such file"),
    ],
)
def test_what_is_no_file_of_tokens_is_refused(tmp_path: Path, content, dtype, words: str):
    file = tmp_path / "x.bin"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TextError, match=words) as error:
        read_tokens(file, dtype)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(TextError, match="holds none"):
        read_tokens(tmp_path)


def test_so_many_ids_need_so_many_bits():
    assert [dtype_for(size) for size in (65, 65536, 65537)] == [UINT16, UINT16, UINT32]


def test_windows_run_on_from_file_to_file():
    parts = [np.arange(0, 5), np.arange(5, 6), np.arange(6, 20)]
    row = TokenFiles(part.astype("<u2") for part in parts)
    assert len(row) == 20
    assert row.read(0, 20).tolist() == list(range(20))
    found = row.windows([0, 3, 5, 14], 6)
    assert found.dtype == np.int64
    assert found.tolist() == [list(range(start, start + 6)) for start in (0, 3, 5, 14)]
