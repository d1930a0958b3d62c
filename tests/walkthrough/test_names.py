"""The table of names: complete, in the right shapes, and the same for values and gradients."""

import pytest
import torch

from pellucid.models import (
    GPT,
    GPTConfig,
    Llama,
    LlamaConfig,
    NextToken,
    NextTokenConfig,
    Transformer,
    TransformerConfig,
    draw_noise,
)
from pellucid.optim import adamw, decay_groups
from pellucid.tape import Tape
from pellucid.walkthrough import MOMENTS, SIZES, UPDATES, NameRow, describe, names
from tests.models.examples import random_params
from tests.models.next_token_examples import FORMS, NEXT, WINDOWS
from tests.models.transformer_examples import all_noise

LETTERS = {"T": 5, "S": 5, "C": 6, "H": 2, "d": 3, "F": 10, "V": 11, "maxT": 7, "3C": 18, "1": 1}
LETTERS |= {"N": 4, "2C": 12, "r": 4}
CHOICES = [
    {"norm": norm, "activation": activation, "tied": tied}
    for norm in ("pre", "post")
    for activation in ("gelu_tanh", "gelu_erf", "relu")
    for tied in (True, False)
]
CHOICES += [{"norm": "pre", "activation": "relu", "lora_rank": 4}]


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


TRANSFORMERS = [
    {"activation": "relu", "pad": 0, "smoothing": 0.1},
    {"activation": "gelu_erf", "tied": False, "final_norm": True, "smoothing": 0.0},
    {"activation": "gelu_tanh", "bias": False, "smoothing": 0.1},
]


def recorded_transformer(dropout: float, *, smoothing: float, **choices: object) -> Tape:
    """A whole step of an encoder and a decoder on one tape."""
    sizes = {"vocab_size": 11, "block_size": 7, "n_encoder": 2, "n_decoder": 2, "n_inner": 10}
    config = TransformerConfig(n_head=2, n_embd=6, **sizes, **choices)
    model, tape = Transformer(config, random_params(config)), Tape()
    source, tokens = torch.tensor([5, 9, 2, 6]), torch.tensor([3, 1, 4, 1, 5])
    noise = all_noise(model, source, tokens) if dropout else None
    _, grads = model.loss_and_grads(
        source, tokens, tokens + 1, tape, noise=noise, smoothing=smoothing
    )
    adamw(model.params, grads, learning_rate=0.1, tape=tape)
    return tape


def recorded_windows(config: NextTokenConfig) -> Tape:
    """A whole step of a network for the next character."""
    model, tape = NextToken(config, random_params(config)), Tape()
    _, grads = model.loss_and_grads(WINDOWS, NEXT, tape)
    adamw(model.params, grads, learning_rate=0.1, tape=tape)
    return tape


OF_HEADS = {
    "merged": ("T", "Hd"),
    "c_proj.x": ("T", "Hd"),
    "c_proj.weight": ("Hd", "C"),
    "c_proj.lora_a": ("Hd", "r"),
}
"""Where C in the table is the width of the heads side by side, which need not be the stream's."""


def assert_described(tape: Tape, letters: dict[str, int]) -> None:
    for name in tape:
        row = describe(name)
        assert row is not None, f"{name} is not in the table"
        assert row.meaning, name
        if not name.endswith(".x") or row.shape:  # a layer's input may have no shape of its own
            shape = tuple(tape[name].shape)
            if name == "dec.mask":  # padding adds an axis
                shape = shape[-2:]
            own = [size for end, size in OF_HEADS.items() if f"attn.{end}" in name]
            sizes = own[0] if own and "Hd" in letters else row.shape
            assert tuple(letters[size] for size in sizes) == shape, name


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("choices", CHOICES, ids=lambda c: "-".join(map(str, c.values())))
def test_every_name_on_a_tape_is_described_in_its_shape(choices: dict[str, object], dropout: float):
    assert_described(recorded(model_of(**choices), dropout), LETTERS)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("choices", TRANSFORMERS, ids=lambda c: str(c["activation"]))
def test_every_name_of_a_transformer_is_described_in_its_shape(
    choices: dict[str, object], dropout: float
):
    assert_described(recorded_transformer(dropout, **choices), LETTERS)


