"""What is found and what is not said: causes that fit by chance, and habits of right ports."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.compare import MISTAKES, Finding
from pellucid.compare.adopting import Adopting
from pellucid.compare.diagnose import diagnose
from pellucid.compare.finding import find
from pellucid.compare.fit import Fit
from pellucid.compare.mistakes import mistake as mistakes
from pellucid.compare.mutation import MutatedTape, argument
from pellucid.compare.step import JudgedStep
from pellucid.layers import linear
from pellucid.models import GPT, GPTConfig
from pellucid.numbers import Rounded
from pellucid.train import updated
from pellucid.tree import map_leaves, unflatten
from tests.port.models import CONFIG, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
P = 0.3


def batch() -> tuple[Tensor, Tensor]:
    _, tokens, targets = small()
    return torch.tensor(tokens), torch.tensor(targets)


def drawn(config: GPTConfig, dtype: torch.dtype = torch.float64) -> GPT:
    """A model of the configuration on which every mistake shows."""
    generator = torch.Generator().manual_seed(4)
    params = {
        name: float(len(shape) == 1 and name.endswith("weight"))
        + 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in config.parameter_shapes().items()
    }
    return GPT(config, unflatten({name: values.to(dtype) for name, values in params.items()}))


def step_of(mine: dict[str, Tensor], model: GPT, dtype: torch.dtype = torch.float64) -> JudgedStep:
    return JudgedStep(model, *batch(), UPDATE, mine, dtype)


def dump(model: GPT, *made: Any, **choices: Any) -> dict[str, Tensor]:
    tape = MutatedTape([mistake.mutation() for mistake in made])
    _, grads = model.loss_and_grads(*batch(), tape, **choices)
    updated(model.params, grads, None, UPDATE, tape)
    # A norm over the positions has moments of another shape, which nothing is compared with.
    other = ("mean", "variance", "rstd") if called("ln_over_positions") in made else ()
    return {name: tape[name] for name in tape if not name.endswith(other)}


def called(name: str) -> Any:
    return next(mistake for mistake in MISTAKES if mistake.name == name)


def named(finding: Finding) -> list[str]:
    return [mistake.name for fit in finding.named for mistake in fit.mistakes]


# -- on several models ----------------------------------------------------------------------------

ONE_LAYER = replace(CONFIG, n_layer=1)
MODELS = {
    "post-norm, erf, another ε": replace(ONE_LAYER, norm="post", activation="gelu_erf", eps=1e-3),
    "one head, untied, no final norm": replace(ONE_LAYER, n_head=1, tied=False, final_norm=False),
    "no bias": replace(ONE_LAYER, bias=False),
}


def shows(mistake: Any, model: GPT, right: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """The dump of a mistake; None where the model cannot make it."""
    try:
        wrong = dump(model, mistake)
    except RuntimeError:
        return None
    same = [torch.equal(wrong[n].nan_to_num(), right[n].nan_to_num()) for n in right if n in wrong]
    return None if all(same) else wrong


@pytest.mark.thinned(3)
@pytest.mark.parametrize("kind", MODELS)
def test_every_mistake_is_named_on_other_models_and_nothing_beside_it(kind: str, thin: Any):
    model = drawn(MODELS[kind])
    right = dump(model)
    assert find(step_of(right, model))[1] == []
    said = {}
    tried = thin((one for one in MISTAKES if not one.needs), 4)
    for mistake in tried:
        wrong = shows(mistake, model, right)
        if wrong is not None:
            said[mistake.name] = [named(one) for one in find(step_of(wrong, model))[1]]
    assert said == {name: [[name]] for name in said}
    assert len(said) >= 0.4 * len(tried)


def test_a_pair_of_mistakes_is_named_and_nothing_beside_it():
    model = drawn(ONE_LAYER)
    for pair in (
        ("post_norm", "gelu_erf"),
        ("eps_0", "decay_without_rate"),
        ("scale_by_width", "no_ln_bias_grad"),
        ("transposed_weight", "softmax_over_queries"),
        ("qkv_by_head", "grad_without_embedding"),
        ("centred_logits", "no_bias"),
    ):
        found = find(step_of(dump(model, *map(called, pair)), model))[1]
        assert sorted(name for one in found for name in named(one)) == sorted(pair)


# -- what is not named ----------------------------------------------------------------------------


class EditedTape(MutatedTape):
    """A run in which a mistake that nobody knows changes one value, and all that is made of it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.edited = {name}

    def _begun(self, body: Callable[..., Any]) -> Callable[..., Any]:
        def begun(*, tape: Any, **given: Any) -> Any:
            for key, value in given.items():
                if tape._call.backward and tape._name(key, backward=True) in self.edited:
                    tape(**{key: value})
            return body(**given, tape=tape)

        return begun

    def _keep(self, name: str, value: Any) -> None:
        super()._keep(name, value)
        if name in self.edited:
            self.edited.clear()
            count = torch.arange(value.middle.numel(), dtype=torch.float64)
            value.become(value.middle * (1.01 + 1e-3 * count.reshape(value.shape) % 0.02))


