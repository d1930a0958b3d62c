"""An experiment: what is run, as data. All that the page shows follows from one.

It names a subject (a worked example, a model, or one trained on the page), a text, the source that
an encoder-decoder reads beside it, and what is done to the model one after the other: numbers set
by hand, numbers taken from another text's run, steps of an optimizer. To undo is to leave out the
last; to share is to send it; to compare is to have two.

>>> first = read_experiment({"subject": {"example": "ai_rocks"}})
>>> first.actions, first.next.optimizer
((), 'adamw')
"""

from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from pellucid.errors import ConfigError
from pellucid.web.session.fields import DEFINITIONS, Fields, checked

STEPS: int = DEFINITIONS["step"]["properties"]["count"]["maximum"]
"""How many steps of an optimizer in all."""


@dataclass(frozen=True)
class Update:
    """One step of an optimizer: which, and its settings."""

    optimizer: str
    learning_rate: float
    weight_decay: float


NEXT = Update(**checked("update", {}))
"""The step that is worked out where no other is asked for."""


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
    source: str | None = None


@dataclass(frozen=True)
class OptimizerSteps:
    """Some steps of an optimizer, all with the same settings."""

    update: Update
    count: int


@dataclass(frozen=True)
class Steer:
    """A direction added to an activation at every position, `strength` times.

    It leads from the end of the text `against` to that of `text`, or, where those are None, from
    the token `second` to `first` as the head reads them.
    """

    name: str
    strength: float
    text: str | None
    against: str | None
    first: int | None
    second: int | None


Edit = Set | Patch | Steer
Action = Edit | OptimizerSteps


@dataclass(frozen=True)
class Experiment:
    """What is run. `next` is the step whose update is worked out, and not taken."""

    kind: str  # example, lesson, model or trained
    name: str
    text: str | None = None
    source: str | None = None
    actions: tuple[Action, ...] = ()
    next: Update = NEXT

    @property
    def unedited(self) -> "Experiment":
        """The same with its steps alone: no number set or taken from elsewhere."""
        return replace(
            self, actions=tuple(one for one in self.actions if isinstance(one, OptimizerSteps))
        )

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was set, in order."""
        return tuple(one for one in self.actions if not isinstance(one, OptimizerSteps))

    @property
    def digests(self) -> tuple[str, ...]:
        """What stands for it after 0, 1, 2 … of its actions, without the step that is next."""
        digest = sha256(repr((self.kind, self.name, self.text, self.source)).encode())
        found = [digest.hexdigest()]
        for action in self.actions:
            digest.update(repr(action).encode())
            found.append(digest.hexdigest())
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """What `read_experiment` reads."""
        texts = {"text": self.text, "source": self.source}
        said = {key: text for key, text in texts.items() if text is not None}
        return {
            "subject": {self.kind: self.name},
            **said,
            "actions": [_written(action) for action in self.actions],
            "next": asdict(self.next),
        }


def read_experiment(came: Any) -> Experiment:
    """The experiment that JSON describes; `ConfigError` where it describes none."""
    return experiment_of(checked("experiment", came))


def experiment_of(fields: Fields) -> Experiment:
    """The experiment of fields that were checked; `ConfigError` for too many steps in all."""
    ((kind, name),) = fields["subject"].items()
    actions = tuple(_action(one) for one in fields["actions"])
    count = sum(action.count for action in actions if isinstance(action, OptimizerSteps))
    if count > STEPS:
        raise ConfigError(
            f"an experiment has at most {STEPS:,} steps, and {count:,} came: reset it"
        )
    texts = fields.get("text"), fields.get("source")
    return Experiment(kind, name, *texts, actions, Update(**fields["next"]))


def _action(fields: Fields) -> Action:
    if fields["do"] == "step":
        update = {key: fields[key] for key in ("optimizer", "learning_rate", "weight_decay")}
        return OptimizerSteps(Update(**update), fields["count"])
    if fields["do"] == "steer":
        return _steer(fields)
    name, index = fields["name"], tuple(fields["index"])
    if fields["do"] == "set":
        return Set(name, index, fields["value"])
    return Patch(name, index, fields["text"], fields.get("source"))


def _steer(fields: Fields) -> Steer:
    texts = fields.get("text"), fields.get("against")
    tokens = fields.get("first"), fields.get("second")
    if (None in texts) == (None in tokens):
        raise ConfigError(
            "a direction must be that of two texts, text and against, or of two tokens, first and "
            "second: give one pair, and not the other"
        )
    return Steer(fields["name"], fields["strength"], *texts, *tokens)


def _written(action: Action) -> dict[str, Any]:
    if isinstance(action, OptimizerSteps):
        return {"do": "step", **asdict(action.update), "count": action.count}
    if isinstance(action, Steer):
        said = {name: value for name, value in asdict(action).items() if value is not None}
        return {"do": "steer", **said}
    what = {"do": "set" if isinstance(action, Set) else "patch"}
    return what | asdict(action) | {"index": list(action.index)}
