"""How long gradients are, block by block: where they vanish or explode on their way back."""

from collections.abc import Mapping
from typing import NamedTuple

from pellucid.models import CausalModel
from pellucid.tape import Tape, check_finite
from pellucid.tree import flatten


class Norms(NamedTuple):
    """Euclidean lengths of gradients.

    `blocks` gives, for each kind of parameter that every block has, a length a block; `before`
    and `after` those of what stands around the blocks, the embeddings, and the final norm and the
    head; `stream` the gradient by the residual stream into each block, and last out of all.
    """

    blocks: Mapping[str, tuple[float, ...]]
    before: Mapping[str, float]
    after: Mapping[str, float]
    stream: tuple[float, ...]


def gradient_norms(model: CausalModel, tape: Tape) -> Norms:
    """Read the gradients' lengths off the tape of a step; `TraceError` where they are NaN."""
    depth = model.config.n_layer
    check_finite(tape, "gradients", (f"d{name}" for name in flatten(model.params)))
    blocks: dict[str, list[float]] = {}
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    for name in flatten(model.params):
        norm = float(tape.value(f"d{name}").double().norm())
        first, _, rest = name.partition(".")
        if first == "h":
            blocks.setdefault(rest.partition(".")[2], []).append(norm)
        else:
            (after if blocks else before)[name] = norm
    names = [f"dh.{layer}.resid_pre" for layer in range(depth)] + [f"dh.{depth - 1}.resid_post"]
    return Norms(
        {kind: tuple(norms) for kind, norms in blocks.items()},
        before,
        after,
        tuple(float(tape.value(name).double().norm()) for name in names),
    )
