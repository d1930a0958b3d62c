"""How good translations are: BLEU and chrF, how sure that is, and whether one set beats another.

The sentences are drawn again and again with replacement, as many as there are: how far the score
of such samples spreads says how far it is from what other sentences would give (the bootstrap). Two
systems are compared on the same samples, since what is hard for one is hard for the other: how
often the difference leaves 0 behind is far surer than two intervals side by side.

Source: Papineni et al. 2002 (BLEU); Popović 2015 (chrF); Post 2018 (sacrebleu and its tokenization
13a); Koehn 2004, "Statistical significance tests for machine translation evaluation".
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pellucid.errors import ConfigError, TextError

SAMPLES = 1000
"""How often sentences are drawn again."""


class ScoreOfSystem(NamedTuple):
    """A score from 0 to 100, and what the samples say of it."""

    score: float
    interval: float  # 95 of 100 samples' scores are within so much of their mean
    p_value: float | None  # how likely so large a difference to the first system is by chance


def sacrebleu() -> Any:
    """The package; `ConfigError` where it is not installed."""
    try:
        import sacrebleu as package  # noqa: PLC0415 (it is an extra)
    except ImportError:
        raise ConfigError(
            "BLEU and chrF need sacrebleu, which is not installed: pip install "
            "'pellucid[translate]'"
        ) from None
    return package


def check_pairs(texts: Sequence[str], references: Sequence[str], what: str = "") -> None:
    """Raise `TextError` unless there is a reference for each translation."""
    if not texts or len(texts) != len(references):
        raise TextError(
            f"each translation must have one reference, and {len(texts)}{what} came with "
            f"{len(references)}: give as many of both, at least one"
        )


def translation_scores(texts: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU and chrF of translations against one reference each, from 0 to 100, by sacrebleu.

    Raises `TextError` unless there is a reference for each translation, and `ConfigError` where
    sacrebleu is not installed.
    """
    check_pairs(texts, references)
    package = sacrebleu()
    return {
        "BLEU": float(package.corpus_bleu(list(texts), [list(references)]).score),
        "chrF": float(package.corpus_chrf(list(texts), [list(references)]).score),
    }


def compared_scores(
    systems: Mapping[str, Sequence[str]], references: Sequence[str], *, samples: int = SAMPLES
) -> dict[str, dict[str, ScoreOfSystem]]:
    """BLEU and chrF of each system with its interval, and each against the first.

    sacrebleu draws the samples, with its own seed, so that the same texts give the same numbers.
    Raises what `translation_scores` does.
    """
    for name, texts in systems.items():
        check_pairs(texts, references, f" of {name}")
    package = sacrebleu()
    from sacrebleu.significance import PairedTest  # noqa: PLC0415

    test = PairedTest(
        [(name, list(texts)) for name, texts in systems.items()],
        {"BLEU": package.metrics.BLEU(), "chrF": package.metrics.CHRF()},
        [list(references)],
        test_type="bs",
        n_samples=samples,
    )
    _, found = test()
    # sacrebleu calls chrF by its settings, as in chrF2.
    metrics = {("BLEU" if name == "BLEU" else "chrF"): name for name in found if name != "System"}
    return {
        name: {metric: _score(found[key], place) for metric, key in metrics.items()}
        for place, name in enumerate(systems)
    }


def _score(results: Sequence[Any], place: int) -> ScoreOfSystem:
    """The score of one system among all; of equal scores sacrebleu says that they differ."""
    one, p_value = results[place], None
    if place:
        p_value = 1.0 if one.score == results[0].score else float(one.p_value)
    return ScoreOfSystem(float(one.score), float(one.ci), p_value)
