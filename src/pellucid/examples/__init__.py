"""The worked examples, each a JSON file beside this one: a text, a vocabulary, and every weight.

>>> example = load_example("ai_rocks")
>>> example.tokenizer.encode(example.text)
[0, 1, 2]
>>> example.model.params["wte"]["weight"].shape
torch.Size([3, 4])
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import torch

from pellucid.errors import ConfigError
from pellucid.models import GPT, GPTConfig
from pellucid.text import Words
from pellucid.tree import unflatten


@dataclass(frozen=True)
class Example:
    """A worked example: a model in float64, a text, and the settings of its AdamW step."""

    title: str
    about: str
    source: str  # whose example it is
    text: str
    tokenizer: Words
    model: GPT
    update: dict[str, Any]


def example_names() -> list[str]:
    """The names that `load_example` takes."""
    here = files(__package__).iterdir()
    return sorted(file.name.removesuffix(".json") for file in here if file.name.endswith(".json"))


def load_example(name: str) -> Example:
    """The example of that name; raises `ConfigError` where there is none."""
    if name not in example_names():
        raise ConfigError(
            f"an example must be one of {', '.join(example_names())}, and {name!r} is none: to "
            "walk a text of your own, give a --model"
        )
    data = json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    params = {
        key: torch.tensor(value, dtype=torch.float64) for key, value in data["params"].items()
    }
    return Example(
        title=data["title"],
        about=data["about"],
        source=data["source"],
        text=data["text"],
        tokenizer=Words(tuple(data["vocabulary"])),
        model=GPT(GPTConfig(**data["config"]), unflatten(params)),
        update=data["update"],
    )


__all__ = ["Example", "example_names", "load_example"]
