"""Mistakes in how the layers are wired, in the loss, and in the gradient of the tied table."""

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change
from pellucid.layers import (
    block,
    block_backward,
    cross_entropy,
    cross_entropy_backward,
    position,
    position_backward,
    unembedding,
    unembedding_backward,
)
from pellucid.models.gpt.wiring import gpt_loss, table_backward

_ADDED_UP = "sum(dweights[1:], start=dweights[0])"
_NORM = '"norm": norm'
_ROWS = "weight[start : start + x.shape[-2]]"

WIRING: tuple[Mistake, ...] = (
    Mistake(
        "post_norm",
        "the norm comes after the residual sum (post-norm), not before the layer (pre-norm)",
        (
            Change(block, _NORM, '"norm": "post"'),
            Change(block_backward, _NORM, '"norm": "post"'),
        ),
    ),
    Mistake(
        "pre_norm",
        "the norm comes before the layer (pre-norm), not after the residual sum (post-norm)",
        (
            Change(block, _NORM, '"norm": "pre"'),
            Change(block_backward, _NORM, '"norm": "pre"'),
        ),
    ),
    Mistake(
        "position_from_1",
        "positions are counted from 1, not from 0",
        (
            Change(position, _ROWS, "weight[start + 1 : start + 1 + x.shape[-2]]"),
            Change(position_backward, "weight[:start]", "weight[: start + 1]"),
            Change(
                position_backward,
                "weight[start + drows.shape[0] :]",
                "weight[start + 1 + drows.shape[0] :]",
            ),
        ),
    ),
    Mistake(
        "untied_head",
        "the head has a weight of its own, and it is the embedding's table",
        (
            Change(unembedding, "x @ weight.mT", "x @ own_head.mT"),
            Change(unembedding_backward, "dout @ weight", "dout @ own_head"),
            Change(table_backward, _ADDED_UP, "dweights[0]"),
        ),
        needs="lm_head.weight",
    ),
    Mistake(
        "unshifted_targets",
        "the targets are not shifted: each position is to predict the token it has read",
        (Change(gpt_loss, "x, targets, **(lm_head or wte)", "x, tokens, **(lm_head or wte)"),),
    ),
    Mistake(
        "loss_summed",
        "the loss is summed over the positions, not averaged",
        (
            Change(cross_entropy, "losses.sum() / counted.sum()", "losses.sum()"),
            Change(
                cross_entropy_backward, "dloss * deviation / counted.sum()", "dloss * deviation"
            ),
        ),
    ),
    Mistake(
        "grad_without_tied_head",
        "the tied table's gradient lacks what comes from the head",
        (Change(table_backward, _ADDED_UP, "dweights[0]"),),
    ),
    Mistake(
        "grad_without_embedding",
        "the tied table's gradient lacks what comes from looking tokens up",
        (Change(table_backward, _ADDED_UP, "dweights[-1]"),),
    ),
)
"""Those of the model."""
