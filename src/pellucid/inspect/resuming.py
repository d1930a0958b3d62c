"""Going on from a block: many runs like one that is known, of which each differs from there on.

What stands before the change is the known run's: it is neither computed again nor held twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from torch import Tensor
from torch.nn.functional import silu

from pellucid.kernels import FAST
from pellucid.layers import Ops, Pair, Past
from pellucid.models import CausalModel
from pellucid.tape import NULL_TAPE, NullTape, PlacedTape, Tape

Place = Literal["resid_pre", "attn.c_proj.out", "mlp.c_proj.out"]
"""What of a block can be another: the stream into it, or what attention or the MLP adds."""

AT_ONCE = 1 << 24
"""About how many numbers a layer of all runs together may make: 64 MiB in float32."""


FORWARD = replace(
    FAST,
    silu=Pair(lambda x, *, tape: (silu(x), None), FAST.silu.backward),  # noqa: ARG005 (a pair's)
)
"""`FAST`, and of SiLU, which in the reference takes as long as the maps around it, what torch has.

Nothing here goes backward.
"""


class Resumer:
    """Runs a model on from any block of a run that is known, several times at once.

    `tape` is the model's run on one text, and `start` the first position that may be another: of
    earlier ones keys and values are kept. The model's interventions count as in any run of it.
    """

    def __init__(self, model: CausalModel, tape: Tape, start: int = 0, ops: Ops = FORWARD) -> None:
        self.model, self.tape, self.start, self.ops = model, tape, start, ops
        self.tokens: Tensor = tape.value("tokens")
        self.past: tuple[Past, ...] | None = None
        if start:
            _, whole = model.extend(self.tokens, None, ops=ops, last=1)
            self.past = tuple(one.first(start) for one in whole)

    def at_once(self, *, last: int | None = None) -> int:
        """How many runs may go on together; `last` as in `logits`."""
        length = len(self.tokens) - self.start
        config = self.model.config
        widest: int = max(
            length * 4 * config.n_embd,
            config.n_head * length * len(self.tokens),
            min(length, last or length) * config.vocab_size,
        )
        return max(1, AT_ONCE // widest)

    def logits(
        self, layer: int, place: Place, values: Tensor, *, last: int | None = None
    ) -> Tensor:
        """The logits of a run for each of these values at one place of block `layer`.

        With `last`, those of so many positions at the end only.

        Shapes: values (B, T − start, C), logits (B, T − start or last, V).
        """
        stream = self.tape.value(f"h.{layer}.resid_pre")[self.start :]
        given = {"drop": values if place == "resid_pre" else stream}
        if place != "resid_pre":
            given[f"h.{layer}.{place.removesuffix('.out')}"] = values
        ops = replace(
            self.ops,
            dropout=_given(self.ops.dropout, given),
            linear=_given(self.ops.linear, given),
            lora_linear=_given(self.ops.lora_linear, given),
        )
        blocks = {
            number: params
            for number, params in self.model.params["h"].items()
            if int(number) >= layer
        }
        rest = self.model.with_params({**self.model.params, "h": blocks})
        past = self._past(layer, len(values), own=place == "resid_pre")
        logits, _ = rest.extend(self.tokens[self.start :], past, PlacedTape(), ops=ops, last=last)
        return logits

    def _past(self, layer: int, count: int, *, own: bool) -> tuple[Past, ...] | None:
        """The past for each run: in the block itself only where its `own` stream differs too."""
        if self.past is None:
            return None
        first = layer if own else layer + 1
        return tuple(
            past if number < first else Past(*(one.expand(count, *one.shape) for one in past))
            for number, past in enumerate(self.past)
        )


class _Given(NamedTuple):
    """A pair that makes at some places what it was given for them."""

    pair: Pair
    values: Mapping[str, Tensor]

    def forward(self, x: Tensor, *, tape: NullTape = NULL_TAPE, **told: Any) -> tuple[Tensor, Any]:
        if tape.path in self.values:
            return self.values[tape.path], None
        out, cache = self.pair.forward(x, **told, tape=tape)
        return out, cache


def _given(pair: Pair, values: Mapping[str, Tensor]) -> Pair:
    return Pair(_Given(pair, values).forward, pair.backward)
