"""A few random inputs for each loader, text command and message: none is met by a traceback."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_random_input_is_taken_or_refused(target: Target) -> None:
    inputs = target.inputs()

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,  # `python -m tests.fuzz` looks for what is new
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def taken(data: st.DataObject) -> None:
        came: Any = data.draw(inputs)
        with tempfile.TemporaryDirectory() as folder:
            assert target.take(came, Path(folder))

    taken()
