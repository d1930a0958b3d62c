"""Every number on every tape is explained, and its arithmetic gives the number again."""

import math
import re
from functools import cache, partial
from typing import Any

import pytest
import torch

from pellucid.documents.arithmetic import Writer, explanation_lines, meaning_of, read_by
from pellucid.errors import TraceError
from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.explain import explain, operands, shown
from pellucid.layers import softmax
from pellucid.models import GPT
from pellucid.numbers import TermArray, apply, number
from pellucid.optim import OPTIMIZERS
from pellucid.tape import Tape
from pellucid.train import record_step
from pellucid.tree import map_leaves
from tests.explain.explained import check_explanations, some
from tests.models.examples import TARGETS, TOKENS, random_params, tiny
from tests.tape.steps import TWO_TEXTS, step_of


@cache
def tape_of(name: str, optimizer: str | None = None) -> Tape:
    example = find_example(name)
    if isinstance(example, Example):
        return example.record(example.update | {"optimizer": optimizer or "adamw"}).tape
    return example.walkthrough().tape


@pytest.mark.thinned(2)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_tensor_of_every_example_is_explained(name: str):
    assert check_explanations(tape_of(name)) > 0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_update_is_explained(optimizer: str):
    tape = tape_of("ai_rocks", optimizer)
    assert check_explanations(tape) > 100
    term = explain(tape, "h.0.attn.c_attn.weight.update[1,2]").term
    assert term is not None
    assert "learning_rate" in {part.label for part in operands(term)}


@pytest.mark.thinned
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"norm": "post", "final_norm": False, "activation": "relu", "tied": False},
        {"bias": False, "activation": "gelu_erf"},
        {"lora_rank": 2},
        TWO_TEXTS,
        TWO_TEXTS | {"norm": "pre", "tied": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("noisy", [False, True])
def test_batches_dropout_smoothing_and_two_texts_are_explained(
    choices: dict[str, Any], noisy: bool
):
    assert check_explanations(step_of(choices, noisy=noisy)) > 200


def test_what_a_map_learned_is_made_of_its_pair_and_its_input():
    tape = step_of({"lora_rank": 2}, noisy=False)
    path = "h.0.attn.c_attn"
    learned = explain(tape, f"{path}.learned[0,1,3]").term
    assert learned is not None
    read = {part.source for part in operands(learned)}
    assert {f"{path}.lora_b[0,3]", f"{path}.lora_b[1,3]", f"{path}.low[0,1,0]"} <= read
    low = explain(tape, f"{path}.low[0,1,0]").term
    assert low is not None
    assert {f"{path}.lora_a[{row},0]" for row in range(4)} < {p.source for p in operands(low)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_coarser_dtypes_agree_to_their_round_off(dtype: torch.dtype):
    config = tiny()
    params = map_leaves(lambda leaf: leaf.to(dtype), random_params(config))
    tape = Tape()
    GPT(config, params).loss_and_grads(TOKENS, TARGETS, tape)
    assert check_explanations(tape) > 200


@pytest.mark.thinned
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_in_coarser_dtypes_agree_to_their_round_off(optimizer: str, dtype: torch.dtype):
    weight, dweight = (torch.rand(4, 3).sub(0.5).to(dtype) for _ in range(2))
    params, grads = {"w": {"weight": weight}}, {"w": {"weight": dweight * 1e-3}}
    _, state = OPTIMIZERS[optimizer](params, grads, None, learning_rate=0.01)
    tape = Tape()
    tape.given({"w.weight": weight, "dw.weight": dweight})
    again = {"w": {"weight": dweight}}
    OPTIMIZERS[optimizer](params, again, state, learning_rate=0.01, tape=tape)
    assert tape["w.weight.new"].dtype == dtype
    assert tape["w.weight.update"].dtype == torch.float32
    assert check_explanations(tape)


def test_a_number_that_its_arithmetic_does_not_give_is_refused():
    tape = Tape()
    softmax(torch.tensor([0.5, 0.25], dtype=torch.float64), tape=tape.at("att"))
    explain(tape, "att.out[0]")
    tape.value("att.out").data.add_(1e-14)
    with pytest.raises(TraceError, match=r"att.out\[0\] it gives 0.56\d+ where .* report"):
        explain(tape, "att.out[0]")


def test_only_the_one_call_is_run_again(monkeypatch: pytest.MonkeyPatch):
    made: list[TermArray] = []
    build = TermArray.__init__

    def counted(self: TermArray, *arguments: Any) -> None:
        made.append(self)
        build(self, *arguments)

    tape = tape_of("ai_rocks")
    monkeypatch.setattr(TermArray, "__init__", counted)
    explain(tape, "h.0.mlp.c_fc.out[0,1]")
    assert len(made) <= 6


def test_a_value_with_two_names_is_explained_under_its_first():
    found = explain(tape_of("ai_rocks"), "logits[1,2]")
    assert (found.name, found.origin) == ("logits[1,2]", "lm_head.out[1,2]")


def test_places_may_be_counted_from_the_end():
    assert explain(tape_of("ai_rocks"), "logits[-1,-1]").name == "logits[1,2]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("h.0.attn.atx[0,1,0]", "no 'h.0.attn.atx'; near it: h.0.attn.att"),
        ("h.0.attn.att", r"has 0 for the shape \(2, 2, 2\): ask for h.0.attn.att\[0,0,0\]"),
        ("h.0.attn.att[0,1]", "has 2 for the shape"),
        ("h.0.attn.att[0,1,2]", r"h.0.attn.att is \(2, 2, 2\)"),
        ("h.0.attn.att[0,:,0]", "slices pick several numbers"),
        ("h.0.attn.att[0,1,", "is neither"),
        ("loss[0]", r"has 1 for the shape \(\): ask for loss"),
    ],
)
def test_a_name_that_is_not_one_number_is_refused(name: str, message: str):
    with pytest.raises(TraceError, match=message):
        explain(tape_of("ai_rocks"), name)


