"""What makes a function a layer: recorded wherever it is defined, whatever it does to its names."""

from threading import Barrier, Thread
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.explain import explain
from pellucid.layers.facts import facts_of, given, without
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape, Tape

X = torch.tensor([1.0, 2.0, 3.0])


def scaled_by(factor: float) -> Any:
    """A layer that is defined in a function, and sees what that was given."""

    @layer(f"out = {factor:g} x")
    def scaled(x: Tensor, *, tape: NullTape = NULL_TAPE) -> Tensor:
        out = factor * x
        tape(out=out)
        return out

    return scaled


class Shift:
    """An object with a layer for a method."""

    def __init__(self, by: float) -> None:
        self.by = by

    @layer("out = x + by")
    def forward(self, x: Tensor, *, tape: NullTape = NULL_TAPE) -> Tensor:
        out = x + self.by
        tape(out=out)
        return out


@layer("out = 2 x + 1")
def rebinding(x: Tensor, *, bias: float = 1.0, tape: NullTape = NULL_TAPE) -> Tensor:
    """It calls by the name of its argument what is another number by then."""
    x = 2 * x
    bias = bias + 0.0
    out = x + bias
    tape(out=out)
    x = out * 0
    return out + x


def test_a_layer_in_a_function_is_recorded():
    tape = Tape()
    scaled_by(3)(X, tape=tape.at("three"))
    scaled_by(4)(X, tape=tape.at("four"))
    assert torch.equal(tape["three.out"], 3 * X)
    assert torch.equal(tape["four.out"], 4 * X)
    assert tape.made_by("three.out").inputs == {"x": "three.x"}
    assert explain(tape, "four.out[1]").term.value == 8.0


def test_a_method_is_recorded_with_its_object():
    tape, shift = Tape(), Shift(5.0)
    shift.forward(X, tape=tape.at("shift"))
    assert torch.equal(tape["shift.out"], X + 5)
    call = tape.made_by("shift.out")
    assert call.arguments["self"] is shift
    assert explain(tape, "shift.out[2]").term.value == 8.0


def test_a_lambda_is_recorded():
    def shown(x: Tensor, tape: NullTape) -> Tensor:
        tape(out=x)
        return x

    tape, same = Tape(), layer()(lambda x, *, tape=NULL_TAPE: shown(x + 1, tape))
    same(X, tape=tape.at("plus"))
    assert torch.equal(tape["plus.out"], X + 1)
    assert explain(tape, "plus.out[0]").term.value == 2.0


def test_an_argument_that_is_rebound_is_recorded_as_it_came():
    tape = Tape()
    rebinding(X, tape=tape.at("odd"))
    call = tape.made_by("odd.out")
    assert call.arguments["x"] is X
    assert call.arguments["bias"] == 1.0
    assert tape.value("odd.x") is X
    found = explain(tape, "odd.out[1]")
    assert (found.traced, found.term.value) == (5.0, 5.0)
    again = Tape()
    call.rerun(lambda _, value: value, again)
    assert torch.equal(again["odd.out"], tape["odd.out"])


def test_arguments_may_come_by_place_or_by_name_and_have_defaults():
    for tape, made in ((Tape(), rebinding), (Tape(), lambda x, **how: rebinding(x=x, **how))):
        made(X, bias=2.0, tape=tape)
        assert dict(tape.calls[0].arguments) == {"x": X, "bias": 2.0}
    tape = Tape()
    rebinding(X, tape=tape)
    assert tape.calls[0].arguments["bias"] == 1.0


def test_a_layer_s_own_calls_know_the_call_that_they_run_in():
    @layer()
    def both(x: Tensor, *, tape: NullTape = NULL_TAPE) -> Tensor:
        return rebinding(scaled_by(3)(x, tape=tape.at("three")), tape=tape.at("odd"))

    tape = Tape()
    both(X, tape=tape.at("both"))
    outer, first, second = tape.begun
    assert [call.path for call in tape.begun] == ["both", "both.three", "both.odd"]
    assert (outer.outer, first.outer, second.outer) == (None, outer, outer)
    assert tape.calls == (first, second), "those that showed a value"
    assert outer.result is tape.value("both.odd.out") or torch.equal(
        outer.result, tape.value("both.odd.out")
    )


def test_with_a_silent_tape_a_layer_is_its_function():
    assert torch.equal(rebinding(X), rebinding.__wrapped__(X))
    assert rebinding.__name__ == "rebinding"
    assert "by the name of its argument" in rebinding.__doc__


def test_what_shows_values_and_is_no_layer_is_refused_in_one_line():
    def bare(x: Tensor, *, tape: NullTape = NULL_TAPE) -> None:
        tape(out=x)

    with pytest.raises(TraceError, match=r"must be a layer, .* shows out: decorate it") as caught:
        bare(X, tape=Tape())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("function", [lambda x: x, lambda *x, tape=None: x, lambda x, /, tape: x])
def test_a_layer_has_a_tape_and_names_for_its_arguments(function: Any):
    with pytest.raises(TypeError, match="a layer must have a keyword tape, and a name for each"):
        layer()(function)


def test_two_threads_record_each_its_own():
    met, tapes = Barrier(2), [Tape(), Tape()]

    def record(tape: Tape, factor: float) -> None:
        for place in range(50):
            met.wait()
            scaled_by(factor)(X, tape=tape.at(str(place)))

    threads = [Thread(target=record, args=one) for one in zip(tapes, (2.0, 3.0), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tape, factor in zip(tapes, (2.0, 3.0), strict=True):
        assert len(tape) == 50
        assert all(torch.equal(tape[name], factor * X) for name in tape)


def test_an_equation_holds_where_its_argument_is_there():
    @layer(given("bias", "out = x + bias"), without("bias", "out = x"))
    def maybe(x: Tensor, *, bias: Tensor | None = None, tape: NullTape = NULL_TAPE) -> Tensor:
        out = x if bias is None else x + bias
        tape(out=out)
        return out

    texts = [
        [equation.text for equation in facts_of(maybe).equations if equation.holds({"bias": bias})]
        for bias in (X, None)
    ]
    assert texts == [["out = x + bias"], ["out = x"]]
