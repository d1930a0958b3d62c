"""AdamW's rule."""

from collections.abc import Iterator
from typing import Any

from linking.writing import Stage, Writing
from pellucid.optim.adam import adamw_rule


def theorems() -> Iterator[str]:
    """The third step of one weight."""
    w = Writing("adam_code")
    names = ("rate", "beta1", "beta2", "eps", "decay", "weight")
    rate, beta1, beta2, eps, decay, weight = (w.input(name) for name in names)
    w.also("g", "nat -> R")
    settings: Any = {
        "learning_rate": rate,
        "betas": (beta1, beta2),
        "eps": eps,
        "weight_decay": decay,
    }
    new, _ = adamw_rule(
        weight,
        w.input("dweight", as_="(g 3%nat)"),
        m_before=w.input("m_before", as_="(moment beta1 g 2)"),
        v_before=w.input("v_before", as_="(second_moment beta2 g 2)"),
        t=3,
        **settings,
        tape=w.code.tape,
    )
    update = "update rate beta1 beta2 eps decay weight g 3"
    yield w.theorem(
        "AdamW's third step, from the moments of two gradients before.",
        Stage("m", "moment beta1 g 3", "moment"),
        Stage("v", "second_moment beta2 g 3", "second_moment moment"),
        Stage("m_hat", "corrected beta1 (moment beta1 g 3) 3", "corrected"),
        Stage("v_hat", "corrected beta2 (second_moment beta2 g 3) 3", "corrected"),
        Stage("update", update, "update"),
        Stage(new, f"weight + {update}"),
    )
