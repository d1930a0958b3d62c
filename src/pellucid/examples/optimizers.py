"""Optimizers side by side: four ways down one loss of two weights, from one start."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import axes, exact, numbered
from pellucid.models import Classifier, ClassifierConfig
from pellucid.optim import MU, OPTIMIZERS
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.tree import map_leaves, unflatten
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, labelled

TITLE = "Optimizers side by side"
ABOUT = (
    "Gradient descent, momentum, Adam and AdamW go from the same two weights down the same loss, "
    "eight steps each: one crawls, one runs past, two take every weight at the same pace."
)

WEIGHT = "output.weight"
FEATURES = ("red", "size")
THINGS = ("flower 1", "flower 2", "flower 3", "leaf 1", "leaf 2", "leaf 3")
INPUTS = [[2.0, 0.3], [1.5, -0.2], [-0.5, 0.2], [0.5, 0.4], [-2.0, -0.4], [-1.5, 0.3]]
CLASSES = [0, 0, 0, 1, 1, 1]
START = [[-1.0], [2.0]]
STEPS = 8
RATE = 0.5
DECAY = 0.1
SETTINGS: dict[str, dict[str, Any]] = {"adamw": {"weight_decay": DECAY}}
GRID = 31
"""A picture knows the loss at so many by so many pairs of weights."""
ROOM = 0.15
"""So much of the ways' extent is left around them."""
NAMES = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam", "adamw": "AdamW"}

Course = tuple[Tensor, Tensor]
"""The weights (STEPS + 1, 2) from the start on, and the loss (STEPS + 1) with each."""


def network(weights: Tensor) -> Classifier:
    """One output, two weights, no bias: above 0 it says flower, below 0 leaf."""
    config = ClassifierConfig(
        inputs=len(FEATURES),
        hidden=(),
        outputs=1,
        bias=False,
        scheme="sign",
        features=FEATURES,
        labels=("flower", "leaf"),
    )
    return Classifier.init(config).with_params(unflatten({WEIGHT: weights}))


def course(
    name: str, tape: NullTape = NULL_TAPE, *, rate: float = RATE, steps: int = STEPS
) -> Course:
    """The way of one optimizer; its t-th step goes on the tape as `adam.3.loss` and so on."""
    model, state = network(exact(START)), None
    weights, losses = [], []
    for step in range(1, steps + 2):
        weights.append(model.params["output"]["weight"].flatten())
        at = tape.at(f"{name}.{step}" if step <= steps else f"{name}.end")
        loss, grads = model.loss_and_grads(INPUTS, CLASSES, at)
        losses.append(loss)
        if step > steps:
            break
        params, state = OPTIMIZERS[name](
            model.params, grads, state, learning_rate=rate, tape=at, **SETTINGS.get(name, {})
        )
        # A certificate is of steps that each begin from what is given: weights and moments.
        model = model.with_params(map_leaves(torch.clone, params))
        state = {
            key: map_leaves(torch.clone, kept) if isinstance(kept, dict) else kept
            for key, kept in state.items()
        }
    return torch.stack(weights), torch.stack(losses)


def surface(first: Sequence[float], second: Sequence[float]) -> Tensor:
    """The loss (len(second), len(first)) for each choice of the two weights."""
    return torch.stack(
        [
            torch.stack([network(exact([[one], [two]])).loss(INPUTS, CLASSES) for one in first])
            for two in second
        ]
    )


def land_around(courses: Iterable[Course]) -> tuple[list[float], list[float], Tensor]:
    """The loss at a grid of weights around all ways: the first ones, the second ones, the loss."""
    met = torch.cat([weights for weights, _ in courses])
    low, high = met.min(0).values, met.max(0).values
    room = (high - low).clamp(min=1e-3) * ROOM
    first, second = (
        torch.linspace(float(low[place] - room[place]), float(high[place] + room[place]), GRID)
        .double()
        .tolist()
        for place in (0, 1)
    )
    return first, second, surface(first, second)


