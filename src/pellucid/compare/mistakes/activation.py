"""Mistakes in activations: another in one's stead, and slopes that are not theirs."""

from inspect import unwrap
from typing import Any

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, shown
from pellucid.layers import (
    Pair,
    gelu_erf,
    gelu_erf_backward,
    gelu_tanh,
    gelu_tanh_backward,
    relu,
    relu_backward,
    silu,
    silu_backward,
)
from pellucid.layers.gelu import SQRT_2_OVER_PI
from pellucid.tape import NULL_TAPE

BY_TANH, BY_ERF = Pair(gelu_tanh, gelu_tanh_backward), Pair(gelu_erf, gelu_erf_backward)
SILU, RELU = Pair(silu, silu_backward), Pair(relu, relu_backward)

_FACTOR = "1 / (1 + (-x).exp())"
_TANH = "0.5 * (1 + (SQRT_2_OVER_PI * (x + CUBIC * x * x.square())).tanh())"
_ERF = "0.5 * (1 + (x / math.sqrt(2)).erf())"
_QUICK = "1 / (1 + (-1.702 * x).exp())"


def _instead(right: Pair, wrong: Pair) -> dict[Function, Change]:
    """Another activation in one's stead; what is kept is the right one's, and begins with x."""
    forward, backward = map(unwrap, wrong)

    def bent(body: Function) -> Function:
        def other(*, x: Any, tape: Any) -> Any:
            return forward(x=x, tape=tape)[0], body(x=x, tape=NULL_TAPE)[1]

        return other

    def from_x(*, dout: Any, cache: Any, tape: Any) -> Any:
        return backward(dout=dout, cache=forward(x=cache[0], tape=NULL_TAPE)[1], tape=tape)

    return {right.forward: bent, right.backward: lambda _: from_x}


def _sigmoid_unit(slope: float) -> Pair:
    """x σ(slope · x)."""

    def forward(*, x: Any, tape: Any) -> Any:
        sigma = 1 / (1 + (-slope * x).exp())
        out = x * sigma
        tape(out=out)
        return out, (x, sigma)

    def backward(*, dout: Any, cache: Any, tape: Any) -> Any:
        x, sigma = cache
        dx = dout * (sigma + slope * x * sigma * (1 - sigma))
        tape(dout=dout, dx=dx)
        return dx, {}

    return Pair(forward, backward)


def _tanh_unit(cubic: float) -> Pair:
    """GELU by tanh with another number in it."""

    def inner(x: Any) -> Any:
        return SQRT_2_OVER_PI * (x + cubic * x * x.square())

    def forward(*, x: Any, tape: Any) -> Any:
        out = 0.5 * x * (1 + inner(x).tanh())
        tape(out=out)
        return out, (x,)

    def backward(*, dout: Any, cache: Any, tape: Any) -> Any:
        (x,) = cache
        tanh = inner(x).tanh()
        dinner = 0.5 * x * dout * (1 - tanh.square())
        dx = 0.5 * (1 + tanh) * dout + SQRT_2_OVER_PI * (1 + 3 * cubic * x.square()) * dinner
        tape(dout=dout, dx=dx)
        return dx, {}

    return Pair(forward, backward)


def _none() -> Pair:
    """No activation at all."""

    def forward(*, x: Any, tape: Any) -> Any:
        out = 1.0 * x
        tape(out=out)
        return out, (x,)

    def backward(*, dout: Any, cache: Any, tape: Any) -> Any:  # noqa: ARG001
        dx = 1.0 * dout
        tape(dout=dout, dx=dx)
        return dx, {}

    return Pair(forward, backward)


