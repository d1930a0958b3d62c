"""How weights are rounded to whole numbers in groups."""

import torch

from pellucid.kernels.groups import GROUPINGS
from pellucid.kernels.rounding import round_groups


def test_the_bytes_beside_a_column_are_all_used():
    """The largest scale or minimum of each column counts 255 units: the unit is no coarser."""
    weight = torch.randn(96, 64, generator=torch.Generator().manual_seed(0))
    _words, sides, columns = round_groups(weight, GROUPINGS["int4"])
    assert columns is not None
    assert (sides.amax((1, 2)) == 255).all()
