"""llama.cpp: the tensors of a GGUF file of the architecture gpt2; maps are (out, in) there."""

from pellucid.models.gguf_layout import their_name
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.gguf import NAMES
from pellucid.models.gpt.vocabularies.linear import MAPS
from pellucid.models.vocabularies.rule import rules


def _rule(ours: str) -> str:
    theirs = their_name(ours, NAMES).replace(".0.", ".{i}.")
    is_map = any(ours.endswith(f"{name}.weight") for name in MAPS)
    return f"{theirs}{'.T' * is_map} -> {ours.replace('.0.', '.{i}.')}"


GGUF = rules("\n".join(map(_rule, GPTConfig(n_layer=1, tied=False).parameter_shapes())))
