"""Directions to steer by: as differences of runs and of the head's rows, and what they do."""

import pytest
import torch

from pellucid.errors import TraceError
from pellucid.inspect import stream_direction, token_direction
from pellucid.models import CausalModel, Intervention, intervene
from tests.inspect.models import EVERY

TOKENS, OTHERS = [3, 1, 4, 1, 5], [3, 6, 5]


@pytest.fixture(params=EVERY)
def model(request: pytest.FixtureRequest) -> CausalModel:
    return EVERY[request.param]


def test_the_whole_way_leads_from_one_text_s_end_to_the_other_s(model: CausalModel):
    """At the last block: with the direction added the other text ends as the first one does."""
    name = f"h.{model.config.n_layer - 1}.resid_post"
    direction = stream_direction(model, name, TOKENS, OTHERS)
    steered = intervene(model, [Intervention(name, direction, add=True)])
    logits = model.forward(TOKENS)[-1]
    assert torch.allclose(steered.forward(OTHERS)[-1], logits, atol=1e-11)
    half = intervene(model, [Intervention(name, 0.5 * direction, add=True)])
    assert not torch.allclose(half.forward(OTHERS)[-1], logits, atol=1e-3)


def test_a_token_s_direction_is_what_the_head_reads_it_by(model: CausalModel):
    head = (model.params.get("lm_head") or model.params["wte"])["weight"]
    direction = token_direction(model, 6, 2)
    stream = torch.randn(direction.shape, dtype=torch.float64)
    assert float(stream @ direction) == pytest.approx(float(stream @ head[6] - stream @ head[2]))


def test_a_name_that_is_none_is_one_line():
    with pytest.raises(TraceError, match="resid_end") as caught:
        stream_direction(EVERY["gpt: pre"], "h.0.resid_end", TOKENS, OTHERS)
    assert "\n" not in str(caught.value)
