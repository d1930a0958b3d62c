"""An optimizer's step: which, how long, and what it is judged by."""

from typer import Option

OPTIMIZER = Option("--optimizer", metavar="NAME", help="sgd, momentum, adam or adamw.")
LEARNING_RATE = Option("--learning-rate", help="The optimizer's learning rate.")
WEIGHT_DECAY = Option("--weight-decay", help="AdamW's, for the matrices.")
STEPS = Option("--steps", help="How many steps of the optimizer.")
CHECK_GRADIENTS = Option(
    "--check-gradients/--no-check-gradients",
    help="Set the gradients beside finite differences of the loss.",
)
