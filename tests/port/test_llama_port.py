"""The Llama that comparisons are tried on: right without mistakes, and each mistake is one."""

import numpy as np
import pytest
import torch

from pellucid.tape import Tape
from tests.port.gpt2 import ran
from tests.port.llama import MISTAKES, LlamaPort
from tests.port.models import LLAMA_CONFIG, LLAMA_SETTINGS, llama_of, small

STEP = 1e-6
ROUNDED = ("_stream", "_fp16", "_bf16")
"""How mistakes end by which the loss is a step function."""

UNSEEN = {"rope_from_1"}
"""A shift of all positions, which no distance tells."""


@pytest.mark.parametrize("batched", [False, True])
def test_without_mistakes_it_makes_what_pellucid_makes(batched: bool):
    params, tokens, targets = small(config=LLAMA_CONFIG)
    if batched:
        tokens, targets = np.stack([tokens, targets]), np.stack([targets, tokens])
    tape, model = Tape(), llama_of(params, torch.float64)
    model.loss_and_grads(torch.from_numpy(tokens), torch.from_numpy(targets), tape)
    found = ran(LlamaPort(params, LLAMA_SETTINGS, dtype=np.float64), tokens, targets, 1)
    shared = [name for name in tape if name in found]
    assert len(shared) > 150
    assert {f"d{name}" for name in params} <= set(shared)
    for name in shared:
        expected, came = tape[name].numpy(), found[name]
        hidden = np.isinf(expected) if expected.dtype.kind == "f" else np.zeros_like(expected, bool)
        assert (came[hidden] == expected[hidden]).all()
        np.testing.assert_allclose(came[~hidden], expected[~hidden], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_changes_numbers_and_its_gradient_is_its_own(mistake: str):
    params, tokens, targets = small(config=LLAMA_CONFIG)

    def port(own: dict[str, np.ndarray], *made: str) -> LlamaPort:
        return LlamaPort(own, LLAMA_SETTINGS, made, dtype=np.float64)

    right = ran(port(params), tokens, targets, 1)
    wrong = ran(port(params, mistake), tokens, targets, 1)
    assert any(not np.array_equal(right[name], wrong[name]) for name in right if name in wrong)
    same = abs(right["loss"] - wrong["loss"]) <= 1e-9
    if (same and mistake not in UNSEEN) or np.isnan(wrong["loss"]) or mistake.endswith(ROUNDED):
        return  # the gradient alone is wrong, or the loss has none

    def loss(name: str, place: tuple[int, ...], by: float) -> float:
        moved = {key: value.copy() for key, value in params.items()}
        moved[name][place] += by
        return float(port(moved, mistake).forward(tokens, targets))

    places = {"h.0.attn.q_proj.weight": (3, 5), "h.0.attn.k_proj.weight": (2, 7)}
    places |= {"h.1.attn.v_proj.weight": (4, 2), "h.0.ln_1.weight": (3,), "wte.weight": (4, 2)}
    places |= {"h.0.mlp.gate_proj.weight": (1, 4), "h.1.mlp.up_proj.weight": (1, 6)}
    places |= {"h.0.attn.k_norm.weight": (1,), "h.1.attn.c_proj.weight": (2, 3)}
    swapped = {"gate_proj": "up_proj", "up_proj": "gate_proj"} if "swapped" in mistake else {}
    for name, place in places.items():
        slope = (loss(name, place, STEP) - loss(name, place, -STEP)) / (2 * STEP)
        own = next((name.replace(a, b) for a, b in swapped.items() if a in name), name)
        assert wrong[f"d{own}"][place] == pytest.approx(slope, rel=1e-4, abs=1e-8), name
