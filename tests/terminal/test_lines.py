"""Lines that wrap: at words, further in, and with nothing left out, in terminals of any width."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from pellucid.documents.tables import beside, matrix_lines
from pellucid.terminal.lines import Hanging, Heading, bar, columns, wrapped
from tests.terminal.reading import squeezed


def printed(line: RenderableType, width: int) -> list[str]:
    file = StringIO()
    Console(file=file, width=width).print(line)
    return file.getvalue().splitlines()


def test_a_line_that_fits_is_left_as_it_is():
    assert printed(Hanging("    as it is  "), 12) == ["    as it is"]
    assert printed(Hanging(""), 10) == [""]


def test_a_line_goes_on_four_columns_further_in():
    line = "  node 1:  32·0.1 + 107·(-0.29) = -26.598"
    assert printed(Hanging(line), 24) == [
        "  node 1:  32·0.1 +",
        "      107·(-0.29) =",
        "      -26.598",
    ]


def test_a_word_is_broken_only_where_it_is_longer_than_a_line():
    assert printed(Hanging("a 0123456789"), 8) == ["a", "    0123", "    4567", "    89"]
    assert printed(Hanging("0123456789ab"), 8) == ["01234567", "    89ab"]


def test_a_token_in_quotes_keeps_its_spaces():
    assert printed(Hanging("next 'a' ' of the' 0.1"), 16) == [
        "next 'a'",
        "    ' of the'",
        "    0.1",
    ]
    assert printed(Hanging("the network's or its"), 16) == ["the network's or", "    its"]


def test_letters_of_two_columns_are_counted_as_two():
    lines = printed(Hanging("ab 漢字漢字 cd"), 8)
    assert lines == ["ab", "    漢字", "    漢字", "    cd"]
    assert max(map(cell_len, lines)) <= 8


def test_each_of_several_lines_wraps_by_itself():
    assert printed(Hanging("\n one two\nthree"), 7) == ["", " one", "   two", "three"]


@given(st.text(alphabet="ab1 '漢-", max_size=60), st.integers(4, 30))
def test_nothing_is_left_out_at_any_width(text: str, width: int):
    lines = [line.plain for line in wrapped(Text(text), width)]
    assert squeezed("".join(lines)) == squeezed(text)
    assert max(map(cell_len, lines)) <= width


def test_styles_stay_with_their_words():
    first, second = wrapped(Text.assemble("ab ", ("cd ef", "bold")), 6)
    assert [(first.plain[s.start : s.end], s.style) for s in first.spans] == [("cd", "bold")]
    assert [(second.plain[s.start : s.end], s.style) for s in second.spans] == [("ef", "bold")]


def test_a_heading_has_a_rule_where_there_is_room_for_one():
    assert printed(Heading("Forward"), 12) == ["Forward ────"]
    assert printed(Heading("Backward, in reverse"), 12) == ["Backward, in", "    reverse"]


@pytest.mark.parametrize(
    ("share", "room", "length"), [(1.0, 90, 24), (0.5, 90, 12), (1.0, 10, 10), (1.0, -3, 0)]
)
def test_a_bar_is_as_long_as_its_share_of_the_room(share: float, room: int, length: int):
    assert bar(share, 24, room) == "█" * length


def test_a_table_s_cells_wrap_and_their_sides_are_kept():
    table = columns("id", "piece", right={"id"})
    table.add_row("7", "0123456789")
    assert printed(table, 9) == ["id  piece", " 7  01234", "    56789"]


# -- matrices --------------------------------------------------------------------------------------


def matrix(names: list[str], heads: list[str] | None, width: int = 60) -> list[str]:
    texts = [["1.5", "-2.0"] for _ in names]
    return [
        line.plain
        for line in matrix_lines([[t.rjust(4) for t in r] for r in texts], names, heads, width)
    ]


def test_a_long_label_goes_on_below_and_its_numbers_stand_beside_its_first_part():
    assert matrix(["a", "antidisestablish"], None) == [
        "a               1.5 -2.0",
        "antidisestabli  1.5 -2.0",
        "sh",
    ]


def test_long_heads_stand_above_each_other_and_end_just_above_their_columns():
    assert matrix(["", ""], ["internationally", "a"])[:2] == [
        "internatio           ",
        "     nally          a",
    ]


def test_numbers_stand_below_their_heads_whatever_the_letters_are_wide():
    heads, row = matrix(["漢字"], ["漢", "b"])
    assert cell_len(heads) == cell_len(row) == len("漢字") * 2 + 10
    assert heads.endswith("  漢    b")


def test_a_matrix_uses_all_of_the_room_and_no_more():
    texts = [["12"] * 6]
    whole = [line.plain for line in matrix_lines(texts, [""], None, 17)]
    parts = [line.plain for line in matrix_lines(texts, [""], None, 16)]
    assert whole == ["12 12 12 12 12 12"]
    assert parts == ["columns 0 to 2", "12 12 12", "columns 3 to 5", "12 12 12"]


def test_blocks_stand_side_by_side_as_many_as_fit():
    blocks = [[Text("漢"), Text(letter)] for letter in "abc"]
    assert [line.plain for line in beside(blocks, 8)] == ["漢    漢", "a     b", "漢", "c"]