def edited(model: GPT, name: str) -> dict[str, Tensor]:
    tape = EditedTape(name)
    exact = model.with_params(map_leaves(Rounded.exact, model.params))
    _, grads = exact.loss_and_grads(*batch(), tape)
    updated(exact.params, grads, None, UPDATE, tape)
    found = {key: tape[key] for key in tape}
    return {key: one.middle if isinstance(one, Rounded) else one for key, one in found.items()}


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "name",
    [
        *("h.0.attn.z", "h.0.mlp.c_fc.out", "logits", "dh.0.mlp.c_proj.out", "dh.0.mlp.act.out"),
        *("dh.0.attn.c_proj.out", "dh.0.attn.z", "dh.0.resid_mid", "dln_f.out", "wte.weight.m"),
    ],
)
def test_a_mistake_that_nobody_knows_is_located_and_no_cause_is_named(name: str):
    model = drawn(ONE_LAYER)
    mine = edited(model, name)
    (finding,) = find(step_of(mine, model))[1]
    assert named(finding) == []
    first = next(one for one in mine if torch.equal(mine[one], mine[name]))
    assert finding.fault.name == first


def test_a_backward_is_judged_by_the_gradient_that_the_other_program_gave_it():
    model = drawn(ONE_LAYER)
    name = "dh.0.mlp.c_proj.out"
    every = edited(model, name)
    # Alone under the name that linear_backward shows after it has computed dx and dweight.
    mine = {n: v for n, v in every.items() if n == name or not torch.equal(v, every[name])}
    verdicts = step_of(mine, model).follow().verdicts
    assert not verdicts["dh.0.mlp.c_proj.out"].agrees
    for made_of_it in ("dh.0.mlp.act.out", "dh.0.mlp.c_proj.weight", "dh.0.mlp.c_proj.bias"):
        assert verdicts[made_of_it].agrees, made_of_it


def test_a_value_counts_from_where_it_is_made_whatever_name_it_has():
    model = drawn(ONE_LAYER)
    mine = edited(model, "h.0.attn.c_attn.out")
    assert torch.equal(
        mine.pop("h.0.attn.c_attn.out"), mine["h.0.attn.qkv"]
    )  # attention shows it as qkv, when q, k and v are cut
    verdicts = step_of(mine, model).follow().verdicts
    assert verdicts["h.0.attn.qkv"].call == ("h.0.attn.c_attn", "linear")
    wrong = [name for name, one in verdicts.items() if not one.agrees]
    assert wrong == ["h.0.attn.qkv"]


def test_a_cause_that_breaks_tensors_that_agree_is_rejected():
    model = drawn(ONE_LAYER)
    right, wrong = dump(model), dump(model, called("no_scale"))
    # Scores as without the scale, and everything made of scores that have it.
    mine = right | {"h.0.attn.scores": wrong["h.0.attn.scores"]}
    run = step_of(mine, model).follow()
    fault = run.verdicts["h.0.attn.scores"]
    step = step_of(mine, model)
    fits, alike = diagnose(fault, run, step, (), Adopting(fault, run, step, []))
    assert alike == []
    (blamed,) = (fit for fit in fits if fit.mistakes == (called("no_scale"),))
    assert blamed.excess <= 1
    assert "h.0.attn.att" in blamed.breaks
    assert not blamed.reproduces
    (finding,) = find(step)[1]
    assert named(finding) == []


def test_where_the_call_makes_the_numbers_without_a_mistake_none_is_named():
    model = drawn(ONE_LAYER)
    mine = dump(model)
    step = step_of(mine, model)
    run = step.follow()
    shifted = run.verdicts["h.0.ln_1.out"]._replace(excess=9.0)  # as stale numbers would have it
    run.tapes[shifted.call] = step.tape()
    exact = model.with_params(map_leaves(Rounded.exact, model.params))
    exact.loss_and_grads(*batch(), run.tapes[shifted.call])
    assert diagnose(shifted, run, step, (), Adopting(shifted, run, step, [])) == ([], [])


def test_a_mistake_that_cannot_run_anywhere_else_is_no_end_of_the_comparison():
    model = drawn(ONE_LAYER)
    step = step_of(dump(model), model)
    run = step.follow()

    def fails(_: Any) -> Any:
        raise RuntimeError

    impossible = mistakes.Mistake("", "", (), {linear: argument("x", fails)})
    fit = Fit((impossible,), 0.5, 0.0, 0)
    assert Adopting(run.verdicts["h.0.mlp.c_fc.out"], run, step, [])(fit) is None


