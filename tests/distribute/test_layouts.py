"""What several processes compute is what one process computes."""

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.distribute import ALONE
from pellucid.tree import flatten
from tests.distribute.cases import CASES, CLIP, RUNS, train

ROOT = Path(__file__).parents[2]


def processes(size: int, folder: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    """What each process found in each run."""
    command = [sys.executable, "-m", "tests.distribute.worker", str(size), str(folder)]
    how: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(command, cwd=ROOT, check=False, **how)
    assert not done.returncode, done.stderr[-3000:]
    return {
        (grid, case, rank): torch.load(folder / f"{grid} {case} {rank}.pt")
        for grid, case in RUNS[size]
        for rank in range(size)
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[Any, dict[str, Any]]]:
    """What so many processes found; they are started when they are first asked for."""
    return functools.cache(lambda size: processes(size, tmp_path_factory.mktemp(f"of{size}")))


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, Any]]:
    return {name: train(ALONE, case) for name, case in CASES.items()}


each_run = pytest.mark.parametrize(
    ("size", "grid", "case"), [(size, *run) for size, runs in RUNS.items() for run in runs]
)


def test_the_cases_ask_for_what_they_should(alone: dict[str, Any]):
    """Every training is clipped at some step, and moves every parameter that can move."""
    for name, one in alone.items():
        assert max(one["norms"]) > CLIP, name
        for leaf, start in zip(
            flatten(one["params"]).values(),
            flatten(CASES[name].model().params).values(),
            strict=True,
        ):
            assert float((leaf - start).norm()) > 1e-4


@each_run
def test_losses_norms_and_parameters_are_those_of_one_process(
    found: Any, alone: Any, size: int, grid: str, case: str
):
    one = alone[case]
    if CASES[case].mixed:
        # In bfloat16 another order of sums is another number in the third digit.
        for several in (found(size)[grid, case, rank] for rank in range(size)):
            assert several["losses"] == pytest.approx(one["losses"], rel=0.02)
            assert several["norms"] == pytest.approx(one["norms"], rel=0.05)
            assert {leaf.dtype for leaf in flatten(several["params"]).values()} == {torch.float64}
        return
    for rank in range(size):
        several = found(size)[grid, case, rank]
        assert several["told"] == (rank, size, rank == 0)
        for key in ("losses", "norms"):
            assert max(abs(a - b) for a, b in zip(several[key], one[key], strict=True)) < 1e-10
        for tree in ("params", "grads", "state"):
            whole = flatten(one[tree])
            assert flatten(several[tree]).keys() == whole.keys()
            for name, leaf in flatten(several[tree]).items():
                if not isinstance(leaf, torch.Tensor):
                    assert leaf == whole[name]
                    continue
                assert type(leaf) is torch.Tensor, name
                scale = max(float(whole[name].norm()), 1e-4)  # some gradients are 0 but rounding
                assert float((leaf - whole[name]).norm()) < 1e-9 * scale, (tree, name)


@each_run
def test_all_processes_have_the_very_same_numbers(found: Any, size: int, grid: str, case: str):
    first = found(size)[grid, case, 0]
    for rank in range(1, size):
        other = found(size)[grid, case, rank]
        assert other["losses"] == first["losses"]
        assert other["norms"] == first["norms"]
        for name, leaf in flatten(first["params"]).items():
            assert torch.equal(leaf, flatten(other["params"])[name]), name


BLOCKS, MATRICES, VECTORS = 2, 10, 18  # of the GPT whose messages are counted
GATHERED = 2 * 8 + 2 + 1
"""A block's matrices twice, the tokens' table for each of its uses, and the positions' once."""


@pytest.mark.parametrize(
    ("size", "grid", "case"), [(size, *run) for size in (2, 4) for run in RUNS[size]]
)
def test_no_more_messages_are_sent_than_the_page_says(found: Any, size: int, grid: str, case: str):
    sums = (VECTORS if "sharded" in grid else 0 if grid == "tensor" else MATRICES + VECTORS) + 1
    sums += 4 * BLOCKS if "tensor" in grid else 0
    expected = {"allreduce": sums}
    if "sharded" in grid:
        expected |= {"allgatherintotensor": GATHERED, "reducescattertensor": MATRICES}
    assert found(size)[grid, case, 0]["messages"] == expected
