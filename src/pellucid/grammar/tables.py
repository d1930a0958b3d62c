"""The tables of data/: tab-separated lines behind a header, # for a comment."""

from collections.abc import Iterator
from importlib.resources import files

from pellucid.errors import TextError

NONE = "-"
"""What stands in a cell that has nothing."""

NOUN_COLUMNS = ("german", "gender", "plural", "english", "english_plural", "classes")
VERB_COLUMNS = (
    *("german", "third", "past", "participle", "auxiliary"),
    *("english", "english_third", "english_past", "english_participle", "english_ing", "frame"),
)
ADJECTIVE_COLUMNS = (
    *("german", "comparative", "superlative"),
    *("english", "english_comparative", "english_superlative", "classes"),
)


def table(name: str, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table with their numbers, behind its header; `TextError` for a wrong one."""
    header = False
    for number, line in enumerate(data_text(name).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if not header:
            header = True
            if tuple(cells) != columns:
                raise TextError(f"{name} must begin with the columns {', '.join(columns)}")
        elif len(cells) != len(columns) or not all(cells):
            raise TextError(
                f"a line of {name} must have {len(columns)} cells with a tab between and {NONE} "
                f"for nothing, and line {number} has {len(cells)}: correct it"
            )
        else:
            yield number, cells


def data_text(name: str) -> str:
    """A file of data/."""
    return files(__package__).joinpath("data", name).read_text(encoding="utf-8")
