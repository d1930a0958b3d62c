"""A dump is read as it was written, and refused in one line where it is not whole."""

from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import open_tensors
from pellucid.checkpoint.dumps import ALIGNED, DTYPES, append_dump, dump_index
from pellucid.errors import CheckpointError

TENSORS = {
    **{word: torch.arange(6).reshape(2, 3).to(dtype) for word, dtype in DTYPES.items()},
    "loss": torch.tensor(2.5),
    "empty": torch.empty(0, 3),
    "h.0.é": torch.full((1, 2), 7.0),
}
BEGUN = b"pellucid-dump 1\n"


def test_what_is_written_is_read_with_its_shape_and_dtype(tmp_path: Path):
    file = tmp_path / "mine.bin"
    append_dump(file, dict(list(TENSORS.items())[:4]))
    append_dump(file, dict(list(TENSORS.items())[4:]))
    found = open_tensors(file)
    assert list(found) == list(TENSORS)
    kinds = {torch.int64: torch.int32}
    for name, values in TENSORS.items():
        assert found[name].dtype == kinds.get(values.dtype, values.dtype)
        assert found[name].shape == found.shape(name) == values.shape
        assert torch.equal(found[name], values.to(found[name].dtype)), name
    assert all(entry.offset % ALIGNED == 0 for entry in dump_index(file).values())


def test_truth_values_are_bytes(tmp_path: Path):
    append_dump(tmp_path / "a.bin", {"mask": torch.tensor([True, False])})
    assert open_tensors(tmp_path / "a.bin")["mask"].tolist() == [1, 0]


def test_a_line_may_end_in_spaces_or_without_and_sizes_in_none(tmp_path: Path):
    three = torch.tensor([1.0, 2.0, 3.0]).numpy().tobytes()
    plain = BEGUN + b"a float32 3\n" + three + b"b  float32 1  3   \n" + three
    (tmp_path / "a.bin").write_bytes(plain + b"c float32\n" + three[:4])
    found = open_tensors(tmp_path / "a.bin")
    assert [found[name].tolist() for name in "abc"] == [[1, 2, 3], [[1, 2, 3]], 1]


def test_a_folder_of_dumps_is_one(tmp_path: Path):
    append_dump(tmp_path / "a.bin", {"x": torch.tensor(1.0)})
    append_dump(tmp_path / "sub.bin", {"y": torch.tensor(2.0)})
    assert {name: float(value) for name, value in open_tensors(tmp_path).items()} == {
        "x": 1,
        "y": 2,
    }
    append_dump(tmp_path / "c.bin", {"y": torch.tensor(2.0)})
    with pytest.raises(CheckpointError, match=r"the only file with its tensors.*; y is in another"):
        open_tensors(tmp_path)


FOUR = b"\0\0\0\0"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"pellucid-dump 2\n", "begins with b'pellucid-dump 1"),
        (b"pellucid-dump 1", "begins with b'pellucid-dump 1"),
        (BEGUN + b"a float32 2\n" + FOUR, "of a 8 bytes should follow, and 4 do"),
        (BEGUN + b"a float32 99999999999 99999999999\n" + FOUR, "bytes should follow, and 4 do"),
        (BEGUN + b"a float8\n" + FOUR, "a must be of float64, .*, and it says 'float8'"),
        (BEGUN + b"a float32\n" + FOUR + b"a float32\n" + FOUR, "each name once, and has a twice"),
        (BEGUN + b"a float32\n" + FOUR * 2, "sizes behind a, and whole; there is b'.x00"),
        (BEGUN + b"a\n", "a line of name, dtype and at most 8 sizes behind the first line"),
        (BEGUN + b"a float32", "a line of name, dtype and at most 8 sizes"),
        (BEGUN + b"a float32 -1\n", "a line of name, dtype and at most 8 sizes"),
        (BEGUN + b"a float32" + b" 1" * 9 + b"\n" + FOUR, "a line of name, dtype and at most 8"),
        (BEGUN + b"a" * 2000 + b" float32\n", "a line of name, dtype and at most 8 sizes"),
        (BEGUN + b"a\xff float32 1e3\n", "a line of name, dtype and at most 8 sizes"),
    ],
)
def test_what_is_no_dump_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as raised:
        open_tensors(tmp_path / "a.bin")
    assert "\n" not in str(raised.value)
    assert "float32" in said or len(str(raised.value)) < 400


def test_a_file_that_was_cut_since_is_refused(tmp_path: Path):
    append_dump(tmp_path / "a.bin", {"x": torch.zeros(4)})
    found = open_tensors(tmp_path / "a.bin")
    (tmp_path / "a.bin").write_bytes((tmp_path / "a.bin").read_bytes()[:-4])
    with pytest.raises(
        CheckpointError, match="16 bytes of x, and whole; it ends 4 bytes too early"
    ):
        found["x"]
    (tmp_path / "a.bin").unlink()
    with pytest.raises(CheckpointError, match="must be a file that can be read"):
        found["x"]
