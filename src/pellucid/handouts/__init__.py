"""Handouts: questions of one or two pages for a class, their key, and the class's marks.

`make_sheet` chooses from a walk what is worth working out by hand; `pages` and `key` are documents
that every format writes. `sheet_data` is what grading needs, `read_answers` a class's CSV, and
`grade_class` its marks. `exercise_notebook` asks the same in a notebook.

>>> from pellucid.examples import find_example
>>> sheet = make_sheet(find_example("softmax").walkthrough(), digits=4)
>>> blank = sheet.blanks[2]
>>> blank.label, blank.exercise.answer, blank.exercise.formula
('softmax.out[0,0]', '0.982', 'exps[0,0] / (exps[0,0] + exps[0,1])')
"""

from pellucid.handouts.answers import AnswerRow, Answers, read_answers
from pellucid.handouts.data import AnswerSheet, read_sheet, sheet_data
from pellucid.handouts.marks import Answered, ClassMarks, Graded, grade_class, marks_csv
from pellucid.handouts.pages import key, pages
from pellucid.handouts.sheet import Blank, Question, Sheet, make_sheet

__all__ = [
    "AnswerRow",
    "AnswerSheet",
    "Answered",
    "Answers",
    "Blank",
    "ClassMarks",
    "Graded",
    "Question",
    "Sheet",
    "grade_class",
    "key",
    "make_sheet",
    "marks_csv",
    "pages",
    "read_answers",
    "read_sheet",
    "sheet_data",
]
