"""From GPT-2 to Llama, each stage worked out a second time by torch's own functions and autograd.

The rotation is a product of complex numbers, and keys are shared by indexing, not by repeating.
"""

import json
import math
import re
from importlib.resources import files
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.examples import EXAMPLES
from pellucid.tree import flatten
from pellucid.walkthrough import Step
from tests.examples.walkthroughs import walkthrough_of

DATA: dict[str, Any] = json.loads(
    files("pellucid.examples").joinpath("ai_rocks.json").read_text(encoding="utf-8")
)
Tensors = dict[str, Tensor]
TOKENS, TARGETS = torch.tensor([0, 1]), torch.tensor([1, 2])
STAGES = ("gpt2", "rms", "turned", "shared", "gated", "llama")
GIVEN: Tensors = {
    name.removeprefix("h.0."): torch.tensor(value, dtype=torch.float64)
    for name, value in DATA["params"].items()
}


def tape_value(name: str) -> Tensor:
    value: Tensor = walkthrough_of("gpt2_to_llama").tape[name]
    return value


def step(title: str) -> Step:
    steps = [one for part in walkthrough_of("gpt2_to_llama").parts for one in part.steps]
    (found,) = [one for one in steps if one.title == title]
    return found


def close(name: str, expected: Any, tolerance: float = 1e-13) -> None:
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(tape_value(name), wanted.detach(), rtol=0, atol=tolerance)


# -- the stages, once more -------------------------------------------------------------------------


def weights_of(stage: str) -> Tensors:
    """The weights of a stage, straight from those of AI rocks; each change is a line."""
    at, own = STAGES.index(stage), dict(GIVEN)
    if at >= 1:
        own = {name: w for name, w in own.items() if name not in {"ln_1.bias", "ln_2.bias"}}
    if at >= 2:
        del own["wpe.weight"]
        for last in ("weight", "bias"):
            whole = own.pop(f"attn.c_attn.{last}")
            for place, letter in enumerate("qkv"):
                own[f"attn.{letter}_proj.{last}"] = whole[..., 4 * place : 4 * place + 4]
    if at >= 3:
        for name in ("attn.k_proj.weight", "attn.k_proj.bias"):
            own[name] = (own[name][..., :2] + own[name][..., 2:]) / 2
        for name in ("attn.v_proj.weight", "attn.v_proj.bias"):
            own[name] = (own[name][..., :2] + own[name][..., 2:]) / 2
    if at >= 4:
        for last in ("weight", "bias"):
            inner = own.pop(f"mlp.c_fc.{last}")
            own[f"mlp.gate_proj.{last}"] = inner[..., torch.arange(0, 16, 2)]
            own[f"mlp.up_proj.{last}"] = inner[..., torch.arange(1, 16, 2)]
        own["mlp.c_proj.weight"] = own["mlp.c_proj.weight"][torch.arange(0, 16, 2)]
    if at >= 5:
        own = {name: w for name, w in own.items() if not name.endswith("bias")}
        own["ln_f.weight"] = torch.ones(4, dtype=torch.float64)
    return own


def mapped(x: Tensor, w: Tensors, path: str) -> Tensor:
    return functional.linear(x, w[f"{path}.weight"].T, w.get(f"{path}.bias"))


def normed(x: Tensor, w: Tensors, path: str) -> Tensor:
    if f"{path}.bias" in w:
        return functional.layer_norm(x, [4], w[f"{path}.weight"], w[f"{path}.bias"], eps=1e-5)
    return functional.rms_norm(x, [4], w[f"{path}.weight"], eps=1e-5)


def turned(x: Tensor, start: int = 0) -> Tensor:
    """Heads of two channels, each a complex number times e^(i t)."""
    places = torch.arange(start, start + x.shape[-2], dtype=torch.float64)
    turns = torch.polar(torch.ones_like(places), places)
    return torch.view_as_real(torch.view_as_complex(x.contiguous()) * turns)


def attended(x: Tensor, w: Tensors, seen: Tensors) -> Tensor:
    if "attn.c_attn.weight" in w:
        q, k, v = mapped(x, w, "attn.c_attn").view(2, 3, 2, 2).permute(1, 2, 0, 3)
    else:
        q, k, v = (
            mapped(x, w, f"attn.{letter}_proj").view(2, -1, 2).transpose(0, 1) for letter in "qkv"
        )
        q, k = turned(q), turned(k)
        k, v = (heads[[0, len(heads) - 1]] for heads in (k, v))
    seen |= {"attn.q": q, "attn.k": k, "attn.v": v}
    z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return mapped(z.transpose(0, 1).reshape(2, 4), w, "attn.c_proj")


def fed(x: Tensor, w: Tensors) -> Tensor:
    if "mlp.c_fc.weight" in w:
        inner = functional.gelu(mapped(x, w, "mlp.c_fc"), approximate="tanh")
    else:
        inner = functional.silu(mapped(x, w, "mlp.gate_proj")) * mapped(x, w, "mlp.up_proj")
    return mapped(inner, w, "mlp.c_proj")


