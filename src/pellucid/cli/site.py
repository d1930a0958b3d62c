"""`pellucid site`: lessons, worked examples, documents, API and glossary as static pages."""

from pathlib import Path
from typing import Annotated

from typer import Option

from pellucid.cli.options import variant
from pellucid.cli.options.output import OUT, OVERWRITE
from pellucid.cli.screen import console


def site(
    out: Annotated[Path, variant(OUT, "the site, a new or an empty directory.")],
    lesson: Annotated[
        list[str] | None,
        Option(
            metavar="NAME|N",
            help="Only this lesson, its worked example and the glossary. Repeatable.",
        ),
    ] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Write the site: lessons with exercises, worked examples, documents, API, a glossary.

    The pages need no server and no network: open index.html.
    """
    from rich.filesize import decimal

    from pellucid.lessons import PATH, find_lesson
    from pellucid.site import Contents, build_site

    only = [find_lesson(name) for name in lesson or ()]
    contents = Contents.of([one for one in PATH if one in only]) if only else Contents()
    screen = console()
    with screen.status("site") as status:
        built = build_site(
            out, contents, overwrite=overwrite, watch=lambda what: status.update(f"site: {what}")
        )
    for note in (*built.notes, *built.warnings):
        screen.print(note, markup=False, soft_wrap=True)
    screen.print(
        f"{built.first}: {built.pages} pages, {decimal(built.size)}", markup=False, soft_wrap=True
    )
