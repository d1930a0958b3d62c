"""Opening layouts: under torchrun, alone, and wrongly."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from pellucid.distribute import ALONE, KINDS, open_layout
from pellucid.distribute.placing import full, place
from pellucid.errors import ConfigError
from pellucid.kernels import adamw_rule
from pellucid.layers import REFERENCE
from pellucid.optim import clip_by_global_norm
from pellucid.tree import flatten
from tests.distribute.cases import CASES, gpt, train

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from pellucid.distribute import open_layout
from tests.distribute.cases import CASES, train
with open_layout(sys.argv[1]) as layout:
    found = train(layout, CASES["fast"])
    if layout.is_first:
        print(layout.size, *found["losses"])
"""


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_torchrun_starts_it(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run = subprocess.run(
        [*command, script, "sharded"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        check=True,
        text=True,
        timeout=300,
    )
    size, *losses = run.stdout.split()
    one = train(ALONE, CASES["fast"])["losses"]
    assert size == "2"
    assert [float(loss) for loss in losses] == pytest.approx(one, abs=1e-10)


def test_outside_torchrun_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="RANK is not set: run torchrun --nproc-per-node"):
        with open_layout("data"):
            pass
    assert not dist.is_initialized()


def test_a_layout_has_a_known_name():
    with pytest.raises(ConfigError, match="one of data, tensor, sharded, not 'pipeline'"):
        with open_layout("pipeline"):
            pass


@pytest.mark.parametrize("split", [-1, 2, 3])
def test_the_processes_that_share_matrices_divide_all(group: None, split: int):
    with pytest.raises(ConfigError, match=f"must divide all 1 processes, and {split} do not"):
        with open_layout("data", tensor=split):
            pass


def test_a_group_that_is_open_stays_open(group: None):
    with open_layout("data") as layout:
        assert (layout.rank, layout.size, layout.is_first) == (0, 1, True)
    assert dist.is_initialized()


@pytest.mark.parametrize("kind", KINDS)
def test_full_undoes_place_and_what_is_no_tensor_stays(group: None, kind: str):
    params = gpt().params
    with open_layout(kind) as layout:
        placed = layout.place({"m": params, "t": 3})
        assert all(isinstance(leaf, DTensor) for leaf in flatten(placed["m"]).values())
        whole = layout.full(placed)
    assert whole["t"] == 3
    for name, leaf in flatten(params).items():
        assert type(flatten(whole["m"])[name]) is torch.Tensor
        assert torch.equal(flatten(whole["m"])[name], leaf)


class Pretended:
    """A grid of more processes than there are, for what is decided before any message."""

    def size(self, axis: int) -> int:
        return (1, 3)[axis]


def test_heads_that_cannot_be_dealt_out_are_one_clear_line():
    from pellucid.distribute.grid import Grid

    with pytest.raises(ConfigError, match=r"a multiple of the 3 processes.*and there are 4"):
        Grid(Pretended()).check(gpt())
    attn = gpt().params["h"]["0"]["attn"]
    with pytest.raises(ConfigError, match=r"a multiple of the 3 processes.*and 8 is not"):
        place({"h": {"0": {"attn": attn}}}, Pretended(), sharded=False)
    assert full({"t": 1}, Pretended()) == {"t": 1}


def test_alone_is_the_model_itself():
    model = gpt()
    tokens = torch.arange(8).view(2, 4)
    loss, grads = ALONE.loss_and_grads(model, (tokens, tokens), ops=REFERENCE, noise=None)
    own_loss, own = model.loss_and_grads(tokens, tokens)
    assert torch.equal(loss, own_loss)
    clipped, norm = ALONE.clip(grads, 0.1)
    own_clipped, own_norm = clip_by_global_norm(own, 0.1)
    assert torch.equal(norm, own_norm)
    for name, leaf in flatten(own_clipped).items():
        assert torch.equal(flatten(clipped)[name], leaf)
    assert ALONE.place(grads) is grads
    assert ALONE.full(grads) is grads
    assert ALONE.rule(adamw_rule) is adamw_rule
    assert (ALONE.rank, ALONE.size, ALONE.is_first) == (0, 1, True)
    ALONE.check(model)


def test_alone_imports_nothing_of_torch_distributed_s_tensors():
    code = "import pellucid.distribute, sys; print('torch.distributed.tensor' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "False"
