"""Mistakes in the loss, of either port, are located and named, in forward and backward apart."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from pellucid.compare import MISTAKES, Finding, Mistake
from pellucid.compare.finding import find
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes.solved_loss import are_last
from pellucid.compare.step import JudgedStep
from tests.compare.lines import as_said, rerun
from tests.port import loss
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

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
DTYPES = [(np.float64, torch.float64), (np.float32, torch.float32)]
each_dtype = pytest.mark.parametrize("dtypes", DTYPES, ids=["float64", "float32"])
each_kind = pytest.mark.parametrize("kind", ["gpt", "llama"])


def batch(tokens: Any, targets: Any) -> tuple[Any, Any]:
    """Four texts, whose ignored targets are not as many in each."""
    wanted = np.stack([targets, targets[::-1], targets, np.roll(targets, 2)])
    wanted[0, :2] = wanted[1, 3] = wanted[3, 1:5] = loss.IGNORE
    return np.stack([tokens, tokens[::-1], np.roll(tokens, 1), np.roll(tokens, 3)]), wanted


def findings(
    kind: str, dtypes: tuple[type, torch.dtype], mistakes: Any = (), half: str | None = None
) -> list[Finding]:
    config = {"config": LLAMA_CONFIG} if kind == "llama" else {}
    params, *ids = small(**config)
    tokens, targets = batch(*ids)
    port: Any = (
        LlamaPort(params, LLAMA_SETTINGS, (), dtypes[0])
        if kind == "llama"
        else Port(params, N_HEAD, (), dtype=dtypes[0])
    )
    dump = ran(loss.lossy(port, loss.Loss(mistakes, half)), tokens, targets, 1)
    mine = {name: torch.from_numpy(np.array(value)) for name, value in dump.items()}
    model = (llama_of if kind == "llama" else model_of)(params, dtypes[1])
    x, y = torch.from_numpy(tokens), torch.from_numpy(targets)
    return find(JudgedStep(model, x, y, UPDATE, mine, dtypes[1]))[1]


def named(finding: Finding) -> list[str]:
    return [mistake.name for fit in finding.named for mistake in fit.mistakes]


def texts(finding: Finding) -> list[str]:
    return [mistake.text for fit in finding.named for mistake in fit.mistakes]


TEXTS = {mistake.name: mistake.text for mistake in MISTAKES}
SAID = {
    "loss_times": "is 0.25 times what it should be: 1/the number of texts or as of 4 accumulated "
    "micro-batches that are divided by once too often",
    "micro_batch_means": "is the mean of 2 micro-batches' means, not of all targets",
    "micro_batches_added": "is the sum of 2 micro-batches' means: it is not divided by their "
    "number",
    "ignored_counted": "counts positions whose target is ignored, as if it were token 0",
    "label_smoothing": "smooths its labels by 0.1",
    "loss_scale": "is 65536 times what it should be: 2^16, a loss scale that is left in",
    "sign": "is -1 times what it should be: its sign is changed",
}
"""What is said of a loss, where a number is found."""

CALLED = dict.fromkeys(("loss_times", "loss_scale", "sign"), "loss_scaled")
CALLED |= {"micro_batch_means": "loss_micro_batches"}
CALLED |= {"micro_batches_added": "loss_micro_batches_added"}
OF_GRADIENT = {
    "no_target": "grad_without_target",
    "no_softmax": "grad_without_softmax",
    "ignored": "grad_of_ignored",
    "last_micro_batch": "grad_of_last_micro_batch",
}
LAST = "gradients are those of the last of 2 micro-batches: the others' are overwritten"
IN_LOSSES = {"loss_log2", "loss_log10", "ignored_counted", "label_smoothing"}

CASES = [(mistake, half) for mistake in loss.BOTH for half in (None, "loss", "gradient")]
CASES += [(mistake, "gradient") for mistake in loss.GRADIENT]


def wanted(mistake: str, half: str | None) -> tuple[str, str, str]:
    """The tensor, the name and the text."""
    if mistake in OF_GRADIENT:
        name = OF_GRADIENT[mistake]
        return "dlogits", name, TEXTS.get(name, LAST)
    name = CALLED.get(mistake, mistake)
    text = SAID.get(mistake) or TEXTS[name].removeprefix("the loss ")
    if half == "gradient":
        return "dlogits", f"{name}_in_gradient", f"the gradient is that of a loss that {text}"
    place = "losses" if mistake in IN_LOSSES else "loss"
    if half is None:
        return place, name, f"the loss {text}"
    return place, f"{name}_in_loss", f"the loss {text}, and its gradient is right"


@pytest.mark.thinned(16)
@each_dtype
@each_kind
@pytest.mark.parametrize(("mistake", "half"), CASES)
def test_a_mistake_of_the_loss_is_located_and_named(
    kind: str, mistake: str, half: str | None, dtypes: tuple[type, torch.dtype]
):
    found = findings(kind, dtypes, [mistake], half)
    assert [(one.fault.name, *named(one), *texts(one)) for one in found] == [wanted(mistake, half)]
    (fit,) = found[0].named
    assert prints_what_runs(fit.mistakes[0])


@each_dtype
@each_kind
def test_the_right_loss_has_no_finding(kind: str, dtypes: tuple[type, torch.dtype]):
    assert findings(kind, dtypes) == []


def prints_what_runs(mistake: Mistake) -> bool:
    """Whether the lines of a mistake, put in our source, make what its change makes."""
    function, tape = next(iter(mistake.changes)), JudgingTape({})
    params, *ids = small()
    x, y = map(torch.from_numpy, batch(*ids))
    model_of(params, torch.float64).loss_and_grads(x, y, tape)
    known = {"math": math, "are_last": are_last}
    alone, said = mistake.mutation(), as_said(mistake, known)
    call = next(call for call in map(tape.call, tape.calls_made) if call.function is function)
    by_lines, by_change = rerun(call, said), rerun(call, function, alone)
    for name in by_lines.keys() & by_change.keys():
        torch.testing.assert_close(by_change[name], by_lines[name], rtol=1e-12, atol=1e-14)
    return True
