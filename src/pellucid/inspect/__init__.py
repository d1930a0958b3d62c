"""Looking into models: next tokens, lens, reach, attribution, circuits, sweeps, patching, norms."""

from pellucid.inspect.attribution import Attribution, Contribution, attribution, neurons
from pellucid.inspect.circuits import (
    Circuit,
    Composition,
    composition,
    copying,
    head_circuit,
    induction_score,
    last_occurrences,
    previous_token_score,
    without_head,
)
from pellucid.inspect.contrast import Contrast, contrast
from pellucid.inspect.lens import lens_names, logit_lens
from pellucid.inspect.next_tokens import LikelyToken, next_tokens
from pellucid.inspect.norms import Norms, gradient_norms
from pellucid.inspect.patching import Patching, patch_heads, patched
from pellucid.inspect.paths import PathEdge, PathNode, StreamPaths, stream_paths
from pellucid.inspect.reach import Look, Reach, reach
from pellucid.inspect.resuming import Place, Resumer
from pellucid.inspect.steering import stream_direction, token_direction
from pellucid.inspect.stream_patching import PatchedPositions, StreamPatching, patch_stream
from pellucid.inspect.sweeping import Ablated, ablate_heads

__all__ = [
    "Ablated",
    "Attribution",
    "Circuit",
    "Composition",
    "Contrast",
    "Contribution",
    "LikelyToken",
    "Look",
    "Norms",
    "PatchedPositions",
    "Patching",
    "PathEdge",
    "PathNode",
    "Place",
    "Reach",
    "Resumer",
    "StreamPatching",
    "StreamPaths",
    "ablate_heads",
    "attribution",
    "composition",
    "contrast",
    "copying",
    "gradient_norms",
    "head_circuit",
    "induction_score",
    "last_occurrences",
    "lens_names",
    "logit_lens",
    "neurons",
    "next_tokens",
    "patch_heads",
    "patch_stream",
    "patched",
    "previous_token_score",
    "reach",
    "stream_direction",
    "stream_paths",
    "token_direction",
    "without_head",
]
