"""An optimizer's step: which, how long, and what it is judged by."""

from typer import Option

OPTIMIZER = Option("--optimizer", metavar="NAME", help="sgd, momentum, adam or adamw.")
LEARNING_RATE = Option("--learning-rate", help="The optimizer's learning rate.")
WEIGHT_DECAY = Option("--weight-decay", help="Weight decay of AdamW, for matrices only.")
STEPS = Option("--steps", min=1, help="How many steps the optimizer takes.")
CHECK_GRADIENTS = Option(
    "--check-gradients/--no-check-gradients",
    help="Compare the gradients with finite differences of the loss.",
)
