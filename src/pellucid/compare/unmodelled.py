"""Without the model: another program's tensors beside a small pack's runs and checksums.

No step can be made again, so nothing is known of what a tensor was made from: the first that
differs is where to look, those after it may follow, and no cause is named. What is allowed is what
is stated for a dtype behind a gap.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.compare.decoded_names import is_ids
from pellucid.compare.hidden import LOW, SCORES, WEIGHTS
from pellucid.compare.judge import STATED, fitted
from pellucid.compare.later import LOSSES, NORMS, Later, moved, of_steps
from pellucid.compare.mine import INTEGERS, Mine
from pellucid.reference import Pack, projections_apart

NEW = ".new"

UNMODELLED = (
    "the pack's model is not here, so no step was made again: each tensor is judged by the numbers "
    "that the pack has of it and by its checksums, and no cause is looked for"
)
AGREES = {
    True: "no tensor is off by more than rounding can bring it",
    False: "no tensor is far from the pack's, as far as the pack has it",
}
"""What is said of agreement, by whether the pack's model was there."""


def by_sample(pack: Pack, mine: Mine, dtype: torch.dtype) -> Iterator[Later]:
    """Every tensor that both have, judged by the numbers that the pack has, and by its checksums.

    Raises `TraceError` for a tensor of another shape.
    """
    for name, row in pack.rows.items():
        if name not in mine or name in INTEGERS:
            continue
        if is_ids(name):
            yield _ids(name, pack, mine)
        elif name in {LOSSES, NORMS}:
            yield of_steps(name, "loss" if name == LOSSES else "norm", pack, mine[name], dtype)
        elif name.endswith(NEW):
            yield from _moved(name, pack, mine, dtype)
        elif not name.startswith("step."):
            yield _judged(name, pack, fitted(name, mine[name], torch.Size(row["shape"])), dtype)


def _ids(name: str, pack: Pack, mine: Mine) -> Later:
    """Tokens that were chosen, which have to be the pack's."""
    theirs = pack.tensor(name, pack.finest)
    own = mine.ids(name, theirs.shape)
    other = (own != theirs).nonzero()
    if not len(other):
        return Later(name, agrees=True, said="the same tokens")
    at = int(other[0])
    said = f"after step {at} yours is {int(own[at])}, and the pack's {int(theirs[at])}"
    return Later(name, agrees=False, said=said)


def _moved(name: str, pack: Pack, mine: Mine, dtype: torch.dtype) -> Iterator[Later]:
    """A weight after a step: beside where the pack's began, if that has kept the same numbers."""
    _, _, after = name.rpartition("step.")
    parameter = after.removesuffix(NEW) if after == name else after.split(".", 1)[1][: -len(NEW)]
    rows = pack.rows
    if parameter in rows and rows[parameter].get("runs") == rows[name].get("runs"):
        whole = fitted(name, mine[name], torch.Size(rows[name]["shape"]))
        start = pack.tensor(parameter, pack.finest)
        yield moved(name, pack, pack.part(name, whole), start, dtype)


def _judged(name: str, pack: Pack, whole: Tensor, dtype: torch.dtype) -> Later:
    row, theirs = pack.stored(name), pack.tensor(name, pack.finest).double()
    own = pack.part(name, whole)
    largest = row.get("checks", {}).get("largest")
    finite = theirs.abs().nan_to_num(posinf=0)
    allowed = STATED[dtype] * (float(finite.max()) if largest is None else largest)
    off = (own.double() - theirs).abs().masked_fill(own == theirs, 0).nan_to_num(nan=torch.inf)
    off = off.masked_fill(own.isnan() & theirs.isnan(), 0)
    # What is hidden from a position has any score as low as no number, and no gradient needed.
    if name.endswith(WEIGHTS) and name.startswith("d"):
        off = off.masked_fill(own == 0, 0)
    off = off.masked_fill((theirs == -torch.inf) & (own <= LOW), 0)
    some = f" of {theirs.numel()} numbers"
    some += " that the pack has of it" if "checks" in row else ""
    if bool((off > allowed).any()):
        at = int(off.argmax())
        said = (
            f"{int((off > allowed).sum())}{some} differ: yours is {float(own.reshape(-1)[at]):.6g} "
            f"where the pack's is {float(theirs.reshape(-1)[at]):.6g}"
        )
        return Later(name, agrees=False, said=said)
    hidden = any(name.endswith(one) for one in (*WEIGHTS, SCORES))
    if "checks" in row and not hidden and projections_apart(whole, row["checks"], allowed):
        said = "the numbers that the pack has of it are right, and a checksum of the whole is not"
        return Later(name, agrees=False, said=said)
    judged = "by some numbers and checksums" if "checks" in row else "whole"
    return Later(name, agrees=True, said=f"near the pack's, judged {judged}")
