"""The other examples of whole GPTs: each shows what it says, checked by means not its own."""

import math
import re

import numpy as np
import pytest
import torch

from pellucid.errors import PellucidError
from pellucid.examples import EXAMPLES, Example, find_example, load_example
from pellucid.layers import IGNORE
from pellucid.train import Trace
from pellucid.tree import flatten, unflatten
from pellucid.walkthrough import gpt_walkthrough

NAMES = [name for name in EXAMPLES if isinstance(find_example(name), Example)]


def example(name: str) -> Example:
    found = find_example(name)
    assert isinstance(found, Example)
    return found


def trace_of(name: str) -> Trace:
    return example(name).record(example(name).update)


# -- all of them -----------------------------------------------------------------------------------


def test_they_come_in_the_order_in_which_they_teach():
    wanted = ["gpt1", "hello_world", "ai_rocks", "ai_rocks_older", "ai_rocks_d2"]
    assert [name for name in EXAMPLES if name in wanted] == wanted
    assert set(wanted) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_lowers_the_loss_in_float64(name: str):
    trace = trace_of(name)
    assert trace.loss_after is not None
    assert trace.loss_after < float(trace.tape["loss"])
    assert {leaf.dtype for leaf in flatten(trace.model.params).values()} == {torch.float64}


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_is_autograd_s(name: str):
    found = example(name)
    trace = found.record()
    leaves = {k: v.clone().requires_grad_() for k, v in flatten(found.model.params).items()}
    tokens, targets = trace.tape["tokens"], trace.tape["targets"]
    logits = found.model.with_params(unflatten(leaves)).forward(tokens)
    torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORE).backward()
    for key, leaf in leaves.items():
        torch.testing.assert_close(
            trace.tape[f"d{key}"], leaf.grad, rtol=0, atol=1e-14, msg=lambda m, key=key: f"{key}{m}"
        )


@pytest.mark.parametrize("name", ["gpt1", "ai_rocks_d2"])
def test_weights_are_round(name: str):
    for key, value in flatten(load_example(name).model.params).items():
        assert torch.equal(value, value.round(decimals=2)), key
        assert value.abs().max() <= 2, key


def test_without_an_update_the_walkthrough_ends_at_the_gradients():
    headings = [
        part.heading.partition(":")[0] for part in example("hello_world").walkthrough().parts
    ]
    assert headings == ["Forward", "Backward"]


# -- GPT-1's equations -----------------------------------------------------------------------------


