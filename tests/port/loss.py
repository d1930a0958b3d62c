"""A loss in NumPy, in which one can make mistakes: either port's own is replaced by it.

It knows nothing of Pellucid. A target of -100 is ignored. Every mistake is made in the loss and in
its gradient, and with `loss` or `gradient` for `half` in one of them.
"""

import numpy as np

IGNORE = -100

BOTH = (
    *("loss_summed", "loss_over_all", "loss_log2", "loss_log10", "loss_times"),
    *("micro_batch_means", "micro_batches_added", "ignored_counted", "label_smoothing"),
)
"""Those that may be made in the loss, in its gradient, or in both."""

GRADIENT = ("no_target", "no_softmax", "ignored", "last_micro_batch", "loss_scale", "sign")
"""Those of the gradient alone."""

MISTAKES = (*BOTH, *GRADIENT)
PADDING, SMOOTHED, TIMES, MICRO = 0, 0.1, 0.25, 2


class Loss:
    """The mean cross-entropy of the targets that count."""

    def __init__(self, mistakes=(), half=None):
        self.mistakes, self.half = set(mistakes), half
        assert self.mistakes <= set(MISTAKES), self.mistakes

    def made(self, mistake, half):
        return mistake in self.mistakes and self.half in {None, half}

    def targets(self, port, half):
        """Which count, and where each is."""
        targets = port.targets
        if self.made("ignored_counted", half):
            targets = np.where(targets == IGNORE, PADDING, targets)
        counted = targets != IGNORE
        return counted, np.where(counted, targets, 0)

    def weights(self, counted, dtype, half):
        """What each position's loss is multiplied by."""
        ones = counted.astype(np.float64)
        weights = ones / ones.sum()
        if self.made("loss_summed", half):
            weights = ones
        if self.made("loss_over_all", half):
            weights = ones / ones.size
        if self.made("micro_batch_means", half) or self.made("micro_batches_added", half):
            parts = np.split(ones, MICRO)
            weights = np.concatenate([part / part.sum() for part in parts])
            weights = weights / (MICRO if self.made("micro_batch_means", half) else 1)
        if self.made("last_micro_batch", half):
            last = np.split(ones, MICRO)[-1]
            weights = np.concatenate([0 * ones[: len(ones) - len(last)], last / last.sum()])
        if self.made("loss_times", half):
            weights = weights * TIMES
        if self.made("loss_log2", half):
            weights = weights / np.log(2)
        if self.made("loss_log10", half):
            weights = weights / np.log(10)
        if self.made("loss_scale", half):
            weights = weights * 65536
        return (-weights if self.made("sign", half) else weights).astype(dtype)

    def of(self, port, probs):
        """The loss."""
        counted, index = self.targets(port, "loss")
        picked = np.log(np.take_along_axis(probs, index[..., None], -1)[..., 0])
        losses = -picked
        if self.made("label_smoothing", "loss"):
            kept = port.dtype(1 - SMOOTHED)
            losses = -kept * picked - port.dtype(SMOOTHED) * np.log(probs).mean(-1)
        for base in (2, 10):
            if self.made(f"loss_log{base}", "loss"):
                losses = losses / port.dtype(np.log(base))
        port.put("losses", np.where(counted, losses, port.dtype(0)))
        weights = self.weights(counted, port.dtype, "loss")
        for base in (2, 10):  # is in the losses already
            weights = weights * port.dtype(
                np.log(base) if self.made(f"loss_log{base}", "loss") else 1
            )
        return port.put("loss", (port.out["losses"] * weights).sum())

    def gradient(self, port):
        """The gradient by the logits."""
        counted, index = self.targets(port, "gradient")
        probs = port.out["probs"]
        ones = np.zeros_like(probs)
        np.put_along_axis(ones, index[..., None], 1, -1)
        made = probs - ones
        if self.made("no_target", "gradient"):
            made = probs
        if self.made("no_softmax", "gradient"):
            made = -ones / probs
        if self.made("label_smoothing", "gradient"):
            made = probs - port.dtype(1 - SMOOTHED) * ones - port.dtype(SMOOTHED / ones.shape[-1])
        weights = self.weights(counted, port.dtype, "gradient")[..., None]
        if self.made("ignored", "gradient"):
            made = np.where(counted[..., None], made, probs)
            weights = np.where(counted[..., None], weights, port.dtype(1 / counted.sum()))
        return made * weights


def lossy(port, loss):
    """The port with this loss for its own."""
    port.loss_of = lambda probs: loss.of(port, probs)
    port.dlogits = lambda: loss.gradient(port)
    return port
