"""Time of a step on each layout beside one process, in one run, on this machine's cores.

    torchrun --standalone --nproc-per-node 2 benchmarks/layouts.py

Each process has one thread. The batch is the same whole batch for all, so that with two processes
a layout that cost nothing would need half of one process's time.
"""

import statistics
import time
from contextlib import ExitStack

import torch
import torch.distributed as dist

from pellucid.distribute import ALONE, KINDS, Layout, open_layout, pairs
from pellucid.kernels import FAST, adamw_rule
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw

CONFIG = GPTConfig(vocab_size=2048, block_size=128, n_layer=4, n_head=4, n_embd=256)
ROWS, STEPS = 8, 14
TABLES = pairs.TABLES


class Training:
    """A model on a layout, of which each call is a step."""

    def __init__(self, layout: Layout, *, within: bool = True) -> None:
        self.layout, self.within = layout, within
        model = GPT.init(CONFIG, seed=0)
        self.model = model.with_params(layout.place(model.params))
        self.generator = torch.Generator().manual_seed(0)
        self.rule, self.state = layout.rule(adamw_rule), None
        self.seconds: list[tuple[float, float]] = []  # of loss and gradients, and of the step

    def __call__(self) -> None:
        """Make a step and keep its time."""
        shape = (ROWS, CONFIG.block_size)
        vocabulary = CONFIG.vocab_size
        batch = tuple(torch.randint(vocabulary, shape, generator=self.generator) for _ in "xy")
        pairs.TABLES = TABLES if self.within else tuple(vars(FAST))
        dist.barrier()
        began = time.perf_counter()
        _, grads = self.layout.loss_and_grads(self.model, batch, ops=FAST, noise=None)
        found = time.perf_counter() - began
        clipped, _ = self.layout.clip(grads, 1.0)
        params, self.state = adamw(
            self.model.params, clipped, self.state, learning_rate=1e-3, rule=self.rule
        )
        self.model = self.model.with_params(params)
        self.seconds.append((found, time.perf_counter() - began))

    def medians(self) -> list[float]:
        """The median of each time, without the first two steps."""
        return [statistics.median(times) for times in zip(*self.seconds[2:], strict=True)]


def main() -> None:
    """Take turns, so that what else the machine does falls on all alike, and print a line each."""
    trainings = {"alone, in every process": Training(ALONE)}
    with ExitStack() as stack:
        for kind in KINDS:
            layout = stack.enter_context(open_layout(kind))
            trainings[kind] = Training(layout)
            if kind != "tensor":
                trainings[f"{kind}, gradients sent at the end"] = Training(layout, within=False)
        for _ in range(STEPS):
            for training in trainings.values():
                training()
        alone, *_ = (training.medians() for training in trainings.values())
        for name, training in trainings.items():
            times = training.medians()
            if layout.is_first:
                parts = [
                    f"{1e3 * t:6.0f} ms ({t / a:.2f})" for t, a in zip(times, alone, strict=True)
                ]
                print(f"{name:36} gradients {parts[0]}   step {parts[1]}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
