"""How far a step of GPT-2 in a coarser dtype is from the same step in float64, tensor by tensor.

    python benchmarks/dtypes.py [--model gpt2-124M-random] [--tokens 64]

`pellucid.compare.STATED`, which `pellucid compare` allows behind a gap, is stated from this: for
each dtype the largest distance of any activation, and of any parameter's gradient, as a part of
that tensor's largest number, with the median over the tensors beside it.
"""

import argparse
import statistics

import torch

from pellucid.checkpoint import load
from pellucid.compare import STATED
from pellucid.tape import Tape
from pellucid.tree import flatten

ENDS = ("resid_post", "logits", "att", "act.out", "z", "ln_f.out", "loss")


def values(model, tokens, targets, dtype):
    """What is compared: some activations of every block, and all gradients, in float64."""
    tape = Tape()
    _, grads = model.to(dtype=dtype).loss_and_grads(tokens, targets, tape)
    forward = {name: tape[name].double() for name in tape if name.endswith(ENDS) and name[0] != "d"}
    return forward, {name: grad.double() for name, grad in flatten(grads).items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="gpt2-124M-random")
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    model = load(options.model)
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(model.config.vocab_size, (options.tokens + 1,), generator=generator)
    exact = values(model, text[:-1], text[1:], torch.float64)
    print(f"{options.model}, {options.tokens} tokens; part of a tensor's largest number")
    print(f"{'dtype':10} {'part':12} {'largest':>9} {'median':>9} {'stated':>9}  worst tensor")
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        found = values(model, text[:-1], text[1:], dtype)
        for part, rough, right in zip(("activations", "gradients"), found, exact, strict=True):
            off = {
                name: float((rough[name] - right[name]).abs().max() / right[name].abs().max())
                for name in right
                if float(right[name].abs().max())
            }
            worst = max(off, key=off.__getitem__)
            print(
                f"{str(dtype)[6:]:10} {part:12} {off[worst]:9.1e} "
                f"{statistics.median(off.values()):9.1e} {STATED[dtype]:9.0e}  {worst}"
            )


if __name__ == "__main__":
    main()
