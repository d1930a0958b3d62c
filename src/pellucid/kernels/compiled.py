"""COMPILED: the table whose blocks and loss are compiled by torch.compile, each as whole graphs.

A block's forward is one graph and its written backward another, and every block of a model runs the
same two: so compiling takes as long for one block as for a hundred. Within a graph the passes that
go number by number (norms, activations, biases, residual sums, casts) become a few loops.
"""

import functools
import hashlib
import importlib
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.kernels import FAST, attention_op, native_attention, whole_cross_entropy
from pellucid.kernels.gelu_by_exp import gelu_tanh, gelu_tanh_backward
from pellucid.kernels.whole_cross_entropy import reduced, slopes
from pellucid.layers import BLOCKS, Ops, Pair

MOST = 128
"""So many graphs a function may be compiled to, before that counts as a mistake."""


def why_not_compiled() -> str:
    """Why this machine cannot compile a step, in a clause; nothing where it can.

    On a CPU torch.compile writes C++, and needs a compiler for it.
    """
    name = os.environ.get("CXX") or "g++"
    if shutil.which(name) is None:
        return f"there is no C++ compiler {name}"
    try:
        graph(_double)(torch.ones(1))
    except RuntimeError as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        return f"torch.compile fails: {first}"
    return ""


def _double(x: Tensor) -> Tensor:
    return x + x


@functools.cache
def compiled_ops() -> Ops:
    """The table; a graph is made when it is first run, for the shapes that it is run with.

    It serves training: `past`, which a compiled block would be made anew for at every length, is
    better served by `FAST`.
    """
    return replace(
        FAST,
        gelu_tanh=Pair(gelu_tanh, gelu_tanh_backward),
        scaled_dot_product=Pair(
            attention_op.scaled_dot_product, attention_op.scaled_dot_product_backward
        ),
        linear_cross_entropy=Pair(
            partial(whole_cross_entropy.linear_cross_entropy, reduce=graph(reduced)),
            partial(whole_cross_entropy.linear_cross_entropy_backward, slope=graph(slopes)),
        ),
        **{name: compiled(getattr(FAST, name)) for name in BLOCKS},
    )


def compiled(pair: Pair) -> Pair:
    """The pair with both functions compiled, each as one graph."""
    return Pair(graph(pair.forward), graph(pair.backward))


def graph(function: Callable[..., Any], *, dynamic: bool = False) -> Callable[..., Any]:
    """The function compiled as one graph, for each shape that it meets or for all in one."""
    with warnings.catch_warnings():
        # PyTorch's own use of what it deprecates, when the compiler is first imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._inductor.compile_fx")
    # A graph that is kept on disk knows our operations by name, and not what they give.
    own = (Path(module.__file__ or "").read_bytes() for module in (attention_op, native_attention))
    torch.compiler.config.cache_key_tag = hashlib.sha256(b"".join(own)).hexdigest()
    # One function serves all dtypes and shapes of a process, of which PyTorch expects eight.
    settings: Any = importlib.import_module("torch._dynamo.config")
    settings.recompile_limit = max(settings.recompile_limit, MOST)
    made: Callable[..., Any] = torch.compile(function, fullgraph=True, dynamic=dynamic)
    return made
