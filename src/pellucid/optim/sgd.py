"""Gradient descent, plain and with momentum."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.layers.wide import wide
from pellucid.optim.step import State, each_leaf, zeros
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

MU = 0.9


@layer(
    "update = -η dweight",
    "new = weight + update",
    values={
        "update": Meaning("", "Δw", "what is added to the parameter"),
        "new": Meaning("", "w + Δw", "the parameter after the step"),
    },
    settings={"learning_rate": "η"},
)
def sgd_rule(
    weight: Tensor, dweight: Tensor, *, learning_rate: float, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """update = -η dweight; new = weight + update, rounded once, to the weight's dtype."""
    update = -learning_rate * wide(dweight)
    new = (wide(weight) + update).to(weight.dtype)
    tape(update=update, new=new)
    return new, {}


def sgd(
    params: Tree,
    grads: Tree,
    state: State | None = None,  # noqa: ARG001 (gradient descent remembers nothing)
    *,
    learning_rate: float,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tree, State]:
    """One step of gradient descent: every weight goes against its gradient, η times as far.

    Source: Cauchy 1847; Robbins and Monro 1951 for gradients of a sample.
    """
    return each_leaf(sgd_rule, params, grads, learning_rate=learning_rate, tape=tape)


@layer(
    "m = μ m_before + dweight",
    "update = -η m",
    "new = weight + update",
    values={
        "m_before": Meaning("", "m", "m after the step before, 0 for a first"),
        "m": Meaning("", "m", "running sum of the gradient"),
        "update": Meaning("", "Δw", "what is added to the parameter"),
        "new": Meaning("", "w + Δw", "the parameter after the step"),
    },
    settings={"learning_rate": "η", "mu": "μ"},
)
def momentum_rule(
    weight: Tensor,
    dweight: Tensor,
    *,
    m_before: Tensor,
    learning_rate: float,
    mu: float,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """m = μ m_before + dweight; update = -η m; new = weight + update, rounded once."""
    m = mu * wide(m_before) + wide(dweight)
    update = -learning_rate * m
    new = (wide(weight) + update).to(weight.dtype)
    tape(m=m, update=update, new=new)
    return new, {"m": m}


def momentum(
    params: Tree,
    grads: Tree,
    state: State | None = None,
    *,
    learning_rate: float,
    mu: float = MU,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tree, State]:
    """One step of gradient descent with momentum: gradients add up, older ones fading by μ.

    The state is `m`, zero before the first step.
    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """
    before = state or {"m": zeros(params)}
    return each_leaf(
        momentum_rule,
        params,
        grads,
        by_leaf={"m_before": before["m"]},
        learning_rate=learning_rate,
        mu=mu,
        tape=tape,
    )
