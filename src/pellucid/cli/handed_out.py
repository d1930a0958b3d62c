"""What `walk` writes for a class: a handout or a whole worksheet, its key, and its sheet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.documents.model import Document
    from pellucid.handouts import Sheet
    from pellucid.tape import Tape
    from pellucid.walkthrough import Walkthrough

Written = Iterator[tuple[Path, int]]
"""The files that were written, each with its size."""


def key_path(out: Path) -> Path:
    """Where the key stands: walk-key.pdf beside walk.pdf."""
    return out.with_stem(f"{out.stem}-key")


def sheet_path(out: Path) -> Path:
    """Where the sheet stands that a class is graded by: walk-sheet.json, or sheet.json itself."""
    named = out.stem.endswith("sheet") and out.suffix != ".json"
    return out.with_name(f"{out.stem}.json" if named else f"{out.stem}-sheet.json")


def check_paths(out: Path, *, exercises: bool) -> None:
    """Refuse a place where key or sheet cannot be written, and exercises of another format."""
    from pellucid.files import check_writable

    if exercises and out.suffix != ".ipynb":
        raise ConfigError(
            f"--exercises are a notebook, and {out} is none: -o {out.with_suffix('.ipynb')}, or "
            "--worksheet for paper"
        )
    check_writable(key_path(out))
    check_writable(sheet_path(out))


def handout(
    walkthrough: "Walkthrough",
    name: str | None,
    update: dict[str, Any] | None,
    *,
    digits: int,
    steps: set[int] | None,
    seed: int,
) -> "Sheet":
    """The handout of a walk; `name` is the example's, None for a text of one's own."""
    from pellucid.examples import Example, find_example
    from pellucid.handouts import make_sheet

    found = None if name is None else find_example(name)
    example = found if isinstance(found, Example) else None
    return make_sheet(
        walkthrough, digits=digits, steps=steps, seed=seed, example=example, update=update
    )


def write_handout(
    sheet: "Sheet", out: Path, colophon: Sequence[str], *, exercises: bool
) -> Written:
    """Write a handout or a notebook of exercises, its key, and its sheet."""
    from pellucid.documents.formats import write_document
    from pellucid.files import write_text
    from pellucid.handouts import AnswerSheet, key, pages

    made = pages(sheet, colophon)
    if exercises:
        from pellucid.handouts.notebook import exercise_notebook

        for path, filled in ((out, False), (key_path(out), True)):
            write_text(path, exercise_notebook(sheet, colophon, key=filled))
            yield path, path.stat().st_size
    else:
        yield out, write_document(made, out)
        yield key_path(out), write_document(key(sheet, colophon), key_path(out))
    yield _write_sheet(AnswerSheet(made.title, sheet.version, sheet.blanks), out, colophon)


def write_worksheet(
    made: "Document", tape: "Tape", out: Path, seed: int, *, by_hand: bool
) -> Written:
    """Write a whole walk with blanks, its key, and its sheet."""
    from dataclasses import replace

    from pellucid.documents.formats import write_document
    from pellucid.handouts.full import full_sheet
    from pellucid.handouts.pages import key_of

    key = key_of(made.title, made.about, made.answers, made.colophon)
    yield out, write_document(replace(made, answers=()), out)
    yield key_path(out), write_document(key, key_path(out))
    yield _write_sheet(full_sheet(made, tape, seed, by_hand=by_hand), out, made.colophon)


def _write_sheet(sheet: Any, out: Path, colophon: Sequence[str]) -> tuple[Path, int]:
    from pellucid.files import write_text
    from pellucid.handouts import sheet_data

    path = sheet_path(out)
    write_text(path, sheet_data(sheet, " ".join(colophon[1:2])))
    return path, path.stat().st_size
