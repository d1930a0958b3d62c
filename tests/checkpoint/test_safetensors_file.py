"""Our safetensors are the library's, and the same bytes each time."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pellucid.checkpoint import save
from pellucid.checkpoint.safetensors_file import NAMES, save_tensors
from pellucid.files import whole_file
from pellucid.models import GPT
from tests.models.examples import random_params, tiny


def some_tensors() -> dict[str, torch.Tensor]:
    drawn = torch.randint(0, 2, (3, 5, 2), generator=torch.Generator().manual_seed(0))
    tensors = {f"z.{str(dtype)[6:]}": drawn.to(dtype) for dtype in NAMES}
    tensors |= {"a scalar": torch.tensor(1.5), "empty": torch.zeros(0, 4), "ü": torch.ones(3)}
    return tensors | {"another": torch.zeros(7, dtype=torch.bfloat16), "b": torch.ones(1).double()}


@pytest.mark.parametrize(
    "notes", [{}, {"one": 'a "note" \\ of\n two lines, é'}], ids=["", "a note"]
)
def test_with_one_note_at_most_the_file_is_the_library_s_own(tmp_path: Path, notes: dict[str, str]):
    save_tensors(some_tensors(), tmp_path / "ours", notes)
    save_file(some_tensors(), tmp_path / "theirs", metadata=notes or None)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_views_and_shared_memory_are_written_each_by_itself(tmp_path: Path):
    table = torch.arange(12.0).view(3, 4)
    tensors = {"table": table, "again": table, "turned": table.T, "part": table[1:, ::2]}
    save_tensors(tensors, tmp_path / "file")
    found = load_file(tmp_path / "file")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_the_same_content_is_the_same_file(tmp_path: Path):
    notes = {str(number): "x" * number for number in range(20)}
    hashes = set()
    for order in (notes, dict(reversed(notes.items()))):
        save_tensors(some_tensors(), tmp_path / "file", order)
        with safe_open(tmp_path / "file", framework="pt") as file:
            assert file.metadata() == notes
        save(GPT(tiny(), random_params(tiny())), tmp_path / "model", metadata=order)
        content = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*.*")))
        hashes.add(hashlib.sha256((tmp_path / "file").read_bytes() + content).hexdigest())
    assert len(hashes) == 1


def test_a_file_that_is_being_written_is_the_only_one_beside_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """So what a killed process leaves is known by its name, and swept."""
    seen = []
    real = torch.Tensor.cpu
    monkeypatch.setattr(
        torch.Tensor, "cpu", lambda self: (seen.append(sorted(tmp_path.iterdir())), real(self))[1]
    )
    with whole_file(tmp_path / "file") as beside:
        save_tensors(some_tensors(), beside)
        assert seen
        assert all(paths == [beside] for paths in seen)
