"""An experiment is read from JSON and written back; what is none is one line."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pellucid.errors import PellucidError
from pellucid.web import read_experiment
from tests.web.examples import AI_ROCKS, changed, setting, stepping

PATCH = {"do": "patch", "name": "h.0.resid_post", "index": [1], "text": "rocks AI"}


def test_what_is_written_is_read_again():
    actions = (setting("wte.weight", [0, 1], 0.5), PATCH, stepping("sgd", 3))
    experiment = read_experiment(changed(AI_ROCKS, *actions) | {"text": "AI rocks"})
    assert read_experiment(experiment.as_json()) == experiment
    assert hash(read_experiment(experiment.as_json())) == hash(experiment)


def test_without_what_was_set_the_steps_stay():
    actions = (setting("wte.weight", [0, 1], 0.5), stepping(count=2), PATCH)
    experiment = read_experiment(changed(AI_ROCKS, *actions))
    assert experiment.unedited == read_experiment(changed(AI_ROCKS, stepping(count=2)))


def test_a_digest_stands_for_a_model_after_some_of_its_actions():
    actions = (setting("wte.weight", [0, 1], 0.5), stepping(count=2), PATCH)
    whole = read_experiment(changed(AI_ROCKS, *actions)).digests
    assert len(set(whole)) == 4
    assert read_experiment(changed(AI_ROCKS, *actions[:2])).digests == whole[:3]
    other = read_experiment(changed(AI_ROCKS | {"text": "rocks AI"}, *actions)).digests
    assert not {*whole} & {*other}


WRONG: dict[str, Any] = {
    "no subject": {},
    "two subjects": {"subject": {"example": "ai_rocks", "model": "english-1M"}},
    "a subject that is a text": {"subject": "ai_rocks"},
    "a path": {"subject": {"file": "/etc/passwd"}},
    "a name that is a number": {"subject": {"example": 3}},
    "a text that is a list": AI_ROCKS | {"text": ["AI"]},
    "a long text": AI_ROCKS | {"text": "a" * 20_001},
    "a field too many": AI_ROCKS | {"txt": "AI rocks"},
    "actions that are none": AI_ROCKS | {"actions": {"do": "set"}},
    "too many actions": changed(AI_ROCKS, *[setting("wte.weight", [0, 0], 1.0)] * 501),
    "something else to do": changed(AI_ROCKS, {"do": "import os"}),
    "an index below 0": changed(AI_ROCKS, setting("wte.weight", [-1, 0], 1.0)),
    "an index that is a fraction": changed(AI_ROCKS, setting("wte.weight", [0.5], 1.0)),  # type: ignore[list-item]
    "an index of true": changed(AI_ROCKS, setting("wte.weight", [True], 1.0)),
    "a value beyond floats": changed(AI_ROCKS, setting("wte.weight", [0], 10**400)),
    "a value that is a text": changed(AI_ROCKS, setting("wte.weight", [0], "1")),  # type: ignore[arg-type]
    "too many steps": changed(AI_ROCKS, stepping(count=600), stepping(count=600)),
    "no step": changed(AI_ROCKS, stepping(count=0)),
    "another optimizer": changed(AI_ROCKS, stepping("lion")),
    "a learning rate of 0": changed(AI_ROCKS, stepping(rate=0)),
    "no learning rate": AI_ROCKS | {"next": {"learning_rate": None}},
    "a decay below 0": AI_ROCKS | {"next": {"weight_decay": -1}},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_experiment_is_refused_in_one_line(what: str):
    with pytest.raises(PellucidError) as refused:
        read_experiment(WRONG[what])
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 300


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(max_size=12), inner),
    max_leaves=12,
)
KEYS = some.sampled_from(["subject", "text", "actions", "next", "do", "name", "example"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(some.dictionaries(KEYS, JSON | some.dictionaries(KEYS, JSON)))
def test_whatever_comes_is_an_experiment_or_an_error_of_ours(came: dict[str, Any]):
    with suppress(PellucidError):
        read_experiment(came)
