"""How well a model predicts a text, and translates sentences."""

from pellucid.evaluate.evaluate import (
    Evaluation,
    evaluate_text,
    mean_loss,
    token_losses,
    translation_scores,
)

__all__ = ["Evaluation", "evaluate_text", "mean_loss", "token_losses", "translation_scores"]
