"""A tensor that is another value of the run is known as that one, in every dtype."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.compare import STATED, Finding
from pellucid.compare.finding import find
from pellucid.compare.mutation import MutatedTape, Mutation, step
from pellucid.compare.step import JudgedStep
from pellucid.layers import linear
from pellucid.models import CausalModel
from tests.port.models import CONFIG, LLAMA_CONFIG, llama_of, model_of, small

each_dtype = pytest.mark.parametrize("dtype", list(STATED), ids=str)
each_kind = pytest.mark.parametrize("kind", ["gpt", "llama"])
SLIP = "; nothing but the dump: what follows is right"
FED = {"gpt": "c_fc", "llama": "up_proj"}


def right_run(kind: str, dtype: torch.dtype) -> tuple[CausalModel, Any, dict[str, Tensor]]:
    """A model, what it reads, and all that it shows."""
    params, tokens, targets = small(config=LLAMA_CONFIG if kind == "llama" else CONFIG)
    model: CausalModel = (llama_of if kind == "llama" else model_of)(params, dtype)
    batch, tape = (torch.from_numpy(tokens), torch.from_numpy(targets)), MutatedTape()
    model.loss_and_grads(*batch, tape)
    return model, batch, {name: tape[name] for name in tape}


def findings(
    kind: str,
    dtype: torch.dtype,
    name: str,
    wrong: Callable[[dict[str, Tensor]], Tensor],
    hidden: tuple[str, ...] = (),
) -> list[Finding]:
    """What is found where a right run shows something else under a name, and some not at all."""
    model, batch, right = right_run(kind, dtype)
    mine = right | {name: wrong(right)}
    mine = {one: value for one, value in mine.items() if one not in hidden}
    return find(JudgedStep(model, *batch, None, mine, dtype))[1]


@pytest.mark.thinned
@each_dtype
@each_kind
@pytest.mark.parametrize("shown", [True, False])
def test_another_layer_s_tensor(kind: str, dtype: torch.dtype, shown: bool):
    one, other = (f"h.{layer}.mlp.{FED[kind]}.out" for layer in (0, 1))
    hidden = ("h.0.mlp.up", *([] if shown else [other, "h.1.mlp.up"]))
    found = findings(kind, dtype, one, lambda right: right[other], hidden)
    assert [(one.fault.name, one.relation) for one in found] == [
        (one, f"it is the pack's {other}{SLIP}")
    ]


@pytest.mark.thinned
@each_dtype
@each_kind
def test_the_value_one_call_earlier(kind: str, dtype: torch.dtype):
    found = findings(kind, dtype, "h.1.ln_2.out", lambda right: right["h.1.resid_mid"])
    said = "h.1.resid_mid, what its call is given: it was taken before the call, not after"
    assert [one.relation for one in found] == [f"it is {said}{SLIP}"]


@pytest.mark.thinned
@each_dtype
@each_kind
def test_the_value_one_call_later(kind: str, dtype: torch.dtype):
    before = {"gpt": "h.0.mlp.c_fc.out", "llama": "h.0.mlp.gate_proj.out"}[kind]
    found = findings(kind, dtype, before, lambda right: right["h.0.mlp.act.out"])
    said = "h.0.mlp.act.out, what the next call makes of it: it was taken a call too late"
    assert [one.relation for one in found] == [f"it is {said}{SLIP}"]


@pytest.mark.thinned
@each_dtype
@each_kind
def test_a_gradient_of_another_layer(kind: str, dtype: torch.dtype):
    one, other = (f"dh.{layer}.mlp.{FED[kind]}.weight" for layer in (0, 1))
    found = findings(kind, dtype, one, lambda right: right[other])
    # Nothing is made of it here that would tell whether but the dump is wrong.
    assert [one.relation for one in found] == [f"it is the pack's {other}"]


@each_dtype
def test_where_the_run_goes_on_with_it_it_is_no_slip(dtype: torch.dtype):
    model, batch, right = right_run("gpt", dtype)
    earlier = right["h.0.mlp.c_fc.out"]

    again = {linear: step(shift=lambda *_: earlier)}
    tape = MutatedTape([Mutation(again, lambda path: path == "h.1.mlp.c_fc")])
    model.loss_and_grads(*batch, tape)
    mine = {name: tape[name] for name in right}
    found = find(JudgedStep(model, *batch, None, mine, dtype))[1]
    assert [one.relation for one in found] == ["it is the pack's h.0.mlp.c_fc.out"]


@pytest.mark.thinned(4)
@each_dtype
@each_kind
def test_other_numbers_are_no_other_value(kind: str, dtype: torch.dtype):
    def noisy(right: dict[str, Tensor]) -> Tensor:
        noise = torch.randn(6, 12, generator=torch.Generator().manual_seed(1)).to(dtype)
        return right["h.1.ln_2.out"] + noise

    found = findings(kind, dtype, "h.1.ln_2.out", noisy)
    assert found[0].fault.name == "h.1.ln_2.out"
    assert {one.relation for one in found} == {""}


# -- rows of tables -------------------------------------------------------------------------------

TAKEN: dict[str, tuple[str, Callable[[dict[str, Tensor], Tensor], Tensor]]] = {
    "it is rows of wpe.weight: 0, 1, 2, 3, 4, 5": (
        "embed.out",
        lambda right, _: right["wpe.weight"][:6],
    ),
    "it is rows of wte.weight that stand 1 row after the right ones": (
        "embed.out",
        lambda right, tokens: right["wte.weight"][tokens + 1],
    ),
    "it is other rows of wte.weight: 5 for 1, 6 for 4": (
        "embed.out",
        lambda right, tokens: right["wte.weight"][torch.tensor([5, 6, *tokens[2:]])],
    ),
    "it is rows of wte.weight: 1, 4, 2, 9, 0, 4": (
        "wpe.rows",
        lambda right, tokens: right["wte.weight"][tokens],
    ),
    "it is other rows of wpe.weight: 9 for 0": (
        "wpe.rows",
        lambda right, _: right["wpe.weight"][torch.tensor([9, 1, 2, 3, 4, 5])],
    ),
}


@pytest.mark.thinned
@each_dtype
@pytest.mark.parametrize("said", TAKEN)
def test_rows_of_another_table_or_other_rows(said: str, dtype: torch.dtype):
    name, wrong = TAKEN[said]
    tokens = torch.from_numpy(small()[1])
    first, *_ = findings("gpt", dtype, name, lambda right: wrong(right, tokens))
    assert (first.fault.name, first.relation) == (name, said)


# -- other heads ----------------------------------------------------------------------------------

HEADS = {
    "head 2 holds head 0's numbers": [0, 1, 0],
    "every head holds head 1's numbers": [1, 1, 1],
}


@pytest.mark.thinned
@each_dtype
@pytest.mark.parametrize("said", HEADS)
def test_a_head_that_holds_another_s_numbers(said: str, dtype: torch.dtype):
    order = torch.tensor(HEADS[said])
    found = findings("gpt", dtype, "h.1.attn.z", lambda right: right["h.1.attn.z"][order])
    assert found[0].relation == said
