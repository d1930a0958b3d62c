"""`pellucid walk`: one whole step, number by number."""

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pellucid.cli.options import (
    MODEL,
    ByHandOption,
    DeviceOption,
    DigitsOption,
    DtypeOption,
    TokenizerOption,
    blocks_of,
    console,
    device_of,
    digits_of,
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
    digits: DigitsOption = None,
    by_hand: ByHandOption = None,
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
    from pellucid.report.text import Walk, print_walk

    decimals = digits_of(digits, by_hand)
    if by_hand and shapes:
        raise ConfigError("--shapes prints no numbers, and --by-hand changes them: leave out one")
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
    if by_hand:
        from pellucid.report.by_hand import lesson_by_hand

        lesson, _ = lesson_by_hand(lesson, by_hand)
    screen = console()
    way = Walk(lesson, digits=decimals, width=screen.width, shapes=shapes)
    if show:
        for name in show:
            for line in way.show(name):
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
            blocks_of(layers, example.model.config.n_layer),
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
    return gpt_lesson(trace, name, about, blocks_of(layers, gpt.config.n_layer))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the user gave."""
    return {key: value for key, value in settings.items() if value is not None}
