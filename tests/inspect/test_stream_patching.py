"""Patching layer by layer and position by position: against interventions that set the place."""

import pytest
import torch

from pellucid.inspect import Place, Resumer, patch_stream
from pellucid.models import CausalModel, Intervention, intervene
from pellucid.tape import Tape
from tests.inspect.models import EVERY

TOKENS = [3, 1, 4, 1, 5]
OTHERS = [3, 6, 4, 2, 5]
FIRST, SECOND = 6, 2


@pytest.fixture(params=EVERY)
def model(request: pytest.FixtureRequest) -> CausalModel:
    return EVERY[request.param]


def settable(tape: Tape, layer: int, place: Place) -> str:
    """The name under which the place of a block is set by hand."""
    if place != "resid_pre":
        return f"h.{layer}.{place}"
    if layer:
        return f"h.{layer - 1}.resid_post"
    return "wpe.out" if "wpe.out" in tape else "embed.out"


@pytest.mark.parametrize("place", ["resid_pre", "attn.c_proj.out", "mlp.c_proj.out"])
def test_each_place_alone_is_as_if_it_were_set_by_hand(model: CausalModel, place: Place):
    found = patch_stream(model, TOKENS, OTHERS, FIRST, SECOND)
    assert found.start == 1
    layers = []
    for one in found.patch(place):
        layers.append(one.layer)
        assert one.positions == range(1, 5)
        shares = found.shares(one.differences)
        for position, value, share in zip(one.positions, one.differences, shares, strict=True):
            other = found.other_tape[f"h.{one.layer}.{place}"][position]
            name = settable(found.tape, one.layer, place)
            patched = intervene(model, [Intervention(name, other, (position,))])
            logits = patched.forward(TOKENS)[-1]
            assert float(value) == pytest.approx(float(logits[FIRST] - logits[SECOND]), abs=1e-11)
            wanted = (float(value) - found.before) / (found.other - found.before)
            assert float(share) == pytest.approx(wanted)
    assert layers == list(reversed(range(model.config.n_layer)))


def test_the_stream_at_all_differing_positions_carries_the_whole_answer():
    """With one position that differs, the stream into the first block is all that differs."""
    found = patch_stream(EVERY["llama: shared keys"], TOKENS, [3, 1, 4, 2, 5], FIRST, SECOND)
    *_, first = found.patch("resid_pre")
    assert (first.layer, list(first.positions)) == (0, [3, 4])
    assert found.shares(first.differences).tolist() == pytest.approx([1.0, 0.0], abs=1e-10)


def test_alike_differences_have_no_share():
    found = patch_stream(EVERY["gpt: pre"], TOKENS, OTHERS, FIRST, FIRST)
    assert bool(found.shares(next(found.patch("resid_pre")).differences).isnan().all())


def test_positions_that_do_not_fit_at_once_come_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
):
    found = patch_stream(EVERY["gpt: deep"], TOKENS, OTHERS, FIRST, SECOND)
    together = torch.cat([one.differences for one in found.patch("mlp.c_proj.out")])
    monkeypatch.setattr("pellucid.inspect.resuming.AT_ONCE", 1)
    alone = list(found.patch("mlp.c_proj.out"))
    assert [list(one.positions) for one in alone[:4]] == [[1], [2], [3], [4]]
    assert torch.allclose(torch.cat([one.differences for one in alone]), together, atol=1e-12)


def test_a_run_goes_on_as_it_was_where_nothing_differs(model: CausalModel):
    logits, tape = model.run_with_cache(TOKENS)
    for start in (0, 2):
        resumer = Resumer(model, tape, start)
        for layer in range(model.config.n_layer):
            for place in ("resid_pre", "attn.c_proj.out"):
                same = tape[f"h.{layer}.{place}"][None, start:].repeat(2, 1, 1)
                again = resumer.logits(layer, place, same)
                assert torch.allclose(again, logits[start:].expand(2, -1, -1), atol=1e-11)
