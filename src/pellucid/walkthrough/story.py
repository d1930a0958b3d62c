"""Whom a tour follows: the last token of a run, and the head in which it looks hardest at another.

What is said of them are texts by placeholder, as the sights of a walk give them; None is left out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from pellucid.inspect import logit_lens
from pellucid.layers import IGNORE
from pellucid.models import intervened_name, trainable
from pellucid.numbers import at
from pellucid.tape import Tape
from pellucid.train.record import Trace
from pellucid.tree import flatten
from pellucid.walkthrough.sights.gradients import unravelled
from pellucid.words import figure, quoted, share

MOVED, PROMISED = 0.1, 0.05
"""How far a weight is moved at most to see what its gradient promised, and by what it promised."""

Texts = Mapping[str, str | None]


@dataclass(frozen=True)
class StrongestLook:
    """Where the token looks hardest: the block, the head, and at which position; at none alone."""

    block: int
    head: int
    other: int | None


@dataclass(frozen=True)
class Story:
    """A recorded run as a tour tells it."""

    trace: Trace

    @property
    def tape(self) -> Tape:
        """All that the run showed."""
        return self.trace.tape

    @property
    def place(self) -> int:
        """The position that is followed: the last."""
        return len(self.trace.pieces) - 1

    @property
    def depth(self) -> int:
        """How many blocks there are."""
        depth: int = self.trace.model.config.n_layer
        return depth

    @cached_property
    def look(self) -> StrongestLook:
        """The strongest look of the last token at another.

        Looks at the first are left out where there are others: many heads of trained models rest
        there. Block 0 and head 0 where it is alone, or nothing is finite.
        """
        best, found = 0.0, StrongestLook(0, 0, None)
        for block in range(self.depth):
            row = self.tape.value(self.attention(block))[:, self.place, : self.place].clone()
            if not row.numel() or not bool(row.isfinite().all()):
                continue
            if self.place > 1:
                row[:, 0] = -1
            head, other = unravelled(int(row.argmax()), row)
            if float(row[head, other]) > best:
                best, found = float(row[head, other]), StrongestLook(block, head, other)
        return found

    def attention(self, block: int) -> str:
        """The name of a block's shares, as they were used."""
        name = f"h.{block}.attn.att"
        changed = intervened_name(name)
        return changed if changed in self.tape else name

    @property
    def target(self) -> int | None:
        """The position whose loss is told: the last that has one."""
        wanted = self.tape.value("targets").tolist() if "targets" in self.tape else []
        return next((t for t in reversed(range(len(wanted))) if wanted[t] != IGNORE), None)

    @cached_property
    def steepest(self) -> tuple[str, tuple[int, ...]] | None:
        """The weight with the largest gradient, and where in it that is."""
        best, found = 0.0, None
        for name in flatten(trainable(self.trace.model.params)):
            slopes = self.tape.value(f"d{name}") if f"d{name}" in self.tape else None
            size = 0.0 if slopes is None else float(slopes.abs().max())
            if slopes is not None and best < size < math.inf:
                best, found = size, (name, unravelled(int(slopes.abs().argmax()), slopes))
        return found

    @property
    def nudged(self) -> float | None:
        """What the steepest weight is set to, so that the loss falls."""
        if self.steepest is None:
            return None
        name, index = self.steepest
        weight, slope = self._number(name, index), self._number(f"d{name}", index)
        size = float(f"{min(MOVED, PROMISED / abs(slope)):.0e}")
        return float(f"{weight - math.copysign(size, slope):.6g}")

    def guesses(self, probs: Tensor) -> list[int]:
        """The likeliest tokens, the first two; none where a number is not finite."""
        if not bool(probs.isfinite().all()):
            return []
        return [int(token) for token in probs.topk(min(2, len(probs))).indices]

    # -- what is said ------------------------------------------------------------------------------

    def always(self) -> dict[str, str | None]:
        """What every step may say."""
        pieces, look = self.trace.pieces, self.look
        several, other = self.depth > 1, look.other
        probs = self.tape.value("probs")[self.place]
        guess, second = (*self.guesses(probs), None, None)[:2]
        return {
            "last": quoted(pieces[self.place]),
            "blocks": f"{self.depth}" if several else None,
            "block": None if other is None else f"{look.block}",
            "first_block": f"{look.block}" if other is None else None,
            "head": f"{look.head}",
            "other": None if other is None else quoted(pieces[other]),
            "guess": None if guess is None else self._token(guess),
            "guess_share": None if guess is None else share(float(probs[guess])),
            "second": None if second is None else self._token(second),
            "second_share": None if second is None else share(float(probs[second])),
        }

    def looks(self) -> Texts:
        """The score and the share of the look, beside those of itself."""
        block, head, other = self.look.block, self.look.head, self.look.other
        size = self.tape.value(f"h.{block}.attn.q").shape[-1]
        found: dict[str, str | None] = {"size": f"{size}"}
        if other is None:
            return found
        scores = self.tape.value(f"h.{block}.attn.scores")[head, self.place]
        shares = self.tape.value(self.attention(block))[head, self.place]
        return found | {
            "score": figure(float(scores[other])),
            "own_score": figure(float(scores[self.place])),
            "share": share(float(shares[other])),
            "own_share": share(float(shares[self.place])),
        }

    def lens(self) -> Texts:
        """What the model would say, did it end before; from which block on it says the same."""
        if self.depth < 2:
            return {}
        rows = logit_lens(self.trace.model, self.tape, self.place)
        if not bool(rows.isfinite().all()):
            return {}
        first, last = [int(row.argmax()) for row in rows], len(rows) - 1
        since = next((k for k in range(last, 0, -1) if first[k - 1] != first[last]), 0)
        guess, chance = self._token(first[last]), share(float(rows[last, first[last]]))
        found: dict[str, str | None] = {}
        if since > 0:
            found |= {
                "early": self._token(first[0]),
                "early_share": share(float(rows[0, first[0]])),
            }
        middle = last // 2
        if 0 < middle < since:
            found |= {
                "middle": f"{middle - 1}",
                "midway": self._token(first[middle]),
                "midway_share": share(float(rows[middle, first[middle]])),
            }
        if since == last:
            return found | {"late": guess, "late_share": chance}
        if since == 0:
            return found | {"always": guess, "always_share": chance}
        return found | {"since": f"{since - 1}", "guess": guess, "guess_share": chance}

    def loss(self) -> Texts:
        """After which token nothing is known, where that is the last."""
        last = self.trace.pieces[self.place]
        return {"open": None if self.target in (None, self.place) else quoted(last)}

    def gradient(self) -> Texts:
        """The steepest weight, its gradient, and what a small move should do to the loss."""
        if self.steepest is None or self.nudged is None:
            return {}
        name, index = self.steepest
        weight, slope = self._number(name, index), self._number(f"d{name}", index)
        moved = self.nudged - weight
        leaves = flatten(trainable(self.trace.model.params)).values()
        return {
            "parameters": f"{sum(leaf.numel() for leaf in leaves):,}",
            "steepest": at(name, index),
            "weight": f"{weight:.4g}",
            "slope": figure(slope),
            "more" if moved > 0 else "less": figure(abs(moved)),
            "change": figure(moved * slope),
            "nudged": f"{self.nudged:.4g}",
        }

    def against(self, before: "Story") -> Texts:
        """What is otherwise than in the run before: the loss, and what is to come next."""
        found: dict[str, str | None] = {"last": quoted(self.trace.pieces[self.place])}
        tapes = [one.tape for one in (before, self) if "loss" in one.tape]
        losses = [f"{float(tape.value('loss')):.4f}" for tape in tapes]
        if len(set(losses)) == 1:
            found["loss_same"] = losses[0]
        elif losses:
            found |= {"loss_before": losses[0], "loss_after": losses[1]}
        was, now = (one.tape.value("probs")[one.place] for one in (before, self))
        old, new = before.guesses(was), self.guesses(now)
        if not old or not new or len(was) != len(now):
            return found
        found |= {
            "guess": self._token(old[0]),
            "share_before": share(float(was[old[0]])),
            "share_after": share(float(now[old[0]])),
        }
        if new[0] != old[0]:
            found |= {"first": self._token(new[0]), "first_share": share(float(now[new[0]]))}
        return found

    def _token(self, token: int) -> str:
        return quoted(self.trace.piece(token))

    def _number(self, name: str, index: tuple[int, ...]) -> float:
        return float(self.tape.value(name)[index])
