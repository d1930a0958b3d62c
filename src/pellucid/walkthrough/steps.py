"""The steps of a recorded run, in order: each with its equations and the values that it shows.

Nothing is listed by hand: which steps there are, what they are called, their equations and their
values are what the layers say of themselves, read off the calls of the tape. The backward pass
undoes the same steps in reverse and keeps their numbers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pellucid.layers.facts import GRADIENT, VALUE, Meaning, facts_of
from pellucid.models.intervening import BESIDE
from pellucid.tape import Call, Tape
from pellucid.walkthrough.scope import Scope, Written, below, joined
from pellucid.walkthrough.updates import is_update, lines
from pellucid.walkthrough.walkthrough import Step

PARAMETERS = (".weight", ".bias", ".lora_a", ".lora_b")
"""How the names of parameters end."""

KINDS = {
    "feed_forward": "mlp",
    "gated_feed_forward": "gated_mlp",
    **dict.fromkeys(("block", "decoder_block", "gated_block"), "residual"),
    "grouped_attention": "attention",
    "frequencies": "rotary",
    "rows": "sinusoids",
    "unembedding": "logits",
    "probs": "softmax",
    "losses": "loss",
}
"""What a step is called by its first value or by the function that made it, where not by that."""


@dataclass
class StepDraft:
    """A step on its way: where it belongs, and what it has shown so far."""

    title: str
    whole: str  # the path of the layer that gives it its title
    prefix: str  # what the names of its values begin with, as far as they have that in common
    keys: list[str] = field(default_factory=list)  # what belongs to it, below `whole`
    names: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    number: int = 0
    kind: str = ""

    @property
    def layer(self) -> int | None:
        """The number of the block that it belongs to; None outside of blocks."""
        numbers = re.findall(r"(?:^|\.)h\.(\d+)(?:\.|$)", joined(self.whole, self.keys[0]))
        return int(numbers[-1]) if numbers else None


class Home(NamedTuple):
    """Where a value belongs: the layer that has a title for it, its part in that, the title."""

    whole: str
    key: str
    title: str
    prefix: str


class Steps:
    """The steps of a tape: `forward` and `backward` from the first to the last of the pass."""

    def __init__(self, tape: Tape, *, first: int = 1) -> None:
        self.tape, self.scope = tape, Scope(tape)
        self._forward: list[StepDraft] = []
        self._shown: set[str] = set()
        for name in tape:
            call = self._maker(name)
            if call is not None and not call.backward and not is_update(call):
                self._place(self._forward, name, call)
        self._forward = [found for found in self._forward if self._says(found)]
        for number, found in enumerate(self._forward, start=first):
            found.number, found.kind = number, self._kind(found)
        self._backward: list[StepDraft] = []
        for name in tape:
            call = self._maker(name)
            if call is not None and call.backward:
                self._place_gradient(name, call)
        later = [found.number for found in self._backward]
        self._backward = [
            found
            for place, found in enumerate(self._backward)
            if found.number not in later[place + 1 :] or any(True for _ in self._equations(found))
        ]

    def forward(self) -> list[Step]:
        """The steps from the first embedding to the loss, numbered from `first`."""
        return [self._step(found) for found in self._forward]

    def backward(self) -> list[Step]:
        """The steps from the loss back to the embeddings, under their own numbers."""
        return [self._step(found) for found in self._backward]

    def written(self) -> Iterator[Written]:
        """Every equation of every step, with what the names in it mean."""
        for found in (*self._forward, *self._backward):
            yield from self._equations(found)

    # -- which step a value belongs to --------------------------------------------------------

    def _maker(self, name: str) -> Call | None:
        """The call that showed a value by this name, even if another made it first."""
        return self.tape.shown_by(name)

    def _place(self, steps: list[StepDraft], name: str, call: Call) -> None:
        """Put a value into the step that it belongs to; a new one where that is not the last."""
        home = self._home(name, call)
        if home is None:
            return
        last = steps[-1] if steps else None
        own = home.whole, home.title, home.prefix
        if last is None or (last.whole, last.title, last.prefix) != own:
            last = StepDraft(home.title, home.whole, home.prefix)
            steps.append(last)
        _add(last, home.key, name, call)

    def _home(self, name: str, call: Call) -> Home | None:
        """Where a value belongs: the outermost layer that has a title for it says so.

        What was set by hand belongs where that does which it took the place of.
        """
        by_hand = self.scope.undone(call)
        if by_hand.path.rpartition(".")[2] == BESIDE:
            name = by_hand.inputs["x"]
            call = self._maker(name) or call
        for one in self.scope.around(call):
            own, titles = below(name, one.path), facts_of(one.function).steps
            for key, title in titles.items() if own is not None else ():
                match = re.match(re.escape(key).replace(r"\*", r"\d+") + r"(?=\.|$)", own or "")
                if match:
                    own_path = joined(one.path, match[0])
                    part = bool(self.scope.at(own_path))
                    shared = list(titles.values()).count(title) > 1
                    prefix = own_path if part and not shared else own_path.rpartition(".")[0]
                    return Home(one.path, match[0], title, prefix)
        return None

    def _place_gradient(self, name: str, call: Call) -> None:
        """Put a gradient into the step that made its value; else into the one undone before."""
        value, forward = name.removeprefix("d"), self.scope.undone(call)
        home = self._home(value, call)
        own = self._undone(home, exact=False)
        if own is None:
            home = self._home(value, forward)
            own = self._undone(home, exact=True)
        last = self._backward[-1] if self._backward else None
        if own is not None and (last is None or last.number != own.number):
            last = StepDraft(own.title, own.whole, own.prefix, number=own.number, kind=own.kind)
            self._backward.append(last)
        if last is not None:
            _add(last, value if home is None else home.key, name, call)

    def _undone(self, home: Home | None, *, exact: bool) -> StepDraft | None:
        """The forward step that a gradient undoes; None where its value had no step of its own."""
        fitting = [
            found
            for found in self._forward
            if home is not None
            and (found.whole, found.title) == (home.whole, home.title)
            and (not exact or home.key in found.keys)
        ]
        same = [found for found in fitting if home is not None and found.prefix == home.prefix]
        return next(iter(same or fitting), None)

    # -- what a step shows --------------------------------------------------------------------

    def _says(self, found: StepDraft) -> bool:
        """Whether a step shows anything that no step before has shown."""
        return any(self.tape.name_of(self.tape.value(name)) == name for name in found.names) or any(
            True for _ in self._equations(found)
        )

    def _equations(self, found: StepDraft) -> Iterator[Written]:
        """The equations of the step's values, each once, in the order of the values.

        What a layer says of a value of its parts goes before what the part says of it: the rows
        of a table of sinusoids are sines and cosines.
        """
        calls = {id(one): one for call in found.calls for one in self.scope.around(call)}
        places = {
            name: place
            for place, name in enumerate(found.names)
            if (meant := self._meant(name)) is None or meant.shown
        }
        said: dict[str, dict[str, Written]] = {}
        for call in sorted(calls.values(), key=lambda call: len(self.scope.around(call))):
            own: dict[str, dict[str, Written]] = {}
            for written in self.scope.written(call, found.prefix, places.keys() - said.keys()):
                own.setdefault(written.made, {}).setdefault(written.text, written)
            said |= own
        unique: set[str] = set()
        for made in sorted(said, key=lambda made: places[made]):
            for text, written in said[made].items():
                if text not in unique:
                    unique.add(text)
                    yield written

    def _step(self, found: StepDraft) -> Step:
        equations = list(self._equations(found))
        names = tuple(self._names(found, equations))
        side = GRADIENT if found.calls[0].backward else VALUE
        matter = tuple(name for name in names if side in self._matters(name))
        return Step(
            found.title,
            tuple(lines(written.text for written in equations)),
            names,
            number=found.number,
            kind=found.kind,
            reads=tuple(dict.fromkeys(name for one in equations for name in one.names.values())),
            matter=matter,
            rules=tuple(lines(written.text for written in equations if written.made in matter)),
            layer=found.layer,
        )

    def _matters(self, name: str) -> tuple[str, ...]:
        """What of a value a short walk shows, by its maker's word or by that of its backward."""
        meaning = self._meant(name) or self.scope.meaning(self.scope.value_of(name))
        return () if meaning is None else meaning.matters

    def _names(self, found: StepDraft, equations: Sequence[Written]) -> Iterator[str]:
        """The values that a step shows, each parameter before the first that is made with it."""
        by_made = {written.made: written for written in equations}
        for name in found.names:
            for used in by_made[name].names.values() if name in by_made else ():
                new = used in self.tape and used not in self._shown
                if new and used.endswith(PARAMETERS) and self.tape.made_by(used) is None:
                    self._shown.add(used)
                    yield used
            own = [one for one in self.scope.names_of(self.tape.value(name)) if one in found.names]
            if self._is_shown(name) and name == min(own, key=self.scope.rank):
                yield name

    def _is_shown(self, name: str) -> bool:
        """Whether a value is shown; of a gradient the backward may say it otherwise."""
        meaning = self._meant(name) or self.scope.meaning(self.scope.value_of(name))
        return meaning is None or meaning.shown

    def _meant(self, name: str) -> Meaning | None:
        """What a backward says of a gradient, under its value's name."""
        call = self.tape.shown_by(name)
        for one in self.scope.around(call) if call is not None and call.backward else ():
            own = below(self.scope.value_of(name), one.path)
            if own in facts_of(one.function).values:
                return facts_of(one.function).values[own or ""]
        return None

    def _kind(self, found: StepDraft) -> str:
        """What kind of step it is, by the first value that it shows or by its function."""
        first = next(filter(self._is_shown, found.names), found.names[0])
        last = first.rpartition(".")[2]
        calls = [*self.scope.at(found.prefix), *found.calls]
        own = calls[0] if found.prefix != found.whole else found.calls[0]
        return KINDS.get(last) or KINDS.get(own.function.__name__, own.function.__name__)


def _add(found: StepDraft, key: str, name: str, call: Call) -> None:
    """A value more of a step."""
    found.keys.append(key)
    found.names.append(name)
    if call not in found.calls:
        found.calls.append(call)
