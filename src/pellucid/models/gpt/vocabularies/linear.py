"""What programs share that call a GPT-2's tensors as transformers does and keep maps as Linear.

Its weights are (out, in) there. Modules have transformers' names too.
"""

from pellucid.models.vocabularies.row import VocabularyRow
from pellucid.models.vocabularies.rule import rules

MAPS = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")


def parameters(model: str, block: str) -> tuple[VocabularyRow, ...]:
    """The parameters, behind the names of the model and of its blocks."""
    norms = (f"{block}.{{i}}.ln_1", "h.{i}.ln_1"), (f"{block}.{{i}}.ln_2", "h.{i}.ln_2")
    lines = [f"{model}wte.weight -> wte.weight", f"{model}wpe.weight -> wpe.weight"]
    for theirs, ours in (*norms, (f"{model}ln_f", "ln_f")):
        lines += [f"{theirs}.{kind} -> {ours}.{kind}" for kind in ("weight", "bias")]
    for name in MAPS:
        lines += [
            f"{block}.{{i}}.{name}.weight.T -> h.{{i}}.{name}.weight",
            f"{block}.{{i}}.{name}.bias -> h.{{i}}.{name}.bias",
        ]
    return rules("\n".join(lines))


def modules(model: str, block: str) -> tuple[VocabularyRow, ...]:
    """What modules put out, by forward hooks."""
    return rules(f"""
        {model}wte -> embed.out
        {model}wpe -> wpe.rows
        {model}ln_f -> ln_f.out
        {block}.{{i}} -> h.{{i}}.resid_post
        {block}.{{i}}.ln_1 -> h.{{i}}.ln_1.out
        {block}.{{i}}.attn.c_attn -> h.{{i}}.attn.c_attn.out
        {block}.{{i}}.attn.c_proj -> h.{{i}}.attn.c_proj.out
        {block}.{{i}}.attn -> h.{{i}}.attn.c_proj.out
        {block}.{{i}}.ln_2 -> h.{{i}}.ln_2.out
        {block}.{{i}}.mlp.c_fc -> h.{{i}}.mlp.c_fc.out
        {block}.{{i}}.mlp.c_proj -> h.{{i}}.mlp.c_proj.out
        {block}.{{i}}.mlp -> h.{{i}}.mlp.c_proj.out
    """)
