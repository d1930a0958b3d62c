"""Each known mistake of a Llama, in another program or in our code, is located and named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.compare import MISTAKES, Finding, Mistake
from pellucid.compare.finding import find
from pellucid.compare.mutation import MutatedTape
from pellucid.compare.step import JudgedStep
from pellucid.models import Llama
from pellucid.models.llama.gguf import in_pairs
from pellucid.train import updated
from pellucid.tree import unflatten
from tests.models.llama_examples import drawn
from tests.port import llama as port
from tests.port.activations import SLOPES
from tests.port.called import CALLED as COMMON
from tests.port.gpt2 import ran
from tests.port.heads import HEADS
from tests.port.models import LLAMA_CONFIG, LLAMA_SETTINGS, llama_of, small
from tests.port.norms import RMS_NORM

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
DTYPES = [(np.float64, torch.float64), (np.float32, torch.float32)]
each_dtype = pytest.mark.parametrize("dtypes", DTYPES, ids=["float64", "float32"])

FIRST = {
    "frequencies": ("rope_base_1e4", "rope_base_5e5", "rope_base_3e5", "no_rope_scaling"),
    "rope.angles": (
        "rope_from_1",
        *(name for name in port.MISTAKES if name.startswith("positions_")),
    ),
    "embed.out": ("embedding_scaled", "embedding_times_5", "bf16_stream", "dropout"),
    "h.0.ln_1.rstd": (
        *(name for name in RMS_NORM if name.startswith(("rms_eps", "norm_"))),
        *("rms_centred", "rms_no_root"),
    ),
    "h.0.ln_1.xhat": ("rms_over_positions",),
    "h.0.ln_1.out": ("rms_gain_plus_1", "no_rms_gain"),
    "h.0.attn.q_rope.out": ("rope_pairs", "rope_mixed", "rope_reversed", "no_rope", "no_qk_norm"),
    "h.0.attn.k_rope.out": ("no_rope_k", "rope_k_twice"),
    "h.0.attn.k": ("kv_heads_tiled", "kv_first_head", "kv_heads_clamped"),
    "h.0.attn.scores": (
        *(
            name
            for name in HEADS
            if name.startswith(("scale_0", "scale_by_d", "scale_by_w", "score", "mask"))
        ),
        *("no_scale", "no_mask", "window_one_more", "window_one_less", "no_window"),
    ),
    "h.1.attn.scores": ("scale_by_layer",),
    "h.0.attn.att": ("softmax_over_queries", "softmax_over_heads", "softmax_fp16", "softmax_bf16"),
    "h.0.resid_mid": ("no_attn_residual", "attn_times_0.7"),
    "h.0.ln_2.rstd": ("parallel_block",),
    "h.0.mlp.gate_proj.out": ("gate_up_swapped", "parallel_one_norm"),
    "h.0.mlp.act.out": (
        "gate_up_exchanged",
        *(name for name in port.MISTAKES if name.endswith("_for_silu")),
    ),
    "h.0.resid_post": ("no_mlp_residual", "mlp_times_2.5"),
    "logits": ("untied_head", "logit_cap_3"),
    "dln_f.weight": ("no_rms_gain_grad",),
    "dh.1.resid_post": ("rms_backward_no_mean", "rms_backward_no_rstd"),
    "dh.1.mlp.gate_proj.out": SLOPES,
    "dh.1.ln_2.out": ("mlp_grad_gate", "mlp_grad_up"),
    "dh.1.resid_mid": ("mlp_grad_missing",),
    "dh.1.attn.v": ("detached_v", "no_mask_in_backward"),
    "dh.1.attn.q": ("detached_q",),
    "dh.1.attn.k": ("detached_k",),
    "dh.1.attn.scores": ("softmax_backward_no_sum",),
    "dh.1.attn.v_heads": ("kv_grad_first", "kv_grad_last", "kv_grad_mean"),
    "dh.1.attn.k_norm.out": ("rope_not_undone", "rope_turned_on"),
    "dh.1.ln_1.out": ("qkv_grad_q", "qkv_grad_k", "qkv_grad_v"),
    "dh.1.resid_pre": ("attn_grad_missing",),
    "dwte.weight": ("grad_without_tied_head", "grad_without_embedding", "embedding_grad_assigned"),
}
"""The mistakes of the port, by the tensor that each is made in."""

PLACE = {name: tensor for tensor, names in FIRST.items() for name in names}

CALLED = COMMON | {"bf16_stream": "bf16_stream_from_embedding"}


def dump(dtype: type, *mistakes: str) -> dict[str, Tensor]:
    params, tokens, targets = small(config=LLAMA_CONFIG)
    found = ran(port.LlamaPort(params, LLAMA_SETTINGS, mistakes, dtype), tokens, targets, 1)
    mine = {name: torch.from_numpy(np.array(value)) for name, value in found.items()}
    if "gate_up_swapped" in mistakes:  # weights that were exchanged when they were loaded
        ends = (".weight.m", ".weight.v", ".weight.new")
        return {n: value for n, value in mine.items() if n not in params and not n.endswith(ends)}
    return mine


def findings(mine: dict[str, Tensor], dtype: torch.dtype) -> list[Finding]:
    params, tokens, targets = small(config=LLAMA_CONFIG)
    x, y = torch.from_numpy(tokens), torch.from_numpy(targets)
    return find(JudgedStep(llama_of(params, dtype), x, y, UPDATE, mine, dtype))[1]


def named(finding: Finding) -> list[str]:
    return [mistake.name for fit in finding.named for mistake in fit.mistakes]


def test_every_mistake_of_the_port_has_its_place():
    assert sorted(name for names in FIRST.values() for name in names) == sorted(port.MISTAKES)


@each_dtype
def test_the_correct_port_passes(dtypes: tuple[type, torch.dtype]):
    assert findings(dump(dtypes[0]), dtypes[1]) == []


def test_angles_in_float32_far_from_the_beginning_are_no_mistake():
    config = replace(LLAMA_CONFIG, block_size=64)
    params = small(config=config)[0]
    text = np.random.default_rng(3).integers(0, 11, 61)
    tokens, targets = text[:-1], text[1:]
    dumped = ran(port.LlamaPort(params, LLAMA_SETTINGS, (), np.float32), tokens, targets, 1)
    mine = {name: torch.from_numpy(np.array(value)) for name, value in dumped.items()}
    tree = unflatten({name: torch.tensor(v, dtype=torch.float32) for name, v in params.items()})
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    for left_out in ((), ("frequencies", "rope.angles", "rope.cos", "rope.sin")):
        shown = {name: value for name, value in mine.items() if name not in left_out}
        step = JudgedStep(Llama(config, tree), *batch, UPDATE, shown, torch.float32)
        assert find(step)[1] == []


@pytest.mark.thinned(16)
@each_dtype
@pytest.mark.parametrize("mistake", port.MISTAKES)
def test_a_mistake_of_the_port_is_located_and_named(mistake: str, dtypes: tuple[type, torch.dtype]):
    first, *rest = findings(dump(dtypes[0], mistake), dtypes[1])
    assert first.fault.name == PLACE[mistake]
    if mistake == "dropout":
        assert (first.dropped, rest) == (pytest.approx(0.25, abs=1e-6), [])
        return
    assert named(first) == [CALLED.get(mistake, mistake)]
    # A gain that is missing has no gradient either, which is a mistake of its own.
    gone = mistake == "no_rms_gain"
    assert [named(other) for other in rest] == [["no_rms_gain_grad"]] * gone


MODULES = ("embed.out", "logits", "loss", "ln_1.out", "ln_2.out", "ln_f.out", "_proj.out")
MODULES += ("attn.att", "act.out", "resid_post", "_norm.out")
"""How the names end of what hooks on modules give."""

ALIKE = {
    "rope_base_1e4": {"rope_base_1e4"},
    "rope_from_1": set(),  # which no distance tells
}


HOOKED = (*(name for name in port.MISTAKES if "rope" in name and "_not_" not in name), "no_window")
HOOKED += ("kv_heads_tiled", "kv_first_head", "kv_heads_clamped", "window_one_more", "no_scale")
HOOKED += ("window_one_less", "rms_centred", "rms_eps_outside_root", "rms_eps_1e-6", "no_qk_norm")
HOOKED += ("rms_gain_plus_1", "gate_up_exchanged", "gelu_tanh_for_silu", "gelu_erf_for_silu")
HOOKED += ("quick_gelu_for_silu", "embedding_scaled", "untied_head", "no_attn_residual")
HOOKED += ("no_mlp_residual", "rms_no_root", "parallel_block")


@pytest.mark.thinned(12)
@pytest.mark.parametrize("mistake", HOOKED)
def test_what_hooks_on_modules_give_is_enough_to_name_it(mistake: str):
    everything = dump(np.float64, mistake)
    shown = {n: v for n, v in everything.items() if n.removeprefix("d").endswith(MODULES)}
    if mistake == "untied_head":
        shown["lm_head.weight"] = everything["lm_head.weight"]
    found = [set(named(one)) for one in findings(shown, torch.float64)]
    wanted = ALIKE.get(mistake, {CALLED.get(mistake, mistake)})
    assert found == ([wanted] if wanted else [])


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    "pair",
    [
        ("rope_pairs", "rms_eps_1e-6"),
        ("kv_heads_tiled", "gelu_erf_for_silu"),
        ("rope_base_5e5", "no_scale"),
        ("window_one_more", "embedding_scaled"),
        ("rms_centred", "gate_up_exchanged"),
    ],
)
def test_two_mistakes_at_once_are_found_one_after_the_other(pair: tuple[str, str]):
    found = findings(dump(np.float64, *pair), torch.float64)
    assert sorted(name for one in found for name in named(one)) == sorted(pair)


def test_weights_that_are_exchanged_or_kept_as_others_do_are_known_by_their_numbers():
    params, tokens, targets = small(config=LLAMA_CONFIG)
    exchanged = ran(
        port.LlamaPort(params, LLAMA_SETTINGS, ["gate_up_swapped"], np.float32), tokens, targets, 1
    )
    mine = {name: torch.from_numpy(np.array(value)) for name, value in exchanged.items()}
    found = findings(mine, torch.float32)
    assert {one.fault.name: one.relation for one in found} == {
        f"h.{i}.mlp.{one}_proj.weight": f"it is the pack's h.{i}.mlp.{other}_proj.weight"
        for i in range(2)
        for one, other in (("gate", "up"), ("up", "gate"))
    }


def test_rows_in_pairs_are_known_where_pairs_are_turned():
    """Meta's and llama.cpp's way, right as a whole."""
    config = replace(LLAMA_CONFIG, qk_norm=False)
    params, tokens, targets = small(config=config)
    paired = dict(params)
    for i, (name, count) in ((i, one) for i in range(2) for one in (("q", 4), ("k", 2))):
        at = f"h.{i}.attn.{name}_proj.weight"
        paired[at] = in_pairs(torch.from_numpy(params[at]).mT, count).mT.numpy()
    made = port.LlamaPort(paired, LLAMA_SETTINGS, ["rope_pairs"], np.float64)
    dumped = ran(made, tokens, targets, 1)
    right = ran(port.LlamaPort(params, LLAMA_SETTINGS, (), np.float64), tokens, targets, 1)
    np.testing.assert_allclose(dumped["logits"], right["logits"], rtol=1e-12)
    mine = {name: torch.from_numpy(np.array(value)) for name, value in dumped.items()}
    model = Llama(config, unflatten({name: torch.tensor(v) for name, v in params.items()}))
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    *weights, last = find(JudgedStep(model, *batch, UPDATE, mine, torch.float64))[1]
    assert named(last) == ["rope_pairs"]
    assert {one.fault.name: one.relation for one in weights} == {
        f"h.{i}.attn.{name}_proj.weight": f"it is laid out as blk.{i}.attn_{name}.weight of GGUF: "
        "the numbers are right"
        for i in range(2)
        for name in "qk"
    }


# -- made by our own code, on every kind of model ------------------------------------------------

BATCH = tuple(map(torch.from_numpy, small()[1:]))
ONE_LAYER = replace(LLAMA_CONFIG, n_layer=1)
PLAIN: dict[str, Any] = {"qk_norm": False, "window": None, "rope_scaling": None, "tied": False}
BIASED: dict[str, Any] = {"qkv_bias": True, "out_bias": True, "mlp_bias": True}
KINDS = {
    "norms, window, scaling": ONE_LAYER,
    "biases, GELU, a base of 10,000": replace(
        ONE_LAYER, rope_base=1e4, eps=1e-3, activation="gelu_tanh", **PLAIN, **BIASED
    ),
}
OF_LLAMA = [one for one in MISTAKES if not one.needs]


def own_dump(model: Llama, *made: Mistake) -> dict[str, Tensor]:
    tape = MutatedTape([mistake.mutation() for mistake in made])
    _, grads = model.loss_and_grads(*BATCH, tape)
    updated(model.params, grads, None, UPDATE, tape)
    other_shape = (".rstd",) if "rms_over_positions" in {one.name for one in made} else ()
    return {name: tape[name] for name in tape if not name.endswith(other_shape)}


def made_by(mistake: Mistake, model: Llama, right: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """The dump of a mistake; None where the model cannot make it."""
    try:
        wrong = own_dump(model, mistake)
    except RuntimeError:
        return None
    same = [torch.equal(wrong[n].nan_to_num(), right[n].nan_to_num()) for n in right if n in wrong]
    return None if all(same) else wrong


@pytest.mark.thinned(4)
@pytest.mark.parametrize("kind", KINDS)
def test_every_mistake_is_named_on_every_kind_and_nothing_beside_it(kind: str, thin: Any):
    model = drawn(KINDS[kind])
    right = own_dump(model)
    assert find(JudgedStep(model, *BATCH, UPDATE, right, torch.float64))[1] == []
    said, tried = {}, thin(OF_LLAMA, 4)
    for mistake in tried:
        wrong = made_by(mistake, model, right)
        if wrong is not None:
            found = find(JudgedStep(model, *BATCH, UPDATE, wrong, torch.float64))[1]
            said[mistake.name] = [named(one) for one in found]
    assert said == {name: [[name]] for name in said}
    assert len(said) >= 0.4 * len(tried)
