"""A table of pairs that take placed parameters, made from one that takes plain tensors.

Each pair here fetches what it needs of its parameters, runs the pair that it was made from, and
sends the parameters' gradients off: so the messages of one layer travel while the next computes,
and a sharded matrix is whole only while its own pair runs. The models and the pairs themselves
know nothing of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from inspect import signature
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard

from pellucid.distribute.placing import TENSOR
from pellucid.layers import COMPOSITE, REFERENCE, Ops, Pair
from pellucid.layers.facts import facts_of


def _pairs_with(*arguments: str) -> frozenset[str]:
    """The pairs of the table whose forward takes one of these."""
    return frozenset(
        entry.name
        for entry in fields(Ops)
        if not signature(getattr(REFERENCE, entry.name).forward)
        .parameters.keys()
        .isdisjoint(arguments)
    )


LOSSES = _pairs_with("targets")
"""Pairs that end in the loss."""

TABLES = _pairs_with("tokens", "targets")
"""Pairs that may share one parameter: their gradients are sent when they have been added up."""


class Placed(NamedTuple):
    """What the backward needs: the inner pair's cache, and the parameters as they came."""

    inner: Any
    params: Mapping[str, DTensor]


class _Again(NamedTuple):
    """In a cache, the place of a gathered parameter, which is let go and gathered again."""

    key: str


def placed_ops(ops: Ops, *, weight: float) -> Ops:
    """The pairs of `ops` for placed parameters.

    The loss is the share's own mean, but everything that flows back from it is multiplied by
    `weight`, the share's part of the batch's targets: then the gradients only have to be summed.
    """

    def made(name: str) -> Pair:
        pair: Pair = getattr(ops, name)
        if name in LOSSES:
            pair = _weighted(pair, weight)
        looked_up = facts_of(getattr(REFERENCE, name).forward).looked_up
        return _placed_pair(pair, at_once=name not in TABLES, looked_up=bool(looked_up))

    names = (field.name for field in fields(ops) if field.name not in COMPOSITE)
    return replace(ops, **{name: made(name) for name in names})


def _weighted(pair: Pair, weight: float) -> Pair:
    def backward(dloss: Any, cache: Any, **keywords: Any) -> tuple[Any, Any]:
        return pair.backward(dloss * weight, cache, **keywords)

    return Pair(pair.forward, backward)


def _placed_pair(pair: Pair, *, at_once: bool, looked_up: bool) -> Pair:
    def forward(*inputs: Any, **keywords: Any) -> tuple[Any, Any]:
        params = {key: value for key, value in keywords.items() if isinstance(value, DTensor)}
        fetched = {key: _fetched(param) for key, param in params.items()}
        gathered = {id(fetched[key]): key for key in params if _is_sharded(params[key])}
        split = _split(params)
        if split == Shard(0) and "bias" in params and _grid(params).get_local_rank(TENSOR) > 0:
            # Each process makes a term of the sum, and the bias must be in one of them.
            fetched["bias"] = torch.zeros_like(fetched["bias"])
        out, cache = pair.forward(*inputs, **keywords | fetched)
        if split == Shard(0):
            _sum_over_tensor(out, params)
        return out, Placed(_without(cache, gathered), params)

    def backward(dout: Any, cache: Placed, **keywords: Any) -> tuple[Any, Any]:
        params = cache.params
        inner = _with(cache.inner, params, looked_up=looked_up)
        dx, grads = pair.backward(dout, inner, **keywords)
        if _split(params) == Shard(1):
            _sum_over_tensor(dx, params)
        return dx, {
            key: _gradient(grad, params[key], at_once=at_once) if key in params else grad
            for key, grad in grads.items()
        }

    return Pair(forward, backward)


# -- along the axis on which processes share matrices ----------------------------------------------


def _split(params: Mapping[str, DTensor]) -> Placement:
    """How the pair's matrix is split: by columns, Shard(1), by rows, Shard(0), or not at all."""
    if "weight" not in params or _grid(params).size(1) == 1:
        return Replicate()
    return params["weight"].placements[1]


def _sum_over_tensor(x: Tensor, params: Mapping[str, DTensor]) -> None:
    dist.all_reduce(x, group=_grid(params).get_group(TENSOR))


def _grid(params: Mapping[str, DTensor]) -> DeviceMesh:
    return params["weight"].device_mesh


# -- along the axis on which processes share the batch ---------------------------------------------


def _is_sharded(param: DTensor) -> bool:
    return isinstance(param.placements[0], Shard)


def _fetched(param: DTensor) -> Tensor:
    """The parameter as this process computes with it: gathered from those that share the batch."""
    return param.redistribute(placements=[Replicate(), param.placements[1]]).to_local()


def _shape_of(param: DTensor) -> Tensor:
    """A tensor of the parameter's shape that takes no room."""
    return param.to_local().new_zeros(()).expand(param.shape)


def _gradient(grad: Tensor, param: DTensor, *, at_once: bool) -> DTensor:
    """A process's own gradient as a term of the whole one; where `at_once`, the sum is begun."""
    shared = param.device_mesh.size(0) > 1
    term = like(param, grad, [Partial() if shared else Replicate(), param.placements[1]])
    return term.redistribute(placements=param.placements, async_op=True) if at_once else term


def summed(grad: DTensor, param: DTensor) -> DTensor:
    """The whole gradient, placed like its parameter, when all messages have come."""
    placed = grad.redistribute(placements=param.placements)
    local: Any = placed.to_local()
    # What is still under way knows how to wait for itself.
    return like(param, local.wait() if hasattr(local, "wait") else local, param.placements)


def like(param: DTensor, local: Tensor, placements: Sequence[Placement]) -> DTensor:
    """A distributed tensor of the parameter's shape, of which this process has `local`."""
    return DTensor.from_local(
        local,
        param.device_mesh,
        placements,
        run_check=False,
        shape=param.shape,
        stride=param.stride(),
    )


def _without(cache: Any, gathered: Mapping[int, str]) -> Any:
    """The cache without the parameters that were gathered for this call."""
    if id(cache) in gathered:
        return _Again(gathered[id(cache)])
    return _mapped(cache, lambda part: _without(part, gathered))


def _with(cache: Any, params: Mapping[str, DTensor], *, looked_up: bool) -> Any:
    """The inverse of `_without`: the parameters are gathered again."""
    if isinstance(cache, _Again):
        param = params[cache.key]
        return _shape_of(param) if looked_up else _fetched(param)
    return _mapped(cache, lambda part: _with(part, params, looked_up=looked_up))


def _mapped(cache: Any, change: Any) -> Any:
    if not isinstance(cache, tuple):
        return cache
    parts = [change(part) for part in cache]
    return type(cache)(*parts) if hasattr(cache, "_fields") else tuple(parts)
