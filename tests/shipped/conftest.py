"""The index of packages that tests fetch from."""

from pathlib import Path

import pytest

from tests.shipped.index import made_index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which alone pip looks for packages, and a cache that is empty."""
    return made_index(tmp_path, monkeypatch)
