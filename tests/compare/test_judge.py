"""Distances and verdicts, number by number."""

import math
from dataclasses import replace

import pytest
import torch

from pellucid.compare.against import TensorDistance, apart
from pellucid.compare.fit import Fit
from pellucid.compare.judge import STATED, Picture, dropped, judge
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.step import JudgedStep, faults_of
from pellucid.layers import cross_entropy, linear_backward
from pellucid.models import GPT, GPTConfig
from pellucid.numbers import Rounded
from pellucid.tape import Tape
from pellucid.tree import map_leaves, unflatten
from tests.port.models import CONFIG, model_of, small

ONES = torch.ones(2, 3, dtype=torch.float64)


# -- beside the pack ------------------------------------------------------------------------------


def test_a_nan_is_infinitely_far_from_a_number_and_not_from_a_nan():
    hole = ONES.clone()
    hole[1, 2] = torch.nan
    for one, other in ((hole, ONES), (ONES, hole)):
        found = apart("x", one, other, torch.float32)
        assert (found.error, found.worst) == (math.inf, (1, 2))
        assert found.differs(torch.float32)
    assert apart("x", hole, hole, torch.float32).error == 0
    nowhere = apart("x", ONES, ONES, torch.float32)._replace(relative=math.nan)
    assert nowhere.differs(torch.float64)  # what cannot be compared is not alike


@pytest.mark.parametrize("dtype", list(STATED))
def test_an_ulp_is_one_of_the_dtype_at_that_number(dtype: torch.dtype):
    for size in (1.0, 1.5, 4.0, 0.3):
        below = torch.tensor([size], dtype=dtype)
        above = (
            torch.nextafter(below.float(), torch.tensor([9.0]))
            if dtype == torch.float32
            else (below + torch.finfo(dtype).eps * 2.0 ** math.floor(math.log2(size)))
        )
        found = apart("x", above, below, dtype)
        assert found.ulps == pytest.approx(1), (size, found)
    assert isinstance(found, TensorDistance)


# -- verdicts -------------------------------------------------------------------------------------


