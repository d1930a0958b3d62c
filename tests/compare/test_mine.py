"""What another program's tensors may be: real numbers, and ids that are whole."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pellucid.compare import Mine, compare
from pellucid.errors import CheckpointError, TraceError
from pellucid.models import GPT
from pellucid.reference import open_pack
from tests.port import gpt2 as port
from tests.port.models import CONFIG, N_HEAD, small
from tests.reference.kits import gpt, kit_of, run_of


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bare_numbers_have_the_pack_s_shapes_by_their_names_or_the_map_s(
    dtype: type, tmp_path: Path
):
    params, tokens, targets = small()
    arrays = port.run(params, tokens, targets, n_head=N_HEAD, dtype=dtype, steps=1)
    pack = open_pack(kit_of(run_of(gpt()), tmp_path / "pack"))
    place = tmp_path / "mine"
    place.mkdir()
    for name in ("tokens", "h.0.attn.att", "h.1.mlp.act.out", "loss", "dwte.weight"):
        arrays[name].tofile(place / f"{name.replace('h.1.mlp.act.out', 'bent')}.bin")
    opened = Mine.open(place, pack.blank, {"bent": "h.1.mlp.act.out"}, pack)
    assert opened["tokens"].tolist() == tokens.tolist()
    assert opened.dtype() == torch.from_numpy(arrays["loss"].reshape(1)).dtype
    found = compare(pack, opened)
    assert found.agrees
    assert set(found.first.verdicts) == {*opened} - {"tokens"}
    arrays["h.0.attn.att"][0].tofile(place / "h.0.attn.att.bin")
    with pytest.raises(CheckpointError, match=r"108 numbers of h\.0\.attn\.att, \[3, 6, 6\]"):
        Mine.open(place, pack.blank, {"bent": "h.1.mlp.act.out"}, pack)
