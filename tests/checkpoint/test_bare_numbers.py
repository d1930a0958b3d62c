"""Bare numbers are read where an index, or the pack by their names, says what they are."""

import json
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import open_tensors
from pellucid.checkpoint.bare_numbers import BareForm
from pellucid.errors import CheckpointError

X = torch.arange(6, dtype=torch.float32).reshape(2, 3)
BARE = {
    "h.0.attn.z": BareForm((2, 3), whole=False),
    "tokens": BareForm((3,), whole=True),
    "loss": BareForm((), whole=False),
}


def write(file: Path, values: torch.Tensor) -> None:
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_bytes(values.contiguous().numpy().tobytes())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_files_called_as_the_pack_s_tensors_have_their_shapes(tmp_path: Path, dtype: torch.dtype):
    whole = torch.int64 if dtype == torch.float64 else torch.int32
    write(tmp_path / "h" / "0" / "attn.z.bin", X.to(dtype))
    write(tmp_path / "tokens.bin", torch.tensor([3, 1, 2], dtype=whole))
    write(tmp_path / "loss.bin", torch.tensor(2.5, dtype=dtype))
    write(tmp_path / "unknown.bin", X)
    found = open_tensors(tmp_path, bare=BARE)
    assert set(found) == set(BARE)
    assert found["h.0.attn.z"].dtype == found["loss"].dtype == dtype
    assert torch.equal(found["h.0.attn.z"], X.to(dtype))
    assert found["tokens"].tolist() == [3, 1, 2]
    assert found["tokens"].dtype == whole
    assert list(open_tensors(tmp_path / "loss.bin", bare=BARE)) == ["loss"]


def test_an_index_in_json_says_where_each_is(tmp_path: Path):
    write(tmp_path / "all.bin", torch.cat([X.flatten(), X.flatten()]))
    write(tmp_path / "x.bin", X.double())
    index = {
        "a": {"shape": [2, 3], "dtype": "float32", "file": "all.bin"},
        "b": {"shape": [5], "dtype": "float32", "file": "all.bin", "offset": 28},
        "x": {"shape": [3, 2], "dtype": "float64"},
    }
    (tmp_path / "index.json").write_text(json.dumps(index))
    found = open_tensors(tmp_path)
    assert torch.equal(found["a"], X)
    assert found["b"].tolist() == [1, 2, 3, 4, 5]
    assert torch.equal(found["x"], X.double().reshape(3, 2))


def test_an_index_in_text_has_a_line_for_each(tmp_path: Path):
    write(tmp_path / "a.bin", X)
    write(tmp_path / "loss.bin", torch.tensor(2.5))
    (tmp_path / "index.txt").write_text("a float32 2 3\r\n\nloss float32")
    found = open_tensors(tmp_path)
    assert torch.equal(found["a"], X)
    assert float(found["loss"]) == 2.5


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"a": 3}, "an index with a shape, a dtype of .* for a, and whole; it says 3"),
        ({"a": {"shape": [2, -3], "dtype": "float32"}}, "an index with a shape"),
        ({"a": {"shape": [2, 3], "dtype": "f4"}}, "an index with a shape"),
        ({"a": {"shape": [2, 3], "dtype": ["x"]}}, "an index with a shape"),
        ({"a": {"shape": [2, 3], "dtype": "float32", "offset": 4}}, "24 bytes, and 28 are needed"),
        ({"a": {"shape": [2, 3], "dtype": "float32", "file": "../a.bin"}}, r"names '../a.bin'"),
        ({"b": {"shape": [2, 3], "dtype": "float32"}}, r"b\.bin is missing"),
        ("a float32 2", None),
        ("a float32 2 9", "a file with the numbers of a, .2, 9., and whole; it has 24 bytes"),
        ("a float32 2 3\na float32 2 3", "a is there twice"),
        ("a", "a line of name, dtype and at most 8 sizes behind the beginning"),
        (None, r"must say what its \.bin hold.* a\.bin is none"),
    ],
)
def test_an_index_that_is_not_right_is_refused_in_one_line(
    tmp_path: Path, index: dict[str, object] | str | None, said: str | None
):
    write(tmp_path / "a.bin", X)
    if isinstance(index, str):
        (tmp_path / "index.txt").write_text(index)
    elif index is not None:
        (tmp_path / "index.json").write_text(json.dumps(index))
    if said is None:
        assert open_tensors(tmp_path)["a"].tolist() == [0, 1]
        return
    with pytest.raises(CheckpointError, match=said) as raised:
        open_tensors(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_file_of_another_length_is_refused_with_the_lengths_that_fit(tmp_path: Path):
    write(tmp_path / "h.0.attn.z.bin", X[:, :2])
    with pytest.raises(CheckpointError, match="and it has 16"):
        open_tensors(tmp_path, bare=BARE)
    write(tmp_path / "h.0.attn.z.bin", torch.zeros(7))  # four bytes a number, and some are left
    said = (
        r"6 numbers of h\.0\.attn\.z, \[2, 3\], which is 48 bytes in float64 or 24 bytes in float32"
    )
    with pytest.raises(CheckpointError, match=f"{said}, and it has 28"):
        open_tensors(tmp_path, bare=BARE)
