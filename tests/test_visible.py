"""Control characters of foreign texts: which are escaped, and that every error's text is."""

import pickle
import sys
import unicodedata

import pytest

from pellucid import errors
from pellucid.visible import visible

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and kind is not errors.DifferenceError  # which has several lines
]

TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_every_control_character_is_escaped_and_no_letter_is():
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        control = unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} or char in TURNS
        shown = visible(char)
        assert (shown != char) == control, hex(number)
        if control:
            assert shown.isascii()
            assert shown.isprintable()
            assert shown == repr(char)[1:-1]


def test_what_is_kept_stays_and_escapes_are_not_escaped_again():
    assert visible("a\n\tb\r", keep="\n\t") == "a\n\tb\\r"
    once = visible("\x1b[2J\\x1b")
    assert once == "\\x1b[2J\\x1b"
    assert visible(once) == once


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_s_text_is_one_line_that_no_terminal_obeys(kind: type[errors.PellucidError]):
    error = kind("a\x1b]0;owned\x07 name\nof a file: ü x̂ ≤")
    assert str(error) == "a\\x1b]0;owned\\x07 name\\nof a file: ü x̂ ≤"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))


def test_each_line_of_a_difference_obeys_no_terminal_either():
    error = errors.DifferenceError(["a\x1b]0;owned\x07", "b\nc"])
    assert str(error) == "a\\x1b]0;owned\\x07\n   b\\nc"
