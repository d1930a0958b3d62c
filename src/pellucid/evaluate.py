"""Evaluation: how well a model predicts what it was not trained on."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.kernels import FAST
from pellucid.layers import IGNORE


def mean_loss(model: Any, batches: Iterable[tuple[Tensor, ...]]) -> float:
    """The mean cross-entropy in nats a token over all batches, whose last tensor is the targets.

    Every position that has a target counts the same, whatever batch it is in.
    """
    total, count = 0.0, 0
    for batch in batches:
        here = [part.to(model.device) for part in batch]
        counted = int((here[-1] != IGNORE).sum())
        total += float(model.loss(*here, ops=FAST)) * counted
        count += counted
    return total / count


def translation_scores(texts: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU and chrF of translations against one reference each, from 0 to 100, by sacrebleu.

    Source: Papineni et al. 2002 (BLEU), Popović 2015 (chrF), Post 2018 (sacrebleu and its
    tokenization 13a). Raises `ConfigError` where sacrebleu is not installed.
    """
    try:
        import sacrebleu  # noqa: PLC0415 (it is an extra)
    except ImportError:
        raise ConfigError(
            "BLEU and chrF need sacrebleu, which is not installed: pip install "
            "'pellucid[translate]'"
        ) from None
    return {
        "BLEU": float(sacrebleu.corpus_bleu(list(texts), [list(references)]).score),
        "chrF": float(sacrebleu.corpus_chrf(list(texts), [list(references)]).score),
    }