def normalized(x: np.ndarray, gain: np.ndarray, shift: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def block(h: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """LayerNorm(n + MLP(n)) with n = LayerNorm(h + attention(h)), position by position."""
    size = h.shape[1] // 2
    q, k, v = np.split(h @ w["attn.c_attn.weight"] + w["attn.c_attn.bias"], 3, axis=1)
    gathered = np.zeros_like(h)
    for head in (slice(0, size), slice(size, None)):
        for t in range(len(h)):
            weighed = np.exp(k[: t + 1, head] @ q[t, head] / math.sqrt(size))
            gathered[t, head] = weighed @ v[: t + 1, head] / weighed.sum()
    n = h + gathered @ w["attn.c_proj.weight"] + w["attn.c_proj.bias"]
    n = normalized(n, w["ln_1.weight"], w["ln_1.bias"])
    u = n @ w["mlp.c_fc.weight"] + w["mlp.c_fc.bias"]
    u = 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
    m = n + u @ w["mlp.c_proj.weight"] + w["mlp.c_proj.bias"]
    return normalized(m, w["ln_2.weight"], w["ln_2.bias"])


def test_gpt1_is_its_three_equations():
    trace = trace_of("gpt1")
    weights = {name: leaf.numpy() for name, leaf in flatten(trace.model.params).items()}
    assert not any(name.startswith("ln_f") for name in weights), "no norm stands before the head"
    u = np.eye(4)[trace.tape["tokens"].numpy()]
    h = u @ weights["wte.weight"] + weights["wpe.weight"]
    np.testing.assert_allclose(trace.tape["h.0.resid_pre"].numpy(), h, rtol=0, atol=1e-15)
    for layer in range(trace.model.config.n_layer):
        own = f"h.{layer}."
        h = block(h, {k.removeprefix(own): v for k, v in weights.items() if k.startswith(own)})
        np.testing.assert_allclose(trace.tape[f"{own}resid_post"].numpy(), h, rtol=0, atol=1e-14)
    p = np.exp(h @ weights["wte.weight"].T)
    p /= p.sum(-1, keepdims=True)
    np.testing.assert_allclose(trace.tape["probs"].numpy(), p, rtol=0, atol=1e-14)


def test_gpt1_s_norms_come_after_their_sums():
    found = example("gpt1")
    steps = found.walkthrough().parts[0].steps
    titles = [step.title for step in steps if step.layer == 1]
    assert titles == [
        *("Multi-head self-attention", "Residual connection", "Layer norm 1"),
        *("MLP", "Residual connection (post MLP)", "Layer norm 2"),
    ]
    assert "Final layer norm" not in {step.title for step in steps}
    for equation in ("h₀ = U·W_e + W_p", "h_l = block(h_{l-1})", "P(u) = softmax(h_n·W_eᵀ)"):
        assert equation in found.about


# -- Hello World -----------------------------------------------------------------------------------

KNOWN = [[1, 0, 0, 0], [0.7, 0.3, 0, 0], [0.2, 0.2, 0.6, 0], [0.2, 0.2, 0.2, 0.4]]


def test_hello_world_s_first_head_has_the_table_that_is_known():
    tape = trace_of("hello_world").tape
    known = torch.tensor(KNOWN, dtype=torch.float64)
    assert tape["h.0.attn.att"].shape == (2, 4, 4)
    assert (tape["h.0.attn.att"][0] - known).abs().max() <= 2e-16
    even = torch.ones(4, 4).tril() / torch.arange(1, 5).view(4, 1)
    torch.testing.assert_close(tape["h.0.attn.att"][1], even.double(), rtol=0, atol=1e-7)
    torch.testing.assert_close(tape["h.0.attn.z"], tape["h.0.attn.att"], rtol=0, atol=1e-15)


def test_hello_world_has_the_shapes_that_are_known():
    trace = trace_of("hello_world")
    assert trace.pieces == ("He", "llo", "Wo", "rld")
    batched, tape = trace.model.run_with_cache([[0, 1, 2, 3]])
    assert batched.shape == (1, 4, 4)
    for name in ("h.0.resid_pre", "h.0.resid_mid", "h.0.resid_post"):
        assert tape[name].shape == (1, 4, 8)
    for name in ("q", "k", "v", "z"):
        assert tape[f"h.0.attn.{name}"].shape == (1, 2, 4, 4)
    assert tape["h.0.attn.att"].shape == (1, 2, 4, 4)


def test_hello_world_s_layer_norm_hands_on_what_it_reads():
    tape = trace_of("hello_world").tape
    assert tape["h.0.resid_pre"].abs().eq(1).all()
    assert (tape["h.0.ln_1.out"] - tape["h.0.resid_pre"]).abs().max() < 1e-15


def test_hello_world_writes_on():
    trace = trace_of("hello_world")
    likeliest = trace.tape["probs"].argmax(-1).tolist()
    assert likeliest[:3] == trace.tape["targets"].tolist()[:3] == [1, 2, 3]
    assert trace.tape["targets"].tolist()[3] == IGNORE
    units = trace.tape["h.0.mlp.act.out"]
    assert units.argmax(-1).tolist() == [0, 1, 2, 3]


# -- AI rocks without <EOS> ------------------------------------------------------------------------


def test_the_older_form_has_two_words_and_one_target():
    trace, newer = trace_of("ai_rocks_older"), trace_of("ai_rocks")
    assert trace.vocabulary == ("AI", "rocks")
    assert trace.targets == ("rocks", "")
    assert trace.tape["targets"].tolist() == [1, IGNORE]
    assert torch.equal(trace.tape["wte.weight"], newer.tape["wte.weight"][:2])
    torch.testing.assert_close(
        trace.tape["logits"], newer.tape["logits"][:, :2], rtol=0, atol=1e-15
    )


def test_the_older_form_skips_the_second_position():
    trace = trace_of("ai_rocks_older")
    probs = np.exp(trace.tape["logits"].numpy())
    probs /= probs.sum(-1, keepdims=True)
    assert trace.tape["losses"][1] == 0
    assert float(trace.tape["loss"]) == float(trace.tape["losses"][0])
    assert float(trace.tape["loss"]) == pytest.approx(-math.log(probs[0, 1]), abs=1e-15)
    assert trace.tape["dlogits"][1].eq(0).all()
    torch.testing.assert_close(
        trace.tape["dlogits"][0], torch.from_numpy(probs[0] - [0, 1]), rtol=0, atol=1e-15
    )
    _, alone = trace.model.loss_and_grads([0], [1])
    for name, gradient in flatten(alone).items():
        assert (trace.tape[f"d{name}"] - gradient).abs().max() < 1e-15, name


def test_the_older_form_s_walk_says_so():
    forward = example("ai_rocks_older").walkthrough().parts[0].steps
    assert [line.split("target")[1].split() for line in forward[0].lines[1:]] == [
        ["1", "'rocks'"],
        ["none"],
    ]
    (loss,) = [step for step in forward if step.kind == "loss"]
    assert "t = 1" in loss.says
    assert "1 of 2" in loss.says


# -- AI rocks with two dimensions ------------------------------------------------------------------

NORMS = [f"h.0.{norm}" for norm in ("ln_1", "ln_2")]


@pytest.mark.parametrize("norm", NORMS)
def test_of_two_numbers_only_their_order_is_left(norm: str):
    tape = trace_of("ai_rocks_d2").tape
    x, xhat, dout, dx = (
        tape[name] for name in (f"{norm}.x", f"{norm}.xhat", f"d{norm}.out", f"d{norm}.x")
    )
    a, eps = (x[:, 0] - x[:, 1]) / 2, 1e-5
    expected = torch.stack([a, -a], -1) / (a**2 + eps).sqrt().unsqueeze(-1)
    torch.testing.assert_close(xhat, expected, rtol=0, atol=1e-14)
    assert 0 < float(1 - xhat.abs().max()) < float(1 - xhat.abs().min()) < 1e-4
    assert tape[f"{norm}.weight"].eq(1).all()
    g = (dout[:, 0] - dout[:, 1]) / 2  # the gain is 1
    slope = g * eps / (a**2 + eps) ** 1.5
    torch.testing.assert_close(dx, torch.stack([slope, -slope], -1), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("norm", NORMS)
def test_the_gradient_vanishes_with_two_dimensions_and_not_with_four(norm: str):
    def passed(name: str) -> float:
        tape = trace_of(name).tape
        return float(tape[f"d{norm}.x"].norm() / tape[f"d{norm}.out"].norm())

    assert passed("ai_rocks_d2") < 3e-4
    assert passed("ai_rocks") > 0.5


def test_why_four_is_told_with_the_run_s_own_numbers():
    found = example("ai_rocks_d2")
    part = found.walkthrough(found.update).parts[-1]
    assert part.heading == "Why d = 4"
    rows, gradients = part.steps
    two, four = trace_of("ai_rocks_d2").tape, trace_of("ai_rocks").tape
    tapes = {"2": two, "4": four}
    assert len(rows.lines) == 8
    for line in rows.lines:
        norm, piece, width = re.match(r"(ln_\d)  (\w+) +d = (\d)", line).groups()
        numbers = line.partition("xhat")[2].partition("1 -")[0].split()
        place = ["AI", "rocks"].index(piece)
        exact = tapes[width][f"h.0.{norm}.xhat"][place].tolist()
        assert numbers == [f"{value:.6f}" for value in exact]
        if width == "2":
            assert line.endswith(f"= {1 - abs(exact[0]):.1e}")
    left = []
    for line in gradients.lines:
        norm, width, eps = re.match(r"(ln_\d)  d = (\d)(, ε = 1e-09)?", line).groups()
        shown = re.findall(r"= (\d\.\d+(?:e[-+]\d+)?)(?= |$)", line)
        dout, dx = (
            float(tapes[width][f"dh.0.{norm}.{end}"].norm()) * 1e-4 ** bool(eps and end == "x")
            for end in ("out", "x")
        )
        assert float(shown[0]) == pytest.approx(dout, abs=1e-3)
        assert float(shown[1]) == pytest.approx(dx, rel=1e-2)
        assert float(shown[2]) == pytest.approx(dx / dout, rel=1e-2)
        left.append(width)
    assert left == ["2", "2", "4"] * 2
    assert all(len(line) <= 94 for step in part.steps for line in step.lines)


def test_the_reason_follows_whatever_step_is_taken():
    found = example("ai_rocks_d2")
    assert [part.heading for part in found.walkthrough().parts][-1] == "Why d = 4"
    plain = gpt_walkthrough(found.record(), found.title, "")
    assert len(found.walkthrough().parts) == len(plain.parts) + 1


def test_mistakes_are_one_line():
    with pytest.raises(PellucidError, match="ai_rocks_older") as error:
        find_example("ai_rocks_d3")
    assert "\n" not in str(error.value)
