"""What a beam search found."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from pellucid.generate import Hypothesis
from pellucid.text import Tokenizer


def hypothesis_lines(tokenizer: Tokenizer, hypotheses: Sequence[Hypothesis]) -> Iterator[Text]:
    """What a beam found, best first: score, log-probability, text."""
    yield Text("\nscore = log-probability / length penalty", "dim")
    for place, found in enumerate(hypotheses):
        yield Text.assemble(
            ("→ " if place == 0 else "  ", "bold green"),
            f"{found.score:8.4f} {found.log_prob:9.4f}  ",
            (tokenizer.decode(found.tokens), "bold" if place == 0 else ""),
        )


def found_lines(
    tokenizer: Tokenizer, prompt: str, hypotheses: Sequence[Hypothesis], *, why: bool
) -> Iterator[Text]:
    """The prompt with its most likely continuation; with `why`, all that were found."""
    start = tokenizer.prompt(prompt)
    yield Text(tokenizer.decode([*start, *hypotheses[0].tokens]).removeprefix("\n"))
    if why:
        yield from hypothesis_lines(tokenizer, hypotheses)
