"""The worked examples: those of models are data, a JSON file each; the others run a few layers.

>>> "ai_rocks" in EXAMPLES
True

A demonstration is a module beside this one that ends in a `Demonstration`; its figures come from
the run. A model's example is a text, a vocabulary, and every weight; a module makes one where the
weights follow from something else, or where there is more to show than the step.
"""

from collections.abc import Callable

from pellucid.errors import ConfigError, did_you_mean
from pellucid.examples.ai_rocks_d2 import ai_rocks_d2
from pellucid.examples.demonstration import Demonstration, Shown
from pellucid.examples.dropout import DROPOUT
from pellucid.examples.encoder_decoder import ENCODER_DECODER
from pellucid.examples.gpt2_to_llama import GPT2_TO_LLAMA
from pellucid.examples.hello_world import hello_world
from pellucid.examples.humpty_dumpty import HUMPTY_DUMPTY
from pellucid.examples.layer_norm_residual import LAYER_NORM_RESIDUAL
from pellucid.examples.leaf_or_flower import LEAF_OR_FLOWER
from pellucid.examples.leaf_or_flower_training import LEAF_OR_FLOWER_TRAINING
from pellucid.examples.linear_maps import LINEAR_MAPS
from pellucid.examples.model_example import Example, load_example, model_example_names
from pellucid.examples.optimizers import OPTIMIZERS_SIDE_BY_SIDE
from pellucid.examples.positions import POSITIONS
from pellucid.examples.sampling import SAMPLING
from pellucid.examples.self_attention import SELF_ATTENTION
from pellucid.examples.softmax import SOFTMAX
from pellucid.examples.tokenizers import TOKENIZERS
from pellucid.examples.where_do_you_live import GPT_WITH_SEP, TRANSFORMER

EXAMPLES = (
    "leaf_or_flower",
    "leaf_or_flower_training",
    "humpty_dumpty",
    "tokenizers",
    "self_attention",
    "softmax",
    "layer_norm_residual",
    "dropout",
    "positions",
    "linear_maps",
    "gpt1",
    "hello_world",
    "ai_rocks",
    "ai_rocks_older",
    "ai_rocks_d2",
    "optimizers",
    "sampling",
    "translation_by_gpt",
    "where_do_you_live",
    "encoder_decoder",
    "gpt2_to_llama",
    "llama_by_hand",
)
"""The names of all worked examples, in the order in which they teach."""

_DEMONSTRATIONS: dict[str, Demonstration] = {
    "humpty_dumpty": HUMPTY_DUMPTY,
    "tokenizers": TOKENIZERS,
    "self_attention": SELF_ATTENTION,
    "softmax": SOFTMAX,
    "layer_norm_residual": LAYER_NORM_RESIDUAL,
    "dropout": DROPOUT,
    "positions": POSITIONS,
    "linear_maps": LINEAR_MAPS,
    "optimizers": OPTIMIZERS_SIDE_BY_SIDE,
    "sampling": SAMPLING,
    "leaf_or_flower": LEAF_OR_FLOWER,
    "leaf_or_flower_training": LEAF_OR_FLOWER_TRAINING,
    "gpt2_to_llama": GPT2_TO_LLAMA,
    "translation_by_gpt": GPT_WITH_SEP,
    "where_do_you_live": TRANSFORMER,
    "encoder_decoder": ENCODER_DECODER,
}

_MADE: dict[str, Callable[[], Example]] = {"hello_world": hello_world, "ai_rocks_d2": ai_rocks_d2}


def find_example(name: str) -> Example | Demonstration:
    """The example of that name, with underscores or hyphens; `ConfigError` where there is none."""
    name = name.replace("-", "_")
    if name not in EXAMPLES:
        raise ConfigError(
            f"an example must be one of {', '.join(EXAMPLES)}, and {name!r} is not"
            f"{did_you_mean(name, EXAMPLES, _titles())}: to walk a text of your own, give a --model"
        )
    if name in _MADE:
        return _MADE[name]()
    return _DEMONSTRATIONS.get(name) or load_example(name)


def is_near_example(name: str) -> bool:
    """Whether it is an example's name or title, or so near to one that it may be meant.

    >>> is_near_example("AI rocks"), is_near_example("My dear friend")
    (True, False)
    """
    return name.replace("-", "_") in EXAMPLES or bool(did_you_mean(name, EXAMPLES, _titles()))


def _titles() -> dict[str, str]:
    """The examples' names by their titles."""
    return {find_example(name).title: name for name in EXAMPLES}


__all__ = [
    "EXAMPLES",
    "Demonstration",
    "Example",
    "Shown",
    "find_example",
    "is_near_example",
    "load_example",
    "model_example_names",
]
