"""`pellucid serve`: the page, for a browser on this machine."""

import os
import sys
from contextlib import suppress
from pathlib import PurePath
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import MODEL
from pellucid.cli.options.text import not_empty
from pellucid.errors import PellucidError
from pellucid.shipped import DESCRIBED, FETCHED, SHIPPED, SHIPPED_MODEL, is_fetched

if TYPE_CHECKING:
    from pellucid.web import Library


def serve(
    model: Annotated[list[str] | None, variant(MODEL, "Repeatable.")] = None,
    port: Annotated[
        int, Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 8765,
    text: Annotated[
        str | None, Option(help="The first text for models; it can be changed on the page.")
    ] = None,
    browser: Annotated[bool, Option("--open", help="Open the page in the browser.")] = False,
    new_address: Annotated[
        bool, Option("--new-address", help="Take a secret address that is for this start alone.")
    ] = False,
) -> None:
    """Open a page in a browser on this machine: see a run, change it, watch it learn.

    Prints its address; keep it to yourself, since whoever knows it can use it. Ctrl-C stops it.
    The address is the same at the next start, so links to what was shown go on leading there.
    """
    from pellucid.web import Library, SessionApi
    from pellucid.web.http.kept_token import kept_token, new_token
    from pellucid.web.http.server import PageServer, listen

    def ready(address: str) -> None:
        typer.echo(address)
        sys.stdout.flush()
        reading.start()
        if browser:
            import webbrowser

            webbrowser.open(address)

    with listen(port) as listening:
        given = _names(model or [])
        known = [*filter(is_fetched, FETCHED), SHIPPED_MODEL, *SHIPPED]
        named = given | {name: name for name in known if name not in given.values()}
        library = Library(named, text=None if text is None else not_empty(text))
        for name in (*given, SHIPPED_MODEL):  # all others are opened when they are asked for
            library.open(name)
        # The page opens on the first: it is read while the browser is on its way.
        reading = Thread(target=_read, args=(library,), daemon=True)
        token = new_token() if new_address else kept_token()
        at_work = PageServer(
            lambda: SessionApi(library), listening, ready, token=token
        ).answer_until_ended()
    if at_work or reading.is_alive():
        os._exit(130)  # a computation that has no end yet would hold the process
    raise typer.Exit(130)


def _read(library: "Library") -> None:
    with suppress(PellucidError):  # who asks for it is told
        library.open(library.names[0])


def _names(models: list[str]) -> dict[str, str]:
    """The page's names for models: what a directory is called, and never where it is.

    >>> _names(["runs/letters", "old/letters"])
    {'letters': 'runs/letters', 'letters-2': 'old/letters'}
    """
    names: dict[str, str] = {}
    for model in dict.fromkeys(models):
        # The name of a known model is that model's.
        name = plain = model if model in DESCRIBED else PurePath(model).name or "model"
        count = 1
        while name in names or (name in DESCRIBED and name != model):
            count += 1
            name = f"{plain}-{count}"
        names[name] = model
    return names
