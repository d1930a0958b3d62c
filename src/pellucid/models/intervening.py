"""A table of pairs in which some of what they make is set by hand, by the values' names.

The run is the run: its forward calls the table's own pairs, then `intervened` at the places where
something is set, and its backward undoes both. What a pair made stays on the tape under its own
name, `h.0.ln_1.out`, and what went on in its place is `h.0.ln_1.intervened.out`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.layers import (
    Ops,
    Pair,
    dropout,
    dropout_backward,
    intervened,
    intervened_backward,
    position,
    position_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
)
from pellucid.tape import NULL_TAPE, NullTape

BESIDE = "intervened"
"""Under this, beside what was made, stands what took its place."""

ATTENTION = "scaled_dot_product"
"""The pair of which the table of attention is set, and not what it makes of that."""


class SetValues(NamedTuple):
    """What is set by hand at one place: the `value` where `where` is true, in what `pair` makes.

    Where it is `added`, the value of each position is added to what was made, as the layer
    `position` adds a table's rows.
    """

    where: Tensor
    value: Tensor
    pair: str
    added: bool = False

    @property
    def given(self) -> dict[str, Tensor]:
        """The arguments of the layer `intervened`, or of `position`."""
        if self.added:
            return {"weight": self.value}
        return {"where": self.where, "value": self.value}


class InterveningCache(NamedTuple):
    """What the backward needs where an output was set: the pair's cache and the intervention's."""

    made: Any
    intervened: Any

    @property
    def attn(self) -> Any:
        """Of a block: attention's cache, with the keys and values that a next call goes on from."""
        return self.made.attn


@dataclass(frozen=True, eq=False)
class InterveningOps(Ops):
    """A table with interventions in it; `base` is the table whose pairs compute."""

    base: Ops = field(kw_only=True)
    values: Mapping[str, SetValues] = field(kw_only=True)

    @property
    def given(self) -> dict[str, Tensor]:
        """What a recording tape is given: what is set, and where, under its names."""
        return {
            f"{intervened_name(name).removesuffix('out')}{key}": value
            for name, one in self.values.items()
            for key, value in one.given.items()
        }


def intervening(ops: Ops, values: Mapping[str, SetValues]) -> InterveningOps:
    """The table with these values set, by the name on the tape of what they take the place of.

    A tape that is handed to it must know its place even where it keeps nothing: a `Tape` or a
    `PlacedTape`, else `TraceError`. Attention whose table is set is computed by the reference.
    """
    own: dict[str, Pair] = {pair.name: getattr(ops, pair.name) for pair in fields(Ops)}
    places: dict[str, dict[str, SetValues]] = {}
    for name, one in values.items():
        places.setdefault(one.pair, {})[name.rpartition(".")[0]] = one
    for pair, at in places.items():
        own[pair] = _paired((_SettingTable if pair == ATTENTION else _Setting)(own[pair], at))
    return InterveningOps(**own, base=ops, values=values)


def intervened_name(name: str) -> str:
    """The name of what takes the place of a value: `h.0.intervened.out` for `h.0.resid_post`."""
    path, _, last = name.rpartition(".")
    own = f"{path}.attn_dropout" if last == "att" else path
    return f"{own}.{BESIDE}.out"


class _Setting(NamedTuple):
    """A pair, with its output set at these paths. A class, so that a tape can be pickled."""

    pair: Pair
    places: Mapping[str, SetValues]

    def forward(self, *inputs: Any, tape: NullTape = NULL_TAPE, **told: Any) -> tuple[Tensor, Any]:
        made, cache = self.pair.forward(*inputs, **told, tape=tape)
        one = self.places.get(_place(tape))
        if one is None:
            return made, cache
        beside = tape.at(BESIDE)
        own: Any
        if one.added:
            out, own = position(made, weight=one.value, tape=beside)
        else:
            out, own = intervened(made, **one.given, tape=beside)
        return out, InterveningCache(cache, own)

    def backward(
        self, dout: Tensor, cache: Any, *, tape: NullTape = NULL_TAPE, **told: Any
    ) -> tuple[Any, Any]:
        if not isinstance(cache, InterveningCache):
            undone: tuple[Any, Any] = self.pair.backward(dout, cache, **told, tape=tape)
            return undone
        undo = position_backward if self.places[_place(tape)].added else intervened_backward
        dmade, _ = undo(dout, cache.intervened, tape=tape.at(BESIDE))
        dx, grads = self.pair.backward(dmade, cache.made, **told, tape=tape)
        return dx, grads


class _SettingTable(NamedTuple):
    """Attention, with its table set at these paths before it is used."""

    pair: Pair
    places: Mapping[str, SetValues]

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, *, tape: NullTape = NULL_TAPE, **told: Any
    ) -> tuple[Tensor, Any]:
        one = self.places.get(_place(tape))
        if one is None:
            out, cache = self.pair.forward(q, k, v, **told, tape=tape)
            return out, cache
        keep = _paired(_Keeping(one))
        z, core = scaled_dot_product(q, k, v, **told, keep=keep, tape=tape)
        return z, InterveningCache(core, keep)

    def backward(self, dz: Tensor, cache: Any, *, tape: NullTape = NULL_TAPE) -> tuple[Any, Any]:
        if not isinstance(cache, InterveningCache):
            undone: tuple[Any, Any] = self.pair.backward(dz, cache, tape=tape)
            return undone
        return scaled_dot_product_backward(dz, cache.made, keep=cache.intervened, tape=tape)


class _Keeping(NamedTuple):
    """Dropout of attention, after the intervention in what it drops from."""

    one: SetValues

    def forward(self, att: Tensor, *, noise: Tensor | None, tape: NullTape) -> tuple[Tensor, Any]:
        used, own = intervened(att, **self.one.given, tape=tape.at(BESIDE))
        kept, dropped = dropout(used, noise=noise, tape=tape)
        return kept, (own, dropped)

    def backward(self, dkept: Tensor, cache: Any, *, tape: NullTape) -> tuple[Tensor, Any]:
        own, dropped = cache
        dused, _ = dropout_backward(dkept, dropped, tape=tape)
        return intervened_backward(dused, own, tape=tape.at(BESIDE))


def _paired(made: _Setting | _SettingTable | _Keeping) -> Pair:
    return Pair(made.forward, made.backward)


def _place(tape: NullTape) -> str:
    """Where the tape stands; `TraceError` for one that does not know: nothing would be set."""
    if not tape.path:
        raise TraceError(
            "a run with interventions needs a tape that knows its place, and one that does not "
            "came: call the model that intervene gives, or give a Tape or a PlacedTape"
        )
    return tape.path
