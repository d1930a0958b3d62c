"""The path for a learner: lessons in order, each with a run and exercises that are graded.

`exercise` is what is asked, with the ball of the true value, made by `build` from any recorded run;
`slips` knows what comes of mistakes, `way` the numbers on the way. `grade` judges an answer. `PATH`
has the lessons: a lesson that is open has its words filled in, and `as_data` for a page.

>>> import torch
>>> from pellucid.layers import softmax
>>> from pellucid.tape import Tape
>>> tape = Tape()
>>> _ = softmax(torch.tensor([1.0, 0.0], dtype=torch.float64), tape=tape.at("u"))
>>> exercise = number_exercise(tape, "u.out[0]", decimals=2)
>>> grade(exercise, "0.73").says
'Right.'
>>> grade(exercise, "0.67").says
'0.67 is what a known slip gives: the powers are of 2, not of e.'
>>> grade(exercise, "0.5").next.question
'What is shifted[0]? It is x[0] - max(x[0], x[1]).'
"""

from pellucid.lessons.build import is_answerable, number_exercise, read_exercise
from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise, Slip
from pellucid.lessons.grade import Mark, Outcome, grade
from pellucid.lessons.lesson import Ask, Lesson, OpenLesson
from pellucid.lessons.path import PATH, find_lesson
from pellucid.lessons.run import Run, example_run
from pellucid.lessons.typed import Typed, read_number

__all__ = [
    "PATH",
    "Ask",
    "Ends",
    "Exercise",
    "Lesson",
    "Mark",
    "OpenLesson",
    "Outcome",
    "Run",
    "Slip",
    "Typed",
    "example_run",
    "find_lesson",
    "grade",
    "is_answerable",
    "number_exercise",
    "read_exercise",
    "read_number",
]
