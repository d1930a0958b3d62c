"""`pellucid models`: the trained models that have names here."""

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from pellucid.cli.options.output import AS_JSON
from pellucid.cli.screen import console
from pellucid.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from pellucid.shipped import ShelfModel

CARD_WIDTH = 80
"""Columns of a model card, which is read as a text."""


def models(
    name: Annotated[
        str | None, Argument(metavar="[NAME]", help="A model, to show its card.")
    ] = None,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """List the trained models that have names here: what they are, their licence and size.

    Each name is good for --model and --tokenizer of every command, and on the page. Nothing is
    fetched.
    """
    from pellucid.shipped import shelf, shelf_model

    found = shelf() if name is None else [shelf_model(known_name(name))]
    if as_json:
        import json

        facts = [one.as_json() for one in found]
        print_whole(json.dumps(facts if name is None else facts[0], indent=2, ensure_ascii=False))
    elif name is not None:
        _show(found[0])
    else:
        for one in found:
            print_model(one)
        print_whole("A model's card: pellucid models NAME")


def known_name(name: str) -> str:
    """The name; `ConfigError` where no trained model has it here."""
    from pellucid.shipped import FETCHED, SHIPPED

    known = (*SHIPPED, *FETCHED)
    if name not in known:
        raise ConfigError(
            f"a model that has a name here is {' or '.join(known)}, and {name!r} is none of "
            f"them{did_you_mean(name, known)}: pellucid models lists them"
        )
    return name


def print_model(one: "ShelfModel") -> None:
    """What one says of a model, in a few lines."""
    from rich.padding import Padding
    from rich.text import Text

    screen = console()
    screen.width = min(screen.width, CARD_WIDTH)
    parts = [] if one.parameters is None else [f"{one.parameters:,} weights"]
    parts += [one.weight, one.state]
    screen.print(Text.assemble((one.name, "bold cyan"), "  ", " · ".join(parts)))
    described = one.described
    screen.print(Padding(Text(f"{described.line}. Licence: {described.licence}."), (0, 0, 0, 2)))
    place = f"card: {one.card}" if one.card else f"file: {one.path}" if one.path else None
    place = place or f"to fetch it: pellucid get {one.name}"
    screen.print(Text(f"  {place}", "dim"), soft_wrap=True)


def print_whole(words: str) -> None:
    """A text as it stands, however long its lines."""
    console().print(words, markup=False, soft_wrap=True)


def _show(one: "ShelfModel") -> None:
    """The card, or of a model that has none here the facts."""
    from rich.markdown import Markdown

    print_model(one)
    if one.card is not None:
        screen = console()
        screen.width = min(screen.width, CARD_WIDTH)
        screen.print()
        screen.print(Markdown(one.card.read_text(encoding="utf-8"), hyperlinks=False))
