"""The output: where it is written, with how many digits, for which blocks."""

from typer import Option

from pellucid.errors import ConfigError

CALCULATOR = 8
"""The most digits by hand, as on a pocket calculator: a float64 holds each of them exactly."""

OUT = Option("--out", "-o", metavar="PATH", help="Where to write")
OVERWRITE = Option("--overwrite", help="Replace what is in the output directory.")
AS_JSON = Option("--json", help="Print it as JSON.")
PICTURE = Option("--picture", metavar="FILE", help="Draw a picture: .svg, .png or .pdf.")
LAYERS = Option("--layers", metavar="LIST", help="Which blocks: all, or numbers as in 0,3.")
DIGITS = Option("--digits", min=1, max=17, show_default="4", help="Decimals that are printed.")
SHOW = Option("--show", metavar="NAME", help="Only this value.")
BY_HAND = Option(
    "--by-hand",
    min=1,
    max=CALCULATOR,
    metavar="DIGITS",
    help="Compute every step from the rounded figures that are printed, as with a pocket "
    "calculator.",
)


def digits_of(digits: int | None, by_hand: int | None = None) -> int:
    """How many decimals are printed: by hand, those that are computed with."""
    if digits is not None and by_hand is not None:
        raise ConfigError(
            "--by-hand computes with the digits that it prints: leave out --digits, and give "
            "--by-hand the number of digits"
        )
    return by_hand or digits or 4


def blocks_of(choice: str | None, depth: int) -> list[int] | None:
    """The blocks that --layers names."""
    if choice is None or choice == "all":
        return None if choice is None else list(range(depth))
    numbers = choice.split(",")
    if not all(number.strip().isdecimal() and int(number) < depth for number in numbers):
        raise ConfigError(
            f"--layers must be all, or numbers from 0 to {depth - 1} with commas, not {choice!r}"
        )
    return [int(number) for number in numbers]


def numbers_of(choice: str | None) -> set[int] | None:
    """The numbers that a list of numbers and ranges names; None where there is no list.

    >>> sorted(numbers_of("2,4-6") or ())
    [2, 4, 5, 6]
    """
    if choice is None:
        return None
    numbers: set[int] = set()
    for part in choice.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(first + last) > 9:
            raise ConfigError(
                f"--steps must be numbers or ranges with commas, as in 2,4-5, not {choice!r}"
            )
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers
