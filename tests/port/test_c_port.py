"""A GPT-2 in C, built from the kit: compare is silent on the right one, and finds each mistake."""

import re
from pathlib import Path

import pytest

from pellucid.compare import Mine, compare
from pellucid.compare.compare import Comparison
from pellucid.reference import open_pack
from tests.port.building import built, ran, sanitizers
from tests.reference.kits import gpt, kit_of, run_of

SOURCE = Path(__file__).parent / "gpt2.c"

NAMED = {
    "gelu_erf": "h.0.mlp.act.out",
    "eps_1e-6": "h.0.ln_1.rstd",
    "eps_outside_root": "h.0.ln_1.rstd",
    "variance_n_minus_1": "h.0.ln_1.variance",
    "no_ln_bias": "h.0.ln_1.out",
    "no_scale": "h.0.attn.scores",
    "scale_by_d": "h.0.attn.scores",
    "scale_by_width": "h.0.attn.scores",
    "mask_off_by_one_ahead": "h.0.attn.scores",
    "mask_off_by_one_behind": "h.0.attn.scores",
    "transposed_weight": "h.0.mlp.c_fc.out",
    "no_bias": "h.0.mlp.c_fc.out",
    "qkv_order_kqv": "h.0.attn.q",
    "qkv_order_vkq": "h.0.attn.q",
    "heads_interleaved": "h.0.attn.q",
    "heads_merged_wrongly": "h.0.attn.merged",
    "position_from_1": "wpe.rows",
    "unshifted_targets": "losses",
    "loss_summed": "loss",
    "ln_backward_no_first_mean": "dh.1.resid_post",
    "ln_backward_no_second_mean": "dh.1.resid_post",
    "grad_without_tied_head": "dwte.weight",
    "grad_without_embedding": "dwte.weight",
    "adam_l2": "wte.weight.m",
    "no_bias_correction": "wte.weight.new",
    "bias_correction_ahead": "wte.weight.new",
    "bias_correction_behind": "wte.weight.new",
}
"""Where each known mistake is made."""

LOCATED = {
    "last_channel_missed": "h.0.attn.c_attn.out",
    "layer_0_for_all": "h.1.mlp.c_fc.out",
    "silu": "h.0.mlp.act.out",
    "integer_division": "h.0.mlp.act.out",
    "residual_skipped": "h.0.resid_mid",
    "scores_overwritten": "h.0.attn.scores",
    "no_tanh_slope": "dh.1.mlp.c_fc.out",
    "q_and_k_exchanged": "dh.1.attn.q",
    "no_softmax_sum": "dh.1.attn.scores",
    "no_scale_backward": "dh.1.attn.q",
    "gradient_not_added": "dh.1.resid_mid",
    "gradient_assigned": "dwte.weight",
}
"""Where mistakes are made that C invites to, whatever they are called."""

LATER = {"grads_not_zeroed"}
"""What the first step does not show."""

RIGHT = {"softmax_without_largest"}
"""What is another way to the same numbers."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit_of(run_of(gpt(), steps=10), tmp_path_factory.mktemp("c") / "pack")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, place: Path) -> Path:
    out = tmp_path_factory.mktemp("built") / "gpt2"
    return built(out, SOURCE, place / "pellucid.c", flags=sanitizers(), include=place)


def compared(port: Path, place: Path, *mistakes: str) -> Comparison:
    """The port's dump with these mistakes, beside the pack, in float32."""
    ran(str(port), "float32.bin", "mine.bin", *mistakes, at=place)
    pack = open_pack(place)
    return compare(pack, Mine.open(place / "mine.bin", pack.blank, None, pack))


def named(found: Comparison) -> list[list[str]]:
    return [[one.name for fit in f.named for one in fit.mistakes] for f in found.findings]


def test_every_mistake_of_the_port_has_its_place():
    made = set(re.findall(r'made\("([\w-]+)"\)', SOURCE.read_text(encoding="utf-8")))
    assert made == NAMED.keys() | LOCATED.keys() | LATER | RIGHT


@pytest.mark.parametrize("way", [(), *((name,) for name in sorted(RIGHT))])
def test_the_right_port_has_no_finding_in_float32(way: tuple[str, ...], port: Path, place: Path):
    found = compared(port, place, *way)
    assert found.agrees
    assert found.findings == ()
    assert len(found.judged) > 250
    assert found.translation.unknown == ()
    # What it does not dump: what has no name in its code.
    inner = re.compile(r"\.(act\.(tanh|inner|x)|rows|xhat|x|weight|kept|out)$")
    assert [name for name in found.missing if not inner.search(name)] == []


@pytest.mark.thinned(6)
@pytest.mark.parametrize("mistake", NAMED)
def test_a_known_mistake_in_c_is_located_and_named(mistake: str, port: Path, place: Path):
    found = compared(port, place, mistake)
    assert found.findings[0].fault.name == NAMED[mistake]
    # A bias that is missing has no gradient either, which is a mistake of its own.
    assert named(found) == [[mistake]] + [[f"{mistake}_grad"]] * mistake.endswith("bias")


@pytest.mark.thinned(6)
@pytest.mark.parametrize("mistake", LOCATED)
def test_a_slip_of_c_is_located(mistake: str, port: Path, place: Path):
    found = compared(port, place, mistake)
    assert found.findings[0].fault.name == LOCATED[mistake]


def test_the_factor_of_a_slip_is_said_by_its_name(port: Path, place: Path):
    (first, *_) = compared(port, place, "no_scale_backward").findings
    (fit,) = first.named
    assert [mistake.name for mistake in fit.mistakes] == ["no_scale_backward"]


def test_gradients_that_are_not_zeroed_show_in_later_steps(port: Path, place: Path):
    found = compared(port, place, "grads_not_zeroed")
    assert found.findings == ()
    assert "step.losses" in [one.name for one in found.later if not one.agrees]


@pytest.mark.parametrize(
    "pair",
    [
        ("gelu_erf", "no_scale"),
        ("position_from_1", "grad_without_tied_head"),
        ("qkv_order_kqv", "adam_l2"),
        ("transposed_weight", "ln_backward_no_first_mean"),
    ],
)
def test_two_mistakes_in_c_are_found_one_after_the_other(
    pair: tuple[str, str], port: Path, place: Path
):
    assert sorted(name for one in named(compared(port, place, *pair)) for name in one) == sorted(
        pair
    )
