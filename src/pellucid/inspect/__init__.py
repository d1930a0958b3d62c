"""Looking into a trained model: next tokens, lens, reach, attribution, patching, norms."""

from pellucid.inspect.attribution import Attribution, Contribution, attribution
from pellucid.inspect.contrast import Contrast, contrast
from pellucid.inspect.lens import lens_names, logit_lens
from pellucid.inspect.next_tokens import LikelyToken, next_tokens
from pellucid.inspect.norms import Norms, gradient_norms
from pellucid.inspect.patching import Patching, patch_heads, patched
from pellucid.inspect.reach import Look, Reach, reach

__all__ = [
    "Attribution",
    "Contrast",
    "Contribution",
    "LikelyToken",
    "Look",
    "Norms",
    "Patching",
    "Reach",
    "attribution",
    "contrast",
    "gradient_norms",
    "lens_names",
    "logit_lens",
    "next_tokens",
    "patch_heads",
    "patched",
    "reach",
]
