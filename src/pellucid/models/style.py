"""What a configuration says of its blocks' style, in a block's own words."""

from typing import Any

from pellucid.layers import Ops


def style_of(config: Any, ops: Ops) -> dict[str, Any]:
    """Where a block's norms stand, and how it bends, as `block` is told it."""
    return {"norm": config.norm, "activation": getattr(ops, config.activation)}
