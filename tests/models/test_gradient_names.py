"""Every `dname` on a tape is the gradient that autograd finds for `name`.

A value that several calls read (a parameter used twice, the residual stream) has one total
gradient, and each call has its part of it: `dembed.weight` and `dlm_head.weight` add up to
`dwte.weight`. So each call is handed a view of its own of every argument: what the tape answers to
the name of an argument is then that view, and autograd's gradient by the view is that part.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.layers import sinusoids
from pellucid.models import (
    GPT,
    Intervention,
    causal_loss,
    causal_loss_backward,
    intervened_name,
    intervention_names,
    transformer_loss,
    transformer_loss_backward,
)
from pellucid.models.gpt.wiring import TRUNK
from pellucid.models.intervening import intervening
from pellucid.models.interventions import set_values
from pellucid.models.transformer import halves as encode_decode
from pellucid.tape import Tape
from pellucid.tree import flatten, map_leaves
from tests.judge import assert_close
from tests.models import transformer_examples as two_texts
from tests.models.examples import TARGETS, TOKENS, random_noise, random_params, tiny
from tests.models.own_views import VIEWING, gradient_names


@pytest.mark.parametrize("noisy", [False, True], ids=["no noise", "noise"])
@pytest.mark.parametrize("tokens", [TOKENS[0], TOKENS], ids=["T", "B,T"])
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"norm": "post"},
        {"tied": False},
        {"norm": "post", "tied": False, "activation": "gelu_erf"},
        {"bias": False, "final_norm": False, "activation": "relu"},
        {"lora_rank": 2, "norm": "post"},
    ],
    ids=str,
)
def test_every_dname_is_the_gradient_of_name(choices: dict[str, Any], tokens: Tensor, noisy: bool):
    config = tiny(**choices)
    params = map_leaves(Tensor.requires_grad_, random_params(config))
    noise = random_noise(config, tokens) if noisy else None
    targets = TARGETS[0] if tokens.dim() == 1 else TARGETS
    tape = Tape()
    tape.given(flatten(params))
    loss, cache = causal_loss(
        tokens, targets, **params, config=config, trunk=TRUNK, ops=VIEWING, noise=noise, tape=tape
    )
    with torch.no_grad():
        causal_loss_backward(1.0, cache, config=config, trunk=TRUNK, ops=VIEWING, tape=tape)

    names = judged_names(tape, loss)
    assert {f"d{name}" for name in flatten(params)} <= set(names)
    assert {"dh.1.resid_mid", "dh.0.attn.att", "dh.0.ln_1.x", "dlm_head.weight"} <= set(names)


@pytest.mark.parametrize("tokens", [TOKENS[0], TOKENS], ids=["T", "B,T"])
@pytest.mark.parametrize("choices", [{}, {"norm": "post", "tied": False, "lora_rank": 2}], ids=str)
def test_every_dname_of_an_intervened_run_is_the_gradient_of_name(
    choices: dict[str, Any], tokens: Tensor
):
    config = tiny(**choices)
    params = map_leaves(Tensor.requires_grad_, random_params(config))
    model = GPT(config, params)
    interventions = [
        Intervention(name, torch.tensor(0.5).double(), (1,)) for name in intervention_names(model)
    ]
    ops = intervening(
        VIEWING, set_values(model, interventions, start=0, totals={"tokens": tokens.shape[-1]})
    )
    targets, tape = TARGETS[0] if tokens.dim() == 1 else TARGETS, Tape()
    tape.given(flatten(params))
    loss, cache = causal_loss(
        tokens, targets, **params, config=config, trunk=TRUNK, ops=ops, tape=tape
    )
    with torch.no_grad():
        causal_loss_backward(1.0, cache, config=config, trunk=TRUNK, ops=ops, tape=tape)

    names = judged_names(tape, loss)
    assert {f"d{intervened_name(one.name)}" for one in interventions} <= set(names)


@pytest.mark.parametrize("noisy", [False, True], ids=["no noise", "noise"])
@pytest.mark.parametrize("batch", [False, True], ids=["T", "B,T"])
@pytest.mark.parametrize(
    ("choices", "smoothing"),
    [
        ({}, 0.0),
        ({"tied": False}, 0.1),
        ({"final_norm": True, "activation": "gelu_tanh"}, 0.1),
        ({"tied": False, "pad": None, "bias": False, "activation": "gelu_erf"}, 0.0),
    ],
    ids=str,
)
def test_every_dname_of_a_transformer_is_the_gradient_of_name(
    choices: dict[str, Any],
    smoothing: float,
    batch: bool,
    noisy: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    # A fixed table has a gradient too, and the tape shows it: let autograd judge it as well.
    monkeypatch.setattr(
        encode_decode, "position_table", lambda *a, **k: sinusoids(*a, **k).requires_grad_()
    )
    model = two_texts.tiny_model(**choices)
    params = map_leaves(Tensor.requires_grad_, model.params)
    texts = two_texts.SOURCE, two_texts.TOKENS, two_texts.TARGETS
    source, tokens, targets = texts if batch else (text[0] for text in texts)
    noise = two_texts.all_noise(model, source, tokens) if noisy else None
    own, tape = {"config": model.config, "ops": VIEWING}, Tape()
    tape.given(flatten(params))
    loss, cache = transformer_loss(
        source, tokens, targets, **params, **own, smoothing=smoothing, noise=noise, tape=tape
    )
    with torch.no_grad():
        transformer_loss_backward(1.0, cache, **own, tape=tape)

    names = judged_names(tape, loss)
    assert {f"d{name}" for name in flatten(params)} <= set(names)
    parts = {f"ddec.h.{i}.cross.c_kv.x" for i in range(3)} | {"denc.embed.weight"}
    assert {"ddec.memory", "ddec.h.2.resid_cross", "ddec.position.weight"} | parts <= set(names)


def judged_names(tape: Tape, loss: Tensor) -> list[str]:
    """All gradients on the tape, once autograd has found every one of them right."""
    names = gradient_names(tape)
    values = [
        tape.value(name.removeprefix("d")) for name in names
    ]  # a name without one raises here
    judged = torch.autograd.grad(loss, values, retain_graph=True)
    for name, expected in zip(names, judged, strict=True):
        assert_close(tape[name], expected, 1e-12, name)

    assert all(name.startswith("d") for name in names)
    return names
