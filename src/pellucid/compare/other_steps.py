"""Other steps that may be what the other program ran: a coarser dtype, or fewer layers."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from pellucid.compare.judge import STATED, Verdict
from pellucid.compare.step import Followed, JudgedStep, faults_of
from pellucid.compare.translate import layer_of
from pellucid.tree import flatten, unflatten

Progress = Callable[[str], None]
"""Called with what a comparison does next."""


def shallower(fault: Verdict, step: JudgedStep) -> JudgedStep | None:
    """The step with as many layers as the other program shows, where that makes this tensor.

    None where it shows all, or where the tensor is a layer's own.
    """
    shown = step.mine.keys() - flatten(step.model.params).keys()
    layers = max((layer_of(name) for name in shown), default=-1) + 1
    if fault.call is None or layer_of(fault.name) >= 0 or not 0 < layers < step.layers:
        return None
    params = flatten(step.model.params)
    kept = unflatten({name: values for name, values in params.items() if layer_of(name) < layers})
    config = replace(step.model.config, n_layer=layers)
    cut = replace(step, model=type(step.model)(config, kept))
    own = cut.follow().verdicts.get(fault.name)
    return cut if own is not None and own.agrees else None


def saved_finer(step: JudgedStep, run: Followed, progress: Progress) -> torch.dtype | None:
    """A coarser dtype as which every tensor agrees, where nearly all numbers are numbers of it."""
    tensors = [step.mine[name] for name in run.verdicts if step.mine[name].is_floating_point()]
    for kind in STATED:
        if torch.finfo(kind).eps <= torch.finfo(step.dtype).eps:
            continue
        whole = [bool((one.to(kind).to(one.dtype) == one).all()) for one in tensors]
        if sum(whole) >= WHOLE * len(whole):
            return coarser(step, tensors[whole.index(True)], progress)
    return None


WHOLE = 0.9
"""In a run that was saved finer, so many tensors have numbers of its dtype alone."""


def coarser(step: JudgedStep, values: Tensor, progress: Progress) -> torch.dtype | None:
    """A coarser dtype as which every tensor agrees.

    The likeliest is the coarsest in which the `values` of a tensor are whole; else the finest.
    """
    progress("whether it was computed in a coarser dtype")
    eps = {kind: torch.finfo(kind).eps for kind in STATED}
    kinds = [kind for kind in STATED if eps[kind] > eps[step.dtype]]
    whole = [kind for kind in kinds if bool((values.to(kind).to(values.dtype) == values).all())]
    others = [kind for kind in kinds if kind not in whole]
    likely = [*sorted(whole, key=eps.__getitem__, reverse=True), *others]
    agree = (kind for kind in likely if not faults_of(replace(step, dtype=kind).follow()))
    return next(agree, None)
