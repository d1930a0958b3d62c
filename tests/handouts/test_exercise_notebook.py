"""Notebooks of exercises: nbgrader's metadata, and cells that grade by the balls alone."""

import json
import re
import sys
from fractions import Fraction
from typing import Any

import pytest

from pellucid.handouts import Blank
from pellucid.handouts.notebook import exercise_notebook, grading
from tests.handouts.made import sheet_of

pytest.importorskip("nbformat", reason="nbformat is not installed")

NBGRADER = {
    "schema_version": int,
    "grade": bool,
    "locked": bool,
    "solution": bool,
    "task": bool,
    "grade_id": str,
    "points": int,
}
"""nbgrader's schema 3: these keys and no others; the first four always, points where graded."""


def cells(*, key: bool = False) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(exercise_notebook(sheet_of("softmax"), key=key))[
        "cells"
    ]
    return found


def failure(blank: Blank, answer: object) -> str:
    """What the cell says to an answer, run on its own; nothing where it passes."""
    names: dict[str, Any] = {f"answer_{blank.number}": answer}
    try:
        exec(grading(blank), names)
    except (AssertionError, ValueError) as error:
        return str(error)
    return ""


def test_the_metadata_is_as_nbgrader_has_it():
    for key in (False, True):
        found = [cell for cell in cells(key=key) if "nbgrader" in cell["metadata"]]
        ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in found]
        assert len(set(ids)) == len(ids)
        for cell in found:
            meta = cell["metadata"]["nbgrader"]
            assert all(type(value) is NBGRADER[name] for name, value in meta.items())
            assert {"schema_version", "grade", "locked", "solution", "grade_id"} <= meta.keys()
            assert (meta["schema_version"], meta["task"]) == (3, False)
            assert re.fullmatch(r"[a-zA-Z0-9_\-]+", meta["grade_id"])
            assert (
                ("points" in meta)
                == meta["grade"]
                == (meta["locked"] and cell["cell_type"] == "code")
            )
            assert cell["cell_type"] == "code" or not (meta["grade"] or meta["solution"])
            assert cell["id"] == meta["grade_id"]
        points = sum(cell["metadata"]["nbgrader"].get("points", 0) for cell in found)
        assert points == len(sheet_of("softmax").blanks)


def test_nbgrader_itself_takes_it():
    nbformat = pytest.importorskip("nbformat")
    package = pytest.importorskip("nbgrader.nbgraderformat.v3", reason="nbgrader is not installed")
    for key in (False, True):
        book = nbformat.reads(exercise_notebook(sheet_of("softmax"), key=key), as_version=4)
        package.MetadataValidatorV3().validate_nb(book)


def test_the_answers_stand_in_the_key_alone_between_nbgrader_s_marks():
    given, filled = (
        "\n".join("".join(c["source"]) for c in cells(key=key)) for key in (False, True)
    )
    for blank in sheet_of("softmax").blanks:
        answer = f'answer_{blank.number} = "{blank.exercise.answer}"'
        assert answer not in given
        assert f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION" in filled


@pytest.mark.parametrize("name", ["softmax", "ai_rocks"])
def test_a_cell_grades_by_the_ball_and_by_nothing_else(name: str):
    for blank in sheet_of(name).blanks:
        right = blank.exercise.answer
        unit = Fraction(1, 10**blank.exercise.decimals)
        assert failure(blank, right) == ""
        assert failure(blank, right.replace(".", ",").replace("-", "−")) == ""
        assert failure(blank, float(right)) == ""
        assert "no answer" in failure(blank, "")
        for off in (-2 * unit, 2 * unit):
            assert failure(blank, str(float(Fraction(right) + off))), (blank, off)
        assert failure(blank, "about 1")
    assert "pellucid" not in grading(sheet_of(name).blanks[0])


def test_a_cell_names_a_known_slip():
    blank = sheet_of("softmax").blanks[2]
    slip = next(one for one in blank.exercise.slips if one.name == "softmax_base_2")
    assert failure(blank, slip.ends.rounded(3)) == slip.says


def test_the_notebook_runs_and_its_cells_fail_only_where_an_answer_is_missing(
    monkeypatch, tmp_path
):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    for place in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(place, str(tmp_path))
    for key, failed in ((True, 0), (False, len(sheet_of("softmax").blanks))):
        book = nbformat.reads(exercise_notebook(sheet_of("softmax"), key=key), as_version=4)
        client = nbclient.NotebookClient(book, timeout=120, allow_errors=True)
        client.create_kernel_manager()
        assert client.km.format_kernel_cmd()[0] == sys.executable
        client.execute()
        outputs = [one for cell in book.cells for one in cell.get("outputs", ())]
        assert sum(one["output_type"] == "error" for one in outputs) == failed
