"""Each known mistake, in another program or in our code, is found where it is made and named."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pellucid.compare import MISTAKES, Mistake
from pellucid.compare.compare import Finding, find
from pellucid.compare.mutation import MutatedTape
from pellucid.compare.step import JudgedStep
from pellucid.models import GPT, CausalModel
from pellucid.optim import adamw_rule
from pellucid.train import updated
from pellucid.tree import unflatten
from tests.port import gpt2 as port
from tests.port.activations import SLOPES
from tests.port.called import CALLED
from tests.port.heads import HEADS
from tests.port.models import N_HEAD, model_of, small, tuned
from tests.port.norms import LAYER_NORM

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
DTYPES = [(np.float64, torch.float64), (np.float32, torch.float32)]
each_dtype = pytest.mark.parametrize("dtypes", DTYPES, ids=["float64", "float32"])

FIRST = {
    "wpe.rows": tuple(name for name in port.MISTAKES if name.startswith("position")),
    "wpe.out": ("no_position", "bf16_stream", "dropout"),
    "h.0.ln_1.mean": ("norm_fp16", "norm_bf16", "post_norm"),
    "h.0.ln_1.variance": ("variance_n_minus_1", "rms_for_layer_norm"),
    "h.0.ln_1.rstd": ("no_root", *(name for name in LAYER_NORM if name.startswith("eps_"))),
    "h.0.ln_1.xhat": ("ln_over_positions",),
    "h.0.ln_1.out": ("no_ln_gain", "no_ln_bias"),
    "h.0.attn.c_attn.out": ("transposed_c_attn", "no_attn_bias", "bf16_matmul", "tf32_matmul"),
    "h.0.attn.q": (
        "qkv_order_kqv",
        "qkv_order_vkq",
        "heads_interleaved",
        "qkv_by_head",
        "rope_added",
    ),
    "h.0.attn.k": ("qkv_order_qvk",),
    "h.0.attn.scores": (
        *(
            name
            for name in HEADS
            if name.startswith(("scale_0", "scale_by_d", "scale_by_w", "score", "mask"))
        ),
        *("no_scale", "no_mask"),
    ),
    "h.1.attn.scores": ("scale_by_layer",),
    "h.0.attn.att": ("softmax_over_queries", "softmax_over_heads", "softmax_fp16", "softmax_bf16"),
    "h.0.attn.merged": ("heads_merged_wrongly",),
    "h.0.attn.c_proj.out": ("transposed_c_proj",),
    "h.0.resid_mid": ("no_attn_residual", "attn_times_0.7"),
    "h.0.ln_2.mean": ("parallel_block",),
    "h.0.mlp.c_fc.out": ("transposed_c_fc", "no_mlp_bias", "parallel_one_norm"),
    "h.0.mlp.act.out": tuple(
        name
        for name in port.MISTAKES
        if "gelu" in name or name in {"relu", "silu", "no_activation"}
    ),
    "h.0.resid_post": ("no_mlp_residual", "mlp_times_2.5"),
    "logits": ("untied_head", "logit_cap_3", "logits_times_0.6"),
    "loss": ("loss_summed",),
    "losses": ("unshifted_targets",),
    "dln_f.weight": ("no_ln_gain_grad",),
    "dh.1.resid_post": tuple(name for name in LAYER_NORM if name.startswith("ln_backward")),
    "dh.1.mlp.c_fc.out": SLOPES,
    "dh.1.resid_mid": ("mlp_grad_missing",),
    "dh.1.resid_pre": ("attn_grad_missing",),
    "dh.1.attn.v": ("detached_v", "no_mask_in_backward"),
    "dh.1.attn.q": ("detached_q",),
    "dh.1.attn.k": ("detached_k",),
    "dh.1.attn.scores": ("softmax_backward_no_sum",),
    "dwte.weight": ("grad_without_tied_head", "grad_without_embedding", "embedding_grad_assigned"),
    "dwpe.weight": ("no_position_grad",),
    "wte.weight.m": ("adam_l2",),
    "wte.weight.new": tuple(name for name in port.MISTAKES if "bias_correction" in name),
}
"""The mistakes of the port, by the tensor that each is made in."""
PLACE = {name: tensor for tensor, names in FIRST.items() for name in names}

NUMBERS = {"eps_3e-6": "3e-06", "mask_minus_30": "−30", "scale_0.3": "0.3", "logit_cap_3": "3 tanh"}
NUMBERS |= {"eps_2e-4_outside_root": "0.0002", "gelu_cubic": "0.044175", "mlp_times_2.5": "2.5"}
NUMBERS |= {"positions_restart_from": "from 4 on", "score_cap_1.5": "1.5 tanh"}
"""The number that is found, as it is said."""


def findings(dtypes: tuple[type, torch.dtype], *mistakes: str) -> list[Finding]:
    numpy_dtype, dtype = dtypes
    params, tokens, targets = small()
    dump = port.run(
        params, tokens, targets, n_head=N_HEAD, dtype=numpy_dtype, mistakes=mistakes, steps=1
    )
    mine = {name: torch.from_numpy(np.array(value)) for name, value in dump.items()}
    x, y = torch.from_numpy(tokens), torch.from_numpy(targets)
    return find(JudgedStep(model_of(params, dtype), x, y, UPDATE, mine, dtype))[1]


def named(finding: Finding) -> list[str]:
    return [mistake.name for fit in finding.named for mistake in fit.mistakes]


def test_every_mistake_of_the_port_has_its_place():
    assert sorted(name for names in FIRST.values() for name in names) == sorted(port.MISTAKES)


@each_dtype
def test_the_correct_port_passes(dtypes: tuple[type, torch.dtype]):
    assert findings(dtypes) == []


@pytest.mark.thinned(16)
@each_dtype
@pytest.mark.parametrize("mistake", port.MISTAKES)
def test_a_mistake_of_the_port_is_located_and_named(mistake: str, dtypes: tuple[type, torch.dtype]):
    first, *rest = findings(dtypes, mistake)
    assert first.fault.name == PLACE[mistake]
    if mistake == "dropout":
        assert (first.dropped, rest) == (pytest.approx(0.25, abs=1e-6), [])
        return
    own = CALLED.get(mistake, mistake)
    if (mistake, dtypes[0]) == ("eps_1e-12", np.float32):  # which float32 cannot tell from 1e-8
        assert own in named(first)
    else:
        assert named(first) == [own]
    assert NUMBERS.get(mistake, "") in first.named[0].mistakes[0].text
    # A bias or gain that is missing has no gradient either, which is a mistake of its own.
    gone = own.endswith("bias") or own == "no_ln_gain"
    assert [named(other) for other in rest] == [[f"{own}_grad"]] * gone


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    "pair",
    [
        ("gelu_erf", "no_scale"),
        ("adam_l2", "eps_1e-6"),
        ("variance_n_minus_1", "eps_outside_root"),
        ("mask_off_by_one_ahead", "grad_without_tied_head"),
        ("transposed_c_proj", "transposed_c_fc"),
        ("post_norm", "qkv_order_kqv"),
        ("ln_backward_no_first_mean", "bias_correction_ahead"),
        ("heads_interleaved", "loss_summed"),
    ],
)
def test_two_mistakes_at_once_are_found_one_after_the_other(pair: tuple[str, str]):
    found = findings(DTYPES[0], *pair)
    assert sorted(name for one in found for name in named(one)) == sorted(
        CALLED.get(mistake, mistake) for mistake in pair
    )
    assert {one.fault.name for one in found} <= {PLACE[mistake] for mistake in pair}


# -- made by our own code, and little shown ----------------------------------------------------

SPARSE = ("embed.out", "wpe.out", "logits", "loss", "ln_1.out", "ln_2.out", "ln_f.out", "attn.att")
SPARSE += ("c_attn.out", "c_proj.out", "c_fc.out", "act.out", "resid_post")
INVISIBLE = {"scores_before_mask", "mask_minus_1e4"}
"""Mistakes that show in scores alone."""
INVISIBLE |= {"norm_fp16", "norm_bf16"}
"""The backward reads what the norm kept, whose rounding is not known where it is not shown."""


def own_dump(
    mistake: Mistake, dtype: torch.dtype, start: GPT | None = None
) -> dict[str, torch.Tensor]:
    params, tokens, targets = small()
    model, tape = start or model_of(params, dtype), MutatedTape([mistake.mutation()])
    _, grads = model.loss_and_grads(torch.tensor(tokens), torch.tensor(targets), tape)
    updated(model.params, grads, None, UPDATE, tape)
    moments = () if mistake.name != "ln_over_positions" else ("mean", "variance", "rstd")
    return {name: tape[name] for name in tape if not name.endswith(moments)}


def called_by(model: CausalModel) -> set[object]:
    """The functions that a step of the model calls."""
    _, tokens, targets = small()
    tape = MutatedTape()
    model.loss_and_grads(torch.tensor(tokens), torch.tensor(targets), tape)
    return {call.function for call in tape.begun} | {adamw_rule}


OF_GPT = called_by(tuned()) | called_by(model_of(small()[0], torch.float64))
OURS = [mistake for mistake in MISTAKES if not mistake.needs and mistake.name != "gelu_tanh"]
OURS = [mistake for mistake in OURS if mistake.changes.keys() & OF_GPT]
OURS = [mistake for mistake in OURS if mistake.name not in {"eps_1e-5", "pre_norm"}]
OURS = [one for one in OURS if "ignored" not in one.name and "over_all" not in one.name]
LORAS = [mistake for mistake in OURS if "lora" in mistake.name]
OURS = [mistake for mistake in OURS if mistake not in LORAS]


each_mistake = pytest.mark.parametrize("mistake", OURS, ids=lambda mistake: mistake.name)
seen_by_modules = pytest.mark.parametrize(
    "mistake",
    [
        mistake
        for mistake in OURS
        if mistake.name not in INVISIBLE and adamw_rule not in mistake.changes
    ],
    ids=lambda mistake: mistake.name,
)


def found_in(mine: dict[str, torch.Tensor], update: dict[str, object] | None) -> list[list[str]]:
    params, tokens, targets = small()
    model = model_of(params, torch.float64)
    step = JudgedStep(
        model, torch.tensor(tokens), torch.tensor(targets), update, mine, torch.float64
    )
    return [named(one) for one in find(step)[1]]


@pytest.mark.thinned(4)
@each_mistake
def test_a_mistake_in_our_own_code_is_named(mistake: Mistake):
    assert found_in(own_dump(mistake, torch.float64), UPDATE) == [[mistake.name]]


@pytest.mark.thinned(16)
@seen_by_modules
def test_what_hooks_on_modules_give_is_enough_to_name_it(mistake: Mistake):
    everything = own_dump(mistake, torch.float64)
    shown = {
        name: value
        for name, value in everything.items()
        if name.removeprefix("d").endswith(SPARSE) or name[1:] in small()[0]
    }
    assert found_in(shown, None) == [[mistake.name]]


WITH_LORA = ("transposed_weight", "no_bias", "no_bias_grad", "bf16_matmul", "gelu_erf", "adam_l2")


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in (*OURS, *LORAS) if mistake in LORAS or mistake.name in WITH_LORA],
    ids=lambda mistake: mistake.name,
)
def test_a_mistake_in_a_model_with_lora_is_named(mistake: Mistake):
    mine, (_, tokens, targets) = own_dump(mistake, torch.float64, tuned()), small()
    x, y = torch.tensor(tokens), torch.tensor(targets)
    _, found = find(JudgedStep(tuned(), x, y, UPDATE, mine, torch.float64))
    assert [named(one) for one in found] == [[mistake.name]]


LOGITS_TELL = ("gelu_erf", "eps_outside_root", "variance_n_minus_1", "no_scale", "no_mask")
LOGITS_TELL += ("transposed_weight", "heads_interleaved", "post_norm", "unshifted_targets")
LOGITS_TELL += ("ln_backward_no_mean", "grad_without_tied_head", "position_from_1")


def found_by_logits_and_gradients(name: str) -> list[list[str]]:
    (mistake,) = (one for one in OURS if one.name == name)
    everything, params = own_dump(mistake, torch.float64), small()[0]
    shown = {n: v for n, v in everything.items() if n in {"logits", "loss"} or n[1:] in params}
    return found_in(shown, None)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", LOGITS_TELL)
def test_logits_and_gradients_are_enough_to_name_most(name: str):
    assert found_by_logits_and_gradients(name) == [[name]]


def test_what_logits_do_not_tell_apart_gradients_may():
    assert found_by_logits_and_gradients("eps_0") == [["eps_0"]]
    assert found_by_logits_and_gradients("eps_1e-12") == [["eps_1e-12"]]
    both_make_nan_of_all = ["mask_strict", "softmax_over_heads"]
    assert found_by_logits_and_gradients("mask_strict") == [both_make_nan_of_all]
    # A number on the edge between two of the coarser ones goes either way behind a gap.
    assert found_by_logits_and_gradients("bf16_matmul") != []


def test_mistakes_of_other_models_are_named_too():
    """What GPT-2 has right, another configuration has wrong: erf, ε, post-norm."""
    params, tokens, targets = small()
    by = {name: torch.tensor(value) for name, value in params.items()}
    for choice, name in (
        ({"activation": "gelu_erf"}, "gelu_tanh"),
        ({"eps": 1e-3}, "eps_1e-5"),
        ({"norm": "post"}, "pre_norm"),
    ):
        dump = port.run(params, tokens, targets, n_head=N_HEAD, dtype=np.float64, steps=1)
        mine = {key: torch.from_numpy(np.array(value)) for key, value in dump.items()}
        model = GPT(replace(model_of(params, torch.float64).config, **choice), unflatten(by))
        step = JudgedStep(
            model, torch.tensor(tokens), torch.tensor(targets), UPDATE, mine, torch.float64
        )
        _, found = find(step)
        assert [named(one) for one in found] == [[name]]


def test_a_mistake_in_one_layer_alone_is_found_there():
    params, tokens, targets = small()
    mine = own_dump(next(m for m in OURS if m.name == "gelu_erf"), torch.float64)
    right = own_dump(next(m for m in OURS if m.name == "scores_before_mask"), torch.float64)
    del right["h.0.attn.scores"], right["h.1.attn.scores"]
    # The right run with one layer's output of the wrong one: a tensor that nothing explains.
    right["h.1.mlp.act.out"] = mine["h.1.mlp.act.out"]
    model = model_of(params, torch.float64)
    step = JudgedStep(
        model, torch.tensor(tokens), torch.tensor(targets), UPDATE, right, torch.float64
    )
    first, found = find(step)
    assert found[0].fault.name == "h.1.mlp.act.out"
    assert not first.verdicts["h.1.mlp.c_proj.out"].agrees  # made of another
    assert first.verdicts["h.1.ln_2.out"].agrees
