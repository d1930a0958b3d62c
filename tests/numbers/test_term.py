"""Terms compute what tensors compute, element by element, and write out how."""

import itertools
import math

import pytest
import torch

from pellucid.numbers import OPERATIONS, Term, TermArray, apply, number, reader

X = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
M = X[0] + 0.5
IDS = torch.tensor([2, 0, 2])
PLACES = torch.tensor([[1], [3], [0]])

EXPRESSIONS = (
    *("X + M", "M + X", "X - 1", "1 - X", "M - X", "2 * X", "M * X", "X / M", "M / X", "2 / X"),
    *("-X", "(X * X + 1) ** 2", "X @ M.mT", "M @ X.mT", "X.mT @ X", "X > 0", "X == M", "X != M"),
    *("(M > 0) & (X > 0)", "(X > 0).logical_not()", "X.clamp(min=0)", "X.abs()", "X.sign()"),
    *("X.exp()", "X.square().log()", "X.square().sqrt()", "X.square().rsqrt()", "X.tanh()"),
    *("X.erf()", "X.sum()", "X.sum(-1)", "X.sum(0, keepdim=True)", "X.mean()", "X.mean(-1)"),
    *("X.mean(-1, keepdim=True)", "X.amax(-1, keepdim=True)", "X.amax(1)"),
    *("X.reshape(6, -1)", "X.flatten()", "X.flatten(0, -2)", "X.flatten(-2)", "X.transpose(0, -1)"),
    *("X.unflatten(-1, (2, -1))", "X.unsqueeze(-1)", "X.unsqueeze(1).squeeze(1)", "X.squeeze(0)"),
    *("X.chunk(2, -1)[1]", "X[0]", "X[1:, ..., 1]", "X[..., :1]", "X[None]", "X[:, -1, 1:3]"),
    *("torch.cat([X, X], 1)", "torch.cat([M, X[0]], -1)", "torch.zeros_like(X[:1])"),
    *("torch.ones_like(X)", "torch.full_like(X, 0.5)", "torch.where(X > 0, X, M)"),
    *("X.where(X > 0, 0)", "M.where(X > 0, 0)", "X.masked_fill(M > 0, -math.inf)"),
    *("X[0][IDS]", "M[IDS.flatten()]", "X[0].gather(-1, PLACES)", "X.to(X.dtype) / X.numel()"),
    *("X[0].scatter_add(-1, PLACES, torch.ones_like(X[0]))", "X[0].scatter_add(1, PLACES, X[1])"),
    *("torch.zeros_like(X[0]).index_add(0, IDS, X[1])", "X[0].index_add(0, IDS, X[1])"),
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_terms_compute_is_what_tensors_compute(expression: str):
    plain = {"torch": torch, "math": math, "M": M, "X": X, "IDS": IDS, "PLACES": PLACES}
    lazy = plain | {
        name: TermArray.given(plain[name], name.lower()) for name in ("X", "IDS", "PLACES")
    }
    expected, made = eval(expression, plain), eval(expression, lazy)
    assert made.shape == expected.shape
    assert (made.dim(), made.numel()) == (expected.dim(), expected.numel())
    for index in itertools.product(*map(range, expected.shape)):
        term = made.term(index)
        assert term.value == pytest.approx(expected[index].item(), rel=1e-14), index
        assert evaluated(term) == term.value


def evaluated(term: Term) -> float:
    """A term's Python, run by Python."""
    names: dict[str, object] = {"math": math}
    exec(term.python(), names)
    value = names["value"]
    assert isinstance(value, float | int)
    return value


def test_an_element_is_made_when_it_is_asked_for_and_no_other_is():
    asked = []

    def make(index: tuple[int, ...]) -> Term:
        asked.append(index)
        return number(float(index[0]))

    huge = TermArray((1_000_000_000, 3), make, X)
    assert ((huge + 1).exp() * huge).term((2, 1)).value == 2 * math.exp(3)
    assert asked == [(2, 1)]


def test_an_array_with_a_name_on_the_tape_is_where_the_arithmetic_ends():
    x = TermArray.given(X, "h.0.x")
    inner = x.exp()
    inner.mark("h.0.exps", reader(X.exp()))
    outer = (inner + 1).term((1, 2, 3))
    assert [part.source for part in outer.operands] == ["h.0.exps[1,2,3]", None]
    assert [part.source for part in inner.made((1, 2, 3)).operands] == ["h.0.x[1,2,3]"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("div", (1.0, 0.0), math.inf),
        ("div", (-1.0, 0.0), -math.inf),
        ("exp", (1000.0,), math.inf),
        ("exp", (-math.inf,), 0.0),
        ("log", (0.0,), -math.inf),
        ("sum", (math.inf, 1.0), math.inf),
    ],
)
def test_at_their_limits_operations_are_pytorch_s(
    name: str, values: tuple[float, ...], expected: float
):
    assert apply(name, *map(number, values)).value == expected