def test_the_worst_number_may_be_in_any_piece(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pellucid.compare.judge.PIECE", 2)
    for place in range(6):
        mine = ONES.clone()
        mine.view(-1)[place] += 1e-3
        mine.view(-1)[(place + 3) % 6] += 1e-4
        verdict = judge("x", mine, Rounded.exact(ONES), None)
        assert verdict.worst == divmod(place, 3)
        assert verdict.mine == pytest.approx(1.001)
        assert verdict.left == pytest.approx(math.hypot(1e-3, 1e-4))
        assert (verdict.where > 1).nonzero().tolist() == sorted(
            [list(divmod(place, 3)), list(divmod((place + 3) % 6, 3))]
        )


def test_zeros_in_rows_of_their_own_are_no_dropout():
    true = torch.arange(1.0, 41.0, dtype=torch.float64).reshape(10, 4)
    rows, strewn = true / 0.8, true / 0.8
    rows[[2, 5]] = 0  # a fifth, as many as the factor 1 / 0.8 says
    strewn.view(-1)[::5] = 0
    assert judge("x", strewn, Rounded.exact(true), None).dropped == pytest.approx(0.2)
    assert judge("x", rows, Rounded.exact(true), None).dropped == 0


def test_a_picture_has_the_largest_excess_of_each_part_in_its_place():
    picture = Picture(torch.Size([2, 12, 96]))
    excess = torch.zeros(2, 12, 96, dtype=torch.float64)
    excess[0, 1, 0], excess[0, 0, 1], excess[1, 11, 95], excess[1, 0, 50] = 5, 3, 7, 2
    picture.add(excess.reshape(-1)[:1000], 0)
    picture.add(excess.reshape(-1)[1000:], 1000)
    assert picture.cells.shape == (12, 48)
    found = {tuple(place): float(picture.cells[tuple(place)]) for place in picture.cells.nonzero()}
    places = {tuple(map(int, place)): value for place, value in found.items()}
    assert places == {(0, 0): 5, (11, 47): 7, (6, 25): 2}


def test_dropout_is_known_by_its_factor_and_its_share_of_zeros():
    true = torch.linspace(1, 2, 400, dtype=torch.float64)
    kept = torch.rand(400, generator=torch.Generator().manual_seed(0)) >= 0.2
    off, unit = torch.zeros(400, dtype=torch.float64), 2.0**-53
    assert dropped(true * kept / 0.8, true, off, unit) == pytest.approx(0.2)
    assert dropped((true * kept / 0.8).float(), true, off, 2.0**-24) == pytest.approx(0.2)
    assert dropped((true * kept / 0.8).float(), true, off, unit) == 0  # not in float64
    assert dropped(true * kept / 0.5, true, off, unit) == 0  # half should be 0
    assert dropped(true * kept, true, off, unit) == 0
    assert dropped(true / 0.8, true, off, unit) == 0
    assert dropped(true * kept * 0.8, true, off, unit) == 0


def test_of_two_mistakes_that_make_a_tensor_the_one_that_makes_more_comes_first():
    whole, half = Fit((), 0.5, 1e-9, 0), Fit((), 0.2, 1e-12, 3)
    broken, near = Fit((), 0.1, 0.0, 0, ("x",)), Fit((), 7.0, 0.01, 0)
    assert sorted((near, broken, half, whole), key=lambda fit: fit.rank) == [
        *(whole, half, broken, near),
    ]


# -- the tape -------------------------------------------------------------------------------------


def test_a_value_is_judged_as_made_by_the_call_that_made_it_first():
    params, tokens, targets = small()
    model = GPT(replace(CONFIG, n_layer=1), model_of(params, torch.float64).params)
    exact = model.with_params(map_leaves(Rounded.exact, model.params))
    batch = torch.tensor(tokens), torch.tensor(targets)
    plain = JudgingTape({})
    exact.loss_and_grads(*batch, plain)
    mine = {"h.0.attn.qkv": plain["h.0.attn.qkv"].middle}  # attention's name for c_attn's output
    again = JudgingTape(mine)
    exact.loss_and_grads(*batch, again)
    verdict = again.verdicts["h.0.attn.qkv"]
    assert verdict.call == ("h.0.attn.c_attn", "linear")
    assert verdict.agrees


def test_a_sum_over_positions_may_be_kept_in_the_dtype_itself():
    """PyTorch's layer norm keeps its gain's and shift's gradients so, and rows in float32."""
    rows = torch.ones(400, 4, dtype=torch.bfloat16)
    kept = torch.zeros(4, dtype=torch.bfloat16)
    for row in rows:
        kept = kept + row
    over_positions = Rounded.exact(rows).sum(0)
    assert judge("dln_f.bias", kept, over_positions, None).excess <= 1
    assert kept.tolist() == [256.0] * 4  # where a 1 more is rounded away
    along = Rounded.exact(rows.T.contiguous()).sum(-1)
    assert judge("x", kept, along, None).excess > 1


def test_a_backward_counts_from_the_gradient_that_is_shown_though_its_maker_showed_none():
    draw = torch.Generator().manual_seed(0)
    x, weight, dout = (
        torch.randn(shape, generator=draw, dtype=torch.float64)
        for shape in ((2, 3), (3, 4), (2, 4))
    )
    theirs = dout * 1.01
    mine = {"dm.out": theirs, "dm.x": theirs @ weight.mT, "dm.weight": x.mT @ theirs}
    tape = JudgingTape(mine)
    given = Rounded.exact(dout), (Rounded.exact(x), Rounded.exact(weight), None)
    linear_backward(*given, tape=tape.at("m"))
    agree = {name: verdict.agrees for name, verdict in tape.verdicts.items()}
    assert agree == {"dm.out": False, "dm.x": True, "dm.weight": True}


# -- a large vocabulary ---------------------------------------------------------------------------

WIDE = GPTConfig(vocab_size=50257, block_size=6, n_layer=1, n_head=3, n_embd=12)
IDS = torch.tensor([1, 4, 2, 9, 0, 4]), torch.tensor([4, 2, 9, 0, 4, 7])


def wide_model(dtype: torch.dtype, scale: float) -> GPT:
    """A model that scores as many tokens as GPT-2, the more surely the larger its scale."""
    params, *_ = small(config=WIDE)
    params["wte.weight"] *= scale
    return GPT(WIDE, unflatten({n: torch.tensor(v).to(dtype) for n, v in params.items()}))


def shown_by(model: GPT) -> dict[str, torch.Tensor]:
    tape = Tape()
    model.loss_and_grads(*IDS, tape)
    return {name: tape[name] for name in tape}


@pytest.mark.thinned
@pytest.mark.parametrize("scale", [0.1, 5.0])
@pytest.mark.parametrize("dtype", list(STATED))
def test_a_loss_may_be_off_by_no_more_with_all_inputs_shown_than_behind_a_gap(
    dtype: torch.dtype, scale: float
):
    model = wide_model(dtype, scale)
    right = shown_by(model)
    assert faults_of(JudgedStep(model, *IDS, None, right, dtype).follow()) == []
    for name in ("loss", "losses", "probs"):
        wrong = right[name].clone()
        wrong.view(-1)[int(wrong.abs().argmax())] += 1000
        allowed = [
            JudgedStep(model, *IDS, None, shown, dtype).follow().verdicts[name].allowed
            for shown in (right | {name: wrong}, {name: wrong})
        ]
        assert allowed[0] <= 1.05 * allowed[1], name
    if dtype == torch.float32:
        off = right | {"loss": right["loss"] * (1 + 2e-4)}
        assert faults_of(JudgedStep(model, *IDS, None, off, dtype).follow()) == ["loss"]


def test_losses_near_0_are_not_held_to_a_part_of_themselves():
    """A sure model's losses are what large scores leave: float32 keeps few of their digits."""
    logits = torch.tensor([[90.0, 70.0, 50.0], [70.1, 90.3, 60.0]])
    rough = {"losses": torch.tensor([3e-9, 0.0]), "loss": torch.tensor(1.5e-9)}
    tape = JudgingTape(rough)
    cross_entropy(Rounded.exact(logits), torch.tensor([0, 1]), tape=tape)
    assert all(verdict.agrees for verdict in tape.verdicts.values())


def test_a_wanted_tensor_is_made_of_the_other_program_s_numbers_and_the_run_ends_there():
    params, tokens, targets = small()
    model, right = model_of(params, torch.float64), Tape()
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    model.loss_and_grads(*batch, right)
    before, wanted = "h.0.mlp.c_fc.out", "h.0.mlp.act.out"
    mine = {before: right[before] + 1, wanted: right[wanted]}
    step = JudgedStep(model, *batch, None, mine, torch.float64)
    tape = step.tape()
    found = tape.first(wanted, step.run)
    assert found is not None
    theirs, made = found
    assert torch.equal(theirs, mine[wanted])
    own = torch.nn.functional.gelu(mine[before], approximate="tanh")
    assert torch.allclose(made.middle, own, rtol=1e-12)
    assert not torch.allclose(made.middle, theirs, rtol=1e-3)
    assert dict(tape.verdicts) == {}
    assert "h.0.resid_mid" in tape
    assert "h.0.resid_post" not in tape
