"""Record one whole step of a model: forward, loss, every gradient, and the update."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pellucid.errors import ConfigError, TextError, did_you_mean
from pellucid.layers import IGNORE, next_probs
from pellucid.models import CausalModel, trainable
from pellucid.optim import BETAS, EPS, OPTIMIZERS, State, decay_groups
from pellucid.tape import BACKWARD, NULL_TAPE, NullTape, Tape
from pellucid.text import Tokenizer
from pellucid.tree import Tree, flatten, matching, replaced

SMALL_VOCABULARY = 16
"""Up to this many tokens, tables are labelled with the whole vocabulary."""


REMEMBERED = {
    "sgd": frozenset[str](),
    "momentum": frozenset({"m"}),
    "adam": frozenset({"m", "v", "t"}),
    "adamw": frozenset({"m", "v", "t"}),
}
"""What each optimizer's state holds."""

MOMENTS = {name: tuple(sorted(keys - {"t"})) for name, keys in REMEMBERED.items()}
"""What of it is a tensor for each parameter."""


DECAYS = ("matrices", "all")
"""What AdamW's decay is of: what has two axes or more, or every parameter."""


@dataclass(frozen=True)
class Trace:
    """What was recorded: the tape, the model before the step, and the model after it."""

    model: Any  # of any kind
    tokenizer: Tokenizer | None
    tape: Tape
    update: Mapping[str, Any] | None = (
        None  # the optimizer and its settings; None where no step was taken
    )
    after: Any = None
    loss_after: float | None = None
    state: State | None = None  # the optimizer's, after the step

    def on(self, tape: Tape) -> "Trace":
        """The same step as another run has it; what the loss is after that one is not known."""
        return replace(self, tape=tape, after=None, loss_after=None, state=None)

    def piece(self, token: int) -> str:
        """What the model scores under this number, as one can read it."""
        said: str = self.model.spell(self.tokenizer, token)
        return said

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What is read at each place that is scored: of a text, its tokens."""
        return self.places["T"]

    @cached_property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """What the places of the axes are called, by the letters of the axes."""
        named: Mapping[str, tuple[str, ...]] = self.model.places(self.tape, self.piece)
        return {**named, **({"V": self.vocabulary} if self.vocabulary else {})}

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The pieces of the tokens to predict."""
        if "targets" not in self.tape:
            return ("",) * len(self.pieces)
        wanted = self.tape.value("targets").tolist()
        return tuple("" if token == IGNORE else self.piece(token) for token in wanted)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """All tokens where there are few enough to label a table, else none."""
        if self.tokenizer is None:
            return ()
        size = self.tokenizer.vocab_size
        labelled = size <= SMALL_VOCABULARY and size == self.model.config.vocab_size
        return tuple(map(self.piece, range(size))) if labelled else ()


def record_step(
    model: CausalModel,
    tokens: Sequence[int],
    tokenizer: Tokenizer,
    *,
    update: Mapping[str, Any] | None,
    targets: Sequence[int] | None = None,
    state: State | None = None,
) -> Trace:
    """Record the step that learns to predict each token of a text from those before it.

    The last token is only a target: T + 1 tokens make T positions. Where `targets` are given, all
    tokens are read, and each has the target in its place, or `IGNORE` for none. `update` says how
    to step: the `optimizer`, a name of `OPTIMIZERS` and by default "adamw"; its `learning_rate`;
    and for AdamW the matrices' `weight_decay`. With None the step ends at the gradients. `state` is
    what the optimizer remembers, the `state` of the trace of the step before; None for a first.

    Raises `TextError` for less than two tokens, `ConfigError` for a learning rate that is not
    above 0, an optimizer that there is not, or a state that is not its own.
    """
    if targets is None and len(tokens) < 2:
        raise TextError(
            "a step needs at least two tokens, one to read and one to predict, and the text has "
            f"{len(tokens)}: write a longer one"
        )
    inputs = list(tokens if targets is not None else tokens[:-1])
    wanted = list(targets if targets is not None else tokens[1:])
    return record_batch(model, (inputs, wanted), tokenizer, update=update, state=state)


