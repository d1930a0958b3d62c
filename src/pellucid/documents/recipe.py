"""The Python that makes a document's lesson again, for formats that run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.tape import BACKWARD, Tape

WEIGHT = "h.0.attn.c_attn.weight"
"""The weight of a GPT that its recipe changes."""


class Reproduction(NamedTuple):
    """Pieces of Python: one binds `walkthrough`, one runs it again with a number changed.

    `tell` begins the call that writes out a number's arithmetic, by its name.
    """

    make: str
    change: str
    tell: str = "arithmetic(walkthrough"


def example_recipe(
    name: str, settings: Mapping[str, Any] | None, layers: Sequence[int] | None
) -> Reproduction:
    """The recipe of a model's example, with the settings of its update and the blocks in full."""
    return Reproduction(
        "from pellucid.examples import find_example\n\n"
        f"example = find_example({name!r})\n"
        "model = example.model\n"
        f"walkthrough = example.walkthrough({_dict(settings)}, {layers!r})\n"
        "walkthrough.tape",
        _CHANGED_MODEL,
    )


def demonstration_recipe(name: str, tape: Tape) -> Reproduction:
    """The recipe of an example that runs a few layers; what is changed is one layer's weight."""
    return Reproduction(
        "from pellucid.examples import find_example\n\n"
        f"walkthrough = find_example({name!r}).walkthrough()\n"
        "walkthrough.tape",
        _changed_call(tape),
    )


def model_recipe(
    text: str,
    model: str,
    settings: Mapping[str, Any] | None,
    layers: Sequence[int] | None,
    how: Mapping[str, str],
) -> Reproduction:
    """The recipe of a text's step through a model; `how` says how the model is opened, as code."""
    given = "".join(f", {key}={value}" for key, value in how.items())
    return Reproduction(
        ("import torch\n\n" if "torch." in given else "")
        + "from pellucid.checkpoint import open_model\n"
        "from pellucid.train import record_step\n"
        "from pellucid.walkthrough import gpt_walkthrough\n\n"
        f"text = {text!r}\n"
        f"model, tokenizer = open_model({model!r}{given})\n"
        f"update = {_dict(settings)}\n"
        "trace = record_step(model, tokenizer.prompt(text), tokenizer, update=update)\n"
        f'about = f"{{text!r}} through {{model}}"\n'
        f"walkthrough = gpt_walkthrough(trace, {model!r}, about, {layers!r})\n"
        "walkthrough.tape",
        _CHANGED_MODEL,
    )


def by_hand_recipe(recipe: Reproduction, digits: int) -> Reproduction:
    """The recipe of the same lesson by hand."""
    make = recipe.make.removesuffix("walkthrough.tape")
    return recipe._replace(
        make=f"{make}\nfrom pellucid.documents.by_hand import walkthrough_by_hand\n\n"
        f"walkthrough, hand = walkthrough_by_hand(walkthrough, {digits})\nwalkthrough.tape",
        tell="arithmetic_by_hand(hand",
    )


_CHANGED_MODEL = f"""from dataclasses import replace

from pellucid.tape import Tape
from pellucid.tree import flatten, unflatten

weights = dict(flatten(model.params))
weights["{WEIGHT}"] = weights["{WEIGHT}"].clone()
weights["{WEIGHT}"][0, 0] += 1.0  # any other place, name or number will do

tape = Tape()
tokens, targets = (walkthrough.tape[name].tolist() for name in ("tokens", "targets"))
model.with_params(unflatten(weights)).loss_and_grads(tokens, targets, tape)
changed = replace(walkthrough, tape=tape)
before, after = float(walkthrough.tape["loss"]), float(tape["loss"])
print(f"the loss was {{before:.6f}} and is {{after:.6f}}: a change of {{after - before:.3g}}")
show(changed, "h.0.attn.q", "probs")"""


def _changed_call(tape: Tape) -> str:
    """The Python that runs one call again: the first that has a weight, or else numbers to read."""
    found = [
        (argument != "weight", argument, source, call.outputs[-1])
        for call in tape.calls
        if not call.function.__name__.endswith(BACKWARD)
        for argument, source in call.inputs.items()
        if argument.isidentifier() and _numbers(call.arguments[argument])
    ]
    _, argument, source, output = min(found, key=lambda one: one[0])
    place = ", ".join("0" for _ in tape.value(source).shape)
    return (
        "from pellucid.documents.cells import again\n\n"
        f"{argument} = walkthrough.tape[{source!r}]\n"
        f"{argument}[{place}] += 1.0  # any other place or number will do\n\n"
        f"changed = again(walkthrough, {output!r}, {argument}={argument})\n"
        f"print(show(walkthrough, {output!r}), '\\n\\nand now', sep='')\n"
        f"show(changed, {output!r})"
    )


def _numbers(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() > 0


def _dict(settings: Mapping[str, Any] | None) -> str:
    return "None" if settings is None else repr(dict(settings))