def worked(w: Tensors) -> Tensors:
    """Everything from the tokens to the loss."""
    seen: Tensors = {}
    x = seen["embed.out"] = w["wte.weight"][TOKENS]
    if "wpe.weight" in w:
        x = seen["wpe.out"] = x + w["wpe.weight"]
    normed_1 = seen["ln_1.out"] = normed(x, w, "ln_1")
    x = seen["resid_mid"] = x + attended(normed_1, w, seen)
    normed_2 = seen["ln_2.out"] = normed(x, w, "ln_2")
    x = seen["resid_post"] = x + fed(normed_2, w)
    if "ln_f.weight" in w:
        x = seen["ln_f.out"] = normed(x, w, "ln_f")
    seen["logits"] = x @ w["wte.weight"].T
    seen["probs"] = seen["logits"].softmax(-1)
    seen["losses"] = functional.cross_entropy(seen["logits"], TARGETS, reduction="none")
    seen["loss"] = seen["losses"].mean()
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_every_number_of_a_stage_is_that_of_torch_s_functions(stage: str):
    for name, value in worked(weights_of(stage)).items():
        close(f"{stage}.{name}", value)


@pytest.mark.parametrize("stage", STAGES)
def test_every_gradient_of_a_stage_is_autograd_s(stage: str):
    leaves = {name: w.clone().requires_grad_() for name, w in weights_of(stage).items()}
    seen = worked(leaves)
    for name in ("embed.out", "resid_mid", "resid_post"):
        seen[name].retain_grad()
    seen["loss"].backward()
    for name, leaf in leaves.items():
        if name == "wte.weight":  # used twice
            looked_up = tape_value(f"d{stage}.embed.weight")
            both = looked_up + tape_value(f"d{stage}.lm_head.weight")
            torch.testing.assert_close(both, leaf.grad, rtol=0, atol=1e-13)
        else:
            close(f"d{stage}.{name}", leaf.grad)
    for name in ("embed.out", "resid_mid", "resid_post"):
        close(f"d{stage}.{name}", seen[name].grad)


def test_the_first_stage_is_ai_rocks_and_a_stage_has_no_weight_but_these():
    tape = walkthrough_of("ai_rocks").tape
    for name in ("logits", "loss", "h.0.attn.att"):
        close(f"gpt2.{name.removeprefix('h.0.')}", tape[name], 0)
    for stage in STAGES:
        parameters = {
            name.removeprefix(f"{stage}.")
            for name in walkthrough_of("gpt2_to_llama").tape
            if name.startswith(f"{stage}.") and name.endswith(("weight", "bias"))
        }
        assert parameters == set(weights_of(stage)), stage


# -- what is said of them --------------------------------------------------------------------------


def test_the_tables_count_parameters_and_cache_and_repeat_the_run():
    lines = step("All the stages, one below the other").lines
    assert len(lines) == 1 + len(STAGES)
    counted = []
    for stage, line in zip(STAGES, lines[1:], strict=True):
        *_, size, cached, rocks, end, loss = line.split()
        weights, seen = weights_of(stage), worked(weights_of(stage))
        assert int(size) == sum(w.numel() for w in flatten(weights).values())
        assert int(cached) == 2 * (4 if STAGES.index(stage) < 3 else 2)
        assert rocks == f"{float(seen['probs'][0, 1]):.4f}"
        assert end == f"{float(seen['probs'][1, 2]):.4f}"
        assert loss == f"{float(seen['loss']):.6f}"
        counted.append(int(size))
    assert counted == sorted(counted, reverse=True), "each change needs fewer"
    steps = [one for part in walkthrough_of("gpt2_to_llama").parts for one in part.steps]
    pairs = [one.lines[1:] for one in steps if one.title == "What it buys"]
    squeezed = [line.split() for line in lines[1:]]
    assert [[line.split() for line in pair] for pair in pairs] == [
        squeezed[place : place + 2] for place in range(4)
    ]


def test_layer_norm_takes_off_the_mean_and_rms_norm_does_not():
    x = GIVEN["wte.weight"][TOKENS] + GIVEN["wpe.weight"]
    close("gpt2.ln_1.mean", x.mean(-1, keepdim=True))
    ones = torch.ones(4, dtype=torch.float64)
    level = tape_value("level")
    assert float(level.sum()) == 0
    for name, row in (("level", level), ("lifted", level + 1)):
        close(f"{name}.layer_norm.out", functional.layer_norm(row, [4], ones, 0 * ones, 1e-5))
        close(f"{name}.rms_norm.out", functional.rms_norm(row, [4], ones, 1e-5))
    for name in ("level.rms_norm.out", "lifted.layer_norm.out"):
        close("level.layer_norm.out", tape_value(name), 1e-15)
    assert (tape_value("lifted.rms_norm.out") - tape_value("level.rms_norm.out")).abs().min() > 0.1
    assert tape_value("dgpt2.ln_1.x").sum(-1).abs().max() < 1e-15
    assert tape_value("drms.ln_1.x").sum(-1).abs().min() > 0.01
    says = [one.says for one in walkthrough_of("gpt2_to_llama").parts[1].steps]
    assert f"{25 * 2 * 768:,} parameters" in says[-1]
    assert f"have {25 * 768:,}." in says[-1]


