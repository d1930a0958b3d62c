"""Sweeps: every head ablated in turn, and what that does to the loss and to two tokens' logits."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.inspect.resuming import Resumer
from pellucid.layers import IGNORE, wide
from pellucid.models import CausalModel
from pellucid.tape import Tape, check_finite
from pellucid.tree import Tree


class Ablated(NamedTuple):
    """Some heads of a block, each ablated alone: what a run has then, less what it has with all.

    `heads` are the numbers, `losses` and `differences` the changes, in float64 and that order.
    """

    layer: int
    heads: range
    losses: Tensor
    differences: Tensor


def ablate_heads(
    model: CausalModel,
    tape: Tape,
    first: int,
    second: int,
    *,
    position: int | None = None,
    read: int = -1,
) -> Iterator[Ablated]:
    """Ablate each head alone, and yield what that changes, from the last block to the first.

    A head is ablated by setting its attention to 0, at all positions or at `position` alone:
    what attention adds is then less by what the head added. The loss is the mean over the tape's
    targets (NaN where it has none), the difference logit[first] − logit[second] at position `read`.
    Heads of a block go on together from there; earlier blocks are not run again.

        attn.c_proj.out − z[h] W_o[h]

    Shapes: z (H, T, d), `c_proj.weight` (H·d, C).
    Source: Michel et al. 2019, "Are sixteen heads really better than one?"

    Raises `TraceError` for positions outside the text, or logits that are NaN.
    """
    check_finite(tape, "logits", ["logits"])
    count = len(tape.value("tokens"))
    for wanted in (read, 0 if position is None else position):
        if not -count <= wanted < count:
            raise TraceError(
                f"a position must be from 0 to {count - 1} in this text, or count from its end by "
                f"-1, and {wanted} does not"
            )
    start = 0 if position is None else position % count
    targets = tape.value("targets") if "targets" in tape else torch.full((count,), IGNORE)
    whole = _Measured(targets, first, second, read % count)
    loss, difference = whole.of(tape.value("logits")[None], 0)
    resumer = Resumer(model, tape, start)
    # Before the start all is as it was: only what comes from there on is measured again.
    before = whole.sum(tape.value("logits")[None, :start], 0)
    size = resumer.at_once()
    for layer in reversed(range(model.config.n_layer)):
        place = f"h.{layer}.attn"
        z = tape.value(f"{place}.z")[:, start:]  # (H, T, d)
        out = tape.value(f"{place}.c_proj.out")[start:]  # (T, C)
        added = z @ head_rows(model.params["h"][str(layer)]["attn"]["c_proj"], len(z))  # (H, T, C)
        if position is not None:
            added[:, 1:] = 0
        for begin in range(0, len(z), size):
            heads = range(begin, min(begin + size, len(z)))
            values = out - added[begin : begin + size]
            logits = resumer.logits(layer, "attn.c_proj.out", values)
            losses, differences = whole.of(logits, start, before)
            if read % count < start:  # it cannot see the place that was changed
                differences = difference.expand(len(heads))
            yield Ablated(layer, heads, losses - loss, differences - difference)


def head_rows(c_proj: Tree, heads: int) -> Tensor:
    """W_o by heads (H, d, C), LoRA's pair included: what each head's output is multiplied by."""
    weight = c_proj["weight"]
    if "lora_a" in c_proj:
        weight = weight + c_proj["lora_a"] @ c_proj["lora_b"]
    rows: Tensor = weight.unflatten(0, (heads, -1))
    return rows


class _Measured(NamedTuple):
    """What is read off the logits of several runs."""

    targets: Tensor
    first: int
    second: int
    read: int

    def of(self, logits: Tensor, start: int, before: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        """The losses and the differences (B,) of logits (B, T − start, V), in float64."""
        count = (self.targets != IGNORE).sum()
        row = logits[:, max(0, self.read - start)].double()
        losses = (before + self.sum(logits, start)) / count
        return losses, row[:, self.first] - row[:, self.second]

    def sum(self, logits: Tensor, start: int) -> Tensor:
        """The sum of the losses at the positions from `start` on that these logits are of (B,)."""
        targets = self.targets[start : start + logits.shape[1]]
        at = (targets != IGNORE).nonzero().flatten()
        rows = wide(logits[:, at])
        chosen = rows.gather(-1, targets[at].expand(len(rows), -1)[..., None])[..., 0]
        losses: Tensor = rows.logsumexp(-1) - chosen
        return losses.double().sum(-1)
