"""A step by hand: each line, read as it is printed, gives on a calculator what is printed."""

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.cli.options.output import CALCULATOR
from pellucid.documents.by_hand import (
    HandWriter,
    all_lines,
    arithmetic,
    lines,
    walkthrough_by_hand,
    written,
)
from pellucid.documents.numbers import Format
from pellucid.examples import EXAMPLES
from pellucid.explain import ByHand, by_hand, deviation, operands
from pellucid.layers import linear
from pellucid.models import GPT, GPTConfig
from pellucid.optim import OPTIMIZERS
from pellucid.tape import Tape
from pellucid.train import take_step
from pellucid.tree import unflatten
from tests.examples.walkthroughs import walkthrough_of
from tests.explain.by_hand_lines import DIGITS, check_lines
from tests.explain.calculator import calculate, number
from tests.tape.steps import TWO_TEXTS, step_of


@cache
def hand_of(name: str, digits: int = DIGITS, optimizer: str | None = None) -> ByHand:
    return by_hand(walkthrough_of(name, optimizer).tape, written(digits))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_line_of_ai_rocks_is_what_a_calculator_gets(optimizer: str):
    assert check_lines(list(all_lines(hand_of("ai_rocks", optimizer=optimizer)))) > 1500


@pytest.mark.thinned(2)
@pytest.mark.parametrize("digits", [1, 2, 8])
def test_so_it_is_with_other_digits(digits: int):
    assert check_lines(list(all_lines(hand_of("ai_rocks", digits)))[::3]) > 500


