"""Mistakes in how layers are wired, in dumped logits, and in the gradient of the tied table."""

from collections.abc import Callable
from typing import Any

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.layers import (
    block,
    block_backward,
    linear_cross_entropy,
    position,
    position_backward,
    unembedding,
    unembedding_backward,
)
from pellucid.models.causal_wiring import causal_loss, table_backward

_ADDED_UP = "sum(dweights[1:], start=dweights[0])"


def _norm(place: str, text: str) -> Mistake:
    change = argument("norm", lambda _: place)
    lines = (('"norm": norm', f'"norm": "{place}"'),)
    return Mistake(f"{place}_norm", text, lines, {block: change, block_backward: change})


def _of_uses(uses: slice) -> Change:
    return argument("dweights", lambda dweights: dweights[uses])


def _from_1(right: Function) -> Function:
    def wrong(*, start: int, **given: Any) -> Any:
        out, (x, weight, _) = right(start=start + 1, **given)
        return out, (x, weight, start)

    return wrong


def _own_head(right: Function, *, needed: Any) -> Function:
    def wrong(*, weight: Any, **given: Any) -> Any:
        out, (x, _) = right(weight=needed, **given)
        return out, (x, weight)

    return wrong


def _own_head_backward(right: Function, *, needed: Any) -> Function:
    return argument("cache", lambda cache: (cache[0], needed))(right)


def _looked_up_alone(right: Function, *, needed: Any) -> Function:  # noqa: ARG001
    return _of_uses(slice(1))(right)


def _unshifted(right: Function) -> Function:
    return lambda **given: right(**given | {"targets": given["tokens"]})


def _shown(name: str, text: str, line: str, show: Callable[[Any], Any]) -> Mistake:
    """Scores that are right, of which something else was dumped."""
    lines = (("tape(out=out)", f"tape(out={line})"),)
    changes: dict[Function, Change] = dict.fromkeys(
        (unembedding, linear_cross_entropy), step(show=show)
    )
    return Mistake(name, f"nothing but the dump: {text}, and the loss is right", lines, changes)


def _log_probs(out: Any) -> Any:
    shifted = out - out.amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


WIRING: tuple[Mistake, ...] = (
    _norm(
        "post", "the norm comes after the residual sum (post-norm), not before the layer (pre-norm)"
    ),
    _norm(
        "pre", "the norm comes before the layer (pre-norm), not after the residual sum (post-norm)"
    ),
    Mistake(
        "position_from_1",
        "positions are counted from 1, not from 0",
        (("weight[start : start + x.shape[-2]]", "weight[start + 1 : start + 1 + x.shape[-2]]"),),
        {
            position: _from_1,
            position_backward: argument("cache", lambda cache: (*cache[:2], cache[2] + 1)),
        },
    ),
    Mistake(
        "untied_head",
        "the head has a weight of its own, and it is the embedding's table",
        (("x @ weight.mT", "x @ own_head.mT"),),
        {
            unembedding: _own_head,
            unembedding_backward: _own_head_backward,
            table_backward: _looked_up_alone,
        },
        needs="lm_head.weight",
    ),
    _shown(
        "centred_logits",
        "each row of logits has been centred, its mean subtracted, as TransformerLens does",
        "out - out.mean(-1, keepdim=True)",
        lambda out: out - out.mean(-1, keepdim=True),
    ),
    _shown(
        "log_probs_for_logits",
        "log-probabilities stand in the place of logits",
        "out.log_softmax(-1)",
        _log_probs,
    ),
    _shown(
        "probs_for_logits",
        "probabilities stand in the place of logits",
        "out.softmax(-1)",
        lambda out: _log_probs(out).exp(),
    ),
    Mistake(
        "unshifted_targets",
        "the targets are not shifted: each position is to predict the token it has read",
        (("x, targets, **(lm_head or wte)", "x, tokens, **(lm_head or wte)"),),
        {causal_loss: _unshifted},
    ),
    Mistake(
        "grad_without_tied_head",
        "the tied table's gradient lacks what comes from the head",
        ((_ADDED_UP, "dweights[0]"),),
        {table_backward: _of_uses(slice(1))},
    ),
    Mistake(
        "grad_without_embedding",
        "the tied table's gradient lacks what comes from looking tokens up",
        ((_ADDED_UP, "dweights[-1]"),),
        {table_backward: _of_uses(slice(-1, None))},
    ),
)
"""Those of the model."""
