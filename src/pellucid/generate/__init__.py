"""Generation: one token after another, drawn at random, or the most likely text by search.

`sampling` draws from the model's probabilities, and `lookup` guesses what a text that repeats
itself says next; `beam` keeps several texts at once and returns the likeliest; `search` does so for
a source text, by an encoder-decoder or by a GPT, or after a prompt.
"""

from pellucid.generate.beam import Hypothesis, beam_search
from pellucid.generate.lookup import looked_up
from pellucid.generate.sampling import Draw, Sampling, candidates, choose, draw, generate
from pellucid.generate.search import Translation, fits, go_on, translate
from pellucid.generate.written_on import write_on

__all__ = [
    "Draw",
    "Hypothesis",
    "Sampling",
    "Translation",
    "beam_search",
    "candidates",
    "choose",
    "draw",
    "fits",
    "generate",
    "go_on",
    "looked_up",
    "translate",
    "write_on",
]
