"""How good a translator is: BLEU and chrF, and examples of what it writes."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pellucid.evaluate import translation_scores
from pellucid.generate import translate
from pellucid.models import GPT, Transformer
from pellucid.text import Tokenizer
from pellucid.text.parallel import ParallelText

SHOWN = 8
"""How many translations are printed."""


def print_scores(
    console: Console,
    model: GPT | Transformer,
    tokenizer: Tokenizer,
    pairs: Sequence[ParallelText],
    *,
    beam: int,
    alpha: float,
    to: str | None = None,
) -> None:
    """Translate all sources, greedily and by a beam, and compare with the targets.

    A model of both directions translates `to` a language.
    """
    sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
    found = {}
    for name, width in {"greedy": 1, f"beam of {beam}": beam}.items():
        translations = translate(model, tokenizer, sources, width=width, alpha=alpha, to=to)
        found[name] = [translation.text for translation in translations]
        scores = translation_scores(found[name], targets)
        listed = "   ".join(f"{metric} [bold]{score:.2f}[/]" for metric, score in scores.items())
        console.print(f"{name:<12} {listed}")
    for pair, text in list(zip(pairs, found[name], strict=True))[:SHOWN]:
        console.print(Text(f"\n  {pair.source}\n  → {text}\n  ({pair.target})"))
