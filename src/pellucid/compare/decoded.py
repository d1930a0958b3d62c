"""Decoded: what another program has decoded after the prompt, step by step, beside the model's own.

Each step is judged after the tokens that the other program itself has chosen before, so that one
other choice is one difference. Nothing between the prompt and the logits is shown, so what is
allowed is what is stated for a dtype behind a gap.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.checkpoint.ids import token_ids
from pellucid.compare.decoded_names import CACHE, TABLE, is_decoded
from pellucid.compare.judge import fitted
from pellucid.compare.later import Later
from pellucid.compare.sampled import allowed_off, judge_sampled, parts_wrong
from pellucid.errors import TraceError
from pellucid.models import CausalModel
from pellucid.reference import IDS, LOGITS, SAMPLED, UNIFORM, Decoded, Pack, decode, sampling_of
from pellucid.tree import flatten, unflatten

POSITIONS = "wpe.weight"


def texts(pack: Pack, mine: Mapping[str, Tensor]) -> Iterator[Later]:
    """Judge the ids of each text that the other program's tokenizer has tried."""
    for number, row in enumerate(pack.manifest.get("texts", ())):
        name = f"{TABLE}{number}"
        if name in mine:
            own = token_ids(name, mine[name].reshape(-1)).tolist()
            said = _first_other(own, row["ids"])
            about = f"{row['text']!r}{' with special tokens' if row.get('special') else ''}"
            told = f"{about}: {said or 'the same ids'}"
            yield Later(name, agrees=not said, said=told, follows=False)


def _first_other(own: Sequence[int], theirs: Sequence[int]) -> str:
    for place, pair in enumerate(zip(own, theirs, strict=False)):
        if pair[0] != pair[1]:
            return f"at {place} yours is {pair[0]}, and the pack's {pair[1]}"
    if len(own) == len(theirs):
        return ""
    same = min(len(own), len(theirs))
    return (
        f"the first {same} ids are the same, and yours has {len(own)} of the pack's {len(theirs)}"
    )


def decoded(
    pack: Pack, mine: Mapping[str, Tensor], model: CausalModel, dtype: torch.dtype
) -> Iterator[Later]:
    """Judge the logits of each step, the caches, the likeliest tokens and the sampled ones."""
    about = pack.manifest.get("decoding")
    if about is None or not any(is_decoded(name, model.config.n_layer) for name in mine):
        return
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    run = _Run(model.to(dtype=wide), about["prompt"], about["steps"], dtype)
    own = _own(IDS, pack, mine)
    if any(name in mine for name in (IDS, LOGITS)) or any(name.startswith(CACHE) for name in mine):
        made = run.after(own)
        if LOGITS in mine:
            yield _logits(run, own, made, fitted(LOGITS, mine[LOGITS], made.logits.shape))
        for name, values in made.tensors().items():
            if name in mine:
                yield _cache(name, fitted(name, mine[name], values.shape), values, run)
        if IDS in mine:
            yield _likeliest(run, own, made)
    if SAMPLED in mine:
        sampled = _own(SAMPLED, pack, mine)
        u = pack.tensor(UNIFORM, pack.finest).double()
        yield judge_sampled(
            sampled, run.after(sampled).logits, sampling_of(pack.manifest), u.tolist(), dtype
        )


def _own(name: str, pack: Pack, mine: Mapping[str, Tensor]) -> list[int]:
    """The tokens that were chosen: the other program's, or where it shows none, the pack's."""
    theirs = pack.tensor(name, pack.finest)
    own = token_ids(name, fitted(name, mine[name], theirs.shape)) if name in mine else theirs
    if len(wrong := own[(own < 0) | (own >= pack.config.vocab_size)]):
        raise TraceError(
            f"{name} must be tokens of the model, 0 to {pack.config.vocab_size - 1}, and yours has "
            f"{int(wrong[0])}: dump the ids that were chosen"
        )
    ids: list[int] = own.tolist()
    return ids


@dataclass(frozen=True)
class _Run:
    """What is decoded with."""

    model: CausalModel
    prompt: list[int]
    steps: int
    dtype: torch.dtype

    def after(self, ids: Sequence[int]) -> Decoded:
        """The decoding that chooses these tokens."""
        return decode(self.model, self.prompt, self.steps, lambda number, _: ids[number])

    def right(self, mine: Tensor, true: Tensor) -> Tensor:
        """Which rows are no farther off."""
        off = (mine.to(true.dtype) - true).abs().nan_to_num(nan=torch.inf).amax(-1)
        return off <= allowed_off(true, self.dtype)


