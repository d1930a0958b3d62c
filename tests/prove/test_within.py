"""Statements over sets: boxes around a tensor, all texts of a length, and what refutes them."""

import math
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.examples import Example, find_example
from pellucid.models import GPT, GPTConfig, Intervention, intervene
from pellucid.numbers import Ball, precision
from pellucid.prove import Within, all_texts, within
from pellucid.prove.forms import lead_by_forms
from pellucid.prove.lead import STREAM, before_head, box, head_of, lead, moved, place_of
from pellucid.tape import Tape
from tests.models.llama_examples import LLAMAS, drawn
from tests.prove.recorded_models import random_params


def example(name: str = "ai_rocks") -> Any:
    found = find_example(name)
    assert isinstance(found, Example)
    return found.model


def run(model: Any, tokens: Any = (0, 1)) -> Tape:
    _, tape = model.run_with_cache(list(tokens))
    return tape


def gpt(**choices: Any) -> GPT:
    sizes = {"vocab_size": 7, "block_size": 6, "n_layer": 2, "n_head": 2, "n_embd": 4}
    config = GPTConfig(**sizes | choices)
    return GPT(config, random_params(config))


OFF = Intervention("h.0.attn.att", 0.5, (0, 1))
SATURATED = "norms after, of which no change makes another token"

MODELS = {
    "ai_rocks": lambda: run(example()),
    "a number set by hand": lambda: run(intervene(example(), [OFF])),
    "two blocks": lambda: run(gpt(), (3, 1, 4)),
    "untied, no biases": lambda: run(gpt(tied=False, bias=False), (3, 1, 4)),
    SATURATED: lambda: run(gpt(norm="post", tied=False), (3, 1, 4)),
    **{f"llama: {name}": lambda name=name: run(drawn(LLAMAS[name]), (1, 2, 0)) for name in LLAMAS},
}


@cache
def found(name: str, of: str) -> tuple[Tape, Within]:
    tape = MODELS[name]()
    return tape, within(tape, of=of)


def logits_at(tape: Tape, of: str, change: Tensor) -> Tensor:
    """The logits at the last position in float64, after a change."""
    head, put = head_of(tape), moved(of, change)
    x = before_head(tape, head, Tensor.double, put)
    return (x @ put(head.weight, head.values.double()).mT)[0]


@pytest.mark.thinned(3)
@pytest.mark.parametrize("of", [STREAM, "wte.weight"])
@pytest.mark.parametrize("name", MODELS)
def test_a_box_is_certified_and_no_larger_than_what_refutes_it(name: str, of: str):
    tape, known = found(name, of)
    assert known.proved
    assert known.lead
    assert known.certified > 0
    if name != SATURATED:
        assert known.refuted
        assert known.certified < known.refuted.radius
    assert known.lead.lead > 0
    assert known.token == int(tape.value("logits")[-1].argmax())


@pytest.mark.thinned(3)
@pytest.mark.parametrize("of", [STREAM, "wte.weight"])
@pytest.mark.parametrize("name", MODELS)
def test_no_corner_of_the_box_has_less_of_a_lead(name: str, of: str):
    tape, known = found(name, of)
    assert known.lead
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        signs = torch.randn(known.shape, generator=generator, dtype=torch.float64).sign()
        logits = logits_at(tape, known.of, known.certified * signs)
        others = torch.arange(len(logits)) != known.token
        assert float((logits[known.token] - logits[others]).min()) > known.lead.lead


@pytest.mark.thinned(3)
@pytest.mark.parametrize("of", [STREAM, "wte.weight"])
@pytest.mark.parametrize("name", MODELS)
def test_a_change_that_refutes_makes_another_token_the_most_likely(name: str, of: str):
    tape, known = found(name, of)
    if name == SATURATED:
        assert known.refuted is None
        return
    assert known.refuted
    assert float(known.refuted.change.abs().max()) == known.refuted.radius
    logits = logits_at(tape, known.of, known.refuted.change)
    assert int(logits.argmax()) == known.refuted.token != known.token


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(1e-6, 1e-3))
def test_balls_of_a_box_enclose_what_every_point_of_it_makes(seed: int, radius: float):
    tape = run(example())
    of = place_of(tape, STREAM)
    generator = torch.Generator().manual_seed(seed)
    change = radius * (2 * torch.rand(2, 4, generator=generator, dtype=torch.float64) - 1)
    with precision(128):
        wide = before_head(tape, head_of(tape), Ball.exact, box(of, radius))
        point = before_head(tape, head_of(tape), Ball.exact, moved(of, change))
        for outer, inner in zip(wide.numbers[0], point.numbers[0], strict=True):
            assert outer.contains(inner)


def test_a_box_reaches_all_that_reads_the_tensor():
    """Of a tied table that are the embeddings and the head."""
    tape = run(example())
    seen = []
    with precision(128):
        put = box("wte.weight", 1e-3)
        lead(tape, 1, lambda name, value: seen.append(name) or put(name, value))
    assert seen.count("wte.weight") == 2
    tied = within(tape, of="wte.weight")
    untied = within(run(example()), of="embed.out")
    assert tied.certified < untied.certified


