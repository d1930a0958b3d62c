"""Tensors from every form of file, and each that is not one refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from pellucid.checkpoint import open_tensors
from pellucid.errors import CheckpointError

TENSORS = {
    "h.0.ln_1.out": torch.arange(6.0).view(2, 3),
    "loss": torch.tensor(1.5, dtype=torch.float64),
    "tokens": torch.tensor([3, 1, 2]),
    "mask": torch.tensor([[True, False], [True, True]]),
}


def written(form: str, place: Path) -> Path:
    arrays = {name: value.numpy() for name, value in TENSORS.items()}
    match form:
        case "safetensors":
            save_file(TENSORS, place / "t.safetensors")
            return place / "t.safetensors"
        case "shards":
            for number, (name, value) in enumerate(TENSORS.items()):
                save_file({name: value}, place / f"{number}.safetensors")
            return place
        case "npz":
            np.savez(place / "t.npz", **arrays)
            return place / "t.npz"
        case "npy":
            (place / "h" / "0").mkdir(parents=True)
            for name, value in arrays.items():
                np.save(place / f"{name.replace('.', '/', 2)}.npy", value)
            return place
        case _:
            nested = {"h": {"0": {"ln_1.out": TENSORS["h.0.ln_1.out"]}}, "loss": 1.5}
            torch.save(nested | {"tokens": [3, 1, 2], "mask": TENSORS["mask"]}, place / "t.pt")
            return place / "t.pt"


@pytest.mark.parametrize("form", ["safetensors", "shards", "npz", "npy", "pt"])
def test_every_form_gives_the_tensors_by_name(form: str, tmp_path: Path):
    found = open_tensors(written(form, tmp_path))
    assert set(found) == set(TENSORS)
    assert len(found) == 4
    assert "no" not in found
    for name, value in TENSORS.items():
        assert torch.equal(found[name].double(), value.double()), name
        assert found[name].shape == value.shape


def test_any_order_and_dtype_of_numpy_s_comes_out_right(tmp_path: Path):
    plain = np.arange(6, dtype=np.float32).reshape(2, 3)
    arrays = {
        "fortran": np.asfortranarray(plain),
        "big": plain.astype(">f4"),
        "half": plain.astype(np.float16),
        "long": plain.astype(np.longdouble),
        "unsigned": plain.astype(np.uint16),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    found = open_tensors(tmp_path / "a.npz")
    for name in arrays:
        assert torch.equal(found[name].double(), torch.from_numpy(plain).double()), name
    for name, values in arrays.items():
        np.save(tmp_path / f"{name}.npy", values)
        one = open_tensors(tmp_path / f"{name}.npy")[name]
        assert torch.equal(one.double(), torch.from_numpy(plain).double())


def test_bfloat16_stays_what_it_is(tmp_path: Path):
    save_file({"x": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "x.safetensors")
    torch.save({"x": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "x.pt")
    for name in ("x.safetensors", "x.pt"):
        assert open_tensors(tmp_path / name)["x"].dtype == torch.bfloat16


def test_what_is_no_tensor_is_refused_in_one_line(tmp_path: Path):
    np.savez(tmp_path / "complex.npz", x=np.ones(2, complex))
    np.savez(tmp_path / "object.npz", x=np.array([{}], dtype=object))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    torch.save({"x": [[1.0], [1.0, 2.0]]}, tmp_path / "ragged.pt")
    torch.save({"x": Path("a")}, tmp_path / "code.pt")
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice").mkdir()
    for name in ("a", "b"):
        save_file({"x": torch.ones(1)}, tmp_path / "twice" / f"{name}.safetensors")
    (tmp_path / "words.txt").write_text("x")
    (tmp_path / "noise.npz").write_bytes(b"PK\x03\x04noise")
    (tmp_path / "state.bin").write_bytes((20240327).to_bytes(4, "little") + bytes(1020))
    for name, said in (
        ("complex.npz", "real numbers"),
        ("object.npz", "an .npz with x in it"),
        ("text.npy", "real numbers"),
        ("ragged.pt", "x is none"),
        ("code.pt", "could run any code"),
        ("empty", "holds .safetensors, .npy or .bin"),
        ("twice", "x is in another too"),
        ("words.txt", "tensors come in"),
        ("noise.npz", "an .npz of NumPy's"),
        ("state.bin", "does not say how large"),
        ("missing.npz", "a folder that is there"),
    ):
        with pytest.raises(CheckpointError, match=said) as raised:
            dict(open_tensors(tmp_path / name))
        assert "\n" not in str(raised.value)


@settings(max_examples=40, deadline=None)
@given(form=st.sampled_from(["safetensors", "npz", "pt"]), data=st.data())
def test_a_truncated_file_is_one_line(
    form: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    file = written(form, tmp_path_factory.mktemp("cut"))
    whole = file.read_bytes()
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CheckpointError):
        dict(open_tensors(file))
