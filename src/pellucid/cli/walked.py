"""What `walk` goes through: an example's step or a text's, as it ran, by hand or proved."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.cli.options.output import blocks_of
from pellucid.cli.options.text import not_empty
from pellucid.cli.recorded import STEP, record_text
from pellucid.cli.screen import console
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.documents.recipe import Reproduction
    from pellucid.prove import Proof, Stepped
    from pellucid.train import Trace
    from pellucid.walkthrough import Walkthrough


class Walked(NamedTuple):
    """A walkthrough, how to repeat it, for a proof the model that took the step, and how it did."""

    walkthrough: "Walkthrough"
    recipe: "Reproduction"
    stepped: "Stepped | None" = None
    update: "dict[str, Any] | None" = None


def in_rounded_figures(
    walked: Walked, digits: int
) -> "tuple[Walkthrough, Reproduction, dict[str, Any]]":
    """The walkthrough and recipe by hand, and what a document takes from them."""
    from pellucid.documents.by_hand import arithmetic, walkthrough_by_hand
    from pellucid.documents.links import origins_of
    from pellucid.documents.recipe import by_hand_recipe
    from pellucid.tape import select

    walkthrough, hand = walkthrough_by_hand(walked.walkthrough, digits)
    # What was made from what is the same as in the exact run, where it can be explained.
    tape = walked.walkthrough.tape
    reading = {
        "arithmetic": arithmetic(hand),
        "origin": origins_of(tape),
        "exact": lambda name: float(select(tape, name)),
    }
    return walkthrough, by_hand_recipe(walked.recipe, digits), reading


def proved(walked: Walked, digits: int, out: Path) -> "tuple[Proof, dict[str, Any]]":
    """The proof of a walkthrough, its certificate written, and what a document takes from it."""
    from pellucid.cli.proved_runs import beside_slopes
    from pellucid.documents.certified import certified
    from pellucid.documents.numbers import Format
    from pellucid.files import write_text
    from pellucid.prove import certificate, prove
    from pellucid.terminal.proving import shown

    walkthrough, stepped = walked.walkthrough, walked.stepped
    with shown(console(), None) as watch:
        proof = prove(
            walkthrough.tape,
            written=lambda values: Format(values, digits),
            stepped=stepped,
            differences=beside_slopes(stepped),
            watch=watch,
        )
    file = out.with_suffix(".certificate.json")
    write_text(file, certificate([(proof, None)], digits=digits, title=walkthrough.title))
    return proof, certified(proof, file.name)._asdict()


def of_example(name: str, settings: dict[str, Any] | None, layers: str | None) -> Walked:
    """A worked example's walkthrough; one without an optimizer's step has no settings for it."""
    from pellucid.documents.recipe import demonstration_recipe, example_recipe
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if isinstance(example, Example):
        update = None if settings is None else example.update | _given(settings)
        blocks = blocks_of(layers, example.model.config.n_layer)
        walkthrough = example.walkthrough(update, blocks)
        recipe = example_recipe(name, update, blocks)
        return Walked(walkthrough, recipe, _stepped(example.model, walkthrough), update)
    if settings is None or _given(settings) or layers:
        raise ConfigError(
            f"only a model's example takes --layers and an optimizer's step, and {name} is none: "
            "leave out --layers, --optimizer, --learning-rate and --no-update"
        )
    walkthrough = example.walkthrough()
    return Walked(walkthrough, demonstration_recipe(name, walkthrough.tape))


def of_text(
    text: str | None,
    name: str,
    settings: dict[str, Any] | None,
    layers: str | None,
    how: dict[str, Any],
) -> Walked:
    """The walkthrough of one step of a model on a text; `how` says how to open the model."""
    from pellucid.documents.recipe import model_recipe
    from pellucid.walkthrough import gpt_walkthrough

    given = None if settings is None else STEP | _given(settings)
    text = not_empty(text)
    trace = record_text(text, name, how, given)
    about = f"{text!r} through {trace.model}{_next(trace)}"
    blocks = blocks_of(layers, trace.model.config.n_layer)
    opened = {
        key: repr(value)
        if isinstance(value, str | bool)
        else f"torch.{repr(value).removeprefix('torch.')}"
        for key, value in how.items()
        if value is not None
    }
    walkthrough = gpt_walkthrough(trace, name, about, blocks)
    recipe = model_recipe(text, name, given, blocks, opened)
    return Walked(walkthrough, recipe, _stepped(trace.model, walkthrough))


def _next(trace: "Trace") -> str:
    """In words, what the model takes to come after the whole text, where that fits."""
    from pellucid.inspect import next_tokens

    tokens = [*trace.tape.value("tokens").tolist(), int(trace.tape.value("targets")[-1])]
    if len(tokens) > trace.model.config.block_size:
        return ""
    likeliest = next_tokens(trace.model, tokens)
    told = ", ".join(
        f"'{trace.piece(one.token)}' {100 * one.probability:.3g}%" for one in likeliest
    )
    return f".\nThe likeliest next tokens: {told}"


def _stepped(model: Any, walkthrough: "Walkthrough") -> "Stepped":
    from pellucid.prove import Stepped

    return Stepped(model, (walkthrough.tape.value("tokens"), walkthrough.tape.value("targets")))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the user gave."""
    return {key: value for key, value in settings.items() if value is not None}
