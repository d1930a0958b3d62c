"""Variants: layers whose steps are parameters, for mistakes that change one on the way.

With its steps as they stand there a variant makes and shows what its layer does, bit for bit, which
tests hold it to. A mistake in what a layer is given alone needs none.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pellucid.compare.variants.attention import ATTENTION
from pellucid.compare.variants.gated import GATED
from pellucid.compare.variants.layers import LAYERS
from pellucid.compare.variants.residual import RESIDUAL
from pellucid.compare.variants.update import UPDATE

VARIANTS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    **LAYERS,
    **ATTENTION,
    **GATED,
    **UPDATE,
    **RESIDUAL,
}
"""The variant of each layer that has one."""

__all__ = ["VARIANTS"]