def recorded_llama(config: LlamaConfig, dropout: float) -> Tape:
    """A whole step, with dropout where it is not 0."""
    model, tape, tokens = Llama(config, random_params(config)), Tape(), torch.arange(7)
    generator = torch.Generator().manual_seed(2)
    noise = model.draw_noise(tokens, tokens + 1, p=dropout, generator=generator)
    _, grads = model.loss_and_grads(tokens, tokens + 1, tape, noise=noise)
    adamw(model.params, grads, learning_rate=0.1, tape=tape)
    return tape


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("place", range(3))
def test_every_name_of_a_llama_is_described_in_its_shape(place: int, dropout: float):
    config, _, letters = list(Llama.small())[place]
    sizes = {letter: size for size, letter in letters.items()} | {"S": 7}
    assert_described(recorded_llama(config, dropout), sizes)


@pytest.mark.parametrize("form", FORMS)
def test_every_name_of_a_next_token_network_is_described_in_its_shape(form: str):
    config = FORMS[form]
    sizes = {"W": config.window, "C": config.width, "I": config.inputs, "F": config.hidden}
    assert_described(recorded_windows(config), sizes | {"T": len(WINDOWS), "V": config.vocab_size})


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
    seen |= {
        row.pattern
        for choices in TRANSFORMERS
        for name in recorded_transformer(0.3, **choices)
        if (row := describe(name)) is not None
    }
    seen |= {
        row.pattern
        for config, _, _ in Llama.small()
        for name in recorded_llama(config, 0.3)
        if (row := describe(name)) is not None
    }
    seen |= {
        row.pattern
        for config in FORMS.values()
        for name in recorded_windows(config)
        if (row := describe(name)) is not None
    }
    # Of classifiers see tests/models/test_classifier.py.
    theirs = ("standardize.", "hidden.i.", "output.", "binary_logits.", "errors", "wanted")
    seen |= {row.pattern for row in names() if row.pattern.startswith(theirs)}
    assert {row.pattern for row in (*names(), *UPDATES)} <= seen


def test_no_pattern_comes_twice_and_every_size_is_explained():
    patterns = [row.pattern for row in names()]
    assert len(set(patterns)) == len(patterns)
    assert {size.lstrip("0123456789") for row in names() for size in row.shape} - {""} == set(SIZES)


@pytest.mark.parametrize(
    "name",
    ["", "d", "att", "h.0", "h.x.attn.att", "h.0.attn.attn", "hh.0.attn.att", "new", "wte"],
)
def test_other_names_are_not_described(name: str):
    assert describe(name) is None


@pytest.mark.parametrize("row", MOMENTS, ids=lambda row: row.pattern)
def test_the_moments_that_a_step_begins_with_are_described(row: NameRow):
    found, tape = describe(f"wte.weight.{row.pattern}"), recorded(model_of(), 0.0)
    assert found is not None
    assert found.shape == ("V", "C")
    assert found.meaning == row.meaning
    assert tape[f"wte.weight.{row.pattern}"].shape == (LETTERS["V"], LETTERS["C"])


def test_a_gradient_is_described_as_one():
    value, gradient = describe("h.11.attn.att"), describe("dh.11.attn.att")
    assert value is not None
    assert gradient is not None
    assert gradient.shape == value.shape
    assert value.meaning in gradient.meaning
    assert gradient.symbol.startswith("∂L/∂")
    part = describe("ddec.h.0.cross.c_kv.x")
    assert part is not None
    assert part.meaning.count("gradient") == 2, "the part of a gradient, not the gradient of one"
    update = describe("h.0.mlp.c_fc.weight.m_hat")
    assert update is not None
    assert update.shape == ("C", "F")
    assert update.symbol == "m̂"


def test_of_a_run_each_name_is_described_as_its_own_layers_say():
    """`h.0.mlp.act.out` is GELU's or SiLU's, `h.0.ln_1.out` a layer norm's or an RMS norm's."""
    llama = recorded_llama(next(Llama.small())[0], 0.0)
    bent = recorded(model_of(activation="relu"), 0.0)
    for tape, said in (
        (llama, {"h.0.mlp.act.out": "SiLU(x W)", "h.0.ln_1.out": "γ x̂", "ln_f.rstd": "1/RMS(x)"}),
        (bent, {"h.0.mlp.act.out": "max(x W + b, 0)", "h.0.ln_1.out": "γ x̂ + β"}),
    ):
        for name, symbol in said.items():
            row, gradient = describe(name, tape), describe(f"d{name}", tape)
            assert row is not None
            assert gradient is not None
            assert row.symbol == symbol
            assert gradient.symbol == f"∂L/∂{f'({symbol})' if ' ' in symbol else symbol}"
    assert describe("h.0.ln_1.xhat", llama).symbol == "x̂₁"  # type: ignore[union-attr]
    assert describe("x", llama) is None
