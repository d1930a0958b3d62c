"""What every worked example keeps to: it runs, shows what it names, and fits its labels."""

from io import StringIO
from typing import Any

import pytest
import torch
from rich.console import Console

from pellucid.documents.build import document
from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.numbers import Rounded
from pellucid.tape import Tape
from pellucid.terminal.text import Walk, print_walk
from pellucid.tree import map_leaves
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


def is_of_a_model(name: str) -> bool:
    """Whether an example is no lesson on layers by themselves."""
    example = find_example(name)
    return isinstance(example, Example) or example.shown is not None


def model_and_batch(name: str) -> tuple[Any, Any]:
    """The model that an example is about, and what it reads."""
    example = find_example(name)
    if isinstance(example, Example):
        tape = example.record().tape
        return example.model, (tape["tokens"].tolist(), tape["targets"].tolist())
    assert example.shown is not None
    model, tokenizer, text, source = example.shown()
    return model, model.read(tokenizer, text, source)


@pytest.mark.parametrize("name", [*filter(is_of_a_model, EXAMPLES)])
def test_its_model_s_numbers_are_within_what_rounding_may_make(name: str):
    """Every function that its layers call, forward and backward, is there for other numbers too."""
    model, batch = model_and_batch(name)
    own, bounds = Tape(), Tape()
    model.loss_and_grads(*batch, own)
    model.with_params(map_leaves(Rounded.exact, model.params)).loss_and_grads(*batch, bounds)
    assert list(bounds) == list(own)
    compared = [one for one in own if isinstance(bounds.value(one), Rounded)]
    assert len(compared) > len(list(own)) / 2
    for one in compared:
        apart = (own.value(one).double() - bounds.value(one).middle).abs()
        tiny = torch.finfo(bounds.value(one).dtype).tiny
        assert bool((apart.nan_to_num(nan=0.0) <= bounds.value(one).off + tiny).all()), one
