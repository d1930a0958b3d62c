"""What the lessons on copying and induction claim is so, by the numbers of their runs."""

import pytest

from pellucid.lessons.heads import ANOTHER, COPIED, REPEATED
from tests.lessons.opened import opened


def facts_of(name: str) -> dict[str, float]:
    return {
        key: known for key, known in opened(name).run.facts.items() if not isinstance(known, str)
    }


def test_the_model_of_copying_is_right_throughout_by_a_head_that_goes_by_places():
    known = facts_of("copying")
    assert known["right"] == known["answers"] == known["texts"] * known["length"]
    assert known["looked_at"] == 0
    assert known["placed"] == known["place"] - known["length"]
    assert known["from_mark"] > 0.9
    assert 1 > known["looks"] > known["least"] > 0.9
    assert known["copying"] == pytest.approx(1, abs=0.02)
    assert known["without"] == pytest.approx(1 / known["letters"]), "as good as guessing"
    text, following = COPIED[:-1], opened("copying").run.facts["next"]
    assert text + str(following) == COPIED
    assert not bool(opened("copying").run.tape.value("h.0.mlp.c_proj.out").any())


def test_the_model_of_induction_is_right_throughout_by_two_heads():
    known, told = facts_of("induction"), opened("induction").run.facts
    assert known["right"] == known["answers"]
    assert REPEATED[:-1] + str(told["next"]) == REPEATED
    assert known["before"] == known["second_place"] - 1
    first = REPEATED.index(str(told["letter"]))
    assert (told["found"], known["looked_at"]) == (REPEATED[first + 1], first + 1)
    assert ANOTHER[ANOTHER.index(ANOTHER[-1]) + 1] == "abcd"[int(known["answer"])]
    assert min(known["previous"], known["induction"], known["looks"]) > 0.9
    assert known["keys"] > known["chance"] > max(known["queries"], known["values"])
    assert known["copying"] == pytest.approx(1, abs=0.02)


def test_without_a_head_of_induction_it_is_as_the_lesson_says():
    known = facts_of("induction")
    assert known["without_first"] < known["by_place"], "less than nothing"
    assert known["without_first"] < known["without_second"]
    assert known["far_without_second"] == pytest.approx(1 / known["letters"], abs=0.05)
