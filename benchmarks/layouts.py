"""Time of a step on each layout beside one process, in one run, on this machine's cores.

    torchrun --standalone --nproc-per-node 2 benchmarks/layouts.py

Each process has one thread. The batch is the same whole batch for all, so that with two processes
a layout that cost nothing would need half of one process's time.
"""

import statistics
import time

import torch
import torch.distributed as dist

from pellucid.distribute import ALONE, KINDS, Layout, open_layout, pairs
from pellucid.kernels import FAST, adamw_rule
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw

CONFIG = GPTConfig(vocab_size=2048, block_size=128, n_layer=4, n_head=4, n_embd=256)
ROWS, STEPS = 8, 7


def seconds(layout: Layout) -> tuple[float, float]:
    """The median time of loss and gradients, and of a whole step, in seconds."""
    model = GPT.init(CONFIG, seed=0)
    model = model.with_params(layout.place(model.params))
    generator = torch.Generator().manual_seed(0)
    state, rule = None, layout.rule(adamw_rule)
    found, whole = [], []
    for _ in range(STEPS):
        shape = (ROWS, CONFIG.block_size)
        batch = tuple(torch.randint(CONFIG.vocab_size, shape, generator=generator) for _ in "xy")
        began = time.perf_counter()
        _, grads = layout.loss_and_grads(model, batch, ops=FAST, noise=None)
        found.append(time.perf_counter() - began)
        clipped, _ = layout.clip(grads, 1.0)
        params, state = adamw(model.params, clipped, state, learning_rate=1e-3, rule=rule)
        model = model.with_params(params)
        whole.append(time.perf_counter() - began)
    return statistics.median(found[2:]), statistics.median(whole[2:])


def main() -> None:
    """Print a line a layout."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    everything = pairs.TABLES
    rows = [("alone", seconds(ALONE))]
    for kind in KINDS:
        with open_layout(kind) as layout:
            rows.append((f"{kind}, {layout.size} processes", seconds(layout)))
            first = layout.is_first
            if kind != "tensor":
                # The same with every gradient sent after the backward, instead of within it.
                pairs.TABLES = tuple(vars(FAST))
                rows.append((f"{kind}, gradients sent at the end", seconds(layout)))
                pairs.TABLES = everything
    if first:
        alone = rows[0][1]
        for name, (found, whole) in rows:
            print(
                f"{name:34} gradients {1e3 * found:7.0f} ms ({found / alone[0]:.2f})"
                f"   step {1e3 * whole:7.0f} ms ({whole / alone[1]:.2f})"
            )


if __name__ == "__main__":
    main()
    dist.destroy_process_group()
