"""Flax: paths of a GPT-2's parameters, and of what its modules put out.

A `Dense` of Flax keeps its kernel (in, out), as here; `FlaxConv1D` of transformers' FlaxGPT2 keeps
it (out, in). Shapes tell the two apart. Blocks are `h/0` of nnx and of transformers, and `h_0` of
linen; what `capture_intermediates` gives has a module's name.
Source: transformers 4, models/gpt2/modeling_flax_gpt2.py; flax, linen/linear.py;
cgarciae/nanoGPT-jax, model.py.
"""

from collections.abc import Iterator

from pellucid.models.gpt.vocabularies.linear import MAPS, modules
from pellucid.models.vocabularies.row import VocabularyRow
from pellucid.models.vocabularies.rule import rules


def _parameters(model: str, block: str, turned: str) -> Iterator[str]:
    yield f"{model}wte.embedding -> wte.weight"
    yield f"{model}wpe.embedding -> wpe.weight"
    norms = ((f"{block}.ln_{n}", f"h.{{i}}.ln_{n}") for n in "12")
    for theirs, ours in (*norms, (f"{model}ln_f", "ln_f")):
        yield f"{theirs}.scale -> {ours}.weight"
        yield f"{theirs}.bias -> {ours}.bias"
    for name in MAPS:
        yield f"{block}.{name}.kernel{turned} -> h.{{i}}.{name}.weight"
        yield f"{block}.{name}.bias -> h.{{i}}.{name}.bias"


def _all(model: str, block: str) -> tuple[VocabularyRow, ...]:
    # `h.{i}.ln_1.bias` and the like are ours already, which come first.
    named = rules("\n".join(_parameters(model, f"{block}{{i}}", "")))
    return named + tuple(
        row._replace(theirs=tuple(name.replace("@.", block) for name in row.theirs))
        for row in modules(model, "@")
    )


FLAX = (
    *_all("transformer.", "transformer.h_"),
    *_all("transformer.", "transformer.h."),
    *_all("", "h_"),
    *_all("", "h."),
)
"""A `Dense` of Flax: (in, out)."""

FLAX_GPT2 = rules("\n".join(_parameters("transformer.", "transformer.h.{i}", ".T"))) + rules("""
    transformer.dropout -> wpe.out
    transformer.h -> -
""")
"""`FlaxGPT2LMHeadModel`: (out, in)."""
