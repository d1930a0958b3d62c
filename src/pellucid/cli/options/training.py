"""A training: the sizes of a new model, batches, iterations, and what is written when."""

from typer import Option

N_LAYER = Option("--n-layer", help="Number of blocks.")
N_HEAD = Option("--n-head", help="Heads in each block.")
N_EMBD = Option("--n-embd", help="Width of the residual stream.")
BLOCK_SIZE = Option("--block-size", help="Context length, in tokens.")

BATCH_SIZE = Option("--batch-size", help="Batch size, in")
ACCUMULATE = Option("--accumulate", help="Batches whose gradients make one step.")
MAX_ITERS = Option("--max-iters", help="Iterations.")
WARMUP_ITERS = Option("--warmup-iters", help="Iterations of warm-up.")
DROPOUT = Option("--dropout", help="Part of the activations that is dropped.")
MIXED = Option(
    "--mixed",
    help="Forward and backward in bfloat16, weights in their dtype: quicker where the processor "
    "multiplies bfloat16.",
)

EVAL_INTERVAL = Option("--eval-interval", help="Iterations between evaluations.")
SAVE_INTERVAL = Option(
    "--save-interval",
    min=0,
    help="Iterations between saved points; 0: as often as it is evaluated.",
)
LOG_INTERVAL = Option("--log-interval", help="Iterations between lines of the log.")
PATIENCE = Option("--patience", help="End after so many evaluations without a new best; 0: never.")
RESUME = Option(
    "--resume",
    help="Go on with the run in --out, bit for bit, by its own settings; begin it if there is "
    "none.",
)

AFTER_WARMUP = "The peak, after warm-up."
"""What --learning-rate is where the rate rises and falls."""

TRANSLATOR = "runs/translator"
"""Where a translator is kept unless the user says otherwise."""
