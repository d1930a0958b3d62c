"""How long a compiled training step takes, beside a usual compiled PyTorch model and nanoGPT's own.

    python benchmarks/compiled_step.py                          GPT-2's 124M, 4 x 256 tokens
    python benchmarks/compiled_step.py --nanogpt PATH           with model.py of a nanoGPT checkout
    python benchmarks/compiled_step.py --keep-memory            the peers keep memory too

A step is forward, backward, clipping to a norm of 1 and AdamW with decay groups. Every variant has
a process of its own, which compiles, warms up, and then waits for its turn: they run one after
another, A B C, A B C …, and the table has medians, ratios and peak memory. In bfloat16 weights and
moments stay in float32 (ours by --mixed, the peers' by autocast). In float32 all of them get
oneDNN's products where the probe of pellucid.kernels.precision allows it.
"""

import argparse
import importlib.util
import multiprocessing
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.kernels import FAST, adamw_rule
from pellucid.kernels.precision import fastest_float32
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.train import Recipe, compiled_step
from pellucid.train.memory import keep_memory
from pellucid.tree import map_leaves

Step = Callable[[Tensor, Tensor], Any]
RATE, BETAS, DECAY = 3e-4, (0.9, 0.95), 0.1
GO, END = "go", "end"
PAD = 64
"""The peers' vocabularies are filled up to a multiple of this, which their products like better."""


def ours(sizes: dict[str, int], *, mixed: bool, compiled: bool) -> Step:
    """Pellucid's step: compiled, on weights of its own, or eager with FAST."""
    model = GPT.init(GPTConfig(**sizes))
    if compiled:
        recipe = Recipe(
            learning_rate=RATE, warmup_iters=0, weight_decay=DECAY, betas=BETAS, mixed=mixed
        )
        return compiled_step(model, recipe)
    held: dict[str, Any] = {"params": model.params, "state": None}
    decay = decay_groups(model.params, DECAY)

    def step(tokens: Tensor, targets: Tensor) -> Tensor:
        params = held["params"]
        computing = model.with_params(params)
        computing = computing.to(dtype=torch.bfloat16) if mixed else computing
        loss, grads = computing.loss_and_grads(tokens, targets, ops=FAST)
        precise = map_leaves(lambda grad, weight: grad.to(weight.dtype), grads, params)
        clipped, _ = clip_by_global_norm(precise, 1.0)
        held["params"], held["state"] = adamw(
            *(params, clipped, held["state"]),
            learning_rate=RATE,
            betas=BETAS,
            weight_decay=decay,
            rule=adamw_rule,
        )
        return loss

    return step


