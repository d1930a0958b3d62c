"""How weights move over a run's steps: an optimizer's settings, as other programs have them too.

| recipe | η | β₁, β₂ | ε | λ, of | gradients | rate |
|---|---|---|---|---|---|---|
| `nanogpt` | 6e-4 | 0.9, 0.95 | 1e-8 | 0.1, matrices | norm at most 1 | warm-up, half a cosine |
| `llm.c` | 1e-4 | 0.9, 0.999 | 1e-8 | 0.01, all | as they are | constant |

Source: nanoGPT's train.py; llm.c's test_gpt2.c, which lets norms and biases decay too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pellucid.errors import ConfigError, did_you_mean
from pellucid.optim import warmup_cosine

OURS: Mapping[str, Any] = MappingProxyType(
    {
        "optimizer": "adamw",
        "learning_rate": 1e-3,
        "weight_decay": 0.1,
    }
)
"""How the weights move unless the user says otherwise; matrices decay, biases and gains do not."""

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "nanogpt": {
            **OURS,
            "learning_rate": 6e-4,
            "betas": [0.9, 0.95],
            "eps": 1e-8,
            "clip": 1.0,
            "warmup": 2000,
            "total": 600_000,
            "floor": 0.1,
        },
        "llm.c": {
            **OURS,
            "learning_rate": 1e-4,
            "betas": [0.9, 0.999],
            "eps": 1e-8,
            "weight_decay": 0.01,
            "decay": "all",
        },
    }
)
"""By name: the settings of others. `floor` is the rate at the end, as a part of the highest."""

FOR_ADAM = ("betas", "eps")
COURSE = ("warmup", "total", "floor")
"""What makes the rate rise and fall: it is constant where none is given."""


def update_of(recipe: str | None, steps: int, **given: Any) -> dict[str, Any]:
    """What a manifest has under `update`: a recipe's settings, or ours, with what is given.

    What is None is not given. A rate that rises and falls is written out: `learning_rates` has
    that of each step, and `learning_rate` the highest.

    >>> [round(rate, 6) for rate in update_of("nanogpt", 3, warmup=1, total=2)["learning_rates"]]
    [0.0003, 0.0006, 6e-05]

    Raises `ConfigError` for an unknown recipe, and for settings that do not go together
    or are outside their range.
    """
    if recipe is not None and recipe not in RECIPES:
        raise ConfigError(
            f"--recipe must be one of {', '.join(RECIPES)}, not {recipe!r}"
            f"{did_you_mean(recipe, RECIPES)}"
        )
    own = {key: value for key, value in given.items() if value is not None}
    update = {**(RECIPES[recipe] if recipe else OURS), **own}
    adam, adamw = update["optimizer"].startswith("adam"), update["optimizer"] == "adamw"
    fitting = {**dict.fromkeys(FOR_ADAM, adam), "weight_decay": adamw, "decay": adamw}
    for key, fits in fitting.items():
        if not fits and key in own:
            whose = "Adam" if key in FOR_ADAM else "AdamW"
            raise ConfigError(
                f"--{key.replace('_', '-')} is a setting of {whose}, and --optimizer is "
                f"{update['optimizer']}: leave it out"
            )
        if not fits:
            update.pop(key, None)
    course = {key: update.pop(key) for key in COURSE if key in update}
    if course:
        plus = 1 if recipe == "nanogpt" else 0
        update["learning_rates"] = _rates(update["learning_rate"], steps, plus=plus, **course)
    return update


def _rates(
    peak: float, steps: int, *, plus: int, warmup: int = 0, total: int = 0, floor: float = 0.1
) -> list[float]:
    """The rate of each step; nanoGPT's warm-up is one step longer at its end (`plus`)."""
    if warmup < 0 or total < 0 or not 0 <= floor <= 1:
        raise ConfigError(
            f"--warmup and --total must be at least 0 and --floor from 0 to 1, not {warmup}, "
            f"{total} and {floor}"
        )
    end = total or steps
    return [
        peak * (step + 1) / (warmup + plus)
        if step < warmup
        else warmup_cosine(step, peak=peak, warmup=warmup, total=end, floor=floor * peak)
        for step in range(steps)
    ]


def at_step(update: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The settings of one step, counted from 1."""
    rates = update.get("learning_rates")
    return {**update, "learning_rate": rates[number - 1] if rates else update["learning_rate"]}
