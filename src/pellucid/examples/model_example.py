"""A model as a worked example: a JSON file beside this one with a text and every weight."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import torch

from pellucid.errors import ConfigError, did_you_mean
from pellucid.layers import IGNORE
from pellucid.models import ARCHITECTURES, CausalModel
from pellucid.text import Words
from pellucid.train import Trace, record_step
from pellucid.tree import unflatten
from pellucid.walkthrough import Part, Walkthrough, gpt_walkthrough

SUFFIX = ".json"


@dataclass(frozen=True)
class Example:
    """A worked example: a model in float64, a text, and the settings of its AdamW step.

    `targets` are the tokens that are to be predicted, `IGNORE` where there is none; with None,
    each token's target is the one after it, and the last token is a target only. What the example
    is to show beyond its step, `closing` makes of the record. Weights that are `free` are its own
    choice, and could be others: what it shows does not hang on them.
    """

    title: str
    about: str
    source: str  # whose example it is
    text: str
    tokenizer: Words
    model: CausalModel
    update: dict[str, Any]
    targets: tuple[int, ...] | None = None
    closing: Callable[[Trace], Part] | None = None
    free: bool = False

    def record(self, update: Mapping[str, Any] | None = None) -> Trace:
        """The recorded step; without `update` it ends at the gradients."""
        tokens = self.tokenizer.encode(self.text)
        return record_step(self.model, tokens, self.tokenizer, update=update, targets=self.targets)

    def walkthrough(
        self,
        update: Mapping[str, Any] | None = None,
        layers: Collection[int] | None = None,
    ) -> Walkthrough:
        """The way through the recorded step, the named blocks in full."""
        return self._told(self.record(update), layers)

    def _told(self, trace: Trace, layers: Collection[int] | None) -> Walkthrough:
        """The walkthrough of a record, with its closing part."""
        walkthrough = gpt_walkthrough(trace, self.title, f"{self.about}\n{self.source}", layers)
        if self.closing is None:
            return walkthrough
        parts = (*walkthrough.parts, self.closing(trace))
        return replace(
            walkthrough, parts=parts, again=lambda tape: self._told(trace.on(tape), layers)
        )


def model_example_names() -> list[str]:
    """The names that `load_example` takes."""
    here = files(__package__).iterdir()
    return sorted(file.name.removesuffix(SUFFIX) for file in here if file.name.endswith(SUFFIX))


def load_example(name: str) -> Example:
    """The example of that name; raises `ConfigError` where there is none.

    >>> example = load_example("ai_rocks")
    >>> example.tokenizer.encode(example.text)
    [0, 1, 2]
    >>> example.model.params["wte"]["weight"].shape
    torch.Size([3, 4])
    """
    if name not in model_example_names():
        raise ConfigError(
            f"a worked example of a model must be one of {', '.join(model_example_names())}, and "
            f"{name!r} is not{did_you_mean(name, model_example_names())}: take one of these"
        )
    data = _content(name)
    tokenizer = Words(tuple(data["vocabulary"]), special=True)
    kind: Any = ARCHITECTURES[data["architecture"]]
    config = kind.Config(**data["config"] | {"vocab_size": tokenizer.vocab_size})
    params = {
        key: torch.tensor(data["params"][key], dtype=torch.float64)[: shape[0]]
        for key, shape in config.parameter_shapes().items()
    }
    wanted = data.get("targets")  # words, and null for a position without a target
    return Example(
        title=data["title"],
        about=data["about"],
        source=data["source"],
        text=data["text"],
        tokenizer=tokenizer,
        model=kind(config, unflatten(params)),
        update=data["update"],
        free=True,
        targets=None
        if wanted is None
        else tuple(IGNORE if word is None else tokenizer.encode(word)[0] for word in wanted),
    )


def _content(name: str) -> dict[str, Any]:
    """A file's content; where it names another's weights, all that it leaves out is the other's.

    Of those it may use fewer words: its tables have the rows of its own vocabulary.
    """
    text = files(__package__).joinpath(name + SUFFIX).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return _content(data["weights_of"]) | data if "weights_of" in data else data
