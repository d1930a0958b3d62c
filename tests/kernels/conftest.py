"""Which kernels a test runs on."""

from collections.abc import Iterator

import pytest

from pellucid import native


@pytest.fixture
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The kernels for one kind of processor, or none."""
    wanted = request.param
    native.library.cache_clear()
    monkeypatch.setenv("PELLUCID_NATIVE", wanted)
    found = native.library()
    if wanted != "off" and found is None:
        native.library.cache_clear()
        pytest.skip("the native library is not built here")
    if wanted != "off" and native.level() != wanted:
        native.library.cache_clear()
        pytest.skip(f"this processor has no {wanted}")
    yield wanted
    native.library.cache_clear()
