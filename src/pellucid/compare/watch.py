"""Watch: a PyTorch module's step, forward and backward, judged while it runs.

    with watch(module, model_or_pack):
        loss = module(tokens, targets)
        loss.backward()

Hooks give each value and gradient to the model's own step (`live`), which runs beside the module's
and says at once where the two differ.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pellucid.compare.module_watch import ModuleWatch
from pellucid.compare.own_model import own_model
from pellucid.compare.translate import NameMap
from pellucid.errors import ConfigError
from pellucid.models import CausalModel
from pellucid.reference import Pack, open_pack


def watch(
    module: nn.Module,
    reference: Pack | CausalModel | str | PathLike[str] | None = None,
    *,
    names: NameMap | None = None,
    targets: Any = None,
    dtype: torch.dtype | None = None,
    collect: bool = False,
) -> ModuleWatch:
    """Judge one call of a PyTorch module, and its backward, while they run, inside a `with`.

    `reference` is what it should be: a pack, opened or its directory, whose tokens it must read;
    a model of Pellucid's, for any tokens; None for the module's own weights and configuration,
    where it is one of transformers' that Pellucid reads.

    `names` has names of the module's own modules (for what they put out) and parameters, with ours,
    or rules for them; gradients follow. Other names are found as `Mine` finds them. `targets`, like
    the tokens, are what a backward is judged by: else a pack's, or what the call was given as its
    second argument, as `targets`, or as `labels`, which transformers shifts. `dtype` is
    what the module computes in, by default the coarsest that is seen.

    The first difference raises `DifferenceError`, from the very call inside the module that made
    it, with the `Finding`; where `collect`, nothing is raised, and all are in `findings`. The
    module's numbers, gradients and mode stay as they are, and its hooks go with the `with`.

    Raises `ConfigError` where no name is known, `DifferenceError` where the module has not the
    model's layers or sizes; in the `with` `TraceError` where there are no tokens, or a second call,
    or no targets; at its end `TooLittleError` where nothing was judged.
    """
    given: object = reference
    if isinstance(given, str | PathLike):
        given = open_pack(Path(given))
    pack = given if isinstance(given, Pack) else None
    model = own_model(module) if given is None else pack.model() if pack else given
    if not isinstance(model, CausalModel):
        raise ConfigError(
            f"a module must be watched beside a model that looks back only, or a pack of one, and "
            f"{type(model).__name__} came: give what pellucid.load or pellucid.reference.open_pack "
            "has opened"
        )
    return ModuleWatch(
        module, model, pack, names=names, targets=targets, dtype=dtype, collect=collect
    )
