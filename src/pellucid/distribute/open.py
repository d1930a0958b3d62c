"""Opening a layout: from what torchrun tells each process to the processes' grid."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch

from pellucid.distribute.environment import number_in
from pellucid.distribute.layout import Layout
from pellucid.errors import ConfigError, did_you_mean

Kind = Literal["data", "tensor", "sharded"]
"""How processes share the work: each its rows of the batch, each its part of every matrix, or each
its rows, with parameters, gradients and moments kept in shards."""

KINDS: tuple[str, ...] = get_args(Kind)
"""Their names."""


@contextmanager
def open_layout(
    kind: Kind, *, device: torch.device | str = "cpu", tensor: int | None = None
) -> Iterator[Layout]:
    """The layout of the processes that torchrun started, of which this is one.

    `tensor` processes share the matrices, and as many groups of them the batch; where it is not
    given, `tensor` is all processes or, in the other layouts, 1. On "cuda" each process takes the
    device of its local rank. A process group that is open already is used, and left open.

    Raises `ConfigError` outside torchrun, and where `tensor` does not divide the processes.
    """
    if kind not in KINDS:
        near = did_you_mean(kind, KINDS)
        raise ConfigError(f"a layout must be one of {', '.join(KINDS)}, not {kind!r}{near}")
    # A single process has no use for these, and they take a second to import.
    import torch.distributed as dist  # noqa: PLC0415
    from torch.distributed.device_mesh import init_device_mesh  # noqa: PLC0415

    from pellucid.distribute.grid import Grid  # noqa: PLC0415
    from pellucid.distribute.placing import DATA, TENSOR  # noqa: PLC0415

    place = torch.device(device)
    ours = not dist.is_initialized()
    if ours:
        _join(place)
    try:
        size = dist.get_world_size()
        split = tensor or (size if kind == "tensor" else 1)
        if split < 1 or size % split:
            raise ConfigError(
                f"the processes that share matrices must divide all {size} processes, and {split} "
                "do not: choose another number"
            )
        mesh = init_device_mesh(place.type, (size // split, split), mesh_dim_names=(DATA, TENSOR))
        yield Grid(mesh, sharded=kind == "sharded")
    finally:
        if ours:
            dist.destroy_process_group()


def _join(device: torch.device) -> None:
    """Meet the other processes at the place that torchrun names."""
    import torch.distributed as dist  # noqa: PLC0415
    from torch.distributed import PrefixStore  # type: ignore[attr-defined] # noqa: PLC0415
    from torch.distributed.rendezvous import rendezvous  # noqa: PLC0415

    missing = [name for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR") if name not in os.environ]
    if missing:
        raise ConfigError(
            f"a layout of several processes must be started by torchrun, and {missing[0]} is not "
            "set: run torchrun --nproc-per-node 2 -m pellucid …"
        )
    count = number_in("WORLD_SIZE", least=1)
    number_in("RANK", below=count)
    number_in("MASTER_PORT", below=1 << 16)
    if device.type == "cuda":
        torch.cuda.set_device(number_in("LOCAL_RANK", 0))
    # torchrun keeps one store when it starts workers again, and in it are the addresses of those
    # that are gone: each attempt looks under names of its own.
    try:
        store, rank, size = next(iter(rendezvous("env://")))
    except (RuntimeError, ValueError) as error:
        place = ":".join(os.environ[name] for name in ("MASTER_ADDR", "MASTER_PORT"))
        first = str(error).splitlines()[0]
        raise ConfigError(
            f"the processes must meet at MASTER_ADDR and MASTER_PORT, {place}, and they cannot "
            f"({first}): let torchrun set both"
        ) from None
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=PrefixStore(f"attempt_{attempt}", store),
        rank=rank,
        world_size=size,
    )
