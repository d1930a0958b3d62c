"""Mutations: what they change, what they leave alone, and that what is said of them is true."""

import inspect
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid import layers
from pellucid.compare import MISTAKES, Mistake
from pellucid.compare.compare import find
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes import coarse
from pellucid.compare.mistakes.update import EMBEDDINGS
from pellucid.compare.mutation import MutatedTape, Mutation, argument, step
from pellucid.compare.step import CANNOT_RUN, JudgedStep
from pellucid.compare.variants import VARIANTS
from pellucid.layers import (
    IGNORE,
    attention,
    layer_norm,
    residual,
    residual_backward,
    scaled_dot_product_backward,
    softmax,
)
from pellucid.models import GPT, CausalModel, Llama
from pellucid.optim import adamw_rule, momentum_rule
from pellucid.tape import BACKWARD, Call, Tape, leaves_of
from pellucid.train import updated
from pellucid.tree import flatten, map_leaves
from tests.compare.lines import as_said, rerun
from tests.judge import Example, any_gradient
from tests.layers.examples import EXAMPLES
from tests.port.models import CONFIG, LLAMA_CONFIG, llama_of, model_of, small, tuned

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
OWN_HEAD = torch.randn(
    CONFIG.vocab_size, CONFIG.n_embd, generator=torch.Generator().manual_seed(0)
).double()

each_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


def shown(tape: Tape) -> dict[str, Tensor]:
    return {name: tape[name] for name in tape}


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether the same names have the same numbers, bit for bit, in the same order."""
    return list(one) == list(other) and all(map(same, one.values(), other.values()))


def same(one: Any, other: Any) -> bool:
    """Whether two are alike, a NaN beside a NaN too."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return bool(one == other)
    both = one.shape == other.shape and one.dtype == other.dtype
    return both and bool(((one == other) | (one != one) & (other != other)).all())


# -- variants -------------------------------------------------------------------------------------


def calls_of(pair: tuple[Callable[..., Any], Callable[..., Any]], example: Example) -> list[Call]:
    """The forward and the backward, as a tape that notes all calls sees them."""
    tape = JudgingTape({})
    out, kept = pair[0](*example.inputs, **example.params, **example.constants, tape=tape)
    dout = tuple(map(any_gradient, out)) if isinstance(out, tuple) else any_gradient(out)
    wanted = inspect.signature(pair[1]).parameters
    settings = {key: value for key, value in example.constants.items() if key in wanted}
    pair[1](dout, kept, **settings, tape=tape)
    return [tape.call(("", function.__name__)) for function in pair]


PARTS = (residual, residual_backward)
"""Parts of layers, whose calls are not recorded."""


@pytest.mark.parametrize(
    ("name", "case"),
    [
        (function.__name__, case)
        for function in VARIANTS
        if function not in PARTS
        for case in EXAMPLES.get(function.__name__, ())
    ],
)
def test_a_variant_with_its_steps_right_is_its_layer(name: str, case: str):
    forward, backward = getattr(layers, name), getattr(layers, name + BACKWARD)
    for call in calls_of((forward, backward), EXAMPLES[name][case]):
        right, varied = Tape(), MutatedTape([Mutation({call.function: lambda right: right})])
        made = call.function(**call.arguments, tape=right)
        made_too = call.function(**call.arguments, tape=varied)
        assert alike(shown(right), shown(varied))
        assert alike(leaves_of({"made": made}), leaves_of({"made": made_too}))
        assert right.calls[0].key == varied.calls[0].key


def test_a_variant_of_attention_goes_on_from_a_past_as_its_layer_does():
    example = EXAMPLES["attention"]["T"]
    _, kept = attention(*example.inputs, **example.params, **example.constants)
    given = {**example.params, **example.constants, "mask": None, "past": kept.past}
    right, varied = Tape(), MutatedTape([Mutation({attention: lambda right: right})])
    for tape in (right, varied):
        attention(example.inputs[0] + 1, **given, tape=tape)
    assert alike(shown(right), shown(varied))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_variant_of_a_part_is_that_part_in_a_whole_step(norm: str):
    right = model_of(small()[0], torch.float64)
    model = GPT(replace(right.config, norm=norm), right.params)
    varied = ran(model, Mutation(dict.fromkeys(PARTS, lambda right: right)))
    assert alike(shown(ran(model)), shown(varied))


def test_every_variant_is_tried_on_examples():
    for function in VARIANTS:
        assert function in RULES.values() or function.__name__.removesuffix(BACKWARD) in EXAMPLES


RULES = {"adamw": adamw_rule, "momentum": momentum_rule}


