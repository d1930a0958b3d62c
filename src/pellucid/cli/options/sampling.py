"""How a text is continued: by sampling or by beam search."""

from typer import Option

from pellucid.errors import ConfigError

SEED = Option("--seed", help="Seed of the random numbers")
NUM_SAMPLES = Option("--num-samples", min=0, help="How many texts to write.")
MAX_NEW_TOKENS = Option("--max-new-tokens", help="The largest number of tokens to write.")
TEMPERATURE = Option(
    "--temperature",
    help="Divides the logits: below 1 likely tokens gain, above 1 unlikely ones.",
)
TOP_K = Option("--top-k", help="Draw only from the k most likely tokens.")
TOP_P = Option(
    "--top-p", help="Draw only from the fewest tokens that reach probability p together."
)
GREEDY = Option("--greedy", help="Always take the most likely token.")
BEAM = Option("--beam", min=1, help="Beam width: how many texts are kept at each step.")
LENGTH_PENALTY = Option(
    "--length-penalty", help="Length penalty of the beam: above 0 favours long texts."
)
EARLY_STOPPING = Option(
    "--early-stopping/--no-early-stopping",
    help="End a beam when as many texts have ended as it is wide, or only when no other can win.",
)
WHY = Option("--why", help="Show how each token was chosen.")


def seed_of(seed: int) -> int:
    """The seed; `ConfigError` where PyTorch's generators cannot take it."""
    if not 0 <= seed < 1 << 63:
        raise ConfigError(f"--seed must be from 0 to below 2⁶³, not {seed}")
    return seed
