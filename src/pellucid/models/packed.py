"""A GPT whose matrices are packed for reading them fast: smaller, and forward only."""

from pellucid.kernels.packing import Form, PackedWeight, arena, pack, packed_bytes
from pellucid.models.gpt.model import GPT
from pellucid.models.lora import merged
from pellucid.tree import flatten, unflatten

SMALLEST: Form = "int8"
"""The embedding's table, which is also the head, is packed no smaller: its errors are logits'."""


def packed(model: GPT, form: Form) -> GPT:
    """The model with its matrices in another form, for `ops=PACKED`: float32, bfloat16, int8, int4.

    Biases, norms and positions stay float32. Pairs of LoRA are added into their weights first.
    """
    model = merged(model) if model.config.lora_rank else model
    leaves = flatten(model.params)
    forms: dict[str, Form] = {}
    for name, leaf in leaves.items():
        if isinstance(leaf, PackedWeight):
            return model
        if name in {"wte.weight", "lm_head.weight"}:
            forms[name] = SMALLEST if form == "int4" else form
        elif name.startswith("h.") and name.endswith(".weight") and leaf.dim() == 2:
            forms[name] = form
    turned = {
        name: leaf.mT if name in {"wte.weight", "lm_head.weight"} else leaf
        for name, leaf in leaves.items()
    }
    allocate = arena(sum(packed_bytes(tuple(turned[name].shape), forms[name]) for name in forms))
    return model.with_params(
        unflatten(
            {
                name: pack(leaf, forms[name], allocate) if name in forms else leaf.float()
                for name, leaf in turned.items()
            }
        )
    )
