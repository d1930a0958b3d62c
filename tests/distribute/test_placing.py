"""How parameters are split is what their layers say, found by a dry run of every model."""

import pytest

from pellucid.distribute.placing import splits
from pellucid.layers.facts import BY_COLUMNS, BY_ROWS, Split
from pellucid.models import ARCHITECTURES
from pellucid.tree import flatten

# Written out by hand, once, from Shoeybi et al. 2019, section 3.
BY_HAND = {
    "c_attn": Split(1, maps=3),
    "c_q": BY_COLUMNS,
    "c_kv": Split(1, maps=2),
    "c_fc": BY_COLUMNS,
    "c_proj": BY_ROWS,
}


def test_every_map_of_a_block_is_split_as_megatron_s_are():
    found = splits()
    assert {pattern.rpartition(".")[2] for pattern in found} == set(BY_HAND)
    assert all(BY_HAND[pattern.rpartition(".")[2]] == split for pattern, split in found.items())


@pytest.mark.parametrize("kind", ["gpt", "transformer"])
def test_no_map_of_a_block_is_passed_over(kind: str):
    config, _, _ = next(ARCHITECTURES[kind].small())
    for name in flatten(ARCHITECTURES[kind].init(config).params):
        path = name.rpartition(".")[0].replace(".0.", ".*.")
        assert (path in splits()) == (path.rpartition(".")[2] in BY_HAND), name
