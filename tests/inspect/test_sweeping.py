"""Sweeps over heads: each change against a run of its own, with the head's attention set to 0."""

import pytest
import torch

from pellucid.errors import TraceError
from pellucid.inspect import ablate_heads
from pellucid.layers import IGNORE
from pellucid.models import CausalModel, Intervention, intervene
from pellucid.tape import Tape
from tests.inspect.models import EVERY
from tests.tape.broken import broken_model, set_to

TOKENS = [3, 1, 4, 1, 5]
TARGETS = [1, 4, 1, 5, IGNORE]
FIRST, SECOND = 6, 2
EDITS = [
    Intervention("h.0.attn.att", 0.0, (1,)),
    Intervention("embed.out", 0.3, (2, 1)),
    Intervention("h.1.attn.c_proj.out", -0.2, (3, 0)),
]


@pytest.fixture(params=EVERY)
def model(request: pytest.FixtureRequest) -> CausalModel:
    return EVERY[request.param]


def run(model: CausalModel) -> Tape:
    tape = Tape()
    model.loss(TOKENS, TARGETS, tape)
    return tape


def measured(model: CausalModel, read: int) -> tuple[float, float]:
    logits = model.forward(TOKENS)[read]
    return float(model.loss(TOKENS, TARGETS)), float(logits[FIRST] - logits[SECOND])


@pytest.mark.parametrize(
    ("position", "read", "edits"),
    [(None, -1, []), (None, 1, EDITS), (-1, -1, []), (2, 3, EDITS), (3, 1, [])],
)
def test_each_head_is_as_in_a_run_with_its_attention_at_zero(
    model: CausalModel, position: int | None, read: int, edits: list[Intervention]
):
    model = intervene(model, edits)
    before, config = measured(model, read), model.config
    told = {"position": position, "read": read}
    swept = list(ablate_heads(model, run(model), FIRST, SECOND, **told))
    assert [one.layer for one in swept] == list(reversed(range(config.n_layer)))
    for one in swept:
        assert one.heads == range(config.n_head)
        for head, loss, difference in zip(one.heads, one.losses, one.differences, strict=True):
            index = (head,) if position is None else (head, position % len(TOKENS))
            ablated = intervene(model, [Intervention(f"h.{one.layer}.attn.att", 0.0, index)])
            wanted = measured(ablated, read)
            assert float(loss) == pytest.approx(wanted[0] - before[0], abs=1e-11)
            assert float(difference) == pytest.approx(wanted[1] - before[1], abs=1e-11)


def test_heads_that_do_not_fit_at_once_come_one_after_the_other(monkeypatch: pytest.MonkeyPatch):
    model = EVERY["gpt: deep"]
    together = list(ablate_heads(model, run(model), FIRST, SECOND))
    monkeypatch.setattr("pellucid.inspect.resuming.AT_ONCE", 1)
    alone = list(ablate_heads(model, run(model), FIRST, SECOND))
    assert [(one.layer, one.heads.start) for one in alone] == [
        (layer, head) for layer in (2, 1, 0) for head in range(4)
    ]
    wanted = torch.cat([one.losses for one in together])
    assert torch.allclose(torch.cat([one.losses for one in alone]), wanted, atol=1e-12)


def test_without_targets_the_loss_is_no_number():
    model = EVERY["gpt: pre"]
    _, tape = model.run_with_cache(TOKENS)
    (one, *_) = ablate_heads(model, tape, FIRST, SECOND)
    assert bool(one.losses.isnan().all())
    assert bool(one.differences.isfinite().all())


@pytest.mark.parametrize("told", [{"position": 5}, {"read": -6}])
def test_a_position_outside_the_text_is_one_line(told: dict[str, int]):
    model = EVERY["gpt: pre"]
    with pytest.raises(TraceError, match="position must be from 0 to 4") as caught:
        next(ablate_heads(model, run(model), FIRST, SECOND, **told))
    assert "\n" not in str(caught.value)


def test_logits_that_are_nan_are_one_line():
    broken = broken_model("h.1.mlp.c_fc.weight", set_to(torch.nan))
    _, tape = broken.run_with_cache([0, 1, 2])
    with pytest.raises(TraceError, match="logits must be numbers"):
        next(ablate_heads(broken, tape, 0, 1))
