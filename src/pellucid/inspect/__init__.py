"""Looking into a trained model: logit lens, attention reach, alignment, gradient norms."""

from pellucid.inspect.lens import lens_names, logit_lens
from pellucid.inspect.norms import Norms, gradient_norms
from pellucid.inspect.reach import Look, Reach, reach

__all__ = ["Look", "Norms", "Reach", "gradient_norms", "lens_names", "logit_lens", "reach"]
