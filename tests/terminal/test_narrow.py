"""A walk in a narrow terminal: arithmetic, numbers and words wrap, and none is cut off."""

import re
from collections import Counter
from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from pellucid.documents.build import document, value
from pellucid.documents.by_hand import walkthrough_by_hand
from pellucid.documents.model import Document
from pellucid.examples import EXAMPLES
from pellucid.terminal.text import Walk, print_walk
from tests.examples.walkthroughs import walkthrough_of
from tests.terminal.reading import NUMBER, squeezed

WIDTHS = [100, 80, 60, 40]


def printed(made: Document, width: int) -> str:
    file = StringIO()
    print_walk(Console(file=file, width=width, highlight=False), Walk(made, width=width))
    return file.getvalue()


def texts(made: Document) -> list[str]:
    """All that a walk prints as lines."""
    found = [part.heading for part in made.parts]
    for step in made.steps:
        found += [step.title, *step.formulas, *step.lines]
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_of_an_example_is_cut_off(name: str, width: int):
    made = document(walkthrough_of(name))
    out = printed(made, width)
    assert max(map(cell_len, out.splitlines())) <= width
    whole = squeezed(out)
    assert [text for text in texts(made) if squeezed(text) not in whole] == []
    wide = printed(made, 5000)
    assert not Counter(NUMBER.findall(wide)) - Counter(NUMBER.findall(out)), "a number is broken"
    assert out.count("…") == wide.count("…")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_end_of_a_long_calculation_is_there(width: int):
    """These two were lost in a terminal of 80 columns."""
    out = squeezed(printed(document(walkthrough_of("leaf_or_flower")), width))
    assert "107·(-0.21)+56·(-0.12)+11.2·(-0.57)=-47.094" in out
    assert "107·(-0.29)+56·(-0.07)+11.2·0.46+0.25=-26.348" in out
    ratio = squeezed(printed(document(walkthrough_of("ai_rocks_d2")), width))
    assert len(re.findall(r"\|dx\|/\|dout\|=\d", ratio)) >= 6


@pytest.mark.parametrize("width", WIDTHS)
def test_a_walk_by_hand_names_what_is_farthest_apart_in_full(width: int):
    told, _ = walkthrough_by_hand(walkthrough_of("where_do_you_live"), 4)
    out = printed(document(told), width)
    (closing,) = told.parts[-1].steps
    assert all(squeezed(line) in squeezed(out) for line in closing.lines)
    assert not any("…" in line for line in closing.lines)


@pytest.mark.parametrize("width", [60, 40])
def test_one_value_is_shown_whole_with_all_its_words(width: int):
    walkthrough = walkthrough_of("where_do_you_live")
    file = StringIO()
    console = Console(file=file, width=width, highlight=False)
    shown = value(walkthrough, "dec.h.0.cross.att")
    for line in Walk(document(walkthrough), width=width).show(shown):
        console.print(line)
    out = file.getvalue()
    assert max(map(cell_len, out.splitlines())) <= width
    assert squeezed(shown.meaning) in squeezed(out)
    assert Counter(cell.text for cell in shown.cells) <= Counter(out.split())


def test_a_title_that_is_wider_than_the_terminal_stands_above_the_box():
    made = document(walkthrough_of("softmax"))
    file = StringIO()
    console = Console(file=file, width=20)
    print_walk(console, Walk(replace(made, title=f"runs/[a]/{'b' * 30}"), width=20))
    title, _, rest = file.getvalue().partition("╭")
    assert squeezed(title) == f"runs/[a]/{'b' * 30}"
    assert "─" * 18 in rest
