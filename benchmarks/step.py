"""How long a training step takes: reference, FAST, and PyTorch's autograd on the same model.

    python benchmarks/step.py                    the defaults of `pellucid train`
    python benchmarks/step.py --gpt2 --batch 1 --length 256

The variants run in turn (A B C, A B C …) after a warm-up; the table gives medians and ratios to the
first. It also gives the part of a reference step that silent tapes take. "autograd" is the usual
implementation: nn.functional's layer norm, GELU, attention and cross-entropy, and fused AdamW.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.kernels import FAST, adamw_rule
from pellucid.layers import REFERENCE, Ops
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.tree import flatten, map_leaves

SETTINGS = {"learning_rate": 1e-3, "betas": (0.9, 0.99)}
DECAY = 0.1


def ours(model: GPT, ops: Ops, **rule: Callable[..., object]) -> Callable[[Tensor, Tensor], None]:
    """A step by the written backward."""
    decay = decay_groups(model.params, DECAY)
    held = {"params": model.params, "state": None}

    def step(tokens: Tensor, targets: Tensor) -> None:
        _, grads = GPT(model.config, held["params"]).loss_and_grads(tokens, targets, ops=ops)
        clipped, _ = clip_by_global_norm(grads, 1.0)
        held["params"], held["state"] = adamw(
            held["params"], clipped, held["state"], weight_decay=decay, **SETTINGS, **rule
        )

    return step


def autograd(model: GPT) -> Callable[[Tensor, Tensor], None]:
    """A step by autograd, on the same parameters in the same layout."""
    params = map_leaves(lambda leaf: leaf.clone().requires_grad_(), model.params)
    leaves = list(flatten(params).values())
    groups = [
        {"params": [leaf for leaf in leaves if leaf.dim() >= 2], "weight_decay": DECAY},
        {"params": [leaf for leaf in leaves if leaf.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=SETTINGS["learning_rate"], betas=SETTINGS["betas"], fused=True
    )
    config = model.config

    def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.layer_norm(x, weight.shape, weight, bias, config.eps)

    def step(tokens: Tensor, targets: Tensor) -> None:
        x = params["wte"]["weight"][tokens] + params["wpe"]["weight"][: tokens.shape[-1]]
        for block in params["h"].values():
            attn, mlp = block["attn"], block["mlp"]
            qkv = norm(x, **block["ln_1"]) @ attn["c_attn"]["weight"] + attn["c_attn"]["bias"]
            q, k, v = (
                part.unflatten(-1, (config.n_head, -1)).transpose(1, 2) for part in qkv.chunk(3, -1)
            )
            z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            merged = z.transpose(1, 2).flatten(-2)
            x = x + merged @ attn["c_proj"]["weight"] + attn["c_proj"]["bias"]
            inner = norm(x, **block["ln_2"]) @ mlp["c_fc"]["weight"] + mlp["c_fc"]["bias"]
            bent = functional.gelu(inner, approximate="tanh")
            x = x + bent @ mlp["c_proj"]["weight"] + mlp["c_proj"]["bias"]
        logits = norm(x, **params["ln_f"]) @ params["wte"]["weight"].T
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves, 1.0)
        optimizer.step()

    return step


def silent_calls(model: GPT, tokens: Tensor, targets: Tensor) -> int:
    """How often a step calls its tape."""
    calls = 0

    class Counting(NullTape):
        def __call__(self, **_values: object) -> None:
            nonlocal calls
            calls += 1

        def at(self, _key: str) -> NullTape:
            nonlocal calls
            calls += 1
            return self

    model.loss_and_grads(tokens, targets, Counting())
    return calls


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpt2", action="store_true", help="GPT-2's 124 million parameters")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    small = GPTConfig(vocab_size=65, block_size=args.length, n_layer=4, n_head=4, n_embd=128)
    model = GPT.init(GPTConfig() if args.gpt2 else small)
    shape = (args.batch, args.length)
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(model.config.vocab_size, shape, generator=generator)
    targets = torch.randint(model.config.vocab_size, shape, generator=generator)

    variants = {
        "FAST": ours(model, FAST, rule=adamw_rule),
        "autograd": autograd(model),
        "REFERENCE": ours(model, REFERENCE),
        "REFERENCE, traced": lambda x, y: model.loss_and_grads(x, y, Tape()),
        "REFERENCE, no update": model.loss_and_grads,
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(args.rounds + 2):
        for name, step in variants.items():
            began = time.perf_counter()
            step(tokens, targets)
            if number >= 2:
                times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"{model}; batch {shape}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, seconds in medians.items():
        ratio = seconds / medians["FAST"]
        print(f"{name:<22} {seconds * 1e3:9.1f} ms   {ratio:5.2f} × FAST")

    count = silent_calls(model, tokens, targets)
    began = time.perf_counter()
    for _ in range(100_000):
        NULL_TAPE.at("x")(a=None, b=None, c=None)
    each = (time.perf_counter() - began) / 200_000
    part = count * each / medians["REFERENCE, no update"]
    print(f"silent tape: {count} calls of {each * 1e6:.2f} µs, {part:.2%} of a reference step")


if __name__ == "__main__":
    main()