@pytest.mark.parametrize(("name", "value"), [("log", -1.0), ("sqrt", -1.0), ("rsqrt", -1.0)])
def test_what_has_no_value_is_nan(name: str, value: float):
    assert math.isnan(apply(name, number(value)).value)
    assert math.isnan(apply("div", number(0.0), number(0.0)).value)


def test_a_term_used_twice_has_a_line_of_its_own():
    once = apply("exp", number(1.0))
    text = apply("add", once, apply("neg", once)).python()
    assert text.splitlines() == ["t0 = math.exp(1.0)", "value = t0 + (-t0)"]


def test_text_that_would_be_too_long_is_not_written():
    whole = apply("sum", *(number(float(place)) for place in range(9)))
    text = whole.python()
    assert whole.python(len(text)) == text
    assert whole.python(len(text) - 1) == whole.python(9) == ""


def test_the_slack_bounds_what_float32_rounds():
    for seed in range(20):
        x = 3 * torch.randn(5, 40, generator=torch.Generator().manual_seed(seed))
        array = TermArray.given(x, "x")
        pairs = (
            (x.exp().sum(-1).log(), array.exp().sum(-1).log()),
            (x.mean(-1), array.mean(-1)),
            (x.square().mean(-1).rsqrt(), array.square().mean(-1).rsqrt()),
            ((x @ x.mT).tanh()[0], (array @ array.mT).tanh()[0]),
        )
        for run, terms in pairs:
            term = terms.term((2,))
            off = abs(term.value - run[2].item())
            assert off <= 2 * torch.finfo(torch.float32).eps * (term.slack + abs(term.value))


def test_every_operation_is_written_in_python_and_in_words():
    for name, operation in OPERATIONS.items():
        assert operation.python, name
        assert operation.text, name


def test_an_unknown_method_says_so():
    with pytest.raises(AttributeError, match="have no 'cumsum'"):
        TermArray.given(X, "x").cumsum(-1)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("pow", (1e200, 2.0), math.inf),
        ("pow", (-1e200, 3.0), -math.inf),
        ("pow", (0.0, -1.0), math.inf),
        ("div", (1.0, 0.0), math.inf),
        ("div", (1.0, -0.0), -math.inf),
        ("sum", (1e308, 1e308, -1e308), math.inf),
        ("sum", (math.inf, -math.inf), math.nan),
        ("sign", (math.nan,), math.nan),
    ],
)
def test_nothing_raises_where_floats_end(name: str, values: tuple[float, ...], expected: float):
    found = apply(name, *map(number, values)).value
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("chosen", [True, False])
def test_of_a_negated_condition_the_arithmetic_says_what_held(chosen: bool):
    """`where(not mask)` is written by the mask itself, and evaluates to what was chosen."""
    x = TermArray.given(torch.tensor([3.0, 4.0], dtype=torch.float64), "x")
    mask = TermArray.given(torch.tensor([not chosen, chosen]), "mask")
    term = x.where(mask.logical_not(), -1.0).made((0,))
    assert term.operation == ("unless" if chosen else "if")
    found: dict[str, float] = {}
    exec(f"import math\n{term.python()}", {}, found)
    assert found["value"] == term.value == (3.0 if chosen else -1.0)
