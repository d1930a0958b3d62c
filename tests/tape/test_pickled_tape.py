"""A tape that comes from another process is the same tape: its names, its calls, what is proved."""

import pickle

import pytest
import torch

from pellucid import Intervention, intervene
from pellucid.documents.numbers import Format
from pellucid.examples import load_example
from pellucid.numbers import Ball
from pellucid.prove import prove, replay
from pellucid.tape import Tape


def recorded(*interventions: Intervention) -> Tape:
    model = load_example("ai_rocks").model
    tape = Tape()
    changed = intervene(model, interventions) if interventions else model
    changed.loss_and_grads([0, 1], [1, 2], tape)
    return tape


@pytest.mark.parametrize("name", ["", "h.0.attn.att", "h.0.mlp.c_proj.out"])
def test_it_knows_its_names_and_calls(name: str):
    tape = recorded(*([Intervention(name, 0.0)] if name else []))
    again: Tape = pickle.loads(pickle.dumps(tape))
    assert [*again] == [*tape]
    for one in tape:
        assert torch.equal(again[one], tape[one])
        assert again.name_of(again[one]) == tape.name_of(tape[one])
        made, own = again.made_by(one), tape.made_by(one)
        assert (made and made.key) == (own and own.key)
    assert [call.key for call in again.begun] == [call.key for call in tape.begun]
    assert [call.inputs for call in again.calls] == [call.inputs for call in tape.calls]
    balls = [(call.key, [*shown]) for call, shown in replay(again, Ball.exact)]
    assert balls == [(call.key, [*shown]) for call, shown in replay(tape, Ball.exact)]


def test_what_is_proved_of_it_is_proved_of_the_tape_itself():
    tape = recorded(Intervention("h.0.attn.att", 0.0, (1,)))
    own, again = (prove(one, written=Format) for one in (tape, pickle.loads(pickle.dumps(tape))))
    assert own == again
    assert own.proved
    assert len(own.tensors) > 80
