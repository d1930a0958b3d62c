"""Taking a lesson: hints, slips, the way to an answer, and leaving."""

from collections.abc import Iterator, Sequence

from pellucid.lessons import Exercise, OpenLesson
from pellucid.lessons.session import Score, take
from tests.lessons.opened import opened


class Scripted:
    """A learner who types what is in a script."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.heard: list[str] = []
        self._lines: Iterator[str] = iter(lines)

    def exercise(self, exercise: Exercise, place: int, count: int) -> None:
        self.heard.append(f"{place}/{count} {exercise.name}")

    def say(self, text: str, *, good: bool | None = None) -> None:
        self.heard.append(text)

    def answer(self) -> str | None:
        return next(self._lines, None)


def taken(lesson: OpenLesson, *lines: str, **how: object) -> tuple[Score, list[str]]:
    learner = Scripted(lines)
    return take(lesson, learner, **how), learner.heard  # type: ignore[arg-type]


def test_right_answers_one_after_the_other():
    score, heard = taken(opened("softmax"), "0.269", "0.2447", "1")
    assert score.right == ["softmax.share", "softmax.large", "softmax.sum"]
    assert not score.left
    assert sum(line == "Right." for line in heard) == 3
    assert any(line.startswith("softmax.out[1,0] = exps[1,0] /") for line in heard)


def test_a_wrong_answer_is_followed_to_where_it_leaves_the_way():
    lesson = opened("softmax")
    score, heard = taken(lesson, "0.5", "-1", "?", "0,9", "0.9", "0.269", "", "")
    assert score.right == ["softmax.share"]
    assert score.skipped == ["softmax.large", "softmax.sum"]
    assert "Here your way leaves the right one: exps[1,0] = exp(shifted[1,0])" in "\n".join(heard)
    where = next(line for line in heard if line.startswith("Let us find"))
    assert "shifted[1,0]" in where


def test_a_slip_is_named_and_the_question_stays():
    score, heard = taken(opened("sums"), "", "-26.60", "-26.35", "q")
    assert "bias is missing" in "\n".join(heard)
    assert score.right == ["sums.bias"]
    assert score.skipped == ["sums.node"]
    assert score.left


def test_hints_and_answers_are_given_for_the_asking():
    lesson = opened("softmax")
    score, heard = taken(lesson, "?", "!", "x", "0,245", "q")
    assert lesson.exercises[0].hint in heard
    assert "The answer is 0.269." in heard
    assert "type 0.245" in "\n".join(heard)
    assert score.left
    assert score.skipped == ["softmax.share"]


def test_what_cannot_be_read_is_no_wrong_answer():
    score, _ = taken(opened("softmax"), "0,269", "", "0.5", "", "", "q")
    assert score.skipped == ["softmax.share"]
    assert score.wrong == ["softmax.large"]


def test_who_is_not_patient_asks_once():
    score, _ = taken(opened("softmax"), "0.5", "0.5", "1", patient=False)
    assert score.wrong == ["softmax.share", "softmax.large"]
    assert score.right == ["softmax.sum"]
    score, heard = taken(opened("softmax"), "0.269", patient=False)
    assert score.skipped == ["softmax.large", "softmax.sum"]
    assert "3/3 softmax.sum" in heard


def test_a_lesson_can_begin_in_its_middle_and_tells_what_is_done():
    seen: list[str] = []
    done: list[str] = []
    taken(opened("softmax"), "0.5", "q", begin=2, seen=seen.append, done=done.append)
    taken(opened("softmax"), "1", begin=2, done=done.append)
    assert seen == ["softmax.sum"]
    assert done == ["softmax.sum"]


def test_who_sees_the_slip_on_the_way_may_answer_the_question_at_once():
    score, heard = taken(opened("softmax"), "0.5", "0.269", "q")
    assert score.right == ["softmax.share"]
    assert not any(line.startswith("Here your way") for line in heard)


def test_an_answer_on_the_way_names_itself_once():
    _, heard = taken(opened("sums"), "9", "9", "q")
    assert any(line.endswith(": x[0,0] · weight[0,1] = 32 · 0.12 = 3.84.") for line in heard)
