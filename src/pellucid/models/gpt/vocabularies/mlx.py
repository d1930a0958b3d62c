"""mlx-lm's GPT-2: transformers' names below `model`, with Linear's weights (out, in).

Source: ml-explore/mlx-lm, mlx_lm/models/gpt2.py.
"""

from pellucid.models.gpt.vocabularies.linear import modules, parameters

MLX = parameters("model.", "model.h") + modules("model.", "model.h")
