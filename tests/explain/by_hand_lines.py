"""Lines of a calculation by hand, and a calculator that checks them."""

from pellucid.documents.by_hand import Line
from tests.explain.calculator import calculate, number

DIGITS = 4


def check_lines(some: list[Line]) -> int:
    """Each line's figures, read from the text, give its result."""
    for line in some:
        assert calculate(line.figures, line.result) == number(line.result), str(line)
    return len(some)
