"""Documents of texts of any length: every format is made, and none grows with the text's square."""

from functools import cache
from pathlib import Path

import pytest

from pellucid.documents.build import document
from pellucid.documents.formats import WRITERS, write_document
from pellucid.documents.model import Document
from pellucid.documents.recipe import model_recipe
from pellucid.models import GPT, GPTConfig
from pellucid.text import Words
from pellucid.train import record_step
from pellucid.walkthrough import gpt_walkthrough

WORDS = tuple(f"w{number}" for number in range(50))
UPDATE = {"learning_rate": 1e-3, "weight_decay": 0.1}
HALF_A_MEGABYTE = 1 << 19


@cache
def made(tokens: int) -> Document:
    """The document of a step on a text of so many tokens, which all are read."""
    tokenizer = Words(WORDS)
    text = " ".join(WORDS[7 * place % 50] for place in range(tokens + 1))
    model = GPT.init(GPTConfig(50, block_size=1024, n_layer=1, n_head=2, n_embd=4))
    trace = record_step(model, tokenizer.encode(text), tokenizer, update=UPDATE)
    walkthrough = gpt_walkthrough(trace, "a long text", "about it")
    return document(walkthrough, recipe=model_recipe(text, "m", UPDATE, None, {}))


@pytest.mark.thinned
@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("tokens", [65, 300])
def test_a_long_text_is_written_in_every_format(ending: str, tokens: int, tmp_path: Path):
    """Its tokens, more than a table has, are shown by the statistics of whole numbers."""
    size = write_document(made(tokens), tmp_path / f"walk{ending}")
    assert size == (tmp_path / f"walk{ending}").stat().st_size > 1000
    assert size < 2 * HALF_A_MEGABYTE


@pytest.mark.parametrize("ending", [".md", ".tex", ".ipynb"])
def test_what_is_written_does_not_grow_with_the_text(ending: str, tmp_path: Path):
    sizes = {
        tokens: write_document(made(tokens), tmp_path / f"{tokens}{ending}")
        for tokens in (65, 300, 1000)
    }
    # A notebook holds the text itself, and everything else the same number of values and lines.
    assert max(sizes.values()) - min(sizes.values()) < 8000


def test_the_tokens_of_a_long_text_are_listed_as_far_as_there_is_room_and_the_rest_is_counted():
    (first, *_), *_ = (part.steps for part in made(300).parts)
    assert first.lines[-1] == "… 276 more positions: --show tokens"
    (tokens, _) = first.values
    assert not tokens.whole
    assert tokens.first == "[0 7 14 …]"
    assert tokens.statistics.startswith("mean 24.5  std 14.4  min 0  max 49")
