"""What the trained models that have names here are introduced with: what they learnt, a text."""

from typing import NamedTuple

from pellucid.shipped.fetched import FETCHED


class Introduction(NamedTuple):
    """What one says of a model before it is opened."""

    learnt: str
    """A line on what it is and what it was trained on."""
    text: str
    """A text to begin with, whose end is worth guessing: the likeliest is right, and not sure."""


INTRODUCED = {
    "english-1M": Introduction(
        "One million weights, trained on Shakespeare, the King James Bible and Jane Austen: it "
        "knows nothing else",
        "Elizabeth looked at Mr.",
    ),
    "smollm2-135m": Introduction(
        f"{FETCHED['smollm2-135m'].about}: 135 million weights, trained on two trillion tokens of "
        "the web, textbooks and code",
        "The chef put the cake in the",
    ),
}
"""By name, for each of `NAMED`."""
