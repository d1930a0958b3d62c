"""What `prove` proves: the tapes of an example or of a model on a text, one for each optimizer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.cli.recorded import STEP
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import CausalModel
    from pellucid.prove import Stepped
    from pellucid.tape import Tape
    from pellucid.text import Tokenizer
    from pellucid.train import Trace

LARGE = 5_000_000
"""A run of a model with more parameters ends at the gradients, unless the user says otherwise."""

MANY = 2_000_000
"""The gradients of a model with more are not set beside slopes, unless the user says otherwise."""


class Until(StrEnum):
    """How far a run goes."""

    FORWARD = "forward"
    GRADIENTS = "gradients"
    UPDATE = "update"


class ProvedRun(NamedTuple):
    """A tape, and what is to be known beside it."""

    name: str
    tape: "Tape"
    piece: Callable[[int], str] = str  # spells a token
    update: Mapping[str, Any] | None = None  # the optimizer and its settings
    stepped: "Stepped | None" = None  # where there are gradients to be set beside slopes


def beside_slopes(stepped: "Stepped | None") -> bool:
    """Whether gradients are set beside slopes unless the user says otherwise."""
    from pellucid.tree import flatten

    if stepped is None:
        return False
    count = sum(weight.numel() for weight in flatten(stepped.model.params).values())
    return bool(count <= MANY)


def example_runs(
    name: str, until: Until | None, optimizers: Sequence[str] | None
) -> Iterator[ProvedRun]:
    """The runs of a worked example; of one that is not the step of a model, the one there is."""
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if isinstance(example, Example):
        tokens = example.record().tape.value("tokens").tolist()  # the last is a target only
        settings = example.update
        model = (example.model, example.tokenizer)
        yield from _runs(model, tokens, example.record, settings, until, optimizers)
    elif until or optimizers:
        raise ConfigError(
            f"only a model's example takes --until and --optimizer, and {name} is not one: leave "
            "them out"
        )
    else:
        yield ProvedRun(name, example.walkthrough().tape)


def text_runs(
    gpt: "CausalModel",
    tokenizer: "Tokenizer",
    text: str,
    until: Until | None,
    optimizers: Sequence[str] | None,
) -> Iterator[ProvedRun]:
    """The runs of a model on a text."""
    from pellucid.train import record_step

    tokens = tokenizer.prompt(text)

    def record(update: Mapping[str, Any] | None) -> "Trace":
        return record_step(gpt, tokens, tokenizer, update=update)

    yield from _runs((gpt, tokenizer), tokens, record, STEP, until, optimizers)


def _runs(
    model: "tuple[CausalModel, Tokenizer]",
    tokens: Sequence[int],
    record: "Callable[[Mapping[str, Any] | None], Trace]",
    settings: Mapping[str, Any],
    until: Until | None,
    optimizers: Sequence[str] | None,
) -> Iterator[ProvedRun]:
    from pellucid.prove import Stepped
    from pellucid.train import Trace
    from pellucid.tree import flatten

    gpt, tokenizer = model
    large = sum(weight.numel() for weight in flatten(gpt.params).values()) > LARGE
    end = until or (Until.GRADIENTS if large and not optimizers else Until.UPDATE)
    if optimizers and end != Until.UPDATE:
        raise ConfigError("--optimizer takes a step, and --until ends before it: leave one out")
    if end == Until.FORWARD:
        _, tape = gpt.run_with_cache(tokens)
        yield ProvedRun(end.value, tape, Trace(gpt, tokenizer, tape).piece)
        return
    names = optimizers or [settings.get("optimizer", "adamw")]
    for update in (
        [None] if end == Until.GRADIENTS else [{**settings, "optimizer": n} for n in names]
    ):
        trace = record(update)
        batch = (trace.tape.value("tokens"), trace.tape.value("targets"))
        name = update["optimizer"] if update else end.value
        yield ProvedRun(name, trace.tape, trace.piece, update, Stepped(gpt, batch))