def _walkthrough() -> Walkthrough:
    tape = Tape()
    courses = {name: course(name, tape) for name in OPTIMIZERS}
    for place, feature in enumerate(FEATURES):
        tape.given({f"by_{feature}": torch.stack([w[:, place] for w, _ in courses.values()], -1)})
    tape.given({"course": torch.stack([losses for _, losses in courses.values()], -1)})
    parts = numbered(_problem(tape), _first(tape), _eight(tape))
    steps = ["start", *(f"step {step}" for step in range(1, STEPS + 1))]
    names: dict[str, Sequence[Labels]] = axes(
        (steps, list(NAMES.values())), "course", *(f"by_{feature}" for feature in FEATURES)
    )
    names |= axes((THINGS, FEATURES), "sgd.1.inputs")
    names |= axes((THINGS, ["output"]), "sgd.1.output.out")
    names |= axes((THINGS,), "sgd.1.losses")
    for name in OPTIMIZERS:
        for part in ("", ".m", ".v", ".m_hat", ".v_hat", ".update", ".new"):
            names |= axes((FEATURES, None), f"{name}.1.{WEIGHT}{part}")
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _problem(tape: Tape) -> Part:
    slopes = tape[f"dsgd.1.{WEIGHT}"].flatten().abs()
    steep, flat = (FEATURES[int(place)] for place in (slopes.argmax(), slopes.argmin()))
    loss = float(tape["sgd.1.loss"])
    sizes = exact(INPUTS).abs().mean(0)
    return Part(
        "One loss, two weights",
        (
            Step(
                "Six things, and a network of two weights",
                ("output.out = inputs output.weight",),
                ("sgd.1.inputs", f"sgd.1.{WEIGHT}", "sgd.1.output.out", "sgd.1.losses"),
                says="Above 0 the output says flower, below 0 leaf. With the weights "
                f"{_list(START)} the loss is {loss:.4f}: the mean of −log of the chance that each "
                "thing's own class has.",
            ),
            Step(
                "Its gradient",
                names=(f"dsgd.1.{WEIGHT}",),
                says=f"The loss is steep along the weight of {steep} and flat along that of "
                f"{flat}: the one gradient is {float(slopes.max() / slopes.min()):.1f} times the "
                f"other. One reason is that the inputs themselves are of different size, "
                f"{sizes[0]:.2f} and {sizes[1]:.2f} on average.",
            ),
        ),
    )


def _list(weights: Sequence[Sequence[float]]) -> str:
    return " and ".join(f"{weight:g}" for (weight,) in weights).replace("-", "\N{MINUS SIGN}")


def _first(tape: Tape) -> Part:
    return Part(
        f"The first step of each, η = {RATE:g}",
        (
            Step(
                "SGD: against the gradient",
                ("update = -η dweight,   new = weight + update",),
                (f"sgd.1.{WEIGHT}.update", f"sgd.1.{WEIGHT}.new"),
                tuple(_sgd(tape, place) for place in range(len(FEATURES))),
                says="Where the loss is steep it strides, where it is flat it hardly moves.",
            ),
            Step(
                "Momentum: the gradients add up",
                ("m = μ m_before + dweight,   update = -η m,   new = weight + update",),
                tuple(f"momentum.1.{WEIGHT}.{name}" for name in ("m", "update", "new")),
                tuple(_momentum(tape, place) for place in range(len(FEATURES))),
                says="A first step has no steps before it: m is the gradient, and the new "
                "weights are those of SGD. From the second step on they differ.",
            ),
            Step(
                "Adam: divided by the gradient's own size",
                (
                    "m = β₁ m_before + (1 - β₁) dweight",
                    "v = β₂ v_before + (1 - β₂) dweight²",
                    "m_hat = m / (1 - β₁ᵗ),   v_hat = v / (1 - β₂ᵗ)",
                    "update = -η m_hat / (√v_hat + ε),   new = weight + update",
                ),
                tuple(
                    f"adam.1.{WEIGHT}.{name}"
                    for name in ("m", "v", "m_hat", "v_hat", "update", "new")
                ),
                tuple(_adam(tape, "adam", place) for place in range(len(FEATURES))),
                says="In a first step m_hat is the gradient and √v_hat its size, so that only the "
                f"sign is left: each weight moves by η = {RATE:g}, steep or flat.",
            ),
            Step(
                "AdamW: and every weight shrinks a little",
                ("update = -η m_hat / (√v_hat + ε) - η λ weight,   new = weight + update",),
                (f"adamw.1.{WEIGHT}.update", f"adamw.1.{WEIGHT}.new"),
                tuple(_adam(tape, "adamw", place) for place in range(len(FEATURES))),
                says=f"With the decay λ = {DECAY:g} a weight also loses η λ = {RATE * DECAY:g} of "
                "itself, whatever its gradient.",
            ),
        ),
    )