def record_batch(
    model: Any,
    batch: Sequence[Any],
    tokenizer: Tokenizer | None,
    *,
    update: Mapping[str, Any] | None,
    state: State | None = None,
) -> Trace:
    """Record a step of any model on a batch, targets last, as its loss takes it.

    Where no place has a target there is no loss, and nothing to step down: the run ends at the
    probabilities. See `record_step`.
    """
    *inputs, wanted = batch
    tape = Tape()
    if all(target == IGNORE for target in wanted):
        next_probs(model.forward(*inputs, tape), tape=tape)
        return Trace(model, tokenizer, tape)
    if update is not None:
        check_update(update)
        _check_state(state, update, model.params)
    _, grads = model.loss_and_grads(*inputs, wanted, tape)
    if update is None:
        return Trace(model, tokenizer, tape)
    params, moved = updated(model.params, grads, state, update, tape)
    after = model.with_params(params)
    loss_after = float(after.loss(*inputs, wanted))
    return Trace(model, tokenizer, tape, update, after, loss_after, moved)


def check_update(update: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for an unknown optimizer, or a setting that is outside its range."""
    for rate in (update["learning_rate"], *update.get("learning_rates", ())):
        if not 0 < rate < math.inf:
            raise ConfigError(f"learning_rate must be above 0, not {rate}")
    betas, eps, clip = update.get("betas", BETAS), update.get("eps", EPS), update.get("clip", 1.0)
    if len(betas) != len(BETAS) or not all(0 <= beta < 1 for beta in betas):
        raise ConfigError(f"betas must be two numbers from 0 to below 1, not {list(betas)}")
    if not 0 <= eps < math.inf:
        raise ConfigError(f"eps must be at least 0, not {eps}")
    if not 0 < clip < math.inf:
        raise ConfigError(f"clip must be above 0, the largest norm of all gradients, not {clip}")
    if update.get("decay", DECAYS[0]) not in DECAYS:
        raise ConfigError(f"decay must be of {' or '.join(DECAYS)}, not of {update['decay']!r}")
    name = update.get("optimizer", "adamw")
    if name not in OPTIMIZERS:
        raise ConfigError(
            f"an optimizer must be one of {', '.join(OPTIMIZERS)}, not {name!r}"
            f"{did_you_mean(name, OPTIMIZERS)}"
        )


def _check_state(state: State | None, update: Mapping[str, Any], params: Tree) -> None:
    """Raise `ConfigError` for a state that another optimizer left, or another model's."""
    name, own = update.get("optimizer", "adamw"), flatten(trainable(params))
    if state is None:
        return
    moments = {key: tree for key, tree in state.items() if isinstance(tree, Mapping)}
    kept = [{n: leaf.shape for n, leaf in flatten(tree).items()} for tree in moments.values()]
    if set(state) != REMEMBERED[name] or any(
        shapes != {n: leaf.shape for n, leaf in own.items()} for shapes in kept
    ):
        wanted = ", ".join(sorted(REMEMBERED[name])) or "nothing"
        raise ConfigError(
            f"a state must be what {name} left of this model's parameters, {wanted}, and one with "
            f"{', '.join(sorted(state)) or 'nothing'} came: take the trace's before, or none"
        )


def take_step(
    model: Any, batch: Sequence[Any], update: Mapping[str, Any] | None, tape: Tape
) -> Tree | None:
    """Run one step of a model on a batch, on a tape: the new parameters, None without `update`.

    The model is a `CausalModel` or a `Transformer`, of numbers of any kind that the layers take.
    """
    _, grads = model.loss_and_grads(*batch, tape)
    if update is None:
        return None
    params, _ = updated(model.params, grads, None, update, tape)
    return params


def updated(
    params: Tree,
    grads: Tree,
    state: State | None,
    update: Mapping[str, Any],
    tape: NullTape = NULL_TAPE,
) -> tuple[Tree, State]:
    """One step of the optimizer that `update` names, with its settings; with LoRA, of its pairs.

    Without LoRA every parameter moves; what stays has no moments, and comes back as it is. Adam's
    `betas` and `eps` may be among the settings, and AdamW's `decay`, one of `DECAYS`.
    """
    moved = trainable(params)
    own = matching(grads, moved)
    name = update.get("optimizer", "adamw")
    settings = {"learning_rate": update["learning_rate"]}
    settings |= {key: update[key] for key in ("betas", "eps") if key in update}
    if name == "adamw":
        decay = update["weight_decay"]
        every = update.get("decay") == "all"
        settings["weight_decay"] = decay if every else decay_groups(moved, decay)
    new: tuple[Tree, State] = OPTIMIZERS[name](moved, own, state, **settings, tape=tape)
    return replaced(params, new[0]), new[1]


def part_of(tape: Tape, name: str) -> str:
    """Which part of the step made a value, by the function that did: given, forward and so on."""
    call = tape.made_by(name)
    if call is None:
        return "given"
    if call.function.__module__.startswith("pellucid.optim"):
        return "update"
    return "backward" if call.function.__name__.endswith(BACKWARD) else "forward"
