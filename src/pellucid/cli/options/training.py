"""A training: the sizes of a new model, batches, iterations, and what is written when."""

from typer import Option

N_LAYER = Option("--n-layer", help="Number of blocks.")
N_HEAD = Option("--n-head", help="Heads in each block.")
N_EMBD = Option("--n-embd", help="Width of the residual stream.")
BLOCK_SIZE = Option("--block-size", help="Context length, in tokens.")

BATCH_SIZE = Option("--batch-size", help="Batch size, in")
ACCUMULATE = Option("--accumulate", help="How many batches to add up for one step.")
MAX_ITERS = Option("--max-iters", help="How many iterations to train.")
WARMUP_ITERS = Option("--warmup-iters", help="Iterations of warm-up.")
DROPOUT = Option("--dropout", help="The share of activations that dropout drops.")
MIXED = Option(
    "--mixed",
    help="Forward and backward in bfloat16, weights in their own dtype: faster where the "
    "processor multiplies bfloat16.",
)

AVERAGE = Option(
    "--average",
    min=0,
    help="Also keep a mean of the weights over about this many iterations; the better of the two "
    "is kept. 0: none.",
)

EVAL_INTERVAL = Option("--eval-interval", help="Iterations between evaluations.")
SAVE_INTERVAL = Option(
    "--save-interval",
    min=0,
    help="Iterations between saved states; 0: at each evaluation.",
)
LOG_INTERVAL = Option("--log-interval", help="Iterations between lines of the log.")
PATIENCE = Option(
    "--patience", help="Stop after this many evaluations without a new best; 0: never."
)
RESUME = Option(
    "--resume",
    help="Resume the run in --out, bit for bit, with its own settings; start it if there is none. "
    "A larger --max-iters extends it.",
)

AFTER_WARMUP = "The peak, after warm-up."
"""What --learning-rate is where the rate rises and falls."""

TRANSLATOR = "runs/translator"
"""Where a translator is kept unless the user says otherwise."""
