"""A run with interventions is traced, explained, proved and named like any other."""

import pytest
import torch

from pellucid.documents.by_hand import all_lines, written
from pellucid.documents.numbers import Format
from pellucid.examples import load_example
from pellucid.explain import by_hand, explain, operands
from pellucid.models import Intervention, intervene, intervened_name
from pellucid.prove import Stepped, prove
from pellucid.tape import Tape
from pellucid.train import record_step, take_step
from pellucid.walkthrough import INTERVENTIONS, describe, gpt_walkthrough
from tests.explain.by_hand_lines import DIGITS, check_lines
from tests.explain.explained import check_explanations
from tests.models.intervened_models import CONFIGS, model_of, some_interventions

EXAMPLE = load_example("ai_rocks")
IDS = EXAMPLE.tokenizer.encode(EXAMPLE.text)
BATCH = (IDS[:-1], IDS[1:])
ONES = {
    "a head": Intervention("h.0.attn.att", 0.0, (1,)),
    "a number of the stream": Intervention("h.0.resid_post", 0.3, (1, 2)),
    "a feed-forward network": Intervention("h.0.mlp.c_proj.out", 0.0),
    "queries, keys and values": Intervention("h.0.attn.c_attn.out", -0.5, (0,)),
    "a norm": Intervention("h.0.ln_2.out", 1.5, (0, 3)),
}
ALL = {**{what: [one] for what, one in ONES.items()}, "all at once": list(ONES.values())}
each = pytest.mark.parametrize("what", ALL)


@pytest.mark.thinned(2)
@each
def test_every_number_of_an_intervened_step_is_proved(what: str):
    model = intervene(EXAMPLE.model, ALL[what])
    tape = Tape()
    take_step(model, BATCH, EXAMPLE.update, tape)
    proof = prove(tape, written=Format, stepped=Stepped(model, BATCH))
    assert proof.failures == ()
    proved = {tensor.name for tensor in proof.tensors}
    assert {intervened_name(one.name) for one in ALL[what]} <= proved
    assert "loss_after" in proved


@pytest.mark.thinned(2)
@each
def test_every_tensor_of_an_intervened_step_is_explained(what: str):
    model = intervene(EXAMPLE.model, ALL[what])
    tape = record_step(model, IDS, EXAMPLE.tokenizer, update=EXAMPLE.update).tape
    assert check_explanations(tape) > 100


def test_what_was_set_is_made_of_its_value_and_the_rest_of_what_was_made():
    model, tape = intervene(EXAMPLE.model, ALL["a number of the stream"]), Tape()
    model.loss_and_grads(*BATCH, tape)
    for place, source in (("[1,2]", "h.0.intervened.value[1,2]"), ("[1,1]", "h.0.resid_post[1,1]")):
        term = explain(tape, f"h.0.intervened.out{place}").term
        assert term is not None
        assert {part.source for part in operands(term)} == {source, f"h.0.intervened.where{place}"}
    read = explain(tape, "logits[1,0]").term
    assert read is not None
    assert "h.0.intervened.out[1,2]" in {part.source for part in operands(read)}
    assert float(tape["dh.0.resid_post"][1, 2]) == 0.0
    assert float(tape["dh.0.intervened.out"][1, 2]) != 0.0


@pytest.mark.parametrize("label", CONFIGS)
def test_every_name_of_an_intervened_step_is_described_in_its_shape(label: str):
    model, tape = model_of(label), Tape()
    touched = intervene(model, some_interventions(model))
    touched.loss_and_grads([3, 1, 4, 1, 5], [1, 4, 1, 5, 2], tape)
    added, seen = Tape(), set()
    more = Intervention("h.0.resid_post", 0.5, (), add=True)
    intervene(model, [more]).loss_and_grads([3, 1, 4, 1, 5], [1, 4, 1, 5, 2], added)
    tapes = {name: tape for tape in (added, tape) for name in tape}
    for name, tape in tapes.items():
        row = describe(name)
        assert row is not None, name
        if ".intervened." in name and not name.endswith(".x"):
            assert len(row.shape) == tape[name].dim(), name
            seen.add(row.pattern)
    assert {row.pattern for row in INTERVENTIONS} <= seen


def test_a_calculator_gets_every_line_of_an_intervened_step():
    model = intervene(EXAMPLE.model, ALL["all at once"])
    tape = record_step(model, IDS, EXAMPLE.tokenizer, update=EXAMPLE.update).tape
    assert check_lines(list(all_lines(by_hand(tape, written(DIGITS))))) > 1500


def test_a_walkthrough_shows_what_was_set_beside_what_was_made():
    model = intervene(EXAMPLE.model, ALL["all at once"])
    trace = record_step(model, IDS, EXAMPLE.tokenizer, update=EXAMPLE.update)
    walkthrough = gpt_walkthrough(trace, "", "")
    names = [name for part in walkthrough.parts for step in part.steps for name in step.names]
    for one in model.interventions:
        made, put = names.index(one.name), names.index(intervened_name(one.name))
        assert put == made + 1
        assert walkthrough.labels(names[put]) == walkthrough.labels(one.name)
        if f"d{one.name}" in names:
            before, by_it = names.index(f"d{intervened_name(one.name)}"), f"d{one.name}"
            tape = trace.tape
            between = names[before + 1 : names.index(by_it)]
            assert all(tape.value(name) is tape.value(by_it) for name in between), (
                "its other names alone"
            )
    assert "dh.0.intervened.out" in names
    plain = gpt_walkthrough(record_step(EXAMPLE.model, IDS, EXAMPLE.tokenizer, update=None), "", "")
    assert not any(".intervened." in n for part in plain.parts for s in part.steps for n in s.names)


def test_a_step_with_interventions_is_recorded_and_what_comes_after_it_has_them_too():
    model = intervene(EXAMPLE.model, ALL["all at once"])
    trace = record_step(model, IDS, EXAMPLE.tokenizer, update=EXAMPLE.update)
    assert trace.after is not None
    assert trace.after.forward(IDS[:-1]).isfinite().all()
    expected = intervene(EXAMPLE.model.with_params(trace.after.params), model.interventions).loss(
        *BATCH
    )
    assert trace.loss_after == float(expected)
    assert trace.loss_after != float(EXAMPLE.model.with_params(trace.after.params).loss(*BATCH))
    assert torch.equal(trace.tape["loss"], model.loss(*BATCH))