# -- habits ---------------------------------------------------------------------------------------


def test_dropout_that_was_left_on_is_named_once_with_its_share():
    model = drawn(replace(ONE_LAYER, n_embd=48))
    noise = model.draw_noise(*batch(), p=P, generator=torch.Generator().manual_seed(1))
    made = dump(model, noise=noise)
    # As hooks on transformers' modules give it: what follows dropout has the map's name.
    mine = {
        ours: made[theirs]
        for ours, theirs in (
            ("wpe.out", "drop.out"),
            ("h.0.attn.att", "h.0.attn.attn_dropout.out"),
            ("h.0.attn.c_proj.out", "h.0.attn.resid_dropout.out"),
            ("h.0.mlp.c_proj.out", "h.0.mlp.dropout.out"),
        )
    }
    mine |= {n: made[n] for n in ("embed.out", "h.0.attn.merged", "h.0.mlp.act.out", "h.0.attn.q")}
    mine |= {n: made[n] for n in ("h.0.attn.k", "h.0.resid_mid", "h.0.resid_post", "logits")}
    (finding,) = find(step_of(mine, model))[1]
    assert finding.fault.name == "wpe.out"
    assert finding.dropped == pytest.approx(P, abs=1e-9)
    assert set(finding.explains) >= {"wpe.out", "h.0.attn.c_proj.out", "h.0.mlp.c_proj.out"}
    assert named(finding) == []


def test_what_is_no_dropout_is_not_called_so():
    model = drawn(ONE_LAYER)
    mine = dump(model)
    for change in (
        lambda x: torch.where(torch.arange(12) % 3 == 0, 0.0, x),  # the others are not scaled
        lambda x: torch.where(torch.arange(12) % 3 == 0, 0.0, 4 * x),  # scaled as for another p
        lambda x: x / 0.7,  # nothing is 0
    ):
        wrong = mine | {"embed.out": change(mine["embed.out"])}
        (first, *_) = find(step_of(wrong, model))[1]
        assert (first.fault.name, first.dropped) == ("embed.out", 0.0)


def finer(dtype: torch.dtype) -> Iterator[tuple[str, dict[str, Tensor]]]:
    model = drawn(ONE_LAYER, dtype)
    made = {n: v.double() if v.is_floating_point() else v for n, v in dump(model).items()}
    yield "all", made
    yield "logits alone", {"logits": made["logits"]}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_run_that_was_saved_finer_is_told_the_dtype_that_fits(dtype: torch.dtype):
    model = drawn(ONE_LAYER, dtype)
    for _, mine in finer(dtype):
        (finding,) = find(step_of(mine, model))[1]
        assert finding.fitting == dtype
        assert named(finding) == []
        assert find(step_of(mine, model, dtype))[1] == []


def test_a_mistake_in_float64_is_named_though_float32_would_hide_it():
    model = drawn(ONE_LAYER)
    (finding,) = find(step_of(dump(model, called("eps_1e-12")), model))[1]
    assert (named(finding), finding.fitting) == (["eps_1e-12"], None)


def test_betas_in_float32_are_no_mistake():
    model = drawn(ONE_LAYER, torch.float32)
    mine = dump(model)
    one = torch.tensor(1.0) - torch.tensor(0.999)  # 0.001 and 1.3e-5 of it, in float32
    for name in CONFIG.parameter_shapes():
        if f"{name}.v" in mine:
            mine[f"{name}.v"] = one * mine[f"d{name}"].square()
    assert find(step_of(mine, model, torch.float32))[1] == []
    mine["ln_f.weight.v"] = mine["ln_f.weight.v"] * 1.001
    (finding,) = find(step_of(mine, model, torch.float32))[1]
    assert finding.fault.name == "ln_f.weight.v"


def test_a_step_of_a_gradient_that_is_rounding_alone_may_go_either_way():
    model = drawn(ONE_LAYER, torch.float32)
    made = dump(model)
    shown = {n: v for n, v in made.items() if n.startswith("h.0.") and "attn" in n}
    name = "h.0.attn.c_attn.bias.new"
    keys = slice(12, 24)  # softmax does not see what is added to all keys: their gradient is 0
    turned = made[name].clone()
    turned[keys] = 2 * made["h.0.attn.c_attn.bias"][keys] - turned[keys]
    assert find(step_of(shown | {name: turned}, model, torch.float32))[1] == []
    far = made[name].clone()
    far[keys.start] += 5e-3  # five times the learning rate
    far[0] -= 1e-3  # the gradient of a query's bias is sure
    for wrong in (far, torch.cat([far[:1], made[name][1:]])):
        (finding,) = find(step_of(shown | {name: wrong}, model, torch.float32))[1]
        assert finding.fault.name == name
