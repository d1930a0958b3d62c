"""How well a model predicts a text, and translates sentences."""

from pellucid.evaluate.evaluate import Evaluation, evaluate_text, mean_loss, token_losses
from pellucid.evaluate.translations import ScoreOfSystem, compared_scores, translation_scores

__all__ = [
    "Evaluation",
    "ScoreOfSystem",
    "compared_scores",
    "evaluate_text",
    "mean_loss",
    "token_losses",
    "translation_scores",
]
