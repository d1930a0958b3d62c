from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid import native


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository; without it the test is skipped."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of shared data is not beside the repository")
    return folder


@pytest.fixture(autouse=True)
def _native_library_anew() -> Iterator[None]:
    """Whatever kernels a test chose, the next one begins with those of the machine."""
    yield
    native.library.cache_clear()