def test_a_box_is_put_in_place_once_though_several_layers_hand_the_tensor_on():
    """What c_proj makes is also what attention returns: twice the box would be twice as wide."""
    tape = run(example())
    seen: list[str] = []
    with precision(128):
        lead(tape, 1, lambda name, value: seen.append(name) or value)
    assert seen.count("h.0.attn.c_proj.out") == 1


def test_a_radius_that_is_asked_for_is_certified_or_not():
    tape = run(example())
    assert within(tape, 1e-3).proved
    beyond = within(tape, 0.1)
    assert (beyond.proved, beyond.certified, beyond.lead) == (False, 0.0, None)
    assert beyond.refuted
    assert beyond.refuted.radius > 0.1
    assert not within(tape, 0.3).proved


def test_affine_forms_reach_farther_than_balls_and_agree_with_them():
    tape = run(gpt(), (3, 1, 4))
    of, known = place_of(tape, STREAM), found("two blocks", STREAM)[1]
    token = known.token
    assert known.bits == 0
    with precision(128):
        assert lead(tape, token, box(of, known.certified)) is None
        sharp = lead(tape, token, box(of, 1e-12))
    forms = lead_by_forms(tape, token, of, 1e-12)
    assert sharp
    assert forms
    assert forms.runner_up == sharp.runner_up
    assert sharp.lead < forms.lead < sharp.lead + 1e-5


def test_a_tensor_of_many_numbers_is_left_to_balls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pellucid.prove.forms.MOST", 7)
    known = within(run(example()), 1e-3)
    assert known.proved
    assert known.bits == 96


def test_the_lead_falls_as_the_box_grows():
    tape = run(example())
    of = place_of(tape, STREAM)
    with precision(128):
        leads = [lead(tape, 1, box(of, radius)) for radius in (1e-9, 1e-6, 1e-4, 1e-3)]
    assert all(leads)
    assert [one.lead for one in leads if one] == sorted((x.lead for x in leads if x), reverse=True)
    logits = tape.value("logits")[-1]
    first = leads[0]
    assert first
    assert first.lead == pytest.approx(float(logits[1] - logits[2]), abs=1e-5)


def test_a_head_of_many_rows_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch):
    tape = run(gpt(), (3, 1, 4))
    token = int(tape.value("logits")[-1].argmax())
    put = box(place_of(tape, STREAM), 1e-9)
    with precision(128):
        whole = lead(tape, token, put)
        monkeypatch.setattr("pellucid.prove.lead.ROWS", 8)  # two of the rows of four numbers
        pieces = lead(tape, token, put)
    assert whole
    assert pieces == whole
    assert whole.runner_up == int(tape.value("logits")[-1].topk(2).indices[1])


def test_a_box_after_which_balls_have_no_bound_is_not_certified():
    tape = run(example())
    with precision(128):
        assert lead(tape, 1, box(place_of(tape, STREAM), 100.0)) is None


def test_of_relu_an_open_corner_is_not_certified():
    tape = run(gpt(activation="relu"), (3, 1, 4))
    with precision(128):
        assert lead(tape, 0, box(place_of(tape, STREAM), 10.0)) is None
    assert within(tape).certified > 0


@pytest.mark.parametrize("name", ["h.0.attn.att", "tokens", "h.0.ln_1.xhat", "h.0.attn.k"])
def test_a_box_is_only_put_where_all_that_follows_reads_it(name: str):
    with pytest.raises(ConfigError, match="a layer hands on"):
        within(run(example()), of=name)


@pytest.mark.parametrize("radius", [0.0, -1.0, math.inf, math.nan])
def test_a_radius_is_a_number_above_0(radius: float):
    with pytest.raises(ConfigError, match="above 0"):
        within(run(example()), radius)


def test_all_texts_of_two_tokens_have_a_certified_next_token():
    reads = list(all_texts(example(), 2))
    assert [read.tokens for read in reads] == [(i, j) for i in range(3) for j in range(3)]
    for read in reads:
        logits = read.tape.value("logits")[-1]
        assert read.likeliest
        assert read.likeliest.token == int(logits.argmax())
        assert float(read.likeliest.probability) == pytest.approx(float(logits.softmax(-1).max()))


def test_two_tokens_that_are_alike_are_undecided():
    model = example()
    table = model.params["wte"]["weight"].clone()
    table[1] = table[0]
    alike = model.with_params(model.params | {"wte": {"weight": table}})
    reads = list(all_texts(alike, 1))
    assert any(read.likeliest is None for read in reads)


@pytest.mark.parametrize(
    ("length", "said"), [(0, "at least one"), (3, "at most 2"), (9, "at most")]
)
def test_texts_have_a_length_that_the_model_reads(length: int, said: str):
    with pytest.raises(ConfigError, match=said):
        list(all_texts(example(), length))


def test_texts_are_not_too_many():
    with pytest.raises(ConfigError, match="16,807 of 5"):
        list(all_texts(gpt(), 5))
