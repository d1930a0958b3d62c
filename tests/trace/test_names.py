"""The table of names: complete, in the right shapes, and the same for values and gradients."""

import pytest
import torch

from pellucid.models import GPT, GPTConfig, draw_noise
from pellucid.optim import adamw, decay_groups
from pellucid.tape import Tape
from pellucid.trace import NAMES, SIZES, UPDATES, describe
from tests.models.examples import random_params

LETTERS = {"T": 5, "S": 5, "C": 6, "H": 2, "d": 3, "F": 10, "V": 11, "maxT": 7, "3C": 18, "1": 1}
CHOICES = [
    {"norm": norm, "activation": activation, "tied": tied}
    for norm in ("pre", "post")
    for activation in ("gelu_tanh", "gelu_erf", "relu")
    for tied in (True, False)
]


def model_of(**choices: object) -> GPT:
    config = GPTConfig(
        vocab_size=11, block_size=7, n_layer=2, n_head=2, n_embd=6, n_inner=10, **choices
    )
    return GPT(config, random_params(config))


def recorded(model: GPT, dropout: float) -> Tape:
    """A whole step on one tape."""
    tape, tokens = Tape(), torch.tensor([3, 1, 4, 1, 5])
    noise = draw_noise(model.config, tokens, dropout, torch.Generator().manual_seed(1), model.dtype)
    _, grads = model.loss_and_grads(tokens, tokens + 1, tape, noise=noise)
    decay = decay_groups(model.params, 0.1)
    adamw(model.params, grads, learning_rate=0.1, weight_decay=decay, tape=tape)
    return tape


def assert_described(tape: Tape, letters: dict[str, int]) -> None:
    for name in tape:
        row = describe(name)
        assert row is not None, f"{name} is not in the table"
        assert row.meaning, name
        if name.endswith(".x"):
            assert row.shape == (), "a layer's input has no shape of its own"
        else:
            assert tuple(letters[size] for size in row.shape) == tuple(tape[name].shape), name


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("choices", CHOICES, ids=lambda c: "-".join(map(str, c.values())))
def test_every_name_on_a_tape_is_described_in_its_shape(choices: dict[str, object], dropout: float):
    assert_described(recorded(model_of(**choices), dropout), LETTERS)


def test_with_a_past_keys_are_more_than_positions():
    model, tape = model_of(), Tape()
    _, past = model.extend([3, 1, 4], None)
    model.extend([1, 5], past, tape)
    assert "h.1.attn.k" in tape
    assert_described(tape, LETTERS | {"T": 2})


def test_every_row_of_the_table_stands_on_some_tape():
    seen = {
        row.pattern
        for choices in CHOICES
        for name in recorded(model_of(**choices), 0.3)
        if (row := describe(name)) is not None
    }
    assert {row.pattern for row in (*NAMES, *UPDATES)} <= seen


def test_no_pattern_comes_twice_and_every_size_is_explained():
    patterns = [row.pattern for row in NAMES]
    assert len(set(patterns)) == len(patterns)
    assert {size.lstrip("0123456789") for row in NAMES for size in row.shape} - {""} == set(SIZES)


@pytest.mark.parametrize(
    "name",
    ["", "d", "att", "h.0", "h.x.attn.att", "h.0.attn.attn", "hh.0.attn.att", "new", "wte"],
)
def test_other_names_are_not_described(name: str):
    assert describe(name) is None


def test_a_gradient_is_described_as_one():
    value, gradient = describe("h.11.attn.att"), describe("dh.11.attn.att")
    assert value is not None
    assert gradient is not None
    assert gradient.shape == value.shape
    assert value.meaning in gradient.meaning
    assert gradient.symbol.startswith("∂L/∂")
    update = describe("h.0.mlp.c_fc.weight.m_hat")
    assert update is not None
    assert update.shape == ("C", "F")
    assert update.symbol == "m̂"
