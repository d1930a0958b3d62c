"""A pack's steps are those of the program whose recipe it names, as PyTorch makes them."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pellucid.compare import Mine, compare
from pellucid.errors import ConfigError
from pellucid.models import GPT
from pellucid.reference import Pack, ReferenceRun, open_pack, update_of, write_pack
from pellucid.tree import flatten, unflatten
from tests.port.models import model_of, small

STEPS = 4


def run_with(update: dict[str, Any]) -> ReferenceRun:
    params, tokens, targets = small()
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    return ReferenceRun(model_of(params, torch.float64), "", *batch, update, STEPS)


def written(tmp_path: Path, update: dict[str, Any]) -> tuple[ReferenceRun, Pack]:
    run = run_with(update)
    write_pack(run, tmp_path / "pack", dtypes=[torch.float64])
    return run, open_pack(tmp_path / "pack")


def by_pytorch(
    run: ReferenceRun, rates: list[float], *, clip: float, decay: float, every: bool, **adam: Any
) -> dict[str, np.ndarray]:
    """The same steps by torch.optim.AdamW and its clipping, and what a port would dump of them."""
    params = {name: leaf.clone() for name, leaf in flatten(run.model.params).items()}
    leaves = {name: torch.nn.Parameter(leaf) for name, leaf in params.items()}
    groups = [
        {
            "params": [leaf for leaf in leaves.values() if (leaf.dim() >= 2 or every) == decays],
            "weight_decay": decay if decays else 0.0,
        }
        for decays in (True, False)
    ]
    optimizer = torch.optim.AdamW([one for one in groups if one["params"]], **adam)
    found: dict[str, Any] = {"step.losses": [], "step.norms": []}
    for number, rate in enumerate(rates, 1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        own = GPT(run.model.config, unflatten({n: p.detach() for n, p in leaves.items()}))
        loss, grads = own.loss_and_grads(run.tokens, run.targets)
        for name, gradient in flatten(grads).items():
            leaves[name].grad = gradient
            if number == 1:
                found[f"d{name}"] = gradient.numpy().copy()
        norm = torch.nn.utils.clip_grad_norm_(leaves.values(), clip)
        optimizer.step()
        found["step.losses"].append(float(loss))
        found["step.norms"].append(float(norm))
        prefix = {1: "", STEPS: f"step.{STEPS}."}.get(number)
        for name, leaf in leaves.items() if prefix is not None else ():
            found[f"{prefix}{name}.new"] = leaf.detach().numpy().copy()
            if number == 1:
                found[f"{name}.m"] = optimizer.state[leaf]["exp_avg"].numpy().copy()
                found[f"{name}.v"] = optimizer.state[leaf]["exp_avg_sq"].numpy().copy()
    return {name: np.asarray(value) for name, value in found.items()}


def judged(pack: Pack, dump: dict[str, np.ndarray]) -> Any:
    tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in dump.items()}
    return compare(pack, Mine(tensors, pack.blank, None))


NANOGPT = {"warmup": 2, "total": 4, "clip": 0.5, "learning_rate": 1e-2}


def nanogpt_dump(run: ReferenceRun, **other: Any) -> dict[str, np.ndarray]:
    """nanoGPT's rates, written out as its train.py has them: up to the second step, then down."""
    rates = [1e-2 / 3, 2e-2 / 3, 1e-2, 1e-3 + 0.5 * (1 + math.cos(math.pi / 2)) * 9e-3]
    adam = {"betas": (0.9, 0.95), "eps": 1e-8, "clip": 0.5, "decay": 0.1, "every": False}
    return by_pytorch(run, other.pop("rates", rates), **adam | other)


def test_nanogpt_s_recipe_is_what_pytorch_makes_of_it(tmp_path: Path):
    run, pack = written(tmp_path, update_of("nanogpt", STEPS, **NANOGPT))
    dump = nanogpt_dump(run)
    for name, value in dump.items():
        own = pack.tensor(name, "float64").numpy()
        np.testing.assert_allclose(own, value, rtol=1e-9, atol=1e-13, err_msg=name)
    assert (dump["step.norms"] > 0.5).any()
    found = judged(pack, dump)
    assert found.agrees
    assert {"step.norms", "step.losses"} <= found.judged


@pytest.mark.parametrize(
    ("wrong", "first"),
    [
        ({"betas": (0.9, 0.999)}, ".v"),
        ({"clip": 1e9}, ".m"),
        ({"every": True}, ".new"),
        ({"rates": [1e-2] * STEPS}, ".new"),
    ],
)
def test_another_setting_is_found_where_it_shows(tmp_path: Path, wrong: dict[str, Any], first: str):
    run, pack = written(tmp_path, update_of("nanogpt", STEPS, **NANOGPT))
    found = judged(pack, nanogpt_dump(run, **wrong))
    assert found.differs
    assert found.findings[0].fault.name.endswith(first)


def test_llm_c_s_recipe_lets_all_decay(tmp_path: Path):
    run, pack = written(tmp_path, update_of("llm.c", STEPS))
    adam: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-8, "clip": 1e9, "decay": 0.01}
    dump = by_pytorch(run, [1e-4] * STEPS, every=True, **adam)
    del dump["step.norms"]
    for name, value in dump.items():
        own = pack.tensor(name, "float64").numpy()
        np.testing.assert_allclose(own, value, rtol=1e-9, atol=1e-13, err_msg=name)
    assert judged(pack, dump).agrees
    assert "step.norms" not in pack.rows
    wrong = by_pytorch(run, [1e-4] * STEPS, every=False, **adam)
    assert judged(pack, wrong | {"step.norms": wrong["step.losses"]}).differs


def test_a_manifest_says_what_moved_and_older_readers_are_not_misled(tmp_path: Path):
    plain = update_of(None, STEPS)
    assert plain == {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
    write_pack(run_with(plain), tmp_path / "plain", dtypes=[torch.float64])
    _, pack = written(tmp_path, update_of("nanogpt", STEPS, **NANOGPT))
    versions = [
        json.loads((place / "manifest.json").read_text())["pellucid_reference"]
        for place in (tmp_path / "plain", pack.place)
    ]
    assert versions == [1, 2]
    update = pack.manifest["update"]
    assert (update["betas"], update["clip"], update["learning_rate"]) == ([0.9, 0.95], 0.5, 1e-2)
    assert update["learning_rates"] == pytest.approx([1e-2 / 3, 2e-2 / 3, 1e-2, 5.5e-3])


def test_what_does_not_go_together_is_refused_in_one_line():
    for recipe, given, said in (
        ("nano", {}, "--recipe must be one of nanogpt, llm.c, not 'nano'"),
        (None, {"optimizer": "sgd", "betas": [0.9, 0.99]}, "--betas is a setting of Adam"),
        (None, {"optimizer": "adam", "decay": "all"}, "--decay is a setting of AdamW"),
        ("nanogpt", {"warmup": -1}, "at least 0"),
        ("nanogpt", {"floor": 2.0}, "from 0 to 1"),
    ):
        with pytest.raises(ConfigError, match=said):
            update_of(recipe, STEPS, **given)
    for given, said in (
        ({"betas": [0.9]}, "betas must be two numbers"),
        ({"betas": [0.9, 1.0]}, "betas must be two numbers"),
        ({"eps": -1.0}, "eps must be"),
        ({"clip": 0.0}, "clip must be above 0"),
        ({"decay": "biases"}, "decay must be of matrices or all"),
    ):
        with pytest.raises(ConfigError, match=said):
            run_with(update_of(None, STEPS, **given))
    assert replace(run_with(update_of(None, STEPS, optimizer="sgd")), steps=1).steps == 1
