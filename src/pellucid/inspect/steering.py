"""Directions to steer by: what is added to a stream so that a model goes another way."""

from collections.abc import Sequence

from torch import Tensor

from pellucid.models import CausalModel
from pellucid.tape import Tape, check_finite


def stream_direction(
    model: CausalModel, name: str, tokens: Sequence[int], others: Sequence[int]
) -> Tensor:
    """How an activation at the end of one text differs from that at the end of another.

    Added to the same activation of a third text, by `Intervention(name, 4 * direction, add=True)`,
    it moves that towards the first text and away from the other. The texts may differ in length.

    Shapes: the activation (T, C), the direction (C,).
    Source: Turner et al. 2023, "Steering language models with activation engineering".

    Raises `TraceError` for a name that no run shows, or one that is NaN.
    """
    found = []
    for text in (tokens, others):
        tape = Tape()
        model.forward(list(text), tape)
        check_finite(tape, "what is steered by", [name])
        found.append(tape.value(name)[-1])
    direction: Tensor = found[0] - found[1]
    return direction


def token_direction(model: CausalModel, first: int, second: int) -> Tensor:
    """How the head reads one token rather than another: W_u[first] − W_u[second].

    Shapes: W_u (V, C), the direction (C,).
    """
    table = (model.params.get("lm_head") or model.params["wte"])["weight"]
    direction: Tensor = table[first] - table[second]
    return direction