class Block(nn.Module):
    """A pre-norm block as it is usually written."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Attention and feed-forward, each added to the stream."""
        parts = self.c_attn(self.ln_1(x)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(z.transpose(1, 2).flatten(-2))
        return x + self.down(functional.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Usual(nn.Module):
    """GPT-2 of the parts that PyTorch brings, its head tied."""

    def __init__(self, vocab_size: int, sizes: dict[str, int]) -> None:
        super().__init__()
        width = sizes["n_embd"]
        self.wte, self.wpe = (nn.Embedding(n, width) for n in (vocab_size, sizes["block_size"]))
        self.h = nn.Sequential(*(Block(width, sizes["n_head"]) for _ in range(sizes["n_layer"])))
        self.ln_f = nn.LayerNorm(width)
        nn.init.normal_(self.wte.weight, std=0.02)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """The loss."""
        places = torch.arange(tokens.shape[-1])
        x = self.ln_f(self.h(self.wte(tokens) + self.wpe(places)))
        logits = x @ self.wte.weight.T
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def trained(model: nn.Module, optimizer: torch.optim.Optimizer, *, mixed: bool) -> Step:
    """A step by autograd, compiled, of a model that returns its loss, alone or last."""
    compiled = torch.compile(model)
    parameters = list(model.parameters())

    def step(tokens: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16) if mixed else nullcontext():
            out = compiled(tokens, targets)
        loss: Tensor = out[-1] if isinstance(out, tuple) else out
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    return step


def usual(sizes: dict[str, int], *, mixed: bool) -> Step:
    """The usual model, with PyTorch's fused AdamW."""
    model = Usual(padded(sizes["vocab_size"]), sizes)
    parts = list(model.parameters())
    groups = [
        {"params": [part for part in parts if part.dim() >= 2], "weight_decay": DECAY},
        {"params": [part for part in parts if part.dim() < 2], "weight_decay": 0.0},
    ]
    return trained(model, torch.optim.AdamW(groups, lr=RATE, betas=BETAS, fused=True), mixed=mixed)


def nanogpt(sizes: dict[str, int], path: Path, *, mixed: bool) -> Step:
    """NanoGPT's model and optimizer, from model.py of a checkout."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", path / "model.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    config = module.GPTConfig(**sizes | {"vocab_size": padded(sizes["vocab_size"])}, dropout=0.0)
    model = module.GPT(config)
    return trained(model, model.configure_optimizers(DECAY, RATE, BETAS, "cpu"), mixed=mixed)


def padded(vocab_size: int) -> int:
    """The next multiple of `PAD`."""
    return vocab_size + -vocab_size % PAD


def serve(name: str, args: argparse.Namespace, pipe: Any) -> None:
    """Make a variant's step in this process, and run it whenever it is asked for."""
    torch.set_num_threads(args.threads)
    kind, _, dtype = name.rpartition(" ")
    mixed = dtype == "bf16"
    sizes = {key: getattr(args, key) for key in ("n_layer", "n_head", "n_embd", "vocab_size")}
    sizes["block_size"] = args.block_size
    if args.keep_memory:
        keep_memory()
    with ExitStack() as stack:
        onednn = not mixed and stack.enter_context(fastest_float32())
        made: dict[str, Callable[[], Step]] = {
            "Pellucid, compiled": lambda: ours(sizes, mixed=mixed, compiled=True),
            "Pellucid, eager": lambda: ours(sizes, mixed=mixed, compiled=False),
            "usual PyTorch, compiled": lambda: usual(sizes, mixed=mixed),
            "nanoGPT, compiled": lambda: nanogpt(sizes, args.nanogpt, mixed=mixed),
        }
        generator = torch.Generator().manual_seed(0)
        shape = (2, args.batch, args.length)
        tokens, targets = torch.randint(args.vocab_size, shape, generator=generator)
        began = time.perf_counter()
        step = made[kind]()
        losses = [float(step(tokens, targets))]
        first = time.perf_counter() - began
        losses.extend(float(step(tokens, targets)) for _ in range(2))
        pipe.send((first, losses, onednn))
        while pipe.recv() == GO:
            began = time.perf_counter()
            step(tokens, targets)
            pipe.send(time.perf_counter() - began)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)


def measure(names: list[str], args: argparse.Namespace) -> None:
    """Run these variants in turn, and print a table."""
    context = multiprocessing.get_context("spawn")
    pipes, processes, begun = {}, {}, {}
    for name in names:
        pipes[name], end = context.Pipe()
        processes[name] = context.Process(target=serve, args=(name, args, end))
        processes[name].start()
        end.close()
        begun[name] = pipes[name].recv()
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(args.rounds):
        for name, pipe in pipes.items():
            pipe.send(GO)
            times[name].append(pipe.recv())
    peak = {}
    for name, pipe in pipes.items():
        pipe.send(END)
        peak[name] = pipe.recv()
        processes[name].join()
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in medians.items():
        first, losses, onednn = begun[name]
        print(
            f"{name + (', oneDNN' if onednn else ''):<38} {seconds * 1e3:7.0f} ms "
            f"({min(times[name]) * 1e3:.0f} to {max(times[name]) * 1e3:.0f})  "
            f"{seconds / medians[names[0]]:5.2f} x  {peak[name]:5.1f} GiB  "
            f"first step {first:5.1f} s  losses {losses[0]:.3f} {losses[-1]:.3f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nanogpt", type=Path, help="a checkout with model.py")
    parser.add_argument("--dtypes", nargs="+", default=["bf16", "fp32"], choices=["bf16", "fp32"])
    parser.add_argument("--keep-memory", action="store_true", help="in the peers' processes too")
    parser.add_argument("--without-eager", action="store_true")
    for name, default in (("batch", 4), ("length", 256), ("rounds", 7), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("n-layer", 12), ("n-head", 12), ("n-embd", 768), ("block-size", 1024)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--vocab-size", type=int, default=50257)
    args = parser.parse_args()
    kinds = ["Pellucid, compiled", "Pellucid, eager", "usual PyTorch, compiled"]
    if args.without_eager:
        kinds.remove("Pellucid, eager")
    if args.nanogpt:
        kinds.append("nanoGPT, compiled")
    print(
        f"{args.n_layer} layers, width {args.n_embd}, {args.vocab_size} ids; {args.batch} x "
        f"{args.length} tokens, {args.threads} threads, {args.rounds} rounds; torch "
        f"{torch.__version__}, Python {platform.python_version()}; "
        f"{'every process keeps memory' if args.keep_memory else 'only ours keeps memory'}"
    )
    for dtype in args.dtypes:
        measure([f"{kind} {dtype}" for kind in kinds], args)


if __name__ == "__main__":
    main()
