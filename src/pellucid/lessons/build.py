"""Making an exercise of a number of a run: its ball, its slips and the way to it."""

from collections.abc import Callable, Sequence

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.explain import place
from pellucid.lessons.again import again, calls_of
from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise
from pellucid.lessons.grade import grade
from pellucid.lessons.slips import slips_of
from pellucid.lessons.truth import Truth
from pellucid.lessons.way import WRITER, Path, arithmetic
from pellucid.lessons.words import said
from pellucid.tape import Tape


def number_exercise(
    tape: Tape,
    expression: str,
    *,
    decimals: int = 3,
    name: str = "",
    question: str = "",
    hint: str = "",
    own: Sequence[str] = (),
) -> Exercise:
    """The exercise that asks for one number of any recorded run, such as `u.out[0,1]`.

    A learner computes what the number's own call makes and what `own` names, from what is given.
    Without a `question` it is the number's name.

    Raises `TraceError` for a name or an index that is not on the tape, or a number no call made.
    """
    value, index = place(tape, expression)
    origin = tape.name_of(tape.value(value)) or value
    path = Path(tape, expression, own)
    if path.found.term is None:
        raise TraceError(
            f"an exercise must ask for a number that is made of others, and {expression} is given: "
            "ask for what is made of it"
        )
    truth = Truth(tape, [origin, *path.names], decimals)
    way = path.steps(truth, decimals)
    return Exercise(
        name or expression,
        question or said("way.asked", value=expression),
        value=expression,
        decimals=decimals,
        ends=truth.ends(origin, index),
        hint=hint,
        given=path.given,
        settings=path.settings,
        slips=slips_of(
            tape, origin, index, own=own, decimals=decimals, term=path.found.term, way=way
        ),
        way=way,
        formula=WRITER.names(path.found.term),
        arithmetic=arithmetic(path.found),
    )


def is_answerable(
    tape: Tape, exercise: Exercise, *, own: Sequence[str] = (), digits: int = 4
) -> bool:
    """Whether the answer follows from what is given, as it is shown with so many decimals.

    A number below 0.1 is shown with so many digits; with both the answer must come out.

    Where the true number is near halfway between two decimals, it may not: then ask for fewer, or
    for another number.
    """
    value, index = place(tape, exercise.value)
    origin = tape.name_of(tape.value(value)) or value

    def cut(numbers: Tensor) -> Tensor:
        return numbers.double().round(decimals=digits)

    def fine(numbers: Tensor) -> Tensor:
        return (
            numbers.double().clone().apply_(lambda x: float(f"{x:.{digits}g}") if abs(x) < 1 else x)
        )

    def follows(shown: Callable[[Tensor], Tensor]) -> bool:
        made = float(again(calls_of(tape, (*own, origin)), read=shown)[origin][index])
        return grade(exercise, f"{made:.{exercise.decimals}f}").right

    return follows(cut) and follows(fine)


def read_exercise(
    tape: Tape, expression: str, *, decimals: int, name: str, question: str, hint: str = ""
) -> Exercise:
    """The exercise that asks for a number that was computed in float64, by no layer.

    Its ball is as wide as floats round; slips are those with its sign, its neighbours and the like.
    """
    value, index = place(tape, expression)
    return Exercise(
        name,
        question,
        value=expression,
        decimals=decimals,
        ends=Ends.near(float(tape.value(value)[index])),
        hint=hint,
        slips=slips_of(tape, value, index, own=(), decimals=decimals),
    )
