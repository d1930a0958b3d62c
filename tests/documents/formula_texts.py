"""Every formula that a walkthrough can have, and every symbol of the table of names."""

from functools import cache

from pellucid.examples import EXAMPLES
from pellucid.models import GPTConfig
from pellucid.optim import OPTIMIZERS
from pellucid.walkthrough import NAMES, UPDATES, describe
from pellucid.walkthrough.steps import FORMULAS, backward_steps, forward_steps, update_step
from tests.examples.walkthroughs import walkthrough_of


@cache
def formulas() -> tuple[str, ...]:
    found = [
        formula
        for name in EXAMPLES
        for part in walkthrough_of(name).parts
        for step in part.steps
        for formula in step.formulas
    ]
    for activation in FORMULAS:
        for norm in ("pre", "post"):
            for tied in (True, False):
                config = GPTConfig(
                    vocab_size=3,
                    block_size=2,
                    n_layer=1,
                    n_head=1,
                    n_embd=2,
                    activation=activation,
                    norm=norm,
                    tied=tied,
                    lora_rank=int(tied),
                )
                steps = [*forward_steps(config), *backward_steps(config)]
                found += [formula for step in steps for formula in step.formulas]
    for optimizer in OPTIMIZERS:
        settings = {"optimizer": optimizer, "learning_rate": 1e-4, "weight_decay": 0.1}
        found += update_step(settings)[1]
    return tuple(dict.fromkeys(found))


@cache
def symbols() -> tuple[str, ...]:
    rows = [row.symbol for row in (*NAMES, *UPDATES)]
    gradients = [describe("d" + row.pattern.replace(".i.", ".0.")) for row in NAMES]
    return tuple(dict.fromkeys(rows + [row.symbol for row in gradients if row]))
