"""What torchrun leaves in the environment, and what else may stand there."""

import pytest

from pellucid.distribute import number_in, open_layout
from pellucid.errors import ConfigError

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
WRONG = [
    *[(name, value) for name in ("RANK", "WORLD_SIZE", "MASTER_PORT") for value in ("x", "", "-1")],
    ("RANK", "1"),
    ("WORLD_SIZE", "0"),
    ("WORLD_SIZE", "1.0"),
    ("WORLD_SIZE", "٣"),
    ("MASTER_PORT", "65536"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_number_that_is_none_or_out_of_range_names_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
):
    for variable, usual in (TORCHRUN | {name: value}).items():
        monkeypatch.setenv(variable, usual)
    with pytest.raises(ConfigError) as error, open_layout("data"):
        pass
    assert str(error.value).startswith(f"{name} in the environment must be a whole number from ")
    assert f"it is {value!r}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_number_that_is_not_set_is_the_default_or_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert number_in("LOCAL_RANK", 0) == 0
    with pytest.raises(ConfigError, match=r"LOCAL_RANK .* is not set: .* torchrun"):
        number_in("LOCAL_RANK")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert number_in("LOCAL_RANK", 0) == 3
    assert number_in("LOCAL_RANK", below=4) == 3
    with pytest.raises(ConfigError, match="from 0 to 2, and it is '3'"):
        number_in("LOCAL_RANK", below=3)
