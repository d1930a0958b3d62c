"""A Transformer as `torch.nn.Transformer` names and lays out its weights.

Its linear maps are (out, in) and are transposed here; cross-attention's one map of q, k and v is
cut into `c_q` and `c_kv`. Some things no weight shows, so whoever reads must know them: the number
of heads, the activation, `norm="pre"` where the layers are `norm_first`, and that the module
around them multiplies embeddings by √C and adds paired sinusoids, as the paper does.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Tensors, check, configure, same
from pellucid.models.transformer.config import TransformerConfig

STACKS = {"enc": "encoder", "dec": "decoder"}
PARTS = {
    "attn.c_attn.": "self_attn.in_proj_",
    "attn.c_proj.": "self_attn.out_proj.",
    "cross.c_q.": "multihead_attn.in_proj_",
    "cross.c_kv.": "multihead_attn.in_proj_",
    "cross.c_proj.": "multihead_attn.out_proj.",
    "mlp.c_fc.": "linear1.",
    "mlp.c_proj.": "linear2.",
    "ln_1.": "norm1.",
    "ln_2.": "norm2.",
    "ln_3.": "norm3.",
}
"""What follows `enc.h.i.` in our names, and `encoder.layers.i.` in torch's."""


def stacks(
    tensors: Mapping[str, Tensor], at: object, *, prefix: str, **fields: Any
) -> tuple[TransformerConfig, Tensors]:
    """The configuration and our tensors of encoder and decoder; `fields` are what is known of them.

    The vocabulary is of one token, since these weights have none.
    """
    config = _configure(tensors, at, prefix, vocab_size=1, **fields)
    return config, _converted(config, tensors, at, prefix, {})


def whole(
    tensors: Mapping[str, Tensor],
    at: object,
    *,
    prefix: str,
    wte: str | tuple[str, str],
    head: str | None,
    **fields: Any,
) -> tuple[TransformerConfig, Tensors]:
    """The same with the tables of these whole names, which are one where they are equal."""
    source, target = (wte, wte) if isinstance(wte, str) else wte
    tables = {"enc.wte.weight": source, "dec.wte.weight": target, "lm_head.weight": head or target}
    for name in tables.values():
        if name not in tensors:
            raise CheckpointError(
                f"{at} must hold the tables that were named; {name!r} is missing; give the whole "
                "name of each, without adding the prefix to it"
            )
    if head is not None and (bias := head.removesuffix("weight") + "bias") in tensors:
        raise CheckpointError(
            f"{at} must have a head without a bias, as our models do; it has {bias!r}; leave the "
            "bias out if it is zero"
        )
    first, *others = (tensors[name] for name in tables.values())
    sizes = {"vocab_size": len(first) if first.dim() else 0}
    tied = all(same(other, first) for other in others)
    config = _configure(tensors, at, prefix, tied=tied, **sizes, **fields)
    named = {"wte.weight": source} if tied else tables
    return config, _converted(config, tensors, at, prefix, named)


def _torchs_shapes(
    config: TransformerConfig, names: Mapping[str, str]
) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor there, by its name there, from our names to theirs."""
    shapes = {}
    for ours, shape in config.parameter_shapes().items():
        if ours in names:
            out = 3 * config.n_embd if "in_proj" in names[ours] else shape[-1]
            is_map = len(shape) == 2 and not _is_table(ours)
            shapes[names[ours]] = (out, shape[0]) if is_map else (*shape[:-1], out)
    return shapes


def _configure(
    tensors: Mapping[str, Tensor], at: object, prefix: str, **fields: Any
) -> TransformerConfig:
    """The configuration of these fields, and of what the names and shapes show."""
    depths = {
        f"n_{stack}": len(
            {
                name.removeprefix(f"{prefix}{stack}.layers.").split(".")[0]
                for name in tensors
                if name.startswith(f"{prefix}{stack}.layers.")
            }
        )
        for stack in STACKS.values()
    }
    linear = tensors.get(f"{prefix}encoder.layers.0.linear1.weight")
    if linear is None or linear.dim() != 2 or not all(depths.values()):
        raise CheckpointError(
            f"{at} must hold a torch.nn.Transformer under the prefix {prefix!r}, with "
            "encoder.layers.0.linear1.weight, a matrix, and decoder.layers; it does not; give what "
            "stands before these names as prefix"
        )
    inner, width = linear.shape
    shown = {
        "n_embd": width,
        "n_inner": inner,
        "bias": f"{prefix}encoder.layers.0.linear1.bias" in tensors,
        "final_norm": f"{prefix}encoder.norm.weight" in tensors,
    }
    return configure(at, TransformerConfig, **(depths | shown | fields))


def _converted(
    config: TransformerConfig,
    tensors: Mapping[str, Tensor],
    at: object,
    prefix: str,
    tables: Mapping[str, str],
) -> Tensors:
    """The tensors under our names and in our layout, once torch's have been checked."""
    parameters = [name for name in config.parameter_shapes() if not _is_table(name)]
    names = {name: prefix + _torchs_name(name) for name in parameters} | dict(tables)
    own = tuple(f"{prefix}{stack}." for stack in STACKS.values())
    known = set(names.values())
    present = {n: tensor for n, tensor in tensors.items() if n in known or n.startswith(own)}
    check(_torchs_shapes(config, names), present, at)
    return {ours: _ours(ours, present[theirs], config) for ours, theirs in names.items()}


def _torchs_name(ours: str) -> str:
    """`enc.h.0.attn.c_attn.weight` -> `encoder.layers.0.self_attn.in_proj_weight`."""
    stack, place, *rest = ours.split(".")
    if place == "ln_f":
        return f"{STACKS[stack]}.norm.{rest[0]}"
    layer, part, kind = rest[0], ".".join([*rest[1:-1], ""]), rest[-1]
    return f"{STACKS[stack]}.layers.{layer}.{PARTS[part]}{kind}"


def _ours(name: str, tensor: Tensor, config: TransformerConfig) -> Tensor:
    """Torch's tensor, cut where two of ours share it, and a map's weight transposed."""
    cut = {"c_q": slice(None, config.n_embd), "c_kv": slice(config.n_embd, None)}
    owner = name.split(".")[-2]
    own = tensor[cut[owner]] if owner in cut else tensor
    return own.mT if own.dim() == 2 and not _is_table(name) else own


def _is_table(name: str) -> bool:
    return name.endswith(("wte.weight", "lm_head.weight"))
