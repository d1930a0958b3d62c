"""Where a model stands after some of an experiment's actions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError, TraceError
from pellucid.inspect import stream_direction, token_direction
from pellucid.layers import IGNORE
from pellucid.models import Batch, CausalModel, Intervention, SettableModel, intervene
from pellucid.optim import State
from pellucid.tape import Tape
from pellucid.text import Tokenizer
from pellucid.train import updated
from pellucid.tree import Tree, flatten, unflatten
from pellucid.walkthrough import PARAMETERS, Walkthrough
from pellucid.web.session.experiment import Action, Edit, OptimizerSteps, Patch, Set, Steer
from pellucid.web.session.fields import bounded
from pellucid.web.turns import pause

NO_TARGET = "no place of this text has a target: write more, or of a row the class"
"""Why a run has no loss."""

TOKENS = 256
"""Of a text at most so many tokens are looked at: attention tables grow with their square."""


class Subject(NamedTuple):
    """What an experiment begins with: a model and what it reads, or a lesson by itself."""

    title: str
    about: str
    credit: str = ""  # whose example it is
    model: Any = None  # of any kind
    tokenizer: Tokenizer | None = None
    text: str = ""
    source: str = ""  # of a model that reads two texts, the first
    batch: Batch = ()
    walkthrough: Walkthrough | None = None
    other: Mapping[str, str] | None = None  # an example's other form: its lesson, or its model


@dataclass(frozen=True)
class ModelState:
    """A model's weights, the activations that are changed in it, and what its optimizer keeps.

    `losses` are those before each step so far.
    """

    subject: Subject
    params: Tree
    interventions: tuple[Intervention, ...] = ()
    state: State | None = None
    optimizer: str = ""
    losses: tuple[float, ...] = ()

    @property
    def without_interventions(self) -> SettableModel:
        """The model without the changed activations."""
        model: SettableModel = self.subject.model.with_params(self.params)
        return model

    @property
    def model(self) -> Any:
        """The model with them."""
        return (
            intervene(self.without_interventions, self.interventions)
            if self.interventions
            else self.without_interventions
        )

    def after(self, action: Action) -> "ModelState":
        """Where the model stands after one action more."""
        if isinstance(action, OptimizerSteps):
            return self._stepped(action)
        if action.name.endswith(PARAMETERS):
            return self._weight_set(action)
        return replace(self, interventions=(*self.interventions, self._intervention(action)))

    def state_for(self, optimizer: str) -> State | None:
        """What the optimizer keeps from the steps so far; another one begins anew."""
        return self.state if optimizer == self.optimizer else None

    def _stepped(self, steps: OptimizerSteps) -> "ModelState":
        settings, name = asdict(steps.update), steps.update.optimizer
        params, state, losses = self.params, self.state_for(name), list(self.losses)
        if all(target == IGNORE for target in self.subject.batch[-1]):
            raise ConfigError(f"an optimizer steps down a loss, and {NO_TARGET}")
        for _ in range(steps.count):
            model = replace(self, params=params).model
            loss, grads = model.loss_and_grads(*self.subject.batch)
            if not bool(torch.isfinite(loss)):
                raise ConfigError(
                    f"a loss must stay finite, and after {len(losses)} steps it is {float(loss)}: "
                    "undo, and take a lower learning rate"
                )
            losses.append(float(loss))
            pause.get()()
            params, state = updated(params, grads, state, settings)
        return replace(self, params=params, state=state, optimizer=name, losses=tuple(losses))

    def _weight_set(self, action: Edit) -> "ModelState":
        if not isinstance(action, Set):
            raise TraceError(
                "what is taken from another text, or steered, is an activation, and "
                f"{action.name} is a parameter, the same for every text: set it to a number"
            )
        leaves: dict[str, Tensor] = dict(flatten(self.params))
        if action.name not in leaves:
            raise TraceError(f"a parameter must be the model's, and {action.name[:60]} is not")
        place = _checked(action.name, action.index, leaves[action.name].shape)
        weight = leaves[action.name].clone()
        weight[place] = action.value
        return replace(self, params=unflatten({**leaves, action.name: weight}))

    def _intervention(self, action: Edit) -> Intervention:
        if isinstance(action, Steer):
            value = action.strength * self._direction(action)
            intervention = Intervention(action.name, value, add=True)
        else:
            intervention = Intervention(action.name, self._value(action), action.index)
        # What no run could carry out is said now, and not with the next step.
        intervene(self.without_interventions, [intervention])
        return intervention

    def _direction(self, action: Steer) -> Tensor:
        model: Any = self.without_interventions
        if not isinstance(model, CausalModel):
            raise ConfigError(
                "what is steered is a model of GPT's or Llama's family, and "
                f"{self.subject.title} is none: set a number instead"
            )
        if action.text is None or action.against is None:
            assert action.first is not None
            assert action.second is not None
            most = model.config.vocab_size - 1
            tokens = (bounded(action.first, "first", 0, most),
                      bounded(action.second, "second", 0, most))  # fmt: skip
            return token_direction(model, *tokens)
        assert self.subject.tokenizer is not None
        texts = map(self.subject.tokenizer.prompt, (action.text, action.against))
        return stream_direction(model, action.name, *texts)

    def _value(self, action: Set | Patch) -> float | Tensor:
        if isinstance(action, Set):
            return action.value
        tape, subject, model = Tape(), self.subject, self.without_interventions
        source = subject.source if action.source is None else action.source
        *inputs, _ = model.read(subject.tokenizer, action.text, source)
        model.forward(*inputs, tape)
        value: Tensor = tape.value(action.name)
        return value[_checked(action.name, action.index, value.shape)]


def _checked(name: str, index: tuple[int, ...], shape: Sequence[int]) -> tuple[int, ...]:
    """The index, where it picks a part of that shape."""
    fits = len(index) <= len(shape) and all(
        place < size for place, size in zip(index, shape, strict=False)
    )
    if not fits:
        sizes = ", ".join(map(str, shape))
        raise TraceError(
            f"an index must lie within the shape, and {list(index)} does not: {name} is ({sizes})"
        )
    return index


def batch_of(model: Any, tokenizer: Tokenizer | None, text: str, source: str) -> Batch:
    """What a model reads of a text, all of it, and after each place what is to be predicted."""
    *inputs, wanted = model.read(tokenizer, text, source)
    room = min(TOKENS, getattr(model.config, "block_size", TOKENS))
    for name, read in zip(model.inputs, inputs, strict=True):
        if not 1 <= len(read) <= room:
            what = "a text" if name == "tokens" else f"the {name}"
            raise ConfigError(
                f"{what} must have from 1 to {room} tokens here, and it has {len(read)}: "
                f"{'write some' if not read else 'shorten it'}"
            )
    return (*inputs, wanted)
