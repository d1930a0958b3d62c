"""A comparison as a whole: names, dtypes, what is said of inputs, of NaN and of later steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pellucid
from pellucid.compare import MISTAKES, STATED, Comparison, Mine, compare
from pellucid.compare.adopting import Adopting
from pellucid.compare.case import Case
from pellucid.compare.diagnose import diagnose
from pellucid.compare.judge import judge
from pellucid.compare.mistakes import coarse
from pellucid.compare.step import JudgedStep
from pellucid.errors import TraceError
from pellucid.numbers import Rounded
from pellucid.reference import Pack, ReferenceRun, open_pack, write_pack
from tests.port import gpt2 as port
from tests.port.models import N_HEAD, model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    params, tokens, targets = small()
    place = tmp_path_factory.mktemp("packs") / "pack"
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    write_pack(ReferenceRun(model_of(params, torch.float32), "", *batch, UPDATE), place)
    return open_pack(place)


def dump(*mistakes: str, dtype: type = np.float32) -> dict[str, Tensor]:
    params, tokens, targets = small()
    found = port.run(params, tokens, targets, n_head=N_HEAD, dtype=dtype, mistakes=mistakes)
    return {name: torch.from_numpy(np.array(value)) for name, value in found.items()}


def compared(pack: Pack, tensors: dict[str, Tensor], **how: object) -> Comparison:
    return compare(pack, Mine(tensors, pack.blank, None), **how)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_correct_port_agrees_ten_steps_long(pack: Pack, dtype: type):
    found = compared(pack, dump(dtype=dtype))
    assert found.agrees
    assert found.findings == ()
    assert {later.name for later in found.later} >= {"step.losses", "step.10.wte.weight.new"}
    assert max(one.relative for one in found.beside) < (1e-2 if dtype is np.float32 else 1e-10)
    assert len(found.first.verdicts) > 230


def test_a_pack_agrees_with_itself(pack: Pack):
    found = compare(pack, Mine.open(pack.place, pack.blank))
    assert found.dtype == torch.float32
    assert found.agrees
    made = {name for name, row in pack.rows.items() if row["part"] in {"forward", "backward"}}
    assert set(found.first.verdicts) >= made - {"mask"}


def test_a_pack_in_bfloat16_agrees_with_itself(tmp_path: Path):
    params, tokens, targets = small()
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    run = ReferenceRun(model_of(params, torch.float32), "", *batch, UPDATE)
    write_pack(run, tmp_path / "pack", dtypes=[torch.float32, torch.bfloat16])
    pack = open_pack(tmp_path / "pack")
    found = compare(pack, Mine.open(pack.place, pack.blank))
    assert (found.dtype, found.agrees) == (torch.bfloat16, True)
    tensors = dict(pack.tensors("bfloat16"))
    tensors["step.10.wte.weight.new"] = tensors["step.10.wte.weight.new"] * 1.1
    wrong = compared(pack, tensors)
    assert [later.name for later in wrong.later if not later.agrees] == ["step.10.wte.weight.new"]


def test_what_a_mistake_leads_to_is_a_consequence(pack: Pack):
    found = compared(pack, dump("gelu_erf"))
    assert not found.agrees
    (finding,) = found.findings
    assert finding.fault.name == "h.0.mlp.act.out"
    assert set(finding.explains) >= {"h.0.mlp.act.out", "h.1.mlp.act.out", "dh.0.mlp.c_fc.out"}
    follow = [one.name for one in found.consequences]
    assert {"h.0.mlp.c_proj.out", "h.1.resid_pre", "logits"} <= set(follow)
    assert not {"h.0.attn.att", "h.0.mlp.c_fc.out", "h.0.mlp.act.out"} & set(follow)
    assert follow == [name for name in pack.rows if name in follow]  # in data-flow order


def test_a_mistake_after_the_first_step_shows_in_the_losses(pack: Pack):
    tensors = dump()
    losses = tensors["step.losses"].clone()
    losses[4:] += 0.01
    found = compared(pack, tensors | {"step.losses": losses})
    assert [later.name for later in found.later if not later.agrees] == ["step.losses"]
    assert not found.agrees
    assert "the loss before step 5" in found.later[0].said
    stuck = {name: value for name, value in tensors.items() if not name.endswith("wte.weight.new")}
    stuck["step.10.wte.weight.new"] = tensors["wte.weight"]
    found = compared(pack, stuck)
    assert [later.name for later in found.later if not later.agrees] == ["step.10.wte.weight.new"]


def test_a_nan_is_found_where_it_comes_from(pack: Pack):
    tensors = dump()
    for name in ("h.1.attn.att", "h.1.attn.z", "h.1.attn.merged"):
        tensors[name] = tensors[name].clone()
        tensors[name][..., 2, 1] = torch.nan
    (finding, *_) = compared(pack, tensors).findings
    assert finding.fault.name == "h.1.attn.att"
    assert finding.fault.worst == (0, 2, 1)
    assert np.isnan(finding.fault.mine)
    assert finding.named == ()


def test_other_inputs_are_told_and_the_comparison_goes_on_from_them(pack: Pack):
    params, tokens, targets = small()
    other = tokens.copy()
    other[2] = 5
    found = port.run(params, other, targets, n_head=N_HEAD, steps=1)
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in found.items()}
    result = compared(pack, tensors)
    assert result.findings == ()
    assert result.inputs == ("tokens are not the pack's: at [2] yours has 5, the pack 2",)
    assert not result.agrees
    tensors = dump() | {"targets": torch.from_numpy(tokens)}
    result = compared(pack, tensors)
    assert "not shifted by one" in result.inputs[0]


def test_a_parameter_that_is_another_is_the_first_difference(pack: Pack):
    tensors = dump()
    weight = tensors["h.0.attn.c_proj.weight"].clone()
    weight[3, 4] += 1e-3
    found = compared(pack, tensors | {"h.0.attn.c_proj.weight": weight})
    first = found.findings[0]
    assert (first.fault.name, first.fault.worst) == ("h.0.attn.c_proj.weight", (3, 4))
    assert first.fits == ()


def test_shapes_must_fit_but_for_ones_in_front(pack: Pack):
    tensors = {name: value for name, value in dump().items() if not name.startswith("step.")}
    batch = {name: value.unsqueeze(0) for name, value in tensors.items() if name not in small()[0]}
    assert compared(pack, tensors | batch).agrees
    for name in ("h.0.attn.c_attn.weight", "h.1.ln_2.out", "logits"):
        with pytest.raises(
            TraceError, match=rf"{name} must have the shape \(\d+, \d+\), and yours"
        ):
            compared(pack, tensors | {name: tensors[name].T.contiguous()})


def test_what_is_the_same_for_every_text_may_be_there_for_each(pack: Pack):
    tensors = {name: value for name, value in dump().items() if not name.startswith("step.")}
    rows = tensors["wpe.weight"][: len(tensors["tokens"])]
    gradient = tensors["dwpe.weight"][: len(rows)]
    again = {"wpe.rows": rows.expand(3, -1, -1), "dwpe.rows": torch.stack([gradient, 0 * gradient])}
    found = compared(pack, tensors | again)
    assert found.agrees
    assert {"wpe.rows", "dwpe.rows"} <= found.first.verdicts.keys()
    two = torch.stack([rows, rows + 1e-3])
    with pytest.raises(TraceError, match=r"wpe\.rows must have the shape"):
        compared(pack, tensors | {"wpe.rows": two})
    two = torch.stack([tensors["dln_f.bias"], tensors["dln_f.bias"] + 1])
    with pytest.raises(TraceError, match=r"dln_f\.bias must have the shape"):
        compared(pack, tensors | {"dln_f.bias": two})


def test_a_coarser_run_that_was_saved_finer_is_judged_as_what_it_was(pack: Pack):
    run = ReferenceRun(pack.model().to(dtype=torch.bfloat16), "", pack.tokens, pack.targets, UPDATE)
    tape = run.first_step(torch.bfloat16)
    tensors = {name: tape[name].float() for name in tape if tape[name].is_floating_point()}
    assert not compared(pack, tensors).agrees
    assert compared(pack, tensors, dtype=torch.bfloat16).agrees


def test_nothing_that_is_known_by_name_is_an_error(pack: Pack):
    with pytest.raises(TraceError, match="at least one tensor must have a name"):
        Mine({"a": torch.ones(1)}, pack.blank, None)


@pytest.mark.thinned
@pytest.mark.parametrize("kind", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("shown", ["all", "few"])
def test_transformers_gpt2_agrees_by_its_own_names(kind: str, shown: str, tmp_path: Path):
    transformers = pytest.importorskip("transformers", reason="the judge is transformers' GPT-2")
    dtype = getattr(torch, kind)
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=61,
        n_positions=12,
        n_embd=24,
        n_layer=2,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = transformers.GPT2LMHeadModel(config)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    theirs = theirs.to(dtype)
    theirs.save_pretrained(tmp_path / "model")
    ids = torch.randint(61, (2, 11))
    tokens, targets = ids[:, :-1], ids[:, 1:].contiguous()

    outputs: dict[str, Tensor] = {}
    for name, module in theirs.named_modules():

        def keep(_: object, __: object, out: object, name: str = name) -> None:
            tensor = out[0] if isinstance(out, tuple) else out
            if name and isinstance(tensor, Tensor):
                tensor.retain_grad()
                outputs[name] = tensor

        module.register_forward_hook(keep)
    found = theirs(tokens, output_attentions=True)
    for layer, attention in enumerate(found.attentions):
        attention.retain_grad()
        outputs[f"attentions.{layer}"] = attention
    loss = torch.nn.functional.cross_entropy(found.logits.flatten(0, 1), targets.flatten())
    loss.backward()
    values = outputs | dict(theirs.named_parameters())
    tensors = {name: value.detach() for name, value in values.items()} | {"loss": loss.detach()}
    tensors |= {f"{name}.grad": v.grad for name, v in values.items() if v.grad is not None}
    if shown == "few":
        tensors = {n: v for n, v in tensors.items() if n in {"lm_head", "loss"} or "t.grad" in n}

    run = ReferenceRun(pellucid.load(tmp_path / "model"), "", tokens, targets, UPDATE, steps=1)
    write_pack(run, tmp_path / "pack", dtypes=[dtype, torch.float64])
    pack = open_pack(tmp_path / "pack")
    result = compared(pack, tensors)
    assert result.translation.unknown == ()
    assert result.findings == ()
    assert result.agrees
    assert result.dtype == dtype
    assert len(result.beside) >= (60 if shown == "all" else 15)
    # And it is not that everything agrees: transformers' other GELU does not.
    if shown == "all":
        layer = theirs.transformer.h[1].mlp
        bent = torch.nn.functional.gelu(layer.c_fc(outputs["transformer.h.1.ln_2"]))
        wrong = tensors | {"transformer.h.1.mlp.act": (bent + 0.05).detach()}
        first, *_ = compared(pack, wrong).findings
        assert first.fault.name == "h.1.mlp.act.out"


def test_infinities_agree_where_they_are_the_same():
    hidden = torch.tensor([[0.5, -torch.inf], [1.0, 2.0]], dtype=torch.float64)
    made = Rounded.exact(hidden)
    assert judge("x", hidden, made, None).agrees
    assert not judge("x", hidden.nan_to_num(neginf=-1e4), made, None).agrees
    assert judge("x", hidden * (1 + 1e-16), made, None).agrees


def test_behind_a_gap_the_stated_bound_counts_where_it_is_smaller():
    wide = Rounded(torch.ones(3, dtype=torch.float64), torch.full((3,), 9.0), torch.float32)
    mine = torch.tensor([1.0, 1.0, 1.0 + 10 * STATED[torch.float32]])
    assert judge("x", mine, wide, None).agrees
    seen = judge("x", mine, wide, None, carried=True)
    assert not seen.agrees
    assert seen.worst == (2,)
    assert seen.excess == pytest.approx(10, rel=0.01)
    assert json.dumps(seen.where.tolist()) != "[]"


def step_of(tensors: dict[str, Tensor], dtype: torch.dtype) -> JudgedStep:
    params, tokens, targets = small()
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    return JudgedStep(model_of(params, dtype), *batch, UPDATE, tensors, dtype)


def test_what_is_made_inside_and_not_shown_is_a_gap_for_what_is_made_of_it():
    everything = dump()
    shown = {name: everything[name] for name in ("wpe.out", "h.0.resid_mid", "h.0.mlp.c_fc.out")}
    seen = step_of(shown, torch.float32).follow().verdicts
    assert not seen["wpe.out"].carried
    assert seen["h.0.resid_mid"].carried  # attention has run between, and shows nothing
    assert seen["h.0.mlp.c_fc.out"].carried  # and so has a norm
    within = {"h.0.attn.c_proj.out": everything["h.0.attn.c_proj.out"]}
    both = step_of({"wpe.out": everything["wpe.out"], **within}, torch.float32).follow().verdicts
    assert both["h.0.attn.c_proj.out"].carried


def test_what_is_tried_leaves_the_run_as_it_was():
    params, tokens, targets = small()
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    own = ReferenceRun(model_of(params, torch.float32), "", *batch, UPDATE).first_step(
        torch.float32
    )
    tensors = {name: own[name] for name in own}
    step = step_of(tensors | {"dln_f.x": own["dln_f.x"] + 0.1}, torch.float32)
    run = step.follow()
    fault = run.verdicts["dln_f.x"]
    tape = run.tapes[fault.call]
    values = {name: tape[name] for name in tape if isinstance(tape[name], Rounded)}
    before = {name: value.middle.clone() for name, value in values.items()}
    # Without a gain dxhat is dout itself, and what is shown as the one becomes the other.
    (mistake,) = (one for one in MISTAKES if one.name == "no_ln_gain")
    assert not Case(fault, tape, step, ()).fit((mistake,), fault.call).reproduces
    for name, value in values.items():
        assert torch.equal(value.middle, before[name]), name


def test_where_infinities_differ_a_mistake_leaves_all_of_it_or_nothing():
    step = step_of(dump("mask_minus_1e4"), torch.float32)
    run = step.follow()
    fault = next(seen for seen in run.verdicts.values() if not seen.agrees)
    fits, named = diagnose(fault, run, step, (), Adopting(fault, run, step, []))
    best, *others = fits
    assert [one.fit for one in named] == [best]
    assert (best.mistakes[0].name, best.left) == ("mask_minus_1e4", 0.0)
    assert {fit.left for fit in others} == {1.0}


def test_a_large_update_is_judged_piece_by_piece(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pellucid.compare.step.PIECE", 30)
    tensors = dump()
    assert all(seen.agrees for seen in step_of(tensors, torch.float32).follow().verdicts.values())
    new = tensors["wte.weight.new"].clone()
    new[7, 3] += 0.01
    run = step_of(tensors | {"wte.weight.new": new}, torch.float32).follow()
    (fault,) = (seen for seen in run.verdicts.values() if not seen.agrees)
    assert (fault.name, fault.worst) == ("wte.weight.new", (7, 3))


def test_a_number_that_is_not_sure_may_be_rounded_either_way():
    between = torch.tensor(
        [1 + 2.0**-8 - 1e-9, -3.0], dtype=torch.float64
    )  # of 8 bits, 1 or 1 + 2⁻⁷
    rough = coarse(Rounded(between, torch.tensor([1e-8, 0.0]).double(), torch.float32), 8)
    assert rough.middle.tolist() == [1.0, -3.0]
    for way in (-1, 1):
        there = between + way * torch.tensor([1e-8, 0.0])
        taken = coarse(Rounded.exact(there, torch.float32), 8).middle
        assert bool(((taken - rough.middle).abs() <= rough.off).all())
    assert rough.off[1] == 0
