"""The next character from a fixed window: its numbers, its sliding, its mistakes, its table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pellucid import load, save
from pellucid.errors import ConfigError, TokenError, TraceError
from pellucid.kernels import FAST
from pellucid.layers import linear
from pellucid.models import (
    NextToken,
    NextTokenConfig,
    next_token_loss,
    next_token_loss_backward,
    slide,
    windows_of,
)
from pellucid.optim import adam
from pellucid.tape import Tape
from pellucid.text import Characters
from pellucid.tree import flatten, map_leaves
from tests.judge import assert_close
from tests.models.examples import random_params
from tests.models.next_token_examples import FORMS, NEXT, WINDOWS
from tests.models.own_views import VIEWING, gradient_names

SENTENCE = "humpty dumpty sat on a wall"
ALPHABET = Characters(" abcdefghijklmnopqrstuvwxyz")
WIDTHS = [pytest.param(None, id="numbers"), pytest.param(10, id="vectors")]

each_form = pytest.mark.parametrize("form", FORMS)


def model_of(form: str) -> NextToken:
    return NextToken(FORMS[form], random_params(FORMS[form]))


def trained(model: NextToken, text: str, steps: int, *, fixed: bool = False) -> NextToken:
    windows, targets = windows_of(ALPHABET.encode(text), model.config.window)
    state = None
    for _ in range(steps):
        _, grads = model.loss_and_grads(windows, targets)
        params, state = adam(model.params, grads, state, learning_rate=0.01)
        model = model.with_params(params | ({"wte": model.params["wte"]} if fixed else {}))
    return model


def recited(model: NextToken, text: str) -> str:
    begin = ALPHABET.encode(text[: model.config.window])
    return text[: len(begin)] + ALPHABET.decode(slide(model, begin, steps=len(text) - len(begin)))


@each_form
def test_logits_and_loss_are_those_of_the_equations(form: str):
    model = model_of(form)
    weights = {name: leaf.numpy() for name, leaf in flatten(model.params).items()}
    losses = []
    for window, target in zip(WINDOWS.tolist(), NEXT.tolist(), strict=True):
        if form == "vectors":
            inputs = np.concatenate([weights["wte.weight"][token] for token in window])
        else:
            inputs = np.array([token / 7 for token in window])
        inner = np.array(
            [
                sum(x * row[node] for x, row in zip(inputs, weights["hidden.weight"], strict=True))
                + weights["hidden.bias"][node]
                for node in range(4)
            ]
        )
        bent = np.where(inner > 0, inner, 0)
        logits = bent @ weights["output.weight"] + weights["output.bias"]
        np.testing.assert_allclose(model.forward(window).numpy(), logits, rtol=0, atol=1e-13)
        losses.append(np.log(np.exp(logits).sum()) - logits[target])
    assert float(model.loss(WINDOWS, NEXT)) == pytest.approx(np.mean(losses), abs=1e-13)


@each_form
def test_every_dname_is_the_gradient_of_name(form: str):
    config = FORMS[form]
    params = map_leaves(torch.Tensor.requires_grad_, random_params(config))
    tape = Tape()
    tape.given(flatten(params))
    loss, cache = next_token_loss(WINDOWS, NEXT, **params, config=config, ops=VIEWING, tape=tape)
    with torch.no_grad():
        next_token_loss_backward(1.0, cache, config=config, ops=VIEWING, tape=tape)
    given = {"dinputs", "dhidden.x"} if form == "numbers" else set()  # nothing made them
    names = [name for name in gradient_names(tape) if name not in given]
    values = [tape.value(name.removeprefix("d")) for name in names]
    judged = torch.autograd.grad(loss, values)
    for name, expected in zip(names, judged, strict=True):
        assert_close(tape[name], expected, 1e-12, name)
    assert {"inputs", "hidden.out", "act.out", "logits", "probs"} <= set(tape)
    assert {f"d{name}" for name in flatten(params)} <= set(names)
    assert {"dinputs", "dhidden.out", "dact.out", "dlogits"} <= set(names) | given


def test_humpty_dumpty_s_sizes():
    vectors, numbers = NextTokenConfig(), NextTokenConfig(width=None)
    assert (vectors.inputs, numbers.inputs) == (120, 12)
    assert vectors.parameter_shapes() == {
        "wte.weight": (27, 10),
        "hidden.weight": (120, 32),
        "hidden.bias": (32,),
        "output.weight": (32, 27),
        "output.bias": (27,),
    }
    assert "wte.weight" not in numbers.parameter_shapes()
    assert ALPHABET.encode("ab z") == [1, 2, 0, 26], "a = 1, b = 2, and a space is 0"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("seed", range(5))
def test_it_learns_the_sentence_by_heart(width: int | None, seed: int):
    new = NextToken.init(NextTokenConfig(width=width), seed=seed, dtype=torch.float64)
    assert recited(new, SENTENCE) != SENTENCE
    model = trained(new, SENTENCE, 150)
    assert recited(model, SENTENCE) == SENTENCE
    assert model.forward(ALPHABET.encode("humpty dumpt")).argmax() == ALPHABET.encode("y")[0]


@each_form
def test_the_window_drops_its_oldest_token_and_takes_in_the_new(form: str):
    model, text = model_of(form), [3, 1, 4]
    for _ in range(9):
        text.append(int(model.forward(text[-3:]).argmax()))
    assert slide(model, [3, 1, 4], steps=9) == text[3:]
    assert slide(model, [3, 1, 4], steps=0) == []


def test_the_windows_of_a_text():
    windows, targets = windows_of([5, 6, 7, 8, 9], 3)
    assert windows.tolist() == [[5, 6, 7], [6, 7, 8]]
    assert targets.tolist() == [8, 9]
    windows, _ = windows_of(ALPHABET.encode(SENTENCE), 12)
    assert len(windows) == 27 - 12


def test_to_look_up_is_to_multiply_by_one_hot_rows():
    model, tape = model_of("vectors"), Tape()
    model.forward(WINDOWS, tape)
    one_hot = torch.zeros(*WINDOWS.shape, 7, dtype=torch.float64)
    for place in np.ndindex(*WINDOWS.shape):
        one_hot[(*place, int(WINDOWS[place]))] = 1
    product, _ = linear(one_hot, weight=model.params["wte"]["weight"])
    assert torch.equal(product, tape["wte.out"])
    assert torch.equal(product.reshape(4, 6), tape["inputs"])


@each_form
def test_a_saved_network_is_the_same_when_loaded(form: str, tmp_path: Path):
    model = model_of(form)
    save(model, tmp_path)
    again = load(tmp_path)
    assert isinstance(again, NextToken)
    assert again.config == model.config
    assert torch.equal(again.forward(WINDOWS), model.forward(WINDOWS))


def test_an_embedding_is_used_again(tmp_path: Path):
    save(trained(NextToken.init(NextTokenConfig(), dtype=torch.float64), SENTENCE, 50), tmp_path)
    table = load(tmp_path).params["wte"]
    other = "humpty dumpty had a great fall"
    new = NextToken.init(NextTokenConfig(window=8, hidden=16), seed=7, dtype=torch.float64)
    new = new.with_params(new.params | {"wte": table})
    kept = trained(new, other, 150, fixed=True)
    assert recited(kept, other) == other
    assert torch.equal(kept.params["wte"]["weight"], table["weight"])
    moved = trained(new, other, 150)
    assert recited(moved, other) == other
    assert not torch.equal(moved.params["wte"]["weight"], table["weight"])
    unread = [token for token in range(27) if chr(96 + token) not in other and token]
    assert torch.equal(moved.params["wte"]["weight"][unread], table["weight"][unread])


def test_it_begins_as_it_says():
    config = NextTokenConfig(vocab_size=50, window=20, width=30, hidden=400)
    params = flatten(NextToken.init(config, seed=3).params)
    assert {name: tuple(leaf.shape) for name, leaf in params.items()} == config.parameter_shapes()
    deviations = {"wte.weight": 1.0, "hidden.weight": (2 / 600) ** 0.5, "output.weight": 0.005**0.5}
    for name, leaf in params.items():
        if name.endswith("bias"):
            assert not leaf.any()
        else:
            assert float(leaf.std()) == pytest.approx(deviations[name], rel=0.05)
    again, other = (flatten(NextToken.init(config, seed=seed).params) for seed in (3, 4))
    assert torch.equal(again["hidden.weight"], params["hidden.weight"])
    assert not torch.equal(other["hidden.weight"], params["hidden.weight"])
    assert "vector of 30" in str(NextToken.init(config))


MODEL = NextToken.init(NextTokenConfig())
MISTAKES: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "short": (TokenError, "12 tokens, and 11 came: begin", lambda: MODEL.forward([1] * 11)),
    "long": (TokenError, "12 tokens, and 13 came: keep the last", lambda: MODEL.forward([1] * 13)),
    "to slide": (TokenError, "12 tokens, and 5 came", lambda: slide(MODEL, [1] * 5, steps=1)),
    "empty": (TokenError, "at least one", lambda: MODEL.forward([])),
    "id": (TokenError, "from 0 to 26, not 27", lambda: MODEL.forward([27] * 12)),
    "target": (TokenError, "from 0 to 26, not -1", lambda: MODEL.loss([[1] * 12], [-1])),
    "targets": (
        TokenError,
        r"one target a window: \(2,\) targets came",
        lambda: MODEL.loss([[1] * 12], [1, 2]),
    ),
    "fractions": (TokenError, "whole number", lambda: MODEL.forward([0.5] * 12)),
    "text": (TokenError, "longer than the window of 12", lambda: windows_of([1] * 12, 12)),
    "ops": (TraceError, "leave out ops", lambda: MODEL.forward([1] * 12, Tape(), ops=FAST)),
    "size": (ConfigError, "window must be a whole number", lambda: NextTokenConfig(window=0)),
    "width": (ConfigError, "width must be a whole number", lambda: NextTokenConfig(width=0)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_in_one_line(mistake: str):
    error, says, make = MISTAKES[mistake]
    with pytest.raises(error, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_what_comes_before_a_slide_is_checked_even_without_a_step():
    with pytest.raises(TokenError, match="and 5 came"):
        slide(MODEL, [1] * 5, steps=0)


@each_form
def test_fast_pairs_give_the_same(form: str):
    model = model_of(form)
    loss, grads = model.loss_and_grads(WINDOWS, NEXT)
    fast, fast_grads = model.loss_and_grads(WINDOWS, NEXT, ops=FAST)
    assert_close(fast, loss, 1e-12)
    for name, gradient in flatten(grads).items():
        assert_close(flatten(fast_grads)[name], gradient, 1e-12, name)
