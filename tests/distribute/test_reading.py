"""The layers' own code on distributed tensors, unchanged: a block split as in Megatron-LM.

Nothing of the room under test is used: only the layers, and where their parameters are placed.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CODE = """
import sys
import torch, torch.distributed as dist
from torch import multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from pellucid.layers import REFERENCE, block, block_backward, causal_mask
from pellucid.models import GPT, GPTConfig
from pellucid.tree import flatten, unflatten

SPLIT = {"mlp.c_fc.weight": Shard(1), "mlp.c_fc.bias": Shard(0), "mlp.c_proj.weight": Shard(0),
         "attn.c_attn.weight": Shard(1), "attn.c_attn.bias": Shard(0),
         "attn.c_proj.weight": Shard(0)}

def work(rank, size, store):
    dist.init_process_group("gloo", store=dist.FileStore(store, size), rank=rank, world_size=size)
    mesh = init_device_mesh("cpu", (size,))
    config = GPTConfig(5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params = GPT.init(config, dtype=torch.float64).params["h"]["0"]
    x, dout = (torch.randn(2, 4, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
               for n in range(2))

    def run(x, dout, params, mask):
        told = {"norm": "pre", "activation": REFERENCE.gelu_tanh, "ops": REFERENCE}
        out, cache = block(x, **params, n_head=2, mask=mask, eps=1e-5, **told)
        dx, grads = block_backward(dout, cache, **told)
        return {"out": out, "dx": dx} | flatten(grads)

    def everywhere(x):
        return distribute_tensor(x, mesh, [Replicate()])

    mask = causal_mask(4, 4, x.device)
    plain = run(x, dout, params, mask)
    placed = unflatten({name: distribute_tensor(leaf, mesh, [SPLIT.get(name, Replicate())])
                        for name, leaf in flatten(params).items()})
    spread = run(everywhere(x), everywhere(dout), placed, everywhere(mask))
    for name, value in plain.items():
        assert torch.allclose(spread[name].full_tensor(), value, rtol=1e-10, atol=1e-12), name
    for name in SPLIT:
        local = flatten(placed)[name].to_local()
        assert local.numel() * size == flatten(params)[name].numel(), name
    dist.destroy_process_group()

if __name__ == "__main__":
    multiprocessing.start_processes(work, (2, sys.argv[1]), nprocs=2, start_method="fork")
    print("the same")
"""


@pytest.mark.filterwarnings("default")
def test_a_block_runs_unchanged_on_distributed_tensors(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(CODE, encoding="utf-8")
    command = [sys.executable, script, tmp_path / "store"]
    run = subprocess.run(command, capture_output=True, check=False, text=True, timeout=300)
    assert run.stdout.strip() == "the same", run.stderr[-2000:]
