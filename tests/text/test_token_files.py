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
    tokens = read_tokens(file, 65_536)
    assert isinstance(tokens, np.memmap)
    assert tokens.tolist() == IDS
    wide = tmp_path / "wide.bin"
    wide.write_bytes(np.array([*IDS, 128_000], "<u4").tobytes())
    assert read_tokens(wide, 128_001).tolist() == [*IDS, 128_000]


@pytest.mark.parametrize("count", [1, 2, 7, 200_000])
@pytest.mark.parametrize("highest", [1, 300, 65_535, 65_536, 200_000])
def test_the_numbers_of_a_raw_file_show_its_bits(tmp_path: Path, count: int, highest: int):
    file, draws = tmp_path / "x.bin", np.random.default_rng(count + highest)
    ids = draws.integers(1, highest + 1, count)
    ids[-1] = highest
    for dtype in ("<u4", "<u2") if highest < 65_536 else ("<u4",):
        file.write_bytes(ids.astype(dtype).tobytes())
        assert read_tokens(file, highest + 1).tolist() == ids.tolist()


def test_what_is_stated_decides(tmp_path: Path):
    file = tmp_path / "x.bin"
    file.write_bytes(np.array([7, 0, 7, 0], "<u2").tobytes())
    assert read_tokens(file, 8).tolist() == [7, 7]
    assert read_tokens(file, 8, UINT16).tolist() == [7, 0, 7, 0]
    file.write_bytes(bytes(8))
    assert read_tokens(file, 8).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("write", ["raw", "llm.c"])
def test_too_few_bits_for_the_vocabulary_are_refused(tmp_path: Path, llm_c, write: str):
    file = tmp_path / "x.bin"
    if write == "raw":
        file.write_bytes(np.array(IDS, "<u2").tobytes())
    else:
        llm_c(file, IDS)
    with pytest.raises(TextError, match=r"32 bits for each .* 65,537 ids, .* has 16") as error:
        read_tokens(file, 65_537)
    assert "\n" not in str(error.value)
    assert read_tokens(file, 65_536).tolist() == IDS


def test_a_header_of_llm_c_s_is_seen_and_left_out(tmp_path: Path, llm_c):
    tokens = read_tokens(llm_c(tmp_path / "x.bin", IDS), 65_536)
    assert isinstance(tokens, np.memmap)
    assert tokens.tolist() == IDS
    wide = llm_c(tmp_path / "y.bin", [128_000, 1], magic=20240801, version=7, dtype="<u4")
    assert read_tokens(wide, 50_257).tolist() == [128_000, 1]


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
        read_tokens(llm_c(tmp_path / "x.bin", IDS, **changes), 65_536)


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
        read_tokens(file, 50_257, dtype)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(TextError, match="holds none"):
        read_tokens(tmp_path, 50_257)


def test_so_many_ids_need_so_many_bits():
    assert [dtype_for(size) for size in (65, 65536, 65537)] == [UINT16, UINT16, UINT32]


def test_windows_run_on_from_file_to_file():
    parts = [np.arange(0, 5), np.arange(5, 6), np.arange(6, 20)]
    row = TokenFiles((part.astype("<u2") for part in parts), 20)
    assert len(row) == 20
    assert row.read(0, 20).tolist() == list(range(20))
    found = row.windows([0, 3, 5, 14], 6)
    assert found.dtype == np.int64
    assert found.tolist() == [list(range(start, start + 6)) for start in (0, 3, 5, 14)]
