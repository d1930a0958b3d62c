"""AI rocks, worked out a second time from the equations alone, in NumPy.

Gradients come from the complex-step rule, f'(x) = Im f(x + ih) / h, which subtracts nothing and so
loses no digits: the loss below is written so that it takes complex numbers.
"""

import json
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch

from pellucid.examples import EXAMPLES, find_example, load_example, model_example_names
from pellucid.train import Trace, record_step
from pellucid.walkthrough import names

DATA: dict[str, Any] = json.loads(
    files("pellucid.examples").joinpath("ai_rocks.json").read_text(encoding="utf-8")
)
Arrays = dict[str, np.ndarray]
WEIGHTS: Arrays = {name: np.array(value) for name, value in DATA["params"].items()}
TOKENS, TARGETS = [0, 1], [1, 2]
HEADS, EPS = 2, 1e-5


def normalized(x: np.ndarray, weights: Arrays, path: str, seen: Arrays) -> np.ndarray:
    mean = x.sum(-1, keepdims=True) / x.shape[-1]
    variance = ((x - mean) ** 2).sum(-1, keepdims=True) / x.shape[-1]
    rstd = 1 / np.sqrt(variance + EPS)
    xhat = (x - mean) * rstd
    out = xhat * weights[f"{path}.weight"] + weights[f"{path}.bias"]
    parts = {"mean": mean, "variance": variance, "rstd": rstd, "xhat": xhat, "out": out}
    seen |= {f"{path}.{name}": part for name, part in parts.items()}
    return out


def mapped(x: np.ndarray, weights: Arrays, path: str, seen: Arrays) -> np.ndarray:
    out = np.einsum("ti,ij->tj", x, weights[f"{path}.weight"]) + weights[f"{path}.bias"]
    seen[f"{path}.out"] = out
    return out


def worked(weights: Arrays) -> Arrays:
    """Everything from the tokens to the loss, position by position and head by head."""
    seen: Arrays = {}
    seen["embed.out"] = np.stack([weights["wte.weight"][token] for token in TOKENS])
    seen["wpe.out"] = seen["embed.out"] + weights["wpe.weight"][: len(TOKENS)]
    stream = seen["h.0.resid_pre"] = seen["wpe.out"]

    normed = normalized(stream, weights, "h.0.ln_1", seen)
    qkv = mapped(normed, weights, "h.0.attn.c_attn", seen)
    size = qkv.shape[1] // 3 // HEADS
    cut = qkv.reshape(len(TOKENS), 3, HEADS, size).transpose(1, 2, 0, 3)
    q, k, v = seen["h.0.attn.q"], seen["h.0.attn.k"], seen["h.0.attn.v"] = cut
    att = np.zeros((HEADS, len(TOKENS), len(TOKENS)), qkv.dtype)
    scores = np.full(att.shape, -np.inf, qkv.dtype)
    for head in range(HEADS):
        for t in range(len(TOKENS)):
            for s in range(t + 1):
                scores[head, t, s] = (q[head, t] * k[head, s]).sum() / np.sqrt(size)
            weighed = np.exp(scores[head, t, : t + 1])
            att[head, t, : t + 1] = weighed / weighed.sum()
    z = np.einsum("hts,hsd->htd", att, v)
    merged = np.concatenate(list(z), axis=-1)
    seen |= {f"h.0.attn.{name}": value for name, value in vars_of(scores, att, z, merged).items()}
    stream = seen["h.0.resid_mid"] = stream + mapped(merged, weights, "h.0.attn.c_proj", seen)

    normed = normalized(stream, weights, "h.0.ln_2", seen)
    inner = mapped(normed, weights, "h.0.mlp.c_fc", seen)
    bent = 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
    seen["h.0.mlp.act.out"] = bent
    stream = seen["h.0.resid_post"] = stream + mapped(bent, weights, "h.0.mlp.c_proj", seen)

    logits = seen["logits"] = np.einsum("ti,vi->tv", stream, weights["wte.weight"])
    probs = seen["probs"] = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    seen["losses"] = -np.log(probs[range(len(TARGETS)), TARGETS])
    seen["loss"] = seen["losses"].sum() / len(TARGETS)
    return seen


def vars_of(scores: np.ndarray, att: np.ndarray, z: np.ndarray, merged: np.ndarray) -> Arrays:
    return {"scores": scores, "att": att, "z": z, "merged": merged}


