"""OpenAI's release of GPT-2, and picoGPT, which keeps it in a nested dict: g, b and w.

A map was stored as a convolution over a window of one position, (1, in, out).
Source: openai/gpt-2, src/model.py; jaymody/picoGPT, utils.py.
"""

from collections.abc import Iterator

from pellucid.models.gpt.vocabularies.linear import MAPS
from pellucid.models.vocabularies.rule import rules


def _all(model: str, block: str) -> Iterator[str]:
    yield f"{model}wte -> wte.weight"
    yield f"{model}wpe -> wpe.weight"
    norms = ((f"{block}.ln_{n}", f"h.{{i}}.ln_{n}") for n in "12")
    for theirs, ours in (*norms, (f"{model}ln_f", "ln_f")):
        yield f"{theirs}.g -> {ours}.weight"
        yield f"{theirs}.b -> {ours}.bias"
    for name in MAPS:
        yield f"{block}.{name}.w -> h.{{i}}.{name}.weight"
        yield f"{block}.{name}.b -> h.{{i}}.{name}.bias"


PICOGPT = rules("\n".join(_all("", "blocks.{i}")))
"""The nested dict of picoGPT."""

OPENAI = rules("\n".join(_all("model.", "model.h{i}")))
"""The release's own names, `model/h0/attn/c_attn/w`."""