def _logits(run: _Run, ids: Sequence[int], made: Decoded, mine: Tensor) -> Later:
    right = run.right(mine, made.logits)
    if bool(right.all()):
        return Later(LOGITS, agrees=True, said=f"right at each of {run.steps} steps")
    said = parts_wrong(right, "step")
    for cause, wrong in _mistakes(run, ids, made):
        try:
            if bool(run.right(mine, wrong()).all()):
                return Later(LOGITS, agrees=False, said=f"{said}: {cause}")
        except (IndexError, RuntimeError, ValueError):
            continue  # as where there is no room for a token that is read twice
    return Later(LOGITS, agrees=False, said=said)


def _cache(name: str, mine: Tensor, true: Tensor, run: _Run) -> Later:
    """A cache (heads, positions, channels), position by position."""
    rows = mine.transpose(0, 1).flatten(1), true.transpose(0, 1).flatten(1)
    right = run.right(*rows)
    whole = bool(right.all())
    return Later(name, agrees=whole, said="right" if whole else parts_wrong(right, "position"))


def _likeliest(run: _Run, ids: Sequence[int], made: Decoded) -> Later:
    for number, (token, row) in enumerate(zip(ids, made.logits, strict=True)):
        best = int(row.argmax())
        if row[token] < row[best] - 2 * allowed_off(row, run.dtype):
            said = (
                f"after step {number} yours is {token}, with a logit of {float(row[token]):.4g}, "
                f"and the likeliest is {best}, with {float(row[best]):.4g}"
            )
            return Later(IDS, agrees=False, said=said)
    return Later(IDS, agrees=True, said="the likeliest at each step")


# -- what may be wrong with a cache ----------------------------------------------------------------

Mistaken = Iterator[tuple[str, Callable[[], Tensor]]]


def _mistakes(run: _Run, ids: Sequence[int], made: Decoded) -> Mistaken:
    """Each known mistake in decoding, and the logits that it makes."""
    first, model, read = made.logits[:1], run.model, list(ids[:-1])

    def whole(tokens: Sequence[int]) -> Tensor:
        return model.extend(list(tokens), None, last=run.steps)[0]

    def alone() -> Tensor:
        steps = [model.extend([token], None, last=1)[0] for token in read]
        return torch.cat([first, *steps])

    def of_prompt() -> Tensor:
        past = model.extend(run.prompt, None, last=1)[1]
        return torch.cat([first, *(model.extend([token], past, last=1)[0] for token in read)])

    yield "a step sees its own token alone: the cache is not read", alone
    yield "the cache stays the prompt's: what is decoded is not added to it", of_prompt
    yield (
        "each is that of the step before",
        lambda: torch.cat([first, made.logits[:-1]]),
    )
    yield (
        "the prompt's last token is read twice, and stands twice in the cache",
        lambda: torch.cat([first, whole([*run.prompt, run.prompt[-1], *read])[1:]]),
    )
    yield (
        "the prompt's first position is taken, not its last",
        lambda: torch.cat([model.extend(run.prompt[:1], None)[0], made.logits[1:]]),
    )
    if POSITIONS in flatten(model.params):
        length = len(run.prompt)
        for said, by, since in (
            ("the position of each new token is 0", 0, 0),
            ("positions of new tokens are counted one too high", 1, 1),
            ("positions of new tokens are counted one too low", 1, -1),
            ("positions of new tokens begin at 0 again", 1, -length),
            ("positions of new tokens stay that of the prompt's last", 0, length - 1),
        ):
            yield said, partial(_placed, run, read, by, since)


def _placed(run: _Run, read: Sequence[int], by: int, since: int) -> Tensor:
    """The logits where each new token has the learnt vector of position by · its own + since."""
    params: dict[str, Any] = flatten(run.model.params)
    rows, past = run.model.extend(run.prompt, None, last=1)
    table = params[POSITIONS]
    for token in read:
        at = past[0].k.shape[-2]
        moved = table.clone()
        moved[at] = table[by * at + since]
        model = run.model.with_params(unflatten({**params, POSITIONS: moved}))
        row, past = model.extend([token], past, last=1)
        rows = torch.cat([rows, row])
    return rows
