"""The page's grading is Python's: the same answers, the same outcomes, the same words."""

from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import files
from typing import Any

from pellucid.lessons import PATH, Ends, Exercise, Mark, Slip, grade
from pellucid.site.chapters import data_of

ODD = [
    "",
    "  ",
    "?",
    "0,5",
    "50%",
    "1/0",
    "1/3",
    " -1 / 4 ",
    "+2",
    "−3",
    "1e3",
    "1e-2",
    "1e99",
    ".5",
    "5.",
]
ODD += [
    "1" * 61,
    "0x10",
    "½",
    "1\u00a0/2",
    "a\u200bb'",
    "None",
    "1_000",
    "1e",
    "--1",
    "2 x 3",
    "(2, 3)",
]
"""What might be typed for any number or shape."""

TIES = Exercise(
    "ties",
    "Which?",
    decimals=2,
    ends=Ends(Fraction(1, 8), Fraction(1, 8)),
    slips=[Slip("sign", "the sign is wrong", Ends(Fraction(-1, 8), Fraction(-1, 8)))],
)
WIDE = Exercise("wide", "Which?", decimals=1, ends=Ends(Fraction(-1, 10**7), Fraction(7, 10**8)))
LARGE = Exercise("large", "Which?", decimals=0, ends=Ends.near(3e21))


def decimal(value: Fraction, places: int) -> str:
    """A number with so many places, the rest cut off."""
    units = int(value * 10**places)
    digits = f"{abs(units):0{places + 1}d}"
    cut = len(digits) - places
    return f"{'-' if units < 0 else ''}{digits[:cut]}" + (f".{digits[cut:]}" if places else "")


def typed(exercise: Exercise) -> Iterator[str]:
    """Answers of all kinds to an exercise: right, near, short, long, slips, and none at all."""
    yield exercise.answer
    if exercise.ends is None:
        yield from (*exercise.choices, *exercise.answers, exercise.answer.upper(), "1", "9")
        yield from (" ".join(reversed(exercise.answer.split(", "))), "7, 7", *ODD[:3], *ODD[-2:])
        return
    low, high = exercise.ends
    for places in range(max(0, exercise.decimals - 2), exercise.decimals + 4):
        unit = Fraction(1, 10**places)
        for value in (low, high, -low):
            yield from (decimal(value + off * unit, places) for off in (-2, -1, Fraction(1, 2), 1))
            yield decimal(value, places)
        yield exercise.ends.rounded(places)
    yield f"{low.numerator % 1000}/7"
    for slip in exercise.slips:
        yield slip.ends.rounded(exercise.decimals)
        yield slip.ends.rounded(max(0, exercise.decimals - 1))


def as_told(mark: Mark) -> dict[str, Any]:
    return {
        "outcome": mark.outcome,
        "says": mark.says,
        "slips": [slip.name for slip in mark.slips],
        "next": mark.next and mark.next.as_data(),
    }


def test_the_page_grades_as_python_does(chromium: Any):
    script = files("pellucid.site").joinpath("assets/grade.js").read_text(encoding="utf-8")
    lessons = [lesson.open() for lesson in PATH[::3]]
    asked = [*(one for lesson in lessons for one in lesson.exercises), TIES, WIDE, LARGE]
    asked += [step for one in asked for step in one.way]
    cases = [(one, text) for one in asked for text in dict.fromkeys(typed(one))]
    cases += [(TIES, text) for text in ODD]
    own = {id(one): one.as_data() for one in asked}
    given = [[own[id(one)], text] for one, text in cases]
    with chromium.new_page() as page:
        page.set_content(f'<script type="application/json">{data_of(lessons[0])}</script>')
        page.add_script_tag(content=script)
        marks = page.evaluate(
            """(given) => {
                const told = JSON.parse(document.querySelector("script").textContent);
                return given.map(([exercise, text]) => pellucidGrade(exercise, text, told));
            }""",
            given,
        )
    assert len(cases) > 1500
    assert len({mark["outcome"] for mark in marks}) == 6
    for (exercise, text), mark in zip(cases, marks, strict=True):
        assert mark == as_told(grade(exercise, text)), (exercise.name, text)