@pytest.mark.parametrize("name", RULES)
def test_a_variant_of_a_rule_is_the_rule(name: str):
    params, update = model_of(small()[0], torch.float64).params, UPDATE | {"optimizer": name}
    state, (right, varied) = None, (Tape(), MutatedTape([Mutation({RULES[name]: lambda own: own})]))
    for at in ("first", "second"):
        grads = map_leaves(torch.sin, params)
        updated(params, grads, state, update, right.at(at))
        _, state = updated(params, grads, state, update, varied.at(at))
        assert alike(shown(right), shown(varied))


# -- mistakes -------------------------------------------------------------------------------------


TOKENS, TARGETS = map(torch.tensor, small()[1:])
BATCH = TOKENS, TARGETS.where(torch.arange(len(TARGETS)) != 2, IGNORE)
"""What is read; a target is ignored."""


@cache
def models() -> tuple[CausalModel, ...]:
    """Models between which every mistake shows."""
    right = model_of(small()[0], torch.float64)
    other = replace(right.config, activation="gelu_erf", eps=1e-3, norm="post")
    llama = llama_of(small(config=LLAMA_CONFIG)[0], torch.float64)
    others = replace(LLAMA_CONFIG, rope_base=1e4, eps=1e-3)
    return right, tuned(), GPT(other, right.params), llama, Llama(others, llama.params)


def ran(model: CausalModel, *mutations: Mutation) -> JudgingTape:
    """A step of it by AdamW, and one by momentum, on a tape that notes all calls."""
    tape = JudgingTape({}, mutations)
    _, grads = model.loss_and_grads(*BATCH, tape)
    updated(model.params, grads, None, UPDATE, tape)
    other = tape.at("momentum")
    updated(model.params, grads, None, UPDATE | {"optimizer": "momentum"}, other)
    return tape


def matters(model: CausalModel, all_of_it: Mutation, function: Callable[..., Any]) -> bool:
    """Whether a step is another one, or cannot be run at all, where this change is left out."""
    rest = {one: change for one, change in all_of_it.changes.items() if one is not function}
    whole = ran(model, all_of_it)
    try:
        return not alike(shown(ran(model, Mutation(rest))), shown(whole))
    except (RuntimeError, ValueError):  # a right backward after a forward that is wrong
        return True


@pytest.mark.thinned(4)
@each_mistake
def test_every_change_of_a_mistake_changes_what_is_shown(mistake: Mistake):
    made = mistake.mutation(needed=OWN_HEAD)
    for function in made.changes:
        if (mistake.name, function) == ("softmax_over_heads", scaled_dot_product_backward):
            continue  # what is hidden has no head to be shared among: a NaN with it and without it
        assert any(matters(model, made, function) for model in models()), function.__name__


HALVES = {
    mistake.name
    for mistake in MISTAKES
    if all(function.__name__.endswith(BACKWARD) for function in mistake.changes)
}
HALVES |= {one.name for one in MISTAKES if one.name.endswith("_in_loss")}
NOT_SMOOTH = {"bf16_matmul", "tf32_matmul", "mask_strict", "softmax_over_heads"}
NOT_SMOOTH |= {"bf16_stream", "bf16_stream_from_embedding"}
NOT_SMOOTH |= {mistake.name for mistake in MISTAKES if mistake.whole is not None}
"""Mistakes by which the loss is a step function, or a NaN."""

AUTOGRAD = [mistake for mistake in MISTAKES if mistake.name not in HALVES | NOT_SMOOTH]


@pytest.mark.thinned(4)
@pytest.mark.parametrize("mistake", AUTOGRAD, ids=lambda mistake: mistake.name)
def test_the_gradients_of_a_mistake_are_those_of_its_own_loss(mistake: Mistake):
    made = mistake.mutation(needed=OWN_HEAD)
    for model in models():
        if mistake.name == "eps_outside_root" and model.config.eps != 1e-5:
            continue  # its backward has GPT-2's ε
        leaves = map_leaves(lambda x: x.clone().requires_grad_(), model.params)
        model.with_params(leaves).loss(*BATCH, MutatedTape([made])).backward()
        grads = flatten(model.loss_and_grads(*BATCH, MutatedTape([made]))[1])
        for name, leaf in flatten(leaves).items():
            if leaf.grad is not None:  # what a mistake leaves out has no part in the loss
                torch.testing.assert_close(grads[name], leaf.grad, rtol=1e-9, atol=1e-11)


SAID = {"coarse": coarse, "own_head": OWN_HEAD, "math": math, "replace": replace}
SAID |= {"EMBEDDINGS": EMBEDDINGS, "SQRT_2_OVER_PI": math.sqrt(2 / math.pi), "CUBIC": 0.044715}
"""What the lines of mistakes name, beside what their functions know."""