def slopes(name: str) -> np.ndarray:
    """The gradient of the loss by every element of a parameter."""
    step = 1e-30
    gradient = np.empty_like(WEIGHTS[name])
    for place in np.ndindex(gradient.shape):
        moved = WEIGHTS[name].astype(complex)
        moved[place] += 1j * step
        gradient[place] = worked(WEIGHTS | {name: moved})["loss"].imag / step
    return gradient


@pytest.fixture(scope="module")
def trace() -> Trace:
    example = load_example("ai_rocks")
    ids = example.tokenizer.encode(example.text)
    return record_step(example.model, ids, example.tokenizer, update=example.update)


SEEN = worked(WEIGHTS)


@pytest.mark.parametrize("name", SEEN)
def test_every_activation_is_what_the_equations_give(trace: Trace, name: str):
    got = trace.tape[name].numpy()
    assert got.shape == SEEN[name].shape
    np.testing.assert_allclose(got, SEEN[name], rtol=0, atol=1e-12)


def test_no_activation_is_left_out(trace: Trace):
    """What else stands on the tape's forward part repeats a value or is inside one function."""
    rows = {row.pattern.replace("h.i.", "h.0.") for row in names()}
    forward = {name for name in trace.tape if name in rows} - set(WEIGHTS) - set(SEEN)
    known = [trace.tape[name] for name in (*SEEN, *WEIGHTS)]
    repeats = {
        name for name in forward if any(torch.equal(trace.tape[name], value) for value in known)
    }
    inner = {"h.0.mlp.act.inner", "h.0.mlp.act.tanh"}
    assert forward - repeats == inner | {"tokens", "targets", "mask"}


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_gradient_and_new_weight_is_what_the_equations_give(trace: Trace, name: str):
    dw, w = slopes(name), WEIGHTS[name]
    np.testing.assert_allclose(trace.tape[f"d{name}"].numpy(), dw, rtol=0, atol=1e-12)

    rate, decay = DATA["update"]["learning_rate"], DATA["update"]["weight_decay"]
    m, v = 0.1 * dw, 0.001 * dw**2
    m_hat, v_hat = m / (1 - 0.9), v / (1 - 0.999)
    update = -rate * m_hat / (np.sqrt(v_hat) + 1e-8) - rate * (decay if w.ndim == 2 else 0) * w
    for last, value in {"m": m, "v": v, "m_hat": m_hat, "v_hat": v_hat}.items():
        np.testing.assert_allclose(trace.tape[f"{name}.{last}"].numpy(), value, rtol=0, atol=1e-12)
    # The keys' biases have no gradient at all: what is there is round-off, over ε = 1e-8.
    for last, value in {"update": update, "new": w + update}.items():
        np.testing.assert_allclose(trace.tape[f"{name}.{last}"].numpy(), value, rtol=0, atol=1e-10)


def test_the_loss_after_the_step_is_that_of_the_new_weights(trace: Trace):
    after = {name: trace.tape[f"{name}.new"].numpy() for name in WEIGHTS}
    assert trace.loss_after == pytest.approx(worked(after)["loss"], abs=1e-12)
    assert trace.loss_after < SEEN["loss"]


# -- the example as data ---------------------------------------------------------------------------


def test_every_weight_has_at_most_two_decimals():
    for name, value in WEIGHTS.items():
        assert np.array_equal(value, value.round(2)), name
        assert np.abs(value).max() <= 2, name


def test_the_example_is_the_one_that_is_known():
    example = load_example("ai_rocks")
    assert example.tokenizer.vocabulary == ("AI", "rocks", "<EOS>")
    assert example.tokenizer.encode(example.text) == [*TOKENS, 2]
    config = example.model.config
    assert (config.vocab_size, config.n_layer, config.n_embd, config.n_head) == (3, 1, 4, HEADS)
    assert not config.final_norm
    assert config.eps == EPS
    assert config.tied
    assert WEIGHTS.keys() == set(DATA["params"])


def test_examples_are_found_by_name_and_other_names_are_told_which():
    from pellucid.errors import ConfigError

    assert len(set(EXAMPLES)) == len(EXAMPLES)
    assert {"ai_rocks"} <= set(model_example_names()) <= set(EXAMPLES)
    for name in EXAMPLES:
        assert find_example(name).title
    for name in model_example_names():
        assert load_example(name).title
    for find in (find_example, load_example):
        with pytest.raises(ConfigError, match="ai_rocks") as error:
            find("../ai_rocks")
        assert "\n" not in str(error.value)
