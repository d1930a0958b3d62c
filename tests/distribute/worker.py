"""Carries out the trainings of SIZE processes: `python -m tests.distribute.worker SIZE DIR`.

The processes are forks of this one, so that torch is imported once.
"""

import sys
from collections import Counter
from pathlib import Path

import torch
import torch.distributed as dist
from torch import multiprocessing
from torch.distributed.tensor.debug import CommDebugMode

from pellucid.distribute import Layout, open_layout
from pellucid.kernels import FAST
from tests.distribute.cases import CASES, GRIDS, RUNS, gpt, gpt_batch, train


def messages(layout: Layout) -> dict[str, int]:
    """How many messages of each kind the loss and the gradients of one batch need."""
    model = gpt()
    model = model.with_params(layout.place(model.params))
    batch = gpt_batch(torch.Generator().manual_seed(0))
    with CommDebugMode() as counted:
        layout.loss_and_grads(model, batch, ops=FAST, noise=None)
    counts: Counter[str] = Counter()
    for kind, count in counted.get_comm_counts().items():
        counts[str(kind).rsplit(".", maxsplit=1)[-1].strip("_").replace("_", "")] += count
    return dict(counts)


def work(rank: int, size: int, folder: Path) -> None:
    """What one process does: all cases, each result in a file of its own."""
    store = dist.FileStore(str(folder / "store"), size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    for grid, name in RUNS[size]:
        kind, tensor = GRIDS[grid]
        with open_layout(kind, tensor=tensor) as layout:
            found = train(layout, CASES[name])
            found["messages"] = messages(layout)
            found |= {"told": (layout.rank, layout.size, layout.is_first)}
            torch.save(found, folder / f"{grid} {name} {rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    count = int(sys.argv[1])
    multiprocessing.start_processes(
        work, (count, Path(sys.argv[2])), nprocs=count, start_method="fork"
    )
