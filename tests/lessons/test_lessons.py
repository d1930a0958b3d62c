"""The path: its order, its words, and exercises that can be done from what is shown."""

import json
import re
import shlex

import pytest
import typer

from pellucid.cli import app
from pellucid.errors import ConfigError
from pellucid.examples import Example, find_example
from pellucid.explain import explain
from pellucid.lessons import PATH, find_lesson, grade, is_answerable
from pellucid.lessons.run import example_run
from pellucid.lessons.words import filled, places, text, texts
from tests.lessons.opened import opened

each_lesson = pytest.mark.parametrize("name", [lesson.name for lesson in PATH])

DIGITS = re.compile(r"\d")
NAMES = re.compile(r"\{[^}]*\}|GPT-2|W₁|ai_rocks")
KNOWN = re.compile(r"(?<![\d.])[012](?!\d|\.\d)")
"""Constants of a definition, such as the 0 of ReLU, are no figures of a run."""


def sentences(name: str) -> list[str]:
    """All that a lesson says, as the file has it; commands to try may have numbers in them."""
    words = texts()["lessons"][name]
    asks = words["asks"].values()
    return [
        *words["prose"],
        *(ask[key] for ask in asks for key in ("question", "hint") if key in ask),
    ]


@each_lesson
def test_every_figure_in_the_words_comes_from_the_run(name: str):
    for words in sentences(name):
        typed = KNOWN.sub("", NAMES.sub("", words))
        assert not DIGITS.search(typed), words


@each_lesson
def test_a_lesson_has_words_and_at_least_two_exercises(name: str):
    lesson = opened(name)
    assert 2 <= sum(len(re.findall(r"[.?!](?= |$)", one)) for one in lesson.prose) <= 16
    assert len(lesson.exercises) >= 2
    assert lesson.tries
    own = texts()["lessons"][name]["asks"]
    assert set(own) == {ask.name for ask in lesson.lesson.asks}
    for told in (*lesson.prose, *lesson.tries, *(one.question for one in lesson.exercises)):
        assert "{" not in told
        assert told.strip()


def test_every_lesson_in_the_words_is_on_the_path_in_its_order():
    assert list(texts()["lessons"]) == [lesson.name for lesson in PATH]


@each_lesson
def test_the_answer_is_right_and_every_step_of_the_way_is_too(name: str):
    for exercise in opened(name).exercises:
        assert grade(exercise, exercise.answer).right, exercise
        for step in exercise.way:
            assert grade(step, step.answer).right, step


@each_lesson
def test_an_answer_follows_from_the_decimals_that_are_shown(name: str):
    lesson = opened(name)
    for ask, exercise in zip(lesson.lesson.asks, lesson.exercises, strict=True):
        if ask.value and not (ask.shape or ask.read or ask.given):
            assert is_answerable(lesson.run_of(exercise).tape, exercise, own=ask.own), exercise


@each_lesson
def test_the_command_that_shows_a_lesson_is_one(name: str):
    _, command, *words = shlex.split(find_lesson(name).command)
    found = typer.main.get_command(app).commands[command]
    found.make_context(command, words)  # which reads the options, and runs nothing


@each_lesson
def test_a_lesson_as_data_is_json_with_the_ends_of_every_ball(name: str):
    data = json.loads(json.dumps(opened(name).as_data()))
    for exercise, one in zip(data["exercises"], opened(name).exercises, strict=True):
        assert [shown["name"] for shown in exercise["shown"]] == list(one.given)
        assert all(row for shown in exercise["shown"] for row in shown["tables"][0]["cells"])
        if one.ends is not None:
            low, high = map(float, exercise["ends"])
            assert low <= float(one.ends.low) <= float(one.ends.high) <= high
            assert high - low <= 1e-9 * max(1.0, abs(high))


def test_words_follow_the_run():
    run = opened("softmax").run
    words = text("lessons.softmax.prose")[1]
    assert "{softmax.out[0,0]:.3f}" in words
    assert f"{run.tape['softmax.out'][0, 0]:.3f}" in filled(words, run.tape, run.facts)
    assert "softmax.out[0,0]" in places(words)


def test_other_weights_give_other_words():
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    told = []
    for more in (0.0, 1.0):
        example.model.params["wte"]["weight"][0, 0] += more
        tape = example.record(example.update).tape
        told.append([filled(words, tape, {}) for words in text("lessons.gpt.prose")])
    changed = [one != other for one, other in zip(*told, strict=True)]
    assert changed == [False, True, False]


def test_a_lesson_is_found_by_number_name_and_title():
    assert find_lesson("1") is PATH[0]
    assert find_lesson(PATH[2].name) is PATH[2]
    assert find_lesson(PATH[3].title) is PATH[3]
    with pytest.raises(ConfigError, match="did you mean 'attention'"):
        find_lesson("atention")
    for wrong in ("0", str(len(PATH) + 1), "-1", "٣"):
        with pytest.raises(ConfigError, match=f"from 1 to {len(PATH)}"):
            find_lesson(wrong)


def test_what_a_lesson_says_to_explain_is_explained():
    told = [sentence for one in PATH for sentence in opened(one.name).tries]
    commands = [
        found for one in told for found in re.findall(r"pellucid explain ('[^']*' \w+)", one)
    ]
    assert commands
    for command in commands:
        value, example = shlex.split(command)
        assert explain(example_run(example).tape, value).term is not None