@pytest.mark.thinned(4)
@pytest.mark.parametrize("name", EXAMPLES)
def test_so_it_is_in_every_example(name: str):
    some = list(all_lines(hand_of(name)))
    assert check_lines(some[:: 1 + len(some) // 600]) >= min(len(some), 300) > 0


@pytest.mark.thinned
@pytest.mark.parametrize(
    "choices",
    [
        {"norm": "post", "final_norm": False, "activation": "relu", "tied": False},
        {"bias": False, "activation": "gelu_erf"},
        TWO_TEXTS,
    ],
    ids=str,
)
@pytest.mark.parametrize("noisy", [False, True])
def test_so_it_is_with_batches_dropout_smoothing_and_erf(choices: dict[str, Any], noisy: bool):
    some = list(all_lines(by_hand(step_of(choices, noisy=noisy), written(DIGITS))))
    assert check_lines(some[:: 1 + len(some) // 600]) >= 300


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_so_it_is_in_any_small_model(data: st.DataObject):
    config = GPTConfig(
        vocab_size=data.draw(st.integers(2, 4)),
        block_size=3,
        n_layer=1,
        n_head=data.draw(st.sampled_from([1, 2])),
        n_embd=2,
        activation=data.draw(st.sampled_from(["gelu_tanh", "gelu_erf", "relu"])),
    )
    decimals = st.decimals(-3, 3, places=6).map(float)
    weight = decimals | st.sampled_from([0.0, 1e-7, 0.5, 1e5])
    params = {
        name: torch.tensor(
            data.draw(st.lists(weight, min_size=math.prod(shape), max_size=math.prod(shape))),
            dtype=torch.float64,
        ).reshape(shape)
        for name, shape in config.parameter_shapes().items()
    }
    ids = data.draw(st.lists(st.integers(0, config.vocab_size - 1), min_size=2, max_size=4))
    tape = Tape()
    update = {"optimizer": data.draw(st.sampled_from(list(OPTIMIZERS))), "learning_rate": 0.1}
    model = GPT(config, unflatten(params))
    take_step(model, (ids[:-1], ids[1:]), update | {"weight_decay": 0.1}, tape)
    hand = by_hand(tape, written(data.draw(st.integers(1, 8))))
    some = list(all_lines(hand))
    assert check_lines(some[:: 1 + len(some) // 100]) > 0


def test_figures_of_very_different_sizes_in_one_array_are_what_a_calculator_gets():
    """With all their digits, 276146.1 would be printed as 276146.09999999998."""
    for values, scale in (
        ([-0.00055994030, 2.761461], 1e5),
        ([5831862.0, 3.053283e-05, -2.540391], 0.1),
        ([2.794009, 0.00081189873, -669.10967], 1e2),
    ):
        tape = Tape()
        x = torch.tensor(values, dtype=torch.float64)[:, None]
        linear(x, weight=torch.tensor([[scale]], dtype=torch.float64), tape=tape.at("map"))
        for digits in range(1, CALCULATOR + 1):
            assert check_lines(list(all_lines(by_hand(tape, written(digits))))) == len(values)


# -- no hidden digits ------------------------------------------------------------------------------


_LABEL = r"[A-Za-z_]\w*(?:\.\w+)*(?:\[[\d,]+\])?"
_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?|∞|true|false"
_WORDS = {"exp", "log", "tanh", "erf", "sin", "cos", "sign", "max", "not", "and"}


def atoms(names: str, figures: str) -> Iterator[tuple[str, str]]:
    """Each name or constant of a line, and the figure in its place, without its sign."""
    chosen = re.sub(rf", (chosen by|as not|as) ({_LABEL})", "", names)
    read = [atom for atom in re.findall(rf"{_LABEL}|{_NUMBER}", chosen) if atom not in _WORDS]
    put = re.findall(_NUMBER, figures)
    assert len(read) == len(put), (names, figures)
    yield from zip(read, put, strict=True)


def printed(values: Tensor, place: tuple[int, ...]) -> str:
    """What a walk prints for one number of a tensor, without its sign."""
    value = values[place].item()
    if isinstance(value, float):
        return Format(values, DIGITS)(value).removeprefix("-")
    return str(abs(int(value)))


def same(figure: str, other: str) -> bool:
    """Whether two texts are the same number: of second moments, lines write fewer zeros."""
    return figure == other or number(figure) == number(other)


def split(source: str) -> tuple[str, tuple[int, ...]]:
    name, _, index = source.partition("[")
    return name, tuple(map(int, index.rstrip("]").split(","))) if index else ()


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    "name", ["ai_rocks", "gpt1", "llama_by_hand", "where_do_you_live", "softmax", "dropout"]
)
def test_every_figure_is_one_that_the_walk_prints_or_an_earlier_line(name: str):
    hand = hand_of(name)
    writer = HandWriter(hand=hand)
    every = list(hand.explanations())
    count = 0
    for found in every[:: 1 + len(every) // 500]:
        assert found.term is not None
        known: dict[str, str] = {}
        for part in operands(found.term):
            if part.source is None:
                known[part.label or ""] = repr(part.value).removesuffix(".0")
                continue
            where, place = split(part.source)
            known[part.label or ""] = printed(hand.tape[where], place)
        for line in lines(found, writer):
            for label, figure in atoms(line.names, line.figures):
                assert same(figure, known.get(label, label)), (label, str(line))
                count += 1
            known[line.name] = line.result.removeprefix("-")
        where, place = split(found.name)
        assert same(known[found.name], printed(hand.tape[where], place))
    assert count > 50


def test_all_terms_of_a_long_sum_are_written():
    hand = hand_of("humpty_dumpty")
    (line,) = [
        line
        for line in arithmetic(hand)("vectors.hidden.out[0,0]")
        if line.startswith("product[0,0] =")
    ]
    assert line.count("·") == 2 * hand.tape["vectors.hidden.weight"].shape[0] == 240
    assert "more" not in line


def test_the_lines_stand_in_the_order_of_the_calculation():
    hand = hand_of("ai_rocks")
    found = list(map(str, lines(hand.explain("h.0.attn.att[0,1,0]"), HandWriter(hand=hand))))
    assert tuple(reversed(found)) == arithmetic(hand)("h.0.attn.att[0,1,0]"), "its own line first"
    assert arithmetic(hand)("wte.weight[0,0]") == ("a parameter of the model",)
    assert [line.split(" = ")[0] for line in found] == [
        *("shifted[0,1,0]", "exps[0,1,0]", "shifted[0,1,1]", "exps[0,1,1]", "h.0.attn.att[0,1,0]")
    ]
    assert found[0] == (
        "shifted[0,1,0] = scores[0,1,0] - max(scores[0,1,0], scores[0,1,1])"
        " = -1.2083 - max(-1.2083, -0.1110) = -1.0973"
    )
    assert found[4] == (
        "h.0.attn.att[0,1,0] = exps[0,1,0] / (exps[0,1,0] + exps[0,1,1])"
        " = 0.3338 / (0.3338 + 1.0000) = 0.2503"
    )
    for name in ("ai_rocks", "where_do_you_live"):
        hand = hand_of(name)
        for explanation in list(hand.explanations())[::50]:
            steps = list(lines(explanation, HandWriter(hand=hand)))
            for place, line in enumerate(steps):
                later = {other.name for other in steps[place:]}
                assert not later & set(re.findall(_LABEL, line.names)), str(line)


# -- the walkthrough and the deviation -------------------------------------------------------------


@pytest.mark.thinned(4)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_walkthrough_by_hand_shows_the_same_names_and_its_own_figures(name: str):
    exact = walkthrough_of(name)
    told, hand = walkthrough_by_hand(exact, DIGITS)
    assert told.tape is hand.tape
    assert list(told.tape) == list(exact.tape)
    assert [part.heading for part in told.parts[:-1]] == [part.heading for part in exact.parts]
    assert "By hand, with 4 digits" in told.about
    for value in exact.tape:
        assert told.tape[value].shape == exact.tape[value].shape
        assert told.tape.name_of(told.tape.value(value)) == exact.tape.name_of(
            exact.tape.value(value)
        )
        assert torch.equal(told.tape[value].isnan(), exact.tape[value].isnan())


def test_what_a_gpt_s_walkthrough_says_is_by_hand_too():
    exact, (told, _) = walkthrough_of("softmax"), walkthrough_by_hand(walkthrough_of("gpt1"), 1)
    words = [step.says for part in told.parts for step in part.steps]
    assert not any("after it" in says for says in words), "no second forward was done by hand"
    assert "of the exact run" not in told.about
    assert "of the exact run" in walkthrough_by_hand(exact, DIGITS)[0].about


def test_the_deviation_is_stated_as_it_is():
    exact = walkthrough_of("ai_rocks")
    told, hand = walkthrough_by_hand(exact, DIGITS)
    last = told.parts[-1]
    (step,) = last.steps
    assert last.heading == "By hand and exact"
    rows = {line[:16].strip(): line[16:].split() for line in step.lines}
    assert list(rows)[1:5] == ["forward", "the loss", "backward", "the update"]
    assert rows["the loss"][:2] == ["1.2065", f"{float(exact.tape['loss']):.8g}"]
    for part, chosen in {
        "forward": lambda name: not name.startswith("d") and "." in name,
        "backward": lambda name: name.startswith("d"),
        "the update": lambda name: name.endswith((".m", ".v", "_hat", ".update", ".new")),
    }.items():
        others = ("the update",) if part == "forward" else ()
        apart = {
            name: float((hand.tape[name] - exact.tape[name]).abs().nan_to_num(0).max())
            for name in exact.tape
            if chosen(name)
            and exact.tape[name].is_floating_point()
            and not (
                others
                and re.search(r"(\.m|\.v|_hat|\.update|\.new)$", name)
                and "attn.v" not in name
            )
        }
        assert rows[part][2] == f"{max(apart.values()):.2g}", part
        name, place = split(rows[part][3])
        by_it = abs(float(hand.tape[name][place] - exact.tape[name][place]))
        assert by_it == max(apart.values())
    assert step.lines[-1] == "the most likely is the same: at 2 of 2"


@pytest.mark.parametrize("name", ["ai_rocks", "leaf_or_flower_training", "where_do_you_live"])
def test_with_more_digits_it_deviates_less(name: str):
    coarse, fine = (deviation(hand_of(name, digits)) for digits in (4, 8))
    for one, other in zip(coarse.parts[-3:], fine.parts[-3:], strict=True):
        assert one.part == other.part
        assert other.distance < 1e-2 * one.distance
    assert fine.worst is not None
    assert coarse.worst is not None
    assert fine.worst.relative < coarse.worst.relative


def test_a_prediction_that_is_not_the_same_is_said():
    told, hand = walkthrough_by_hand(walkthrough_of("where_do_you_live"), 1)
    found = deviation(hand)
    same = (hand.tape["probs"].argmax(-1) == hand.exact["probs"].argmax(-1)).sum()
    assert (found.likeliest, found.places) == (int(same), len(hand.exact["probs"]))
    assert f"at {int(same)} of {found.places}" in told.parts[-1].steps[0].lines[-1]


# -- the decimals ----------------------------------------------------------------------------------


@pytest.mark.thinned(4)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_figure_is_what_is_printed(name: str):
    tape = hand_of(name).tape
    for value in tape:
        if tape[value].is_floating_point():
            form = Format(tape[value], DIGITS)
            for figure in tape[value].flatten().tolist()[:200]:
                if math.isfinite(figure):
                    assert Decimal(form(figure)) == Decimal(repr(figure)), value


def test_second_moments_keep_their_digits_however_small():
    tape = hand_of("ai_rocks").tape
    names = [name.removesuffix(".v_hat") for name in tape if name.endswith(".v_hat")]
    for name in names:
        squares = tape[f"d{name}"].square()
        assert bool(((tape[f"{name}.v_hat"] - squares).abs() <= 2e-3 * squares).all()), name
        assert tape[f"{name}.update"].abs().max() < 0.02, "none is divided by a root of 0"
    assert len(names) > 10


def test_a_number_far_below_the_others_still_decides_a_tie():
    line = "-1.9e-140 · 1.0e-07 + 5.0e-01 · 7.5e-01"
    assert calculate(line, "0.37") == number("0.37")
    assert calculate("5.0e-01 · 7.5e-01", "0.38") == number("0.38")


@pytest.mark.parametrize("name", ["ai_rocks", "where_do_you_live"])
def test_a_number_with_several_names_is_explained_once(name: str):
    hand = hand_of(name)
    names = [found.name for found in hand.explanations()]
    assert len(names) == len(set(names))
    assert all(found.name == found.origin for found in hand.explanations())