@pytest.mark.parametrize("start", [1, 1000])
def test_moved_words_have_the_same_scores(start: int):
    q, k = (tape_value(f"turned.attn.{letter}_heads") for letter in "qk")
    scores = turned(q, start) @ turned(k, start).mT / math.sqrt(2)
    hidden = torch.ones(2, 2, dtype=torch.bool).triu(1)
    close(f"at_{start}.rope.angles", [[start], [start + 1]])
    close(f"at_{start}.attn.scores", scores.masked_fill(hidden, -math.inf), 1e-12)
    moved, here = tape_value(f"at_{start}.attn.scores"), tape_value("turned.attn.scores")
    torch.testing.assert_close(moved, here, rtol=0, atol=1e-12)


def test_learned_positions_have_other_scores_at_each_place():
    w, scores = weights_of("rms"), []
    for place in (0, 1):
        x = w["wte.weight"][TOKENS] + w["wpe.weight"][place]
        q, k, _ = (
            mapped(normed(x, w, "ln_1"), w, "attn.c_attn").view(2, 3, 2, 2).permute(1, 2, 0, 3)
        )
        scores.append(q @ k.mT / math.sqrt(2))
        close(f"place_{place}.attn.scores", scores[-1])
    gap = float((scores[0] - scores[1]).abs().max())
    assert gap > 0.5
    assert f"differ by up to {gap:.2g}." in step("With learned positions it does not").says


def test_a_score_follows_the_angle_between():
    q, k = tape_value("turned.attn.q_heads")[0, 1], tape_value("turned.attn.k_heads")[0, 0]
    between = math.atan2(q[1], q[0]) - math.atan2(k[1], k[0])
    size = float(q.norm() * k.norm()) / math.sqrt(2)
    expected = [[size * math.cos(between + distance)] for distance in range(4)]
    close("distances.scores", expected)
    assert f"between {min(expected)[0]:.4f} and {max(expected)[0]:.4f}" in (
        step("And another distance gives another score").says
    )


def test_the_shared_key_gets_the_sum_of_two_gradients():
    both = tape_value("dshared.attn.k")
    close("dshared.attn.k_rope.out", both[:1] + both[1:])
    says = step("Each head still looks in its own way").says
    att = tape_value("shared.attn.att")
    assert f"{float(att[0, 1, 0]):.4f} and head 1 by {float(att[1, 1, 0]):.4f}" in says


def test_what_a_cache_of_smollm2_takes():
    says = walkthrough_of("gpt2_to_llama").parts[3].steps[-1].says
    one = 30 * 2 * 64 * 8192 * 2  # layers, keys and values, channels, tokens, bytes
    assert f"keeps {3 * one / 1e6:,.0f} MB" in says
    assert f"it would be {9 * one / 1e6:,.0f} MB" in says


def test_a_gate_multiplies_and_its_width_is_two_thirds():
    points = tape_value("points")
    close("gelu.out", functional.gelu(points, approximate="tanh"))
    close("silu.out", functional.silu(points))
    opened = tape_value("gated.mlp.act.out")
    close("gated.mlp.gated", opened * tape_value("gated.mlp.up_proj.out"))
    least = f"{float(opened.flatten()[opened.abs().argmin()]):.4f}"
    assert (
        f"number {int(opened.abs().argmin()) % 8}, {least}:" in step("A gate for each value").says
    )
    gelu, swiglu = (
        re.findall(r"[\d.]+", line)[0] for line in step("A gated unit multiplies").lines
    )
    assert (gelu, swiglu) == ("2.0000", "4.0000")
    assert "= 4,718,592 weights become 3 × 768 × 2,048 = 4,718,592." in (
        walkthrough_of("gpt2_to_llama").parts[4].steps[-1].says
    )


def test_the_last_stage_is_the_model_llama():
    close("model", worked(weights_of("llama"))["logits"])
    biases = [w.numel() for name, w in weights_of("gated").items() if name.endswith("bias")]
    says = step("No biases, and one more norm").says
    assert f"no biases: {sum(biases)} numbers less." in says
    assert EXAMPLES.index("ai_rocks_d2") < EXAMPLES.index("gpt2_to_llama")
    assert EXAMPLES[EXAMPLES.index("gpt2_to_llama") + 1] == "llama_by_hand"
