"""The port that comparisons are tried on: right without mistakes, and each mistake is one."""

import numpy as np
import pytest
import torch

from pellucid.models import GPT
from pellucid.tape import Tape
from tests.port.gpt2 import MISTAKES, Port, run
from tests.port.models import N_HEAD, model_of, small

ROUNDED = ("_matmul", "_stream", "_fp16", "_bf16")
"""How mistakes end by which the loss is a step function."""
STEP = 1e-6


@pytest.mark.parametrize("batched", [False, True])
def test_without_mistakes_it_makes_what_pellucid_makes(batched: bool):
    params, tokens, targets = small()
    if batched:
        tokens, targets = np.stack([tokens, targets]), np.stack([targets, tokens])
    tape = Tape()
    model: GPT = model_of(params, torch.float64)
    model.loss_and_grads(torch.from_numpy(tokens), torch.from_numpy(targets), tape)
    found = run(params, tokens, targets, n_head=N_HEAD, dtype=np.float64, steps=1)
    shared = [name for name in tape if name in found]
    assert len(shared) > 100
    for name in shared:
        expected, came = tape[name].numpy(), found[name]
        hidden = np.isinf(expected) if expected.dtype.kind == "f" else np.zeros_like(expected, bool)
        assert (came[hidden] == expected[hidden]).all()
        np.testing.assert_allclose(came[~hidden], expected[~hidden], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_changes_numbers_and_its_gradient_is_its_own(mistake: str):
    params, tokens, targets = small()
    right = run(params, tokens, targets, n_head=N_HEAD, dtype=np.float64, steps=1)
    wrong = run(
        params, tokens, targets, n_head=N_HEAD, dtype=np.float64, mistakes=[mistake], steps=1
    )
    same = [name for name in right if name in wrong and np.array_equal(right[name], wrong[name])]
    assert len(same) < len(right)
    if wrong["loss"] == right["loss"] or np.isnan(wrong["loss"]) or mistake.endswith(ROUNDED):
        return  # the gradient alone is wrong, or the loss has none

    def loss(name: str, place: tuple[int, ...], by: float) -> float:
        moved = {key: value.copy() for key, value in params.items()}
        moved[name][place] += by
        return float(Port(moved, N_HEAD, [mistake], dtype=np.float64).forward(tokens, targets))

    places = {"h.0.attn.c_attn.weight": (3, 5), "h.1.mlp.c_fc.weight": (2, 7), "wte.weight": (4, 2)}
    places |= {"h.0.ln_1.weight": (3,), "wpe.weight": (2, 1), "h.1.attn.c_proj.weight": (1, 6)}
    for name, place in places.items():
        slope = (loss(name, place, STEP) - loss(name, place, -STEP)) / (2 * STEP)
        assert wrong[f"d{name}"][place] == pytest.approx(slope, rel=1e-4, abs=1e-8), name
