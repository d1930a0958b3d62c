"""What every worked example keeps to: it runs, shows what it names, and fits its labels."""

from io import StringIO

import pytest
from rich.console import Console

from pellucid.documents.build import document
from pellucid.examples import EXAMPLES, find_example
from pellucid.terminal.text import Walk, print_walk
from pellucid.walkthrough import describe
from tests.examples.walkthroughs import walkthrough_of

each_example = pytest.mark.parametrize("name", EXAMPLES)


@each_example
def test_it_has_a_title_and_says_what_it_is_about(name: str):
    example, made = find_example(name), walkthrough_of(name)
    assert example.title == made.title
    assert example.about in made.about
    assert example.about.endswith(".")
    assert "\n" not in example.title
    assert len(example.title) <= 60
    assert made.parts
    assert all(part.heading and part.steps for part in made.parts)


@each_example
def test_what_a_step_names_is_on_the_tape(name: str):
    """Or has a row in the table: a model without biases or dropout lacks those values."""
    made = walkthrough_of(name)
    for part in made.parts:
        for step in part.steps:
            for value in step.names:
                on_tape = value in made.tape or value.endswith(".x")
                assert on_tape or describe(value) is not None, f"{step.title}: {value}"
                if value.endswith(".x"):
                    assert made.tape[value] is not None


@each_example
def test_labels_fit_their_values(name: str):
    made = walkthrough_of(name)
    for value in made.tape:
        labels, shape = made.labels(value), tuple(made.tape[value].shape)
        assert len(labels) in {0, len(shape)}, value
        for axis, size in zip(labels, shape, strict=False):
            assert axis is None or len(axis) == size, value


@each_example
def test_it_can_be_printed(name: str):
    console = Console(width=100, record=True, file=StringIO(), highlight=False)
    print_walk(console, Walk(document(walkthrough_of(name)), width=100))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 100
    assert "tensor(" not in text
