"""What relates a tensor to the right one is said, where it holds of all numbers, and not else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pellucid.compare import Finding
from pellucid.compare.finding import find
from pellucid.compare.mutation import MutatedTape
from pellucid.compare.relation import related
from pellucid.compare.run_sizes import Sizes
from pellucid.compare.step import JudgedStep
from pellucid.models import CausalModel
from pellucid.numbers import Rounded
from pellucid.train import updated
from tests.port.models import CONFIG, LLAMA_CONFIG, llama_of, model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
KINDS = {"gpt": replace(CONFIG), "llama": LLAMA_CONFIG}
DTYPES = [torch.float64, torch.float32]


def findings(
    kind: str, name: str, wrong: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> list[Finding]:
    """What is found where one tensor of a right run is planted another way."""
    params, tokens, targets = small(config=KINDS[kind])
    make: Callable[..., CausalModel] = llama_of if kind == "llama" else model_of
    model = make(params, dtype)
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    tape = MutatedTape()
    _, grads = model.loss_and_grads(*batch, tape)
    updated(model.params, grads, None, UPDATE, tape)
    mine = {one: tape[one] for one in tape}
    mine |= {name: wrong(mine[name])}
    return find(JudgedStep(model, *batch, UPDATE, mine, dtype))[1]


def swapped(values: Tensor, axis: int) -> Tensor:
    """The first two exchanged."""
    order = torch.arange(values.shape[axis])
    order[:2] = torch.tensor([1, 0])
    return values.index_select(axis, order)


def late(values: Tensor) -> Tensor:
    """Wrong from position 4 on."""
    found = values.clone()
    found[4:] *= 1.5
    return found


RELATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "every number is 2 times": lambda x: 2 * x,
    "every number is 0.5 times": lambda x: x / 2,
    "every number is -1 times what it should be: its sign is changed": lambda x: -x,
    "every number is 65536 times what it should be: 2^16": lambda x: 65536 * x,
    "every number is 6 times what it should be: T": lambda x: 6 * x,
    "every number is 0.166667 times what it should be: 1/T": lambda x: x / 6,
    "every number is 0.288675 times what it should be: 1/√C": lambda x: x / 12**0.5,
    "every number is 1.37 times what it should be": lambda x: 1.37 * x,
    "positions are shifted by one: each has the numbers of the one before": lambda x: x.roll(1, 0),
    "positions are shifted by one: each has the numbers of the one after": lambda x: x.roll(-1, 0),
    "positions are in another order: position 1 at 0, 0 at 1": lambda x: swapped(x, 0),
    "columns are in another order: column 1 at 0, 0 at 1": lambda x: swapped(x, 1),
    "positions are in another order: the last comes first": lambda x: x.flip(0),
    "0.25 is added to every number": lambda x: x + 0.25,
    "its mean is subtracted": lambda x: x - x.mean(),
    "each row's mean is subtracted": lambda x: x - x.mean(-1, keepdim=True),
    "positions 0 to 3 are right, from 4 on wrong": late,
}


@pytest.mark.thinned(16)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("said", RELATIONS)
@pytest.mark.parametrize("place", [("gpt", "h.0.mlp.c_fc.out"), ("llama", "h.1.mlp.up_proj.out")])
def test_a_relation_is_said(place: tuple[str, str], said: str, dtype: torch.dtype):
    finding, *_ = findings(*place, RELATIONS[said], dtype)
    assert finding.fault.name == place[1]
    assert finding.relation.startswith(said)


@pytest.mark.thinned
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [("gpt", "h.0.mlp.c_fc.out"), ("llama", "h.1.mlp.up_proj.out")])
def test_none_is_said_of_random_numbers(place: tuple[str, str], dtype: torch.dtype):
    def noisy(values: Tensor) -> Tensor:
        noise = torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
        return values + 0.1 * noise.to(dtype)

    finding, *_ = findings(*place, noisy, dtype)
    assert finding.fault.name == place[1]
    assert finding.relation == ""


@pytest.mark.thinned
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [("gpt", "h.0.mlp.c_fc.out"), ("llama", "h.1.mlp.up_proj.out")])
def test_a_right_run_has_no_finding(place: tuple[str, str], dtype: torch.dtype):
    assert findings(*place, lambda x: x, dtype) == []


PARAMETERS = {
    "it is transposed: the numbers are right": lambda x: x.mT,
    "rows are in another order: the last comes first": lambda x: x.flip(0),
    "every number is 0.5 times what it should be": lambda x: x / 2,
    "heads are in another order": lambda x: x.roll(CONFIG.n_embd // CONFIG.n_head, 0),
}


@pytest.mark.thinned
@pytest.mark.parametrize("name", ["h.0.attn.c_proj.weight", "dh.1.attn.c_proj.weight"])
@pytest.mark.parametrize("said", PARAMETERS)
def test_a_relation_of_a_parameter_or_its_gradient_is_said(name: str, said: str):
    finding, *_ = findings("gpt", name, PARAMETERS[said], torch.float64)
    assert finding.fault.name == name
    assert finding.named or finding.relation.startswith(said)


@pytest.mark.parametrize("name", ["h.0.attn.z", "h.1.attn.z"])
def test_heads_in_another_order_and_one_that_is_wrong_are_said(name: str):
    finding, *_ = findings("gpt", name, lambda x: swapped(x, 0), torch.float32)
    assert finding.relation == "heads are in another order: head 1 at 0, 0 at 1"

    def one_wrong(values: Tensor) -> Tensor:
        found = values.clone()
        found[1] = found[1].sin()
        return found

    finding, *_ = findings("gpt", name, one_wrong, torch.float32)
    assert finding.relation == "only head 1 of 3 is wrong"


@pytest.mark.thinned
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "end"), [("gpt", "mlp.c_fc.out"), ("llama", "mlp.up_proj.out")])
def test_another_layer_s_tensor_is_known(kind: str, end: str, dtype: torch.dtype):
    other: list[Tensor] = []
    findings(kind, f"h.1.{end}", lambda x: other.append(x) or x, dtype)
    finding, *_ = findings(kind, f"h.0.{end}", lambda _: other[0], dtype)
    assert finding.relation.startswith(f"it is the pack's h.1.{end}")


def test_nothing_is_said_of_zeros_or_of_one_number():
    params, tokens, _ = small()
    sizes = Sizes.of(model_of(params, torch.float64), torch.from_numpy(tokens))
    for right in (torch.zeros(6, 12), torch.full((6, 12), 2.0), torch.tensor(3.0)):
        for wrong in (2 * right, right + 1, -right):
            assert related(wrong.double(), Rounded.exact(right.double()), sizes) == ""
