"""Patching: what a run gives when some of its heads come from the run on another text."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import TypeVar

import torch
from torch import Tensor

from pellucid.errors import TextError
from pellucid.layers import merge_heads
from pellucid.models import CausalModel, Intervention, intervene
from pellucid.tape import Tape, check_finite
from pellucid.tree import Tree

M = TypeVar("M", bound=CausalModel)

HeadPlace = tuple[int, int]
"""A layer and a head of it."""


@dataclass(frozen=True)
class Patching:
    """A difference of two logits at a text's end, with each head patched alone.

    `tape` is the run on the text, `other_tape` that on the other one, and `differences` (L, H) are
    the text's with one head of the other text's, in float64.
    """

    first: int
    second: int
    tape: Tape
    other_tape: Tape
    differences: Tensor

    @property
    def before(self) -> float:
        """The difference after the text, nothing patched."""
        return logit_difference(self.tape.value("logits"), self.first, self.second)

    @property
    def other(self) -> float:
        """The difference after the other text."""
        return logit_difference(self.other_tape.value("logits"), self.first, self.second)

    @property
    def changes(self) -> Tensor:
        """What each head's patch adds to the difference (L, H)."""
        return self.differences - self.before

    @property
    def shares(self) -> Tensor:
        """How far each patch goes from the text to the other text (L, H): 0 not at all, 1 all.

        share = (patched − before) / (other − before); shares need not add up to 1, nor lie between
        0 and 1, since later heads read what earlier ones wrote. NaN where the two are alike.
        """
        values = [[self.share(value) for value in row] for row in self.differences.tolist()]
        return torch.tensor(values, dtype=torch.float64)

    def share(self, difference: float) -> float:
        """The same of any run's difference, such as that with several heads patched together."""
        whole = self.other - self.before
        return (difference - self.before) / whole if whole else math.nan


def patch_heads(
    model: CausalModel,
    tokens: Sequence[int],
    others: Sequence[int],
    first: int,
    second: int,
    *,
    position: int | None = None,
    watch: Callable[[list[HeadPlace]], Iterable[HeadPlace]] = list,
) -> Patching:
    """logit[first] − logit[second] after `tokens`, with each head in turn as it is on `others`.

    See `patched` for what a patch is; a run for each head. By default it is patched at all
    positions, so that what a head writes at a word and later heads carry on counts too; with a
    `position` there alone. `watch` passes the heads through, as a progress bar does.

    Shapes: tokens and others (T,).
    Source: Vig et al. 2020, "Investigating gender bias in language models using causal mediation
    analysis"; Wang et al. 2022, "Interpretability in the wild", 3.

    Raises `TextError` for texts of different lengths or without a difference, `TraceError` where
    logits are NaN.
    """
    tape, other = both_runs(model, tokens, others)
    ids = tape.value("tokens")
    # Up to the first token that differs, all heads of the two runs are alike.
    start = int((ids != other.value("tokens")).nonzero()[0])
    if position is not None:
        start = position % len(ids)
    past = model.extend(ids[:start], None, last=1)[1] if start else None
    config = model.config
    found = torch.empty(config.n_layer, config.n_head, dtype=torch.float64)
    places = list(product(range(config.n_layer), range(config.n_head)))
    for layer, head in watch(places):
        changed = patched(model, tape, other, [(layer, head)], position=position)
        logits, _ = changed.extend(ids[start:], past, last=1)
        found[layer, head] = logit_difference(logits, first, second)
    return Patching(first, second, tape, other, found)


def patched(
    model: M, tape: Tape, other: Tape, heads: Iterable[HeadPlace], *, position: int | None = None
) -> M:
    """The model with these heads as they were in another run, all together, for the tape's text.

    What attention adds to the stream is Σ z[h] W_o[h] + b over the heads h. It is set to

        attn.c_proj.out + Σ (z'[h] − z[h]) W_o[h]     over the heads h that are patched,

    with z' the other run's, at every position, or at one alone. Heads of later blocks are patched
    in the run that has the earlier ones already. `tape` is the model's run on the text, `other` its
    run on one of as many tokens, as `run_with_cache` gives them.
    """
    changed, now = model, tape
    spot = slice(None) if position is None else position
    for layer, group in groupby(sorted(set(heads)), key=lambda place: place[0]):
        if changed is not model:
            _, now = changed.run_with_cache(tape.value("tokens"))
        place = f"h.{layer}.attn"
        moved = torch.zeros_like(now.value(f"{place}.z"))  # (H, T, d)
        for _, head in group:
            moved[head] = other.value(f"{place}.z")[head] - now.value(f"{place}.z")[head]
        out = model.params["h"][str(layer)]["attn"]["c_proj"]
        value = now.value(f"{place}.c_proj.out") + _projected(merge_heads(moved), out)  # (T, C)
        index = () if position is None else (position % len(value),)
        changed = intervene(changed, [Intervention(f"{place}.c_proj.out", value[spot], index)])
    return changed


def both_runs(
    model: CausalModel, tokens: Sequence[int], others: Sequence[int]
) -> tuple[Tape, Tape]:
    """The model's runs on two texts that a patch can be between.

    Raises `TextError` unless they differ, and have the same number of tokens.
    """
    check_texts(tokens, others)
    (_, tape), (_, other) = model.run_with_cache(tokens), model.run_with_cache(others)
    for run in (tape, other):
        check_finite(run, "logits", ["logits"])
    return tape, other


def check_texts(tokens: Sequence[int], others: Sequence[int]) -> None:
    """Raise `TextError` unless two texts differ, and have the same number of tokens."""
    if len(tokens) != len(others):
        raise TextError(
            "a patch puts one text's values where the other's are, position by position, and these "
            f"have {len(tokens)} and {len(others)} tokens: choose words of the same number of "
            "tokens, which pellucid tokenize shows"
        )
    if list(tokens) == list(others):
        raise TextError(
            f"a patch needs two texts that differ, and these have the same {len(tokens)} tokens as "
            "far as they are read: change a word at or before the place that is looked from"
        )


def logit_difference(logits: Tensor, first: int, second: int) -> float:
    """logit[first] − logit[second] at the last position, in float64."""
    last = logits[-1].double()
    return float(last[first] - last[second])


def _projected(merged: Tensor, c_proj: Tree) -> Tensor:
    """What the map of the heads' outputs makes of these, LoRA's pair included, without its bias."""
    out: Tensor = merged @ c_proj["weight"]
    if "lora_a" in c_proj:
        out = out + merged @ c_proj["lora_a"] @ c_proj["lora_b"]
    return out
