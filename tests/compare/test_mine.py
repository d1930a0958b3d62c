"""What another program's tensors may be: real numbers, and ids that are whole."""

import pytest
import torch

from pellucid.compare import Mine
from pellucid.errors import CheckpointError, TraceError
from pellucid.models import GPT
from tests.port.models import CONFIG


def mine(**tensors: torch.Tensor) -> Mine:
    return Mine(tensors, GPT.without_weights(CONFIG), None)


@pytest.mark.parametrize(
    "dtype", [torch.complex64, torch.int64, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2]
)
def test_what_is_no_real_number_is_refused_in_one_line(dtype: torch.dtype):
    with pytest.raises(TraceError, match=r"probs must be of float64, .*, and yours is") as raised:
        _ = mine(probs=torch.ones(2, 3).to(dtype), logits=torch.ones(2, 3))["probs"]
    assert "\n" not in str(raised.value)
    with pytest.raises(TraceError, match="probs must be of"):
        mine(probs=torch.ones(2, 3).to(dtype)).dtype()


def test_the_dtype_is_the_coarsest_of_the_real_numbers():
    tensors = {"logits": torch.ones(1, dtype=torch.float64), "tokens": torch.ones(1).long()}
    assert mine(**tensors).dtype() == torch.float64
    assert mine(**tensors, loss=torch.ones(1, dtype=torch.bfloat16)).dtype() == torch.bfloat16
    assert mine(tokens=torch.ones(1).long()).dtype() == torch.float32


def test_ids_may_be_floats_that_are_whole_and_no_others():
    shape = torch.Size([3])
    ids = torch.tensor([4, 0, -100])
    for kind in (torch.int32, torch.int16, torch.float32, torch.complex64):
        assert torch.equal(mine(tokens=ids.to(kind)).ids("tokens", shape), ids)
    for wrong in (
        ids + 0.9,
        ids.where(ids != 0, torch.nan),
        ids.float().where(ids != 0, torch.inf),
    ):
        with pytest.raises(CheckpointError, match="tokens must be whole numbers, and"):
            mine(tokens=wrong).ids("tokens", shape)
    with pytest.raises(CheckpointError, match=r"and \[0\] is 4\.9"):
        mine(tokens=ids + 0.9).ids("tokens", shape)
