"""The way back: which gradients a step has, and which of them is the largest."""

import numpy as np
import torch
from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.numbers import at
from pellucid.walkthrough.sights.scene import Scene, offers
from pellucid.walkthrough.steps import PARAMETERS
from pellucid.words import figure


@offers("positions", "token", "wanted", "pull", "rival", "push")
def pulled(scene: Scene) -> dict[str, str | None]:
    """What the loss asks of the true token's logit, and of its strongest rival's."""
    slopes, tokens, wanted = (
        scene.value("dlogits"),
        scene.along("dlogits", -2),
        scene.ids("targets"),
    )
    place = scene.answered()
    if slopes is None or tokens is None or slopes.dim() != 2 or place is None:
        return {}
    counted = sum(one != IGNORE for one in wanted)
    others = slopes[place].clone()
    others[wanted[place]] = -torch.inf
    rival = int(others.argmax())
    return {
        "positions": f"{counted}" if counted > 1 else None,
        "token": tokens[place],
        "wanted": scene.token(wanted[place]),
        "pull": figure(float(slopes[place, wanted[place]])),
        "rival": scene.token(rival),
        "push": figure(float(others[rival])),
    }


@offers("steepest", "slope")
def steepest(scene: Scene) -> dict[str, str | None]:
    """The largest gradient by a parameter of the step: its name with its place, and how large."""
    best: tuple[float, str, float] = 0.0, "", 0.0
    for name in scene.step.names:
        slopes = scene.numbers(name) if name.endswith(PARAMETERS) else None
        if slopes is None or not slopes.numel():
            continue
        place = int(slopes.abs().argmax())
        size = float(slopes.abs().flatten()[place])
        if size > best[0]:
            best = size, at(name, unravelled(place, slopes)), float(slopes.flatten()[place])
    return {"steepest": best[1], "slope": figure(best[2])} if best[0] else {}


@offers("token", "channel", "slope")
def carried(scene: Scene) -> dict[str, str | None]:
    """Where the gradient of the stream is largest: for which token, in which channel."""
    for name in scene.step.names:
        slopes, labels = scene.numbers(name), scene.labels(name)
        if slopes is None or slopes.dim() != 2 or len(labels) != 2 or labels[0] is None:
            continue
        place, channel = unravelled(int(slopes.abs().argmax()), slopes)
        tokens = scene.along(name, 0)
        return {
            "token": None if tokens is None else tokens[place],
            "channel": f"{channel}",
            "slope": figure(float(slopes[place, channel])),
        }
    return {}


@offers("token", "total")
def balanced(scene: Scene) -> dict[str, str | None]:
    """To what the gradient sums that comes back through a layer norm: to nothing."""
    slopes, tokens = scene.value("dx"), scene.along("dx", 0)
    if slopes is None or tokens is None or slopes.dim() != 2:
        return {}
    return {"token": tokens[-1], "total": figure(round(float(slopes[-1].sum()), 6))}


@offers("head", "asking", "more", "less", "slope")
def asked(scene: Scene) -> dict[str, str | None]:
    """Of which score the loss asks most: that a token look more at another, or less."""
    slopes = scene.value("dscores")
    asking, others = scene.along("dscores", -2), scene.along("dscores", -1)
    if slopes is None or slopes.dim() != 3 or asking is None or others is None:
        return {}
    head, query, key = unravelled(int(slopes.abs().argmax()), slopes)
    slope = float(slopes[head, query, key])
    if not slope:
        return {}
    return {
        "head": f"{head}",
        "asking": asking[query],
        "more" if slope < 0 else "less": others[key],
        "slope": figure(slope),
    }


@offers("rows", "read", "both")
def gathered(scene: Scene) -> dict[str, str | None]:
    """How many rows of the table were looked up, and whether its other use counts too."""
    for word in ("embed.weight", "wte.weight"):
        slopes = scene.value(f"d{word}")
        if slopes is not None:
            tied = scene.name("dwte.weight") in scene.step.names and word == "embed.weight"
            read = int(slopes.abs().sum(-1).count_nonzero())
            return {
                "rows": f"{slopes.shape[0]:,}",
                "read": f"{read:,}",
                "both": scene.name("dwte.weight") if tied else None,
            }
    return {}


def unravelled(place: int, value: Tensor) -> tuple[int, ...]:
    """The index of the element at this place of the flattened value."""
    return tuple(map(int, np.unravel_index(place, value.shape)))
