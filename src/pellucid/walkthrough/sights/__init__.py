"""What the words of a walk may say of a step: figures and tokens, read off what the step shows.

Each kind of step has small functions that offer placeholders by name; the words file uses them. A
function gives only those that hold for the run: a head cannot look at another token where there is
one alone, and a sentence that needs it is left out.
"""

from collections.abc import Mapping, Sequence

from pellucid.optim import OPTIMIZERS
from pellucid.walkthrough.sights.attention import gaze, looks
from pellucid.walkthrough.sights.gradients import (
    asked,
    balanced,
    carried,
    gathered,
    pulled,
    steepest,
)
from pellucid.walkthrough.sights.networks import missed, smoothed, standardized, summed
from pellucid.walkthrough.sights.prediction import chances, lost, reading, scores
from pellucid.walkthrough.sights.scene import Scene, Sight
from pellucid.walkthrough.sights.stream import (
    added,
    bent,
    gates,
    looked_up,
    normed,
    placed,
    scaled,
    turned,
)
from pellucid.walkthrough.sights.update import moved

SIGHTS: Mapping[str, Sequence[Sight]] = {
    "tokens.forward": (reading,),
    "embedding.forward": (looked_up,),
    "position.forward": (placed,),
    "sinusoids.forward": (placed,),
    "rotary.forward": (turned,),
    "layer_norm.forward": (normed,),
    "rms_norm.forward": (scaled,),
    "attention.forward": (looks,),
    "cross_attention.forward": (gaze,),
    "residual.forward": (added,),
    "mlp.forward": (bent,),
    "gated_mlp.forward": (gates,),
    "logits.forward": (scores,),
    "softmax.forward": (chances,),
    "loss.forward": (lost,),
    "smooth_cross_entropy.forward": (smoothed,),
    "standardize.forward": (standardized,),
    "linear.forward": (summed,),
    "binary_logits.forward": (),
    "next_token_logits.forward": (),
    "absolute_error.forward": (missed,),
    "softmax.backward": (pulled,),
    "absolute_error.backward": (),
    "logits.backward": (steepest,),
    "linear.backward": (steepest,),
    "binary_logits.backward": (),
    "next_token_logits.backward": (),
    "standardize.backward": (),
    "residual.backward": (carried,),
    "layer_norm.backward": (balanced,),
    "rms_norm.backward": (),
    "mlp.backward": (steepest,),
    "gated_mlp.backward": (steepest,),
    "attention.backward": (asked,),
    "cross_attention.backward": (asked,),
    "position.backward": (),
    "sinusoids.backward": (),
    "embedding.backward": (gathered, steepest),
    **dict.fromkeys((f"{name}.update" for name in OPTIMIZERS), (moved,)),
}
"""Who gives the figures of a step, by its kind and its direction."""


def offered(key: str) -> frozenset[str]:
    """The placeholders that the words of a kind of step may use."""
    return frozenset(name for sight in SIGHTS.get(key, ()) for name in sight.offers)


def seen_in(scene: Scene, key: str) -> dict[str, str]:
    """What a step's words are filled in with, of what is offered all that holds."""
    found: dict[str, str] = {}
    for sight in SIGHTS.get(key, ()):
        found |= sight(scene)
    return found


__all__ = ["SIGHTS", "Scene", "Sight", "offered", "seen_in"]