def _numbers(tape: Tape, name: str, place: int) -> dict[str, float]:
    """What the first step of an optimizer has for one weight."""
    own = f"{name}.1.{WEIGHT}"
    found = {"weight": tape[own], "dweight": tape[f"d{own}"]}
    parts = ("m", "v", "m_hat", "v_hat", "update", "new")
    found |= {part: tape[f"{own}.{part}"] for part in parts if f"{own}.{part}" in tape}
    return {key: float(value[place, 0]) for key, value in found.items()}


def _sgd(tape: Tape, place: int) -> str:
    at = _numbers(tape, "sgd", place)
    new = f"{at['weight']:g} - {RATE:g} · ({at['dweight']:.4f}) = {at['new']:.4f}"
    return f"{FEATURES[place]:<5} {new}"


def _momentum(tape: Tape, place: int) -> str:
    at = _numbers(tape, "momentum", place)
    m = f"{MU:g} · 0 + ({at['dweight']:.4f}) = {at['m']:.4f}"
    new = f"{at['weight']:g} - {RATE:g} · ({at['m']:.4f}) = {at['new']:.4f}"
    return f"{FEATURES[place]:<5} m = {m},   new = {new}"


def _adam(tape: Tape, name: str, place: int) -> str:
    at = _numbers(tape, name, place)
    decay = f" - {RATE:g} · {DECAY:g} · ({at['weight']:g})" if name in SETTINGS else ""
    return (
        f"{FEATURES[place]:<5} {at['weight']:g} - {RATE:g} · ({at['m_hat']:.4f}) / "
        f"√{at['v_hat']:.4g}{decay} = {at['new']:.4f}"
    )


def _eight(tape: Tape) -> Part:
    first, second, losses = (tape[name] for name in ("by_red", "by_size", "course"))
    end = dict(zip(OPTIMIZERS, losses[-1].tolist(), strict=True))
    lowest = dict(zip(OPTIMIZERS, losses.min(0).values.tolist(), strict=True))
    names = list(OPTIMIZERS)
    best = NAMES[min(end, key=lambda name: end[name])]
    moved = {
        name: float((second[-1, place] - second[0, place]).abs())
        for place, name in enumerate(names)
    }
    past = names.index("momentum")
    when = int(losses[:, past].argmin())
    return Part(
        f"{STEPS} steps",
        (
            Step(
                "The weight of red, which is steep",
                names=("by_red",),
                says=f"Momentum goes farthest, to {float(first[-1, past]):.2f}: what it has "
                "gathered carries it on when the slope has long turned.",
            ),
            Step(
                "The weight of size, which is flat",
                names=("by_size",),
                says=f"SGD moves it by {moved['sgd']:.2f} in all {STEPS} steps, momentum by "
                f"{moved['momentum']:.2f}, Adam by {moved['adam']:.2f} and AdamW by "
                f"{moved['adamw']:.2f}.",
            ),
            Step(
                "The loss with them",
                names=("course",),
                says=f"After {STEPS} steps {best} is lowest, {min(end.values()):.4f}. Momentum was "
                f"down to {lowest['momentum']:.4f} after step {when}, and is at "
                f"{end['momentum']:.4f} at the end. This is one loss and one η: with another η "
                "the order may be another. pellucid plot paths draws the ways.",
            ),
        ),
    )


OPTIMIZERS_SIDE_BY_SIDE = Demonstration(TITLE, ABOUT, _walkthrough)