# -- the text -------------------------------------------------------------------------------------


def lines_of(name: str, example: str = "ai_rocks", **how: Any) -> list[str]:
    tape = tape_of(example)
    writer = Writer(**{key: how.pop(key) for key in ("digits", "most") if key in how})
    explained = partial(explain, tape)
    return list(explanation_lines(explained, explained(name), writer, meaning_of(tape), **how))


def test_the_text_has_names_then_figures_then_what_was_read():
    lines = lines_of("h.0.attn.att[0,1,0]")
    assert lines[0].startswith("h.0.attn.att[0,1,0] = 0.2502 ")
    place = lines.index("  h.0.attn.att[0,1,0]")
    assert lines[place + 1 : place + 4] == [
        "    = exps[0,1,0] / (exps[0,1,0] + exps[0,1,1])",
        "    = 0.3337 / (0.3337 + 1)",
        "    = 0.2502",
    ]
    assert lines[-1] == "     2  scores[0,1,1] = -0.1110   h.0.attn.scores[0,1,1]"


def test_a_deeper_explanation_numbers_what_is_read_by_levels():
    lines = lines_of("h.0.attn.att[0,1,0]", depth=2)
    assert any(line.startswith("1  h.0.attn.scores[0,1,0] = -1.2084") for line in lines)
    assert any(line.split()[:2] == ["1.1", "q[0,1,0]"] for line in lines)


@pytest.mark.parametrize("name", ["ai_rocks", "hello_world", "where_do_you_live"])
def test_the_figures_written_out_compute_to_the_number(name: str):
    """The lines that a reader sees, read by Python: signs and brackets are right."""
    tape, writer = tape_of(name), Writer(digits=17, most=1000)
    signs = {"·": "*", "²": "**2", "^": "**", "∞": "math.inf", "true": "1", "false": "0"}
    known = {key: getattr(math, key) for key in ("exp", "log", "tanh", "erf")}
    count = 0
    for asked in some(tape):
        found = explain(tape, asked)
        if found.term is None or isinstance(found.traced, bool):
            continue
        text = writer.figures(found.term)
        text = re.sub(r"√(\([^()]*\)|[\d.e+-]+)", r"math.sqrt(\1)", text)
        text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
        for sign, python in signs.items():
            text = text.replace(sign, python)
        sign = {"sign": lambda x: (x > 0) - (x < 0)}
        value = eval(text, {"math": math, "max": max} | known | sign)
        assert value == pytest.approx(found.term.value, rel=1e-9, abs=1e-12), asked
        count += 1
    assert count > 100


def test_a_long_sum_shows_its_largest_terms_and_the_rest_as_one():
    tape = Tape()
    x = torch.linspace(-1, 2, 50, dtype=torch.float64)
    softmax(x, tape=tape)
    found, writer = explain(tape, "out[3]"), Writer(most=2)
    assert found.term is not None
    text = writer.figures(found.term)
    assert "[48 more, together" in text
    assert len(read_by(found, writer)) == 3, "x[3] and the two largest"
    assert len(operands(found.term)) == 50


def test_what_was_given_says_what_it_is():
    lines = lines_of("wte.weight[0,1]")
    assert lines == [
        "wte.weight[0,1] = -0.57   (a parameter of the model)",
        "  given: no call on the tape made it",
    ]
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    trace = record_step(example.model, [0, 1, 2], example.tokenizer, update=None)
    assert meaning_of(trace.tape, trace.piece)("tokens[0]") == "token 'AI'"
    assert meaning_of(trace.tape)("tokens[0]") == "a token"


@pytest.mark.parametrize("bias", [True, False])
def test_an_explanation_s_equation_is_the_layer_s_own_for_this_very_call(bias: bool):
    tape = step_of({"bias": bias}, noisy=False)
    wanted = {
        "h.0.attn.att[0,0,1,0]": "att = softmax(scores)",
        "h.0.mlp.c_fc.out[0,0,1]": "out = x weight + bias" if bias else "out = x weight",
        "dh.0.ln_1.x[0,0,1]": "dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat))",
        "h.0.resid_mid[0,0,0]": "resid_mid = resid_pre + attn",
        "embed.out[0,1,0]": "out[t] = weight[tokens[t]]",
    }
    assert {name: explain(tape, name).equation for name in wanted} == wanted
    assert explain(tape, "wte.weight[0,0]").equation == ""


@pytest.mark.parametrize("name", ["sum", "max"])
def test_only_a_row_of_more_than_eight_is_shortened_to_what_counts(name: str):
    eight = [float(place) for place in range(8)]
    term = apply(name, *map(number, eight))
    assert [len(parts) for parts in shown(term, 2)] == [8, 0]
    nine = [-50.0, *eight]
    written, rest = shown(apply(name, *map(number, nine)), 2)
    assert [part.value for part in written] == ([-50.0, 7.0] if name == "sum" else [7.0])
    assert len(written) + len(rest) == 9
    broken = shown(apply(name, *map(number, [*nine, math.nan])), 1)[0]
    assert math.isnan(broken[0].value), "what makes the whole a NaN is seen"
