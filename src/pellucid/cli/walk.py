"""`pellucid walk`: one whole step, number by number."""

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pellucid.cli.options import (
    MODEL,
    DeviceOption,
    DtypeOption,
    TokenizerOption,
    console,
    device_of,
    dtype_of,
    not_empty,
)
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.trace import Lesson


def walk(
    text: Annotated[
        str | None, Argument(help="A text to walk with --model, or a worked example's name.")
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer: TokenizerOption = None,
    show: Annotated[
        list[str] | None,
        Option(help="Print only this value, such as h.0.attn.att[0,1]; repeatable."),
    ] = None,
    layers: Annotated[str | None, Option(help="Blocks in full: all, or numbers as in 0,3.")] = None,
    digits: Annotated[int, Option(min=1, max=17, help="Decimals.")] = 4,
    update: Annotated[
        bool,
        Option("--update/--no-update", help="Take a step of the optimizer."),
    ] = True,
    optimizer: Annotated[
        str | None, Option(help="Of the step: sgd, momentum, adam or adamw, the default.")
    ] = None,
    learning_rate: Annotated[float | None, Option(help="Of the step.")] = None,
    shapes: Annotated[
        bool, Option("--shapes", help="Only names and shapes, without the numbers.")
    ] = False,
    dtype: DtypeOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Walk through one whole step: forward, loss, every gradient, and the update.

    Without a model: a worked example, by default "AI rocks", in float64.
    """
    from pellucid.report.document import document, value
    from pellucid.report.text import Walk, print_walk

    settings = {"optimizer": optimizer, "learning_rate": learning_rate} if update else None
    if model is None:
        if tokenizer or dtype:
            raise ConfigError(
                "a worked example has a tokenizer and a dtype of its own: leave out --tokenizer "
                "and --dtype, or give a --model"
            )
        lesson = _example(text or "ai_rocks", settings, layers)
    else:
        lesson = _step(
            not_empty(text),
            model,
            settings,
            layers,
            tokenizer=tokenizer,
            dtype=dtype_of(dtype),
            device=device_of(device),
        )
    screen = console()
    way = Walk(document(lesson, digits=digits), width=screen.width, shapes=shapes)
    if show:
        for name in show:
            for line in way.show(value(lesson, name, digits)):
                screen.print(line)
    else:
        print_walk(screen, way)


def _example(name: str, settings: dict[str, Any] | None, layers: str | None) -> "Lesson":
    """A worked example's lesson; one that takes no step of an optimizer has no settings for it."""
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if isinstance(example, Example):
        return example.lesson(
            None if settings is None else example.update | _given(settings),
            _blocks(layers, example.model.config.n_layer),
        )
    if settings is None or _given(settings) or layers:
        raise ConfigError(
            f"only a GPT's example takes --layers and an optimizer's step, and {name} is none: "
            "leave out --layers, --optimizer, --learning-rate and --no-update"
        )
    return example.lesson()


def _step(
    text: str, name: str, settings: dict[str, Any] | None, layers: str | None, **how: Any
) -> "Lesson":
    """The lesson of one step of a model on a text."""
    from pellucid.checkpoint import open_model
    from pellucid.trace import gpt_lesson, record_step

    gpt, pieces = open_model(name, **how)
    update = {"learning_rate": 1e-3, "weight_decay": 0.1}
    trace = record_step(
        gpt,
        pieces.encode(text),
        pieces,
        update=None if settings is None else update | _given(settings),
    )
    about = f"{text!r} through {gpt}"
    return gpt_lesson(trace, name, about, _blocks(layers, gpt.config.n_layer))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the user gave."""
    return {key: value for key, value in settings.items() if value is not None}


def _blocks(choice: str | None, depth: int) -> list[int] | None:
    """The blocks that --layers names."""
    if choice is None or choice == "all":
        return None if choice is None else list(range(depth))
    numbers = choice.split(",")
    if not all(number.strip().isdecimal() and int(number) < depth for number in numbers):
        raise ConfigError(
            f"--layers must be all, or numbers from 0 to {depth - 1} with commas, not {choice!r}"
        )
    return [int(number) for number in numbers]
