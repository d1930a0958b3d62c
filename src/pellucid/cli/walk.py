"""`pellucid walk`: one whole step, number by number."""

from typing import Annotated

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
    optimizer: Annotated[str, Option(help="Of the step: sgd, momentum, adam or adamw.")] = "adamw",
    learning_rate: Annotated[float | None, Option(help="Of the step.")] = None,
    dtype: DtypeOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Walk through one whole step: forward, loss, every gradient, and the update.

    Without a model: a worked example, by default "AI rocks", in float64.
    """
    from pellucid.checkpoint import open_model
    from pellucid.examples import load_example
    from pellucid.report.text import Walk, print_walk
    from pellucid.text import Tokenizer
    from pellucid.trace import record_step

    if model is None and (tokenizer or dtype):
        raise ConfigError(
            "a worked example has a tokenizer and a dtype of its own: leave out --tokenizer and "
            "--dtype, or give a --model"
        )
    if model is None:
        example = load_example(text or "ai_rocks")
        gpt, settings = example.model, dict(example.update)
        pieces: Tokenizer = example.tokenizer
        title, read = example.title, example.text
        about = f"{example.about}\n{example.source}"
    else:
        gpt, pieces = open_model(
            model, tokenizer=tokenizer, dtype=dtype_of(dtype), device=device_of(device)
        )
        settings = {"learning_rate": 1e-3, "weight_decay": 0.1}
        title, read = model, not_empty(text)
        about = f"{read!r} through {gpt}"
    settings["optimizer"] = optimizer
    if learning_rate is not None:
        settings["learning_rate"] = learning_rate
    trace = record_step(gpt, pieces.encode(read), pieces, update=settings if update else None)
    screen = console()
    steps = Walk(
        trace, digits=digits, layers=_layers(layers, gpt.config.n_layer), width=screen.width
    )
    if show:
        for name in show:
            for line in steps.show(name):
                screen.print(line)
    else:
        print_walk(screen, title, about, steps)


def _layers(choice: str | None, depth: int) -> list[int] | None:
    """The blocks that --layers names."""
    if choice is None or choice == "all":
        return None if choice is None else list(range(depth))
    numbers = choice.split(",")
    if not all(number.strip().isdecimal() and int(number) < depth for number in numbers):
        raise ConfigError(
            f"--layers must be all, or numbers from 0 to {depth - 1} with commas, not {choice!r}"
        )
    return [int(number) for number in numbers]