def _others(right: Pair, after: str, where: str, out: str) -> tuple[Mistake, ...]:
    """Other activations in the stead of one, whose output is that factor times x."""
    others: tuple[tuple[str, str, str, Pair], ...] = (
        ("quick_gelu", "quick GELU, x σ(1.702 x)", f"x * ({_QUICK})", _sigmoid_unit(1.702)),
        ("relu", "ReLU", "x.clamp(min=0)", RELU),
        ("silu", "SiLU", f"x * ({_FACTOR})", SILU),
        ("no_activation", "nothing", "1.0 * x", _none()),
    )
    return tuple(
        Mistake(f"{name}{after}", f"{text}, where it is {where}", ((out, line),), changes)
        for name, text, line, pair in others
        if pair != right
        for changes in (_instead(right, pair),)
    )


def _factor_alone(seen: Any) -> Any:
    _, kept = seen["cache"]
    by_tanh = "dtanh" in seen
    factor = 0.5 * (1 + kept) if by_tanh else kept
    return factor * seen["dout"]


def _at_output(right: Pair) -> Change:
    forward = unwrap(right.forward)

    def change(body: Function) -> Function:
        def wrong(*, dout: Any, cache: Any, tape: Any) -> Any:
            out, _ = forward(x=cache[0], tape=NULL_TAPE)
            return body(dout=dout, cache=forward(x=out, tape=NULL_TAPE)[1], tape=tape)

        return wrong

    return change


ACTIVATION: tuple[Mistake, ...] = (
    Mistake(
        "gelu_erf",
        "GELU by erf, where it is by tanh",
        (("inner.tanh()", "(x / math.sqrt(2)).erf()"),),
        _instead(BY_TANH, BY_ERF),
    ),
    Mistake(
        "gelu_tanh", "GELU by tanh, where it is by erf", ((_ERF, _TANH),), _instead(BY_ERF, BY_TANH)
    ),
    *_others(BY_TANH, "", "GELU by tanh", "0.5 * x * (1 + tanh)"),
    *_others(BY_ERF, "_for_gelu_erf", "GELU by erf", "x * phi"),
    Mistake(
        "gelu_tanh_for_silu",
        "GELU by tanh, where it is SiLU",
        ((_FACTOR, _TANH),),
        _instead(SILU, BY_TANH),
    ),
    Mistake(
        "gelu_erf_for_silu",
        "GELU by erf, where it is SiLU",
        ((_FACTOR, _ERF),),
        _instead(SILU, BY_ERF),
    ),
    *_others(SILU, "_for_silu", "SiLU", "x * sigma"),
    Mistake(
        "slope_without_product_rule",
        "the activation's backward takes the factor of x to be constant",
        (("SQRT_2_OVER_PI * (1 + CUBIC * (3 * x.square())) * dinner", "0 * dinner"),),
        dict.fromkeys(
            (gelu_tanh_backward, gelu_erf_backward, silu_backward),
            shown(dx=lambda _, seen: _factor_alone(seen)),
        ),
    ),
    Mistake(
        "slope_at_output",
        "the activation's backward takes the slope at the output, not at the input",
        (("x, tanh = cache", "x, tanh = gelu_tanh(gelu_tanh(cache[0])[0])[1]"),),
        {pair.backward: _at_output(pair) for pair in (BY_TANH, BY_ERF, SILU)},
    ),
)
"""Those of activations."""

ACTIVATION_FAMILIES: tuple[Family, ...] = (
    Family(
        "gelu_cubic_other",
        "GELU's 0.044715 is {}",
        (("CUBIC", "{}"),),
        lambda cubic: _instead(BY_TANH, _tanh_unit(cubic)),
        1e-4,
        10.0,
    ),
    Family(
        "sigmoid_gelu_other",
        "the activation is x σ({} x), where it is GELU by tanh",
        (("0.5 * x * (1 + tanh)", "x / (1 + (-{} * x).exp())"),),
        lambda slope: _instead(BY_TANH, _sigmoid_unit(slope)),
        1e-2,
        1e2,
        24,
    ),
    Family(
        "silu_slope_other",
        "SiLU is x σ({} x)",
        (("(-x).exp()", "(-{} * x).exp()"),),
        lambda slope: _instead(SILU, _sigmoid_unit(slope)),
        1e-2,
        1e2,
        24,
    ),
)
"""Those with a number in them."""
