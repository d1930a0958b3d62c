"""An experiment: what is run, as data. All that the page shows follows from one.

It names a subject (a worked example, a model, or one trained on the page), a text, and what is
done to the model one after the other: numbers set by hand, numbers taken from another text's run,
steps of an optimizer. To undo is to leave out the last; to share is to send it; to compare is to
have two.

>>> first = read_experiment({"subject": {"example": "ai_rocks"}})
>>> first.actions, first.next.optimizer
((), 'adamw')
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pellucid.errors import ConfigError
from pellucid.optim import OPTIMIZERS
from pellucid.web.session.fields import (
    Fields,
    index_in,
    list_in,
    number_in,
    object_in,
    only,
    text_in,
    whole_in,
)

TEXT = 20_000
"""Characters of a text at most; a model's context bounds its tokens."""

ACTIONS = 500
"""How many things may be done to a model, one after the other."""

STEPS = 1_000
"""How many steps of an optimizer in all."""

SUBJECTS = ("example", "model", "trained")


@dataclass(frozen=True)
class Update:
    """One step of an optimizer: which, and its settings."""

    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.1


@dataclass(frozen=True)
class Set:
    """Numbers set by hand: all of those of that name whose index begins so."""

    name: str
    index: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Patch:
    """Numbers of an activation taken from the run of another text, at the same places."""

    name: str
    index: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Steps:
    """Some steps of an optimizer, all with the same settings."""

    update: Update
    count: int = 1


Action = Set | Patch | Steps


@dataclass(frozen=True)
class Experiment:
    """What is run. `next` is the step whose update is worked out, and not taken."""

    kind: str  # example, model or trained
    name: str
    text: str | None = None
    actions: tuple[Action, ...] = ()
    next: Update = field(default_factory=Update)

    @property
    def unedited(self) -> "Experiment":
        """The same with its steps alone: no number set or taken from elsewhere."""
        return replace(self, actions=tuple(one for one in self.actions if isinstance(one, Steps)))

    @property
    def edits(self) -> tuple[Set | Patch, ...]:
        """What was set, in order."""
        return tuple(one for one in self.actions if not isinstance(one, Steps))

    def up_to(self, count: int) -> "Experiment":
        """The same after the first `count` actions."""
        return replace(self, actions=self.actions[:count])

    def as_json(self) -> dict[str, Any]:
        """What `read_experiment` reads."""
        said = {} if self.text is None else {"text": self.text}
        return {
            "subject": {self.kind: self.name},
            **said,
            "actions": [_written(action) for action in self.actions],
            "next": asdict(self.next),
        }


def read_experiment(given: Mapping[str, Any]) -> Experiment:
    """The experiment that JSON describes; `ConfigError` where it describes none."""
    only(given, "subject", "text", "actions", "next")
    subject = object_in(given, "subject")
    only(subject, *SUBJECTS)
    if len(subject) != 1:
        raise ConfigError(
            f"a subject must be one of {', '.join(SUBJECTS)}, and {len(subject)} came"
        )
    kind = next(iter(subject))
    actions = tuple(_action(one) for one in list_in(given, "actions", (), most=ACTIONS))
    count = sum(action.count for action in actions if isinstance(action, Steps))
    if count > STEPS:
        raise ConfigError(
            f"an experiment has at most {STEPS:,} steps, and {count:,} came: reset it"
        )
    return Experiment(
        kind,
        text_in(subject, kind),
        text_in(given, "text", None, most=TEXT),
        actions,
        _update(object_in(given, "next")) if "next" in given else Update(),
    )


def _action(given: Any) -> Action:
    if not isinstance(given, Mapping):
        raise ConfigError("an action must be an object, with what to do in its field do")
    what = text_in(given, "do")
    if what == "step":
        count = whole_in(given, "count", 1, low=1, high=STEPS)
        return Steps(_update({k: v for k, v in given.items() if k not in {"do", "count"}}), count)
    if what == "set":
        only(given, "do", "name", "index", "value")
        return Set(text_in(given, "name"), index_in(given, "index"), number_in(given, "value"))
    if what == "patch":
        only(given, "do", "name", "index", "text")
        name, index = text_in(given, "name"), index_in(given, "index")
        return Patch(name, index, text_in(given, "text", most=TEXT))
    raise ConfigError(f"what to do must be set, patch or step, not {what!r}")


def _update(given: Fields) -> Update:
    only(given, "optimizer", "learning_rate", "weight_decay")
    name = text_in(given, "optimizer", "adamw")
    if name not in OPTIMIZERS:
        raise ConfigError(f"an optimizer must be one of {', '.join(OPTIMIZERS)}, not {name!r}")
    rate = number_in(given, "learning_rate", 1e-3, most=1e3)
    if rate <= 0:
        raise ConfigError(f"learning_rate must be above 0, not {rate:g}")
    decay = number_in(given, "weight_decay", 0.1, most=1e3)
    if decay < 0:
        raise ConfigError(f"weight_decay must be at least 0, not {decay:g}")
    return Update(name, rate, decay)


def _written(action: Action) -> dict[str, Any]:
    if isinstance(action, Steps):
        return {"do": "step", **asdict(action.update), "count": action.count}
    what = {"do": "set" if isinstance(action, Set) else "patch"}
    return what | asdict(action) | {"index": list(action.index)}
