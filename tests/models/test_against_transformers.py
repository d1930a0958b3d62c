"""A tiny random GPT-2 of `transformers`, built from a config: nothing is downloaded."""

from typing import Any

import pytest
import torch

from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw
from pellucid.tree import flatten, unflatten
from tests.judge import assert_close

transformers = pytest.importorskip("transformers")

CONFIG = GPTConfig(vocab_size=19, block_size=16, n_layer=2, n_head=2, n_embd=8)
TOKENS = torch.randint(19, (3, 10), generator=torch.Generator().manual_seed(0))
TARGETS = torch.cat([TOKENS[:, 1:], torch.full((3, 1), IGNORE)], -1)
PREFIX = "transformer."


def theirs(dtype: torch.dtype, **choices: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=CONFIG.vocab_size,
        n_positions=CONFIG.block_size,
        n_layer=CONFIG.n_layer,
        n_head=CONFIG.n_head,
        n_embd=CONFIG.n_embd,
        initializer_range=0.4,
        resid_pdrop=0,
        embd_pdrop=0,
        attn_pdrop=0,
        bos_token_id=0,
        eos_token_id=0,
        **choices,
    )
    model = transformers.GPT2LMHeadModel(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # they begin at zero, where a mistake would not show
            torch.nn.init.normal_(parameter, std=0.4)
    return model.to(dtype)


def ours(model: Any) -> GPT:
    """The same weights: only the prefix of their names goes."""
    named = dict(model.named_parameters())
    return GPT(
        CONFIG,
        unflatten({n.removeprefix(PREFIX): p.detach().clone() for n, p in named.items()}),
    )


def their_loss(model: Any) -> torch.Tensor:
    logits = model(TOKENS).logits
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), TARGETS.flatten(), ignore_index=IGNORE
    )


def test_activations_are_theirs():
    model = theirs(torch.float64, attn_implementation="eager").eval()
    with torch.no_grad():
        expected = model(TOKENS, output_hidden_states=True, output_attentions=True)
    logits, tape = ours(model).run_with_cache(TOKENS)
    assert_close(logits, expected.logits, 1e-12)
    for name, hidden in zip(
        ("h.0.resid_pre", "h.0.resid_post", "ln_f.out"), expected.hidden_states, strict=True
    ):
        assert_close(tape[name], hidden, 1e-12, name)
    for layer, attention in enumerate(expected.attentions):
        assert_close(tape[f"h.{layer}.attn.att"], attention, 1e-12)


def test_every_gradient_is_theirs():
    model = theirs(torch.float64)
    loss, grads = ours(model).loss_and_grads(TOKENS, TARGETS)
    their_loss(model).backward()
    assert_close(loss, their_loss(model).detach(), 1e-12)
    for name, parameter in model.named_parameters():
        assert_close(flatten(grads)[name.removeprefix(PREFIX)], parameter.grad, 1e-12, name)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_ten_steps_of_adamw_have_their_losses(dtype: torch.dtype, tolerance: float):
    model = theirs(dtype)
    gpt = ours(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    params, state = gpt.params, None
    for _ in range(10):
        optimizer.zero_grad()
        expected = their_loss(model)
        expected.backward()
        optimizer.step()

        loss, grads = GPT(gpt.config, params).loss_and_grads(TOKENS, TARGETS)
        params, state = adamw(params, grads, state, learning_rate=0.01, weight_decay=0.1)
        assert loss.item() == pytest.approx(expected.item(), rel=tolerance)
