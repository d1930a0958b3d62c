"""How parameters are split is what their layers say, found by a dry run of every model."""

import pytest

from pellucid.distribute.placing import splits
from pellucid.layers.facts import BY_COLUMNS, BY_HEADS, BY_ROWS, Split
from pellucid.models import ARCHITECTURES

# Written out by hand, once, from Shoeybi et al. 2019, section 3.
BY_HAND = {
    "c_attn": Split(1, maps=3),
    "c_q": BY_COLUMNS,
    "c_kv": Split(1, maps=2),
    "c_fc": BY_COLUMNS,
    "c_proj": BY_ROWS,
    **dict.fromkeys(("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"), BY_COLUMNS),
    **dict.fromkeys(("q_norm", "k_norm"), BY_HEADS),
}


def test_every_map_of_a_block_is_split_as_megatron_s_are():
    found = splits()
    assert {pattern.rpartition(".")[2] for pattern in found} == set(BY_HAND)
    assert all(BY_HAND[pattern.rpartition(".")[2]] == split for pattern, split in found.items())


@pytest.mark.parametrize("kind", ["gpt", "llama", "transformer"])
def test_no_map_of_a_block_is_passed_over(kind: str):
    names = {
        name for config, _, _ in ARCHITECTURES[kind].small() for name in config.parameter_shapes()
    }
    for name in names:
        path = name.rpartition(".")[0].replace(".0.", ".*.")
        assert (path in splits()) == (path.rpartition(".")[2] in BY_HAND), name
