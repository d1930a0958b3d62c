"""Shares of a batch: every row once, and weights that make a mean of means the whole mean."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.distribute.share import noise_share, share_of
from pellucid.errors import ConfigError
from pellucid.layers import IGNORE


@given(st.integers(1, 9), st.integers(1, 6), st.data())
def test_the_shares_are_the_batch(rows: int, size: int, data: st.DataObject):
    holes = data.draw(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=rows))
    targets = torch.arange(3 * rows).view(rows, 3)
    targets[torch.tensor(holes[:rows])] = IGNORE
    if not (targets != IGNORE).any():
        targets[0, 0] = 0
    shares = [share_of(targets, rank=rank, size=size) for rank in range(size)]
    counted = [share for share in shares if share.weight]
    seen = torch.cat([targets[share.rows] for share in counted])
    assert sorted(seen[seen != IGNORE].tolist()) == sorted(targets[targets != IGNORE].tolist())
    assert sum(share.weight for share in shares) == pytest.approx(1, abs=1e-14)
    for share in shares:
        own = targets[share.rows]
        assert (own != IGNORE).any(), "a mean needs a target"
        if share.weight:
            assert share.weight == int((own != IGNORE).sum()) / int((targets != IGNORE).sum())


def test_rows_are_dealt_out_evenly():
    targets = torch.zeros(7, 2, dtype=torch.int64)
    shares = [share_of(targets, rank=rank, size=3).rows for rank in range(3)]
    assert shares == [slice(0, 2), slice(2, 4), slice(4, 7)]


def test_a_batch_without_rows_is_refused():
    with pytest.raises(ConfigError, match=r"must have rows.*\(4,\)"):
        share_of(torch.zeros(4), rank=0, size=2)


def test_noise_goes_with_its_rows_and_heads():
    drop, att = torch.rand(4, 3, 2), torch.rand(4, 6, 3, 3)
    noise = {"drop": drop, "h": {"0": {"attn_noise": att}}}
    mine = noise_share(noise, slice(1, 3), rank=1, size=2)
    assert mine is not None
    assert torch.equal(mine["drop"], drop[1:3])
    assert torch.equal(mine["h"]["0"]["attn_noise"], att[1:3, 3:])
    assert noise_share(None, slice(1, 3), rank=1, size=2) is None
