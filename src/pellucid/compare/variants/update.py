"""Variants of the optimizers' rules."""

from collections.abc import Callable, Mapping
from typing import Any

from pellucid.layers import wide
from pellucid.optim import adamw_rule, momentum_rule

Step = Callable[..., Any]


def _as_it_is(value: Any, *_: Any) -> Any:
    return value


def _below(v_hat: Any, eps: float, _beta2: Any, _t: int) -> Any:
    return v_hat.sqrt() + eps


def _adamw_rule(
    *,
    weight: Any,
    dweight: Any,
    m_before: Any,
    v_before: Any,
    t: int,
    learning_rate: float,
    betas: Any,
    eps: float,
    weight_decay: float,
    tape: Any,
    keep: Step = _as_it_is,
    t_of_m: Step = _as_it_is,
    t_of_v: Step = _as_it_is,
    below: Step = _below,
    decaying: Step = lambda before, _step: before,
    store: Step = _as_it_is,
) -> Any:
    beta1, beta2 = betas
    slope, before = wide(dweight), wide(weight)
    m = keep(beta1 * wide(m_before) + (1 - beta1) * slope)
    v = keep(beta2 * wide(v_before) + (1 - beta2) * slope.square())
    m_hat = m / (1 - beta1 ** t_of_m(t))
    v_hat = v / (1 - beta2 ** t_of_v(t))
    step = -learning_rate * m_hat / below(v_hat, eps, beta2, t)
    update = step - learning_rate * weight_decay * decaying(before, step)
    new = store((before + update).to(weight.dtype))
    tape(m=m, v=v, m_hat=m_hat, v_hat=v_hat, update=update, new=new)
    return new, {"m": m, "v": v}


def _momentum_rule(
    *,
    weight: Any,
    dweight: Any,
    m_before: Any,
    learning_rate: float,
    mu: float,
    tape: Any,
    share: Step = _as_it_is,
    ahead: Step = lambda m, _slope, _mu: m,
) -> Any:
    slope = wide(dweight)
    m = mu * wide(m_before) + share(slope, mu)
    update = -learning_rate * ahead(m, slope, mu)
    new = (wide(weight) + update).to(weight.dtype)
    tape(m=m, update=update, new=new)
    return new, {"m": m}


UPDATE: Mapping[Step, Step] = {adamw_rule: _adamw_rule, momentum_rule: _momentum_rule}
"""Those of the update."""
