"""Mistakes in the update, of either port, are located and named, numbers and all."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch

from pellucid.compare import MISTAKES, Finding, Mistake
from pellucid.compare.finding import find
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes import coarse
from pellucid.compare.mistakes.update import EMBEDDINGS
from pellucid.compare.step import JudgedStep
from pellucid.train import updated
from pellucid.tree import map_leaves
from tests.compare.lines import as_said, rerun
from tests.port import update
from tests.port.gpt2 import Port, ran
from tests.port.llama import LlamaPort
from tests.port.models import (
    LLAMA_CONFIG,
    LLAMA_SETTINGS,
    N_HEAD,
    llama_of,
    model_of,
    small,
)

TEXTS = {mistake.name: mistake.text for mistake in MISTAKES}
UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
DTYPES = [(np.float64, torch.float64), (np.float32, torch.float32)]
each_dtype = pytest.mark.parametrize("dtypes", DTYPES, ids=["float64", "float32"])
each_kind = pytest.mark.parametrize("kind", ["gpt", "llama"])


def ported(kind: str, dtypes: tuple[type, torch.dtype], optimizer: Any) -> tuple[Any, ...]:
    """The model, what it reads, and the dump of a port whose optimizer this is."""
    config = {"config": LLAMA_CONFIG} if kind == "llama" else {}
    params, tokens, targets = small(**config)
    port: Any = (
        LlamaPort(params, LLAMA_SETTINGS, (), dtypes[0])
        if kind == "llama"
        else Port(params, N_HEAD, (), dtype=dtypes[0])
    )
    port.step = lambda *given: optimizer.step(port, *given)
    dump = ran(port, tokens, targets, 1)
    mine = {name: torch.from_numpy(np.array(value)) for name, value in dump.items()}
    model = (llama_of if kind == "llama" else model_of)(params, dtypes[1])
    return model, torch.from_numpy(tokens), torch.from_numpy(targets), mine


def findings(
    kind: str,
    dtypes: tuple[type, torch.dtype],
    mistakes: Iterable[str] = (),
    shown: Callable[[str], bool] = lambda _: True,
) -> list[Finding]:
    model, tokens, targets, mine = ported(kind, dtypes, update.Optimizer(mistakes))
    mine = {name: value for name, value in mine.items() if shown(name)}
    return find(JudgedStep(model, tokens, targets, UPDATE, mine, dtypes[1]))[1]


def named(finding: Finding) -> list[str]:
    return [mistake.name for fit in finding.named for mistake in fit.mistakes]


def texts(finding: Finding) -> list[str]:
    return [mistake.text for fit in finding.named for mistake in fit.mistakes]


AFTER, AT_M, AT_V = "wte.weight.new", "wte.weight.m", "wte.weight.v"
SAID = {
    "decay_of_all": (
        "h.0.ln_1.weight.new",
        "norms and biases decay too, by 0.1, and they are not to",
    ),
    "decay_of_biases": ("h.0.ln_1.bias.new", "biases decay too, by 0.1, and they are not to"),
    "decay_of_gains": (
        "h.0.ln_1.weight.new",
        "the gains of norms decay too, by 0.1, and they are not to",
    ),
    "other_decay": (AFTER, "weight decay is 0.05, not 0.1"),
    "other_learning_rate": (AFTER, "the learning rate is 0.0003, not 0.001"),
    "uphill": (AFTER, "the update has the wrong sign: weights go uphill"),
    "rate_and_decay": (
        AFTER,
        "the learning rate is 0.0003, not 0.001, and weight decay is 0.05, not 0.1",
    ),
    "other_beta1": (AT_M, "β₁, of the gradient's mean, is 0.8, not 0.9"),
    "other_beta2": (AT_V, "β₂, of the gradient's mean of squares, is 0.95, not 0.999"),
    "other_adam_eps": (AFTER, "Adam's ε is 1e-05, not 1e-08"),
    "gradients_clipped": (
        AT_M,
        "gradients are clipped to a norm of 0.5, and they are not to be",
    ),
    "gradients_cut": (
        AT_M,
        "each number of a gradient is cut to ±0.01, and it is not to be",
    ),
    "loss_scale_left": (
        AT_M,
        "the optimizer has 65536 times the gradient: 2^16, a loss scale that is left in",
    ),
    "gradients_times": (AT_M, "the optimizer has 0.37 times the gradient"),
    "bf16_moments": (AT_M, TEXTS["bf16_moments"]),
}
"""Where a mistake shows first, and what is said of it; else it is the new weights of the table."""

CALLED = {"uphill": "other_learning_rate", "rate_and_decay": "other_learning_rate_and_decay"}
CALLED |= dict.fromkeys(("loss_scale_left", "gradients_times"), "update_gradient_scaled")
OF_LLAMA = {"decay_of_gains": "decay_of_all", "decay_of_biases": None}
"""A Llama without biases has norms alone that are not to decay."""


def wanted(mistake: str, kind: str, dtype: torch.dtype) -> list[tuple[str, ...]]:
    """What is to be found."""
    if (mistake, dtype) == ("decay_after", torch.float32):  # off by η²λ of the gradient's sign
        return []
    if (mistake, kind, dtype) == ("adam_eps_before_correction", "llama", torch.float32):
        return [("h.0.attn.q_proj.weight.new", mistake, TEXTS[mistake])]  # of a small gradient
    if mistake == "both_betas":
        return [*wanted("other_beta1", kind, dtype), *wanted("other_beta2", kind, dtype)]
    known = OF_LLAMA.get(mistake, mistake) if kind == "llama" else mistake
    if known is None:
        return []
    name = CALLED.get(known, known)
    place, text = SAID.get(known, (AFTER, TEXTS.get(known, "")))
    return [(place, name, text)]


@each_dtype
@each_kind
def test_the_right_optimizer_has_no_finding(kind: str, dtypes: tuple[type, torch.dtype]):
    assert findings(kind, dtypes) == []


@pytest.mark.thinned(8)
@each_dtype
@each_kind
@pytest.mark.parametrize("mistake", update.MISTAKES)
def test_a_mistake_of_the_update_is_located_and_named(
    kind: str, mistake: str, dtypes: tuple[type, torch.dtype]
):
    found = findings(kind, dtypes, [mistake])
    said = [(one.fault.name, *named(one), *texts(one)) for one in found]
    assert said == wanted(mistake, kind, dtypes[1])
    for made in (made for one in found for fit in one.named for made in fit.mistakes):
        assert prints_what_runs(made)


def prints_what_runs(mistake: Mistake) -> bool:
    """Whether the lines of a mistake, put in our source, make what its change makes."""
    (function,), tape = mistake.changes, JudgingTape({})
    params = model_of(small()[0], torch.float64).params
    updated(params, map_leaves(torch.sin, params), None, UPDATE, tape)
    alone, said = mistake.mutation(), as_said(mistake, {"coarse": coarse, "EMBEDDINGS": EMBEDDINGS})
    for call in map(tape.call, tape.calls_made):
        by_lines, by_change = rerun(call, said), rerun(call, function, alone)
        for name in by_lines.keys() & by_change.keys():
            torch.testing.assert_close(by_change[name], by_lines[name], rtol=1e-12, atol=1e-14)
    return True
