"""Looking into a trained model: next tokens, logit lens, reach, alignment, gradient norms."""

from pellucid.inspect.lens import lens_names, logit_lens
from pellucid.inspect.next_tokens import LikelyToken, next_tokens
from pellucid.inspect.norms import Norms, gradient_norms
from pellucid.inspect.reach import Look, Reach, reach

__all__ = [
    "LikelyToken",
    "Look",
    "Norms",
    "Reach",
    "gradient_norms",
    "lens_names",
    "logit_lens",
    "next_tokens",
    "reach",
]