def test_a_half_of_a_mistake_runs_or_cannot_be_run():
    for mistake in MISTAKES:
        for half in mistake.halves:
            for model in models():
                with suppress(*CANNOT_RUN):
                    ran(model, half.mutation(needed=OWN_HEAD))


@cache
def right_runs() -> tuple[JudgingTape, ...]:
    return tuple(map(ran, models()))


with_lines = pytest.mark.parametrize(
    "mistake", [one for one in MISTAKES if one.lines], ids=lambda mistake: mistake.name
)


@pytest.mark.thinned(4)
@with_lines
def test_the_lines_that_are_printed_are_what_runs(mistake: Mistake):
    said, function = as_said(mistake, SAID), next(iter(mistake.changes))
    alone = Mutation({function: mistake.mutation(needed=OWN_HEAD).changes[function]})
    calls = [tape.call(key) for tape in right_runs() for key in tape.calls_made]
    differ = []
    for call in (one for one in calls if one.function is function):
        by_lines, by_change = rerun(call, said), rerun(call, function, alone)
        both = [name for name in by_lines if name in by_change]
        assert both
        for name in both:
            torch.testing.assert_close(
                by_change[name], by_lines[name], rtol=1e-12, atol=1e-14, equal_nan=True
            )
        right = rerun(call, function)
        differ += [not same(by_lines[name], right[name]) for name in both if name in right]
    assert any(differ)


# -- the tape -------------------------------------------------------------------------------------

X = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)
DOUBLED = Mutation({softmax: argument("x", lambda x: 2 * x)})


def test_mutations_are_made_one_after_the_other():
    once, twice = MutatedTape([DOUBLED]), MutatedTape([DOUBLED, DOUBLED])
    assert torch.equal(softmax(X, tape=once)[0], softmax(2 * X)[0])
    assert torch.equal(softmax(X, tape=twice)[0], softmax(4 * X)[0])
    assert once.made_by("out").arguments["x"] is X  # a call has what it was given


def test_two_changes_of_one_step_are_refused_and_of_two_are_not():
    given = {"weight": torch.ones(3).double(), "bias": torch.ones(3).double(), "eps": 1e-5}
    no_gain, no_bias = step(gain=lambda x, _: x), step(shift=lambda x, _: x)
    tape = MutatedTape([Mutation({layer_norm: no_gain}), Mutation({layer_norm: no_bias})])
    assert torch.equal(layer_norm(X, **given, tape=tape)[0], tape["xhat"])
    tape = MutatedTape([Mutation({layer_norm: no_gain})] * 2)
    with pytest.raises(ValueError, match="a step must be changed once, and two change gain"):
        layer_norm(X, **given, tape=tape)


def test_a_mutation_may_be_made_at_one_place_alone():
    tape = MutatedTape([replace(DOUBLED, here=lambda path: path == "h.1")])
    for path, expected in (("h.0", X), ("h.1", 2 * X), ("h.1.attn", X)):
        assert torch.equal(softmax(X, tape=tape.at(path))[0], softmax(expected)[0])


def test_what_runs_in_another_thread_or_with_another_tape_sees_nothing_of_it():
    right, found = softmax(X)[0], []

    def changed(body: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(**given: Any) -> Any:
            def other() -> list[Tensor]:
                return [softmax(X)[0], softmax(X, tape=Tape())[0]]

            with ThreadPoolExecutor(1) as threads:
                found.extend([*other(), *threads.submit(other).result()])
            return body(**given | {"x": 0 * given["x"]})

        return wrong

    assert not torch.equal(softmax(X, tape=MutatedTape([Mutation({softmax: changed})]))[0], right)
    assert len(found) == 4
    assert all(torch.equal(out, right) for out in found)


def test_a_step_beside_a_running_comparison_is_right():
    params, tokens, targets = small()
    x, y = torch.tensor(tokens), torch.tensor(targets)
    model = model_of(params, torch.float64)

    def recorded(*mutations: Mutation) -> dict[str, Tensor]:
        tape = MutatedTape(mutations)
        model.loss_and_grads(x, y, tape)
        return shown(tape)

    (mistake,) = (one for one in MISTAKES if one.name == "loss_summed")
    right, wrong, names = recorded(), recorded(mistake.mutation()), []

    def compared() -> None:
        _, found = find(JudgedStep(model, x, y, None, wrong, torch.float64))
        names.extend(fit.mistakes[0].name for one in found for fit in one.named)

    thread = threading.Thread(target=compared)
    thread.start()
    steps = []
    while thread.is_alive():
        steps.append(recorded())
    thread.join()
    assert names == ["loss_summed"]
    assert len(steps) > 2
    assert all(alike(step, right) for step in steps)
