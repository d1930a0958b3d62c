"""Intervention: a table of pairs that replaces some of what they make, by the values' names.

The run is the run: an edited forward calls the table's own pairs, then `replaced` at the places
that have a replacement, and its backward undoes both. What a pair made stays on the tape under its
own name, `h.0.ln_1.out`, and what went on in its place is `h.0.ln_1.edit.out`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.layers.dropout import dropout, dropout_backward
from pellucid.layers.ops import Ops, Pair
from pellucid.layers.replaced import replaced, replaced_backward
from pellucid.layers.scaled_dot_product import scaled_dot_product, scaled_dot_product_backward
from pellucid.tape import NULL_TAPE, NullTape

EDIT = "edit"
"""Under this, beside what was made, stands what took its place."""

MADE = {"block": "resid_post"}
"""What a pair's output is called where it is not `out`."""

OUTPUTS = (
    *("embedding", "position", "linear", "lora_linear", "layer_norm"),
    *("gelu_tanh", "gelu_erf", "relu", *MADE),
)
"""The pairs whose output can be replaced, beside attention's table."""


class Replacement(NamedTuple):
    """What is set by hand at one place: the `value`, at the places where `where` is true."""

    where: Tensor
    value: Tensor


class Edited(NamedTuple):
    """What the backward needs where an output was replaced: the pair's cache and the edit's."""

    made: Any
    edit: Any

    @property
    def attn(self) -> Any:
        """Of a block: attention's cache, with the keys and values that a next call goes on from."""
        return self.made.attn


@dataclass(frozen=True, eq=False)
class Intervened(Ops):
    """A table with replacements in it; `base` is the table whose pairs compute."""

    base: Ops = field(kw_only=True)
    replacements: Mapping[str, Replacement] = field(kw_only=True)

    @property
    def given(self) -> dict[str, Tensor]:
        """What a recording tape is given: every replacement under its names."""
        return {
            f"{edited_name(name).removesuffix('out')}{key}": value
            for name, replacement in self.replacements.items()
            for key, value in replacement._asdict().items()
        }


def intervened(ops: Ops, replacements: Mapping[str, Replacement]) -> Intervened:
    """The table with these replacements, by the name on the tape of what is replaced.

    A tape that is handed to it must know its place even where it keeps nothing: a `Tape` or a
    `PlacedTape`, else `TraceError`. Attention whose table is replaced is computed by the reference.
    """
    pairs = {pair.name: getattr(ops, pair.name) for pair in fields(Ops)}
    outputs = {
        name: _replacing(pairs[name], MADE.get(name, "out"), replacements) for name in OUTPUTS
    }
    tables = {"scaled_dot_product": _replacing_table(ops.scaled_dot_product, replacements)}
    own = pairs | outputs | tables
    return Intervened(**own, base=ops, replacements=replacements)


def edited_name(name: str) -> str:
    """The name of what takes the place of a value: `h.0.edit.out` for `h.0.resid_post`."""
    path, _, last = name.rpartition(".")
    return f"{path}.attn_dropout.{EDIT}.out" if last == "att" else f"{path}.{EDIT}.out"


def _replacing(pair: Pair, made: str, replacements: Mapping[str, Replacement]) -> Pair:
    """The pair, with its output replaced where there is a replacement of that name."""

    def forward(x: Tensor, *, tape: NullTape = NULL_TAPE, **told: Any) -> tuple[Tensor, Any]:
        out, cache = pair.forward(x, **told, tape=tape)
        replacement = replacements.get(f"{_place(tape)}.{made}")
        if replacement is None:
            return out, cache
        edited, edit = replaced(out, **replacement._asdict(), tape=tape.at(EDIT))
        return edited, Edited(cache, edit)

    def backward(
        dout: Tensor, cache: Any, *, tape: NullTape = NULL_TAPE, **told: Any
    ) -> tuple[Any, Any]:
        if not isinstance(cache, Edited):
            undone: tuple[Any, Any] = pair.backward(dout, cache, **told, tape=tape)
            return undone
        dmade, _ = replaced_backward(dout, cache.edit, tape=tape.at(EDIT))
        dx, grads = pair.backward(dmade, cache.made, **told, tape=tape)
        return dx, grads

    return Pair(forward, backward)


def _replacing_table(pair: Pair, replacements: Mapping[str, Replacement]) -> Pair:
    """Attention, with its table replaced before it is used."""

    def forward(
        q: Tensor, k: Tensor, v: Tensor, *, tape: NullTape = NULL_TAPE, **told: Any
    ) -> tuple[Tensor, Any]:
        replacement = replacements.get(f"{_place(tape)}.att")
        if replacement is None:
            out, cache = pair.forward(q, k, v, **told, tape=tape)
            return out, cache
        keep = _keeping(replacement)
        z, core = scaled_dot_product(q, k, v, **told, keep=keep, tape=tape)
        return z, Edited(core, keep)

    def backward(dz: Tensor, cache: Any, *, tape: NullTape = NULL_TAPE) -> tuple[Any, Any]:
        if not isinstance(cache, Edited):
            undone: tuple[Any, Any] = pair.backward(dz, cache, tape=tape)
            return undone
        return scaled_dot_product_backward(dz, cache.made, keep=cache.edit, tape=tape)

    return Pair(forward, backward)


def _keeping(replacement: Replacement) -> Pair:
    """Dropout of attention, after the replacement of what it drops from."""

    def forward(att: Tensor, *, noise: Tensor | None, tape: NullTape) -> tuple[Tensor, Any]:
        edited, edit = replaced(att, **replacement._asdict(), tape=tape.at(EDIT))
        kept, dropped = dropout(edited, noise=noise, tape=tape)
        return kept, (edit, dropped)

    def backward(dkept: Tensor, cache: Any, *, tape: NullTape) -> tuple[Tensor, Any]:
        edit, dropped = cache
        dedited, _ = dropout_backward(dkept, dropped, tape=tape)
        return replaced_backward(dedited, edit, tape=tape.at(EDIT))

    return Pair(forward, backward)


def _place(tape: NullTape) -> str:
    """Where the tape stands; `TraceError` for one that does not know, which no edit would reach."""
    if not tape.path:
        raise TraceError(
            "an edited run needs a tape that knows its place, and one that does not came: call "
            "the edited model, or give a Tape or a PlacedTape"
        )
    return tape.path
