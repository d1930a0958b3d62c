"""The loss with label smoothing."""

from collections.abc import Iterator

from linking.layers.cross_entropy import COUNT, TARGETS, losses, targets
from linking.writing import Stage, Writing, within


def theorems() -> Iterator[str]:
    """Three positions, the second skipped."""
    w = Writing("smooth_cross_entropy_code")
    logits, smoothing = w.input("logits", 3, 3), w.input("smoothing")
    w.pair(
        "smooth_cross_entropy",
        logits,
        targets(),
        smoothing=smoothing,
        gradient=("dloss",),
        out="loss",
        back=("dlogits",),
    )
    y = TARGETS
    yield w.theorem(
        "The smoothed loss of the targets 1, none, 0.",
        *within("cross_entropy", losses(3, y, "logits")),
        Stage("sharp", f"loss_over {COUNT} 3 3 {y} logits", "loss_over counted"),
        Stage(
            "loss",
            f"smooth_cross_entropy smoothing 3 3 {y} logits",
            "smooth_cross_entropy smooth_loss_over leads counted",
        ),
        Stage(
            "dsharp",
            f"loss_over_dlogits {COUNT} 3 {y} logits dloss",
            "loss_over_dlogits counted one_hot",
        ),
        Stage(
            "dlogits",
            f"smooth_cross_entropy_dlogits smoothing 3 3 {y} logits dloss",
            "smooth_cross_entropy_dlogits smooth_loss_over_dlogits counted one_hot",
        ),
    )
