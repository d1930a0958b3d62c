"""What the placeholders of a number's sentence say, read off the run."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.walkthrough.scope import joined
from pellucid.walkthrough.seats import Seat, Seats, Spell, by_letter
from pellucid.words import Phrasebook, figure, quoted, share

SIDE_BY_SIDE = {"3C": ("query", "key", "value"), "2C": ("key", "value")}
"""What stands side by side along an axis of these letters."""

FLAGS = {"true", "false", "itself", "right", "no_target"}
"""Placeholders that say nothing: a sentence with one holds where it does."""


class Filling:
    """Fills the words for single numbers; `spell` spells a token of the vocabulary."""

    def __init__(self, seats: Seats, book: Phrasebook, spell: Spell | None = None) -> None:
        self.tape = seats.tape
        self._seats, self._book, self._spell = seats, book, spell

    def of(self, name: str, index: tuple[int, ...]) -> dict[str, str]:
        """What the placeholders of a number say."""
        value: Tensor = self.tape.value(name)
        number = value[index].item()
        seats = self._seats.of(name, index)
        own = [seat for seat in seats if seat.letter != "B"]
        letters = by_letter(seats)
        found = {
            letter: self._seats.said(letters[letter]) for letter in "TSNV" if letter in letters
        }
        if "T" in letters:
            found["t"] = f"{letters['T'].place}"
            if letters["T"].token is not None and self._seats.reads_text:
                found["token"] = letters["T"].token
        elif "N" in letters:
            found |= {"T": found["N"], "t": f"{letters['N'].place}"}
        if "S" not in found and "N" in found:
            found["S"] = found["N"]
        if own:
            last = own[-1]
            found |= {"i": last.token or f"{last.place}", "place": f"{last.place}"}
            found |= {"label": last.token or "", "j": own[0].token or f"{own[0].place}"}
        found |= self._numbers(number)
        found |= self._looks(name, index, letters)
        found |= self._answers(name, index)
        path = name.rpartition(".")[0]
        found |= {"path": path or name}
        found |= self._side_by_side(path, own)
        maps = {word: self.part(path, word, found) for word in ("name", "row", "column")}
        found |= {"part": maps["name"], "row": maps["row"], "column": maps["column"]}
        return {key: text for key, text in found.items() if text or key in FLAGS}

    def _numbers(self, number: float) -> dict[str, str]:
        """The number itself, as a figure and as a share."""
        if isinstance(number, bool):
            return {"true" if number else "false": ""}
        if isinstance(number, int):
            spelt = None if self._spell is None or number < 0 else self._spell(number)
            token = {} if spelt is None else {"spelt": spelt}
            return {"value": f"{number}", **token}
        if not math.isfinite(number):
            return {"value": str(number)}
        return {"value": figure(number), "share": share(number)}

    def _looks(
        self, name: str, index: tuple[int, ...], letters: Mapping[str, Seat]
    ) -> dict[str, str]:
        """Of a look from one token at another, whether it is at itself, or hidden, and why."""
        if "T" not in letters or not {"S", "N"} & letters.keys():
            return {}
        looking, other = letters["T"], letters.get("S") or letters["N"]
        said = self._seats.said(other)
        found: dict[str, str] = {}
        path, _, _ = name.rpartition(".")
        scores = joined(path, "scores")
        across = "cross" in name.split(".")
        shape = self.tape.value(name).shape
        fits = self.tape.value(scores) if scores in self.tape else None
        if fits is not None and fits.shape == shape and float(fits[index]) == -math.inf:
            own = (*index[:-2], other.place, other.place)  # padding is hidden from itself too
            later = not across and other.place > looking.place and float(fits[own]) > -math.inf
            found["later" if later else "hidden"] = said
        if not across and other.place == looking.place and shape[-1] == shape[-2]:
            found["itself"] = ""
        return found

    def _answers(self, name: str, index: tuple[int, ...]) -> dict[str, str]:
        """Of a prediction, what is the right answer, and the chance that it got."""
        path, _, last = name.rpartition(".")
        if last == "loss":
            return self._counted(path)
        targets = joined(path, "targets")
        if last not in {"targets", "losses", "probs"} or targets not in self.tape:
            return {}
        wanted = self.tape.value(targets)
        place = index if last != "probs" else index[:-1]
        if wanted.dim() != len(place) or wanted.is_floating_point():
            return {}
        target = int(wanted[place])
        if target == IGNORE:
            return {"no_target": ""}
        found: dict[str, str] = {}
        probs = joined(path, "probs")
        if probs in self.tape:
            found["chance"] = figure(float(self.tape.value(probs)[(*place, target)]))
            seat = self._seats.of(probs, (*place, target))[-1]
        else:
            spelt = None if self._spell is None else quoted(self._spell(target))
            seat = Seat("V", target, spelt)
        found["target"] = self._seats.said(seat)
        if last == "probs" and target == index[-1]:
            found["right"] = ""
        return found

    def _counted(self, path: str) -> dict[str, str]:
        """Of a loss, how many losses it is the mean of."""
        losses, targets = joined(path, "losses"), joined(path, "targets")
        if losses not in self.tape:
            return {}
        count = self.tape.value(losses).numel()
        if targets in self.tape:
            count = int((self.tape.value(targets) != IGNORE).sum())
        return {"single": "one"} if count == 1 else {"count": f"{count}"}

    def _side_by_side(self, path: str, own: Sequence[Seat]) -> dict[str, str]:
        """Of a channel in queries, keys and values side by side, whose it is."""
        width = 0
        for name in (f"{path}.out", f"{path}.bias", f"{path}.weight", f"{path}.qkv", f"{path}.kv"):
            if name in self.tape:
                width = self.tape.value(name).shape[-1]
                break
        above, _, last = path.rpartition(".")
        owner = path if last in {"attn", "cross"} else above
        query = f"{owner}.q"
        count = {"c_attn": 3, "attn": 3, "c_kv": 2, "cross": 2}.get(last, 0)
        if not (own and count and width and query in self.tape) or width % count:
            return {}
        kinds = SIDE_BY_SIDE[f"{count}C"]
        each, size = width // count, self.tape.value(query).shape[-1]
        place = own[-1].place
        within = place % each
        return {
            "kind": kinds[place // each],
            "own_head": f"{within // size}",
            "own": f"{within % size}",
        }

    def part(self, path: str, word: str, figures: Mapping[str, str]) -> str:
        """What a layer at a path is called, or what its rows and columns are."""
        parts = [part for part in path.split(".") if not part.isdecimal()]
        owner = ".".join(parts[-2:])
        known: Mapping[str, str] = {**figures, "path": path}
        for key in (owner, parts[-1] if parts else "", "other"):
            text = self._book.first(f"parts.{key}.{word}", known)
            if text:
                return text
        return path
