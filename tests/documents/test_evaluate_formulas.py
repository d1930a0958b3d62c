"""Equations as they are printed, computed and compared with torch and with autograd."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.documents.formulas import Clause, equations, evaluate, formula, latex, mathml, typst
from pellucid.documents.formulas.functions import FUNCTIONS
from pellucid.documents.formulas.tree import Gap, Name, Prose, plain
from pellucid.errors import FormulaError, PellucidError
from pellucid.layers.position import sinusoids

PAGE = (Path(__file__).parents[2] / "docs" / "notation.md").read_text(encoding="utf-8")

B, H, T, S, C, V = 2, 3, 4, 5, 6, 7
N_HEADS = 2


def numbers(*shape: int) -> Tensor:
    """Numbers of both signs that no two places share."""
    generator = torch.Generator().manual_seed(sum(shape) + 10 * len(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


x, y, W, b, row = numbers(T, C), numbers(T, C) * 2 + 0.1, numbers(C, V), numbers(V), numbers(C)
x_batch, z = numbers(B, T, C), numbers(B, H, T, S)
q, k, v = numbers(H, T, C), numbers(H, S, C), numbers(H, S, V)
logits = numbers(T, V)
tokens, targets = torch.tensor([1, 3, 1, 0]), torch.tensor([3, 1, 0, -100])
mask = torch.tensor([[1, 0, 0, 0, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
VALUES: dict[str, Tensor | float] = {
    "x": x,
    "y": y,
    "x̂": x * 2,
    "xs": x_batch,
    "z": z,
    "W": W,
    "W'": W.mT,
    "c_attn.weight": W,
    "b": b,
    "row": row,
    "U": numbers(2, C),
    "q": q,
    "k": k,
    "v": v,
    "logits": logits,
    "mask": mask,
    "tokens": tokens,
    "targets": targets,
    "β₁": 0.9,
    "β₂": 0.5,
    "ε": 1e-5,
    "t": 3,
    "c": 2.5,
    "C": C,
    "T": T,
    "H": N_HEADS,
    "V": V,
}


def right(equation: str, expected: Tensor | float, **more: Tensor | float) -> None:
    """The right side is computed as expected, and what is expected is on the left."""
    sides = evaluate(f"out = {equation}", {**VALUES, "out": expected, **more})
    expected = torch.as_tensor(expected, dtype=torch.float64)
    assert sides.left.dtype == sides.right.dtype == torch.float64
    assert sides.left.shape == sides.right.shape == expected.shape
    torch.testing.assert_close(sides.right, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sides.left, expected, rtol=0, atol=0, equal_nan=True)


def both(equation: str, **values: Tensor | float) -> None:
    """The two sides of an equation are the same numbers."""
    sides = evaluate(equation, {**VALUES, **values})
    torch.testing.assert_close(*sides, rtol=1e-12, atol=1e-12)


def with_zeros(places: Tensor, rows: Tensor) -> Tensor:
    return torch.zeros(V, C, dtype=torch.float64).index_add(0, places, rows)


ELEMENTS = {
    "x + y - 2": x + y - 2,
    "x − y": x - y,
    "-x": -x,
    "−x + y": -x + y,
    "- x": -x,
    "x · y": x * y,
    "x · row": x * row,
    "x · -y": x * -y,
    "2 x": 2 * x,
    "½ x": x / 2,
    "c x": 2.5 * x,
    "3 · c": 7.5,
    "2c": 5.0,
    "x / c": x / 2.5,
    "2 x / c": 2 * x / 2.5,
    "y · x / 2 c": y * (x / 2) * 2.5,
    "y - x / 2": y - x / 2,
    "x / 2c": x / 5,
    "x / √c": x / math.sqrt(2.5),
    "x (1 - β₁)": x * (1 - 0.9),
    "1-β₁": 1 - 0.9,
    "x/c": x / 2.5,
    "√(2/π) x": math.sqrt(2 / math.pi) * x,
    "c 2/π": 2.5 * 2 / math.pi,
    "1 / (1 + exp(-x))": x.sigmoid(),
    "x²": x * x,
    "-x²": -x * x,
    "2 x³": 2 * x**3,
    "(x + y)²": (x + y) ** 2,
    "exp(x)²": x.exp() ** 2,
    "β₁ᵗ": 0.9**3,
    "β₁ᵗ⁻¹": 0.9**2,
    "c⁻¹": 1 / 2.5,
    "1-β₂ᵗ": 1 - 0.5**3,
    "10000^(2c/C)": 10000 ** (5 / 6),
    "c^(-3/2)": 2.5**-1.5,
    "√x²": x.abs(),
    "√(x² + ε)": (x * x + 1e-5).sqrt(),
    "√c x": math.sqrt(2.5) * x,
    "|x - y|": (x - y).abs(),
    "|x - 1| + |y - 0|": (x - 1).abs() + y.abs(),
    "0.044715 x": 0.044715 * x,
    "1e-5 x": 1e-5 * x,
    "∞": math.inf,
    "-∞": -math.inf,
    "−∞": -math.inf,
    "x̂ - x": x,
    "(x > 0)": (x > 0).double(),
    "y · (x ≤ 0)": y * (x <= 0),
    "(0 < x < 1)": ((x > 0) & (x < 1)).double(),
    "(tokens = 1)": (tokens == 1).double(),
    "(tokens ≠ 1)": (tokens != 1).double(),
    "(tokens ≤ 1)": (tokens <= 1).double(),
    "(tokens < 1)": (tokens < 1).double(),
    "(tokens > 1)": (tokens > 1).double(),
    "(tokens ≥ 1)": (tokens >= 1).double(),
    "x where x > 0, else 2 y": torch.where(x > 0, x, 2 * y),
    "x where (row < 0), else 0": torch.where(row < 0, x, 0.0),
    "2 (x where x > 0, else 0) + y": 2 * x.relu() + y,
    "exp x": x.exp(),
    "-log exp x": -x,
    "2 log exp x": 2 * x,
    "exp x · y": x.exp() * y,
}

PRODUCTS = {
    "x W": x @ W,
    "x c_attn.weight": x @ W,
    "x W + b": x @ W + b,
    "row W": row @ W,
    "xs W": x_batch @ W,
    "2 x W / c": 2 * (x @ W) / 2.5,
    "xᵀ y": x.mT @ y,
    "xᵀ": x.mT,
    "x W W'": x @ W @ W.mT,
    "x (W W')": x @ (W @ W.mT),
    "y · x W W'": y * (x @ W @ W.mT),
    "q kᵀ": q @ k.mT,
    "q kᵀ / √C": q @ k.mT / math.sqrt(C),
    "(q kᵀ) v": q @ k.mT @ v,
    "softmax(q kᵀ) v": (q @ k.mT).softmax(-1) @ v,
    "W'": W.mT,
    "[x y]": torch.cat([x, y], -1),
    "[x, 2 y + 1]": torch.cat([x, 2 * y + 1], -1),
    "[x exp(y)]": torch.cat([x, y.exp()], -1),
}

SUMS = {
    "Σ x": x.sum(-1, keepdim=True),
    "Σ x / C": x.mean(-1, keepdim=True),
    "Σ (x - y)² / C": (x - y).square().mean(-1, keepdim=True),
    "Σ x · y": (x * y).sum(-1, keepdim=True),
    "2 Σ x · y": 2 * (x * y).sum(-1, keepdim=True),
    "x · (y - Σ x · y)": x * (y - (x * y).sum(-1, keepdim=True)),
    "Σ -x": -x.sum(-1, keepdim=True),
    "Σₜ -x[t] + row": row - x.sum(0),
    "Σₜ - x[t]": -x.sum(0),
    "Σ x + y": x.sum(-1, keepdim=True) + y,
    "y - Σ x": y - x.sum(-1, keepdim=True),
    "y · Σ x": y * x.sum(-1, keepdim=True),
    "exp(x) / Σ exp(x)": x.softmax(-1),
    "√Σ x² / 2": x.square().sum(-1, keepdim=True).sqrt() / 2,
    "x / √Σ x²": x / x.square().sum(-1, keepdim=True).sqrt(),
    "log Σ exp(x)": x.logsumexp(-1, keepdim=True),
    "Σₜ x": x.sum(0),
    "Σₜ xs": x_batch.sum((0, 1)),
    "Σₜ xs · xs": (x_batch * x_batch).sum((0, 1)),
    "Σₜ row": row,
    "Σₙ xs": x_batch.sum(0),
    "Σₙ z": z.sum((0, 1)),
    "Σₙ xsᵀ xs": (x_batch.mT @ x_batch).sum(0),
    "Σₙ x": x,
    "Σₜ x[t]": x.sum(0),
    "Σₜ W'[tokens[t]]": W.mT[tokens].sum(0),
    "Σₜ x[t] · (Σⱼ row[j]) where mask[t, 0] = 0": torch.zeros(C),
    "Σₜ tokens[t] / T": tokens.sum() / T,
    "Σₜⱼ x[t, j]": x.sum(),
    "Σⱼ x[2, j]": x[2].sum(),
    "Σⱼ U[1, j] U[0, j]": numbers(2, C)[1] @ numbers(2, C)[0],
    "Σᵢ x[0, 2i]": x[0, ::2].sum(),
    "Σᵢ x[i + 1]": x[1:].sum(0),
    "Σₜ y[targets[t]] where targets[t] ≥ 0": y[[3, 1, 0]].sum(0),
    "x[1]": x[1],
    "x[1, 2]": x[1, 2],
    "x[T - 1]": x[-1],
    "x[tokens]": x[tokens],
    "xs[1, 2]": x_batch[1, 2],
    "softmax(x)[1]": x.softmax(-1)[1],
    "Σₜ x[t] where tokens[t] = 1": x[0] + x[2],
    "(Σₜ x[t] where mask[t, 0] = 0) + 1": torch.ones(C),
    "Σₜ y[t] where t > 1": y[2:].sum(0),
}

CALLS = {
    "exp(x)": x.exp(),
    "log(x²)": x.square().log(),
    "sin(x)": x.sin(),
    "cos(x)": x.cos(),
    "tanh(x)": x.tanh(),
    "erf(x)": x.erf(),
    "Φ(x)": torch.distributions.Normal(0.0, 1.0).cdf(x),
    "φ(x)": torch.distributions.Normal(0.0, 1.0).log_prob(x).exp(),
    "sigmoid(x)": x.sigmoid(),
    "sign(x)": x.sign(),
    "max(x)": x.max(-1, keepdim=True).values,
    "min(x)": x.min(-1, keepdim=True).values,
    "max(x, 0)": x.relu(),
    "min(x, y)": torch.minimum(x, y),
    "max(x, row)": torch.maximum(x, row),
    "min(max(x, 0), 1)": x.clamp(0, 1),
    "x - max x": x - x.max(-1, keepdim=True).values,
    "mean(x)": x.mean(-1, keepdim=True),
    "mean(x · y)": (x * y).mean(-1, keepdim=True),
    "softmax(x)": x.softmax(-1),
    "masked(q kᵀ, mask)": (q @ k.mT).masked_fill(~mask, -math.inf),
    "q kᵀ where mask, else −∞": (q @ k.mT).masked_fill(~mask, -math.inf),
    "concat(z)": z.transpose(-3, -2).reshape(B, T, H * S),
    "concat(q)": torch.cat(list(q), -1),
    "heads(x)": torch.stack(x.chunk(N_HEADS, -1)),
    "heads(xs)": torch.stack(x_batch.chunk(N_HEADS, -1), 1),
    "concat(heads(xs))": x_batch,
    "one_hot(tokens)": functional.one_hot(tokens, V).double(),
    "one_hot(targets)": functional.one_hot(targets.clamp(0), V).double() * (targets >= 0)[:, None],
}


@pytest.mark.parametrize(
    ("equation", "expected"),
    [item for table in (ELEMENTS, PRODUCTS, SUMS, CALLS) for item in table.items()],
)
def test_a_right_side_is_computed_as_torch_does(equation: str, expected: Tensor | float):
    right(equation, expected)


def test_a_function_s_name_may_be_a_value_s_too():
    mean = x.mean(-1, keepdim=True)
    right("x - mean", x - mean, mean=mean)
    right("mean(x) - mean", torch.zeros(T, 1), mean=mean)
    right("max x", 3 * x, max=3.0)


def test_a_comparison_with_what_is_no_number_is_none():
    gaps = torch.tensor([math.nan, 0.0])
    sides = evaluate("out = (gaps ≠ 1)", {"out": gaps, "gaps": gaps})
    assert sides.right.isnan().tolist() == [True, False]


LOSSES = -logits.log_softmax(-1)[torch.arange(T), targets.clamp(0)]
KEPT = targets >= 0
LINE = numbers(9)
ROWS = sinusoids(T, C, dtype=torch.float64, device="cpu")
UNPAIRED = sinusoids(T, C, paired=False, dtype=torch.float64, device="cpu")

INDEXED = {
    "out[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])": logits.softmax(-1),
    "out[t] = softmax(logits)[t]": logits.softmax(-1),
    "out[t] = softmax(logits[t])": logits.softmax(-1),
    "out[t] = Wᵀ[tokens[t]]": W.mT[tokens],
    "out[t] = x[t] + y[t]": x + y,
    "out[t] = x[t] + row": x + row,
    "out[t] = x[t] / √Σ x[t]²": x / x.square().sum(-1, keepdim=True).sqrt(),
    "out[t] = t / T": torch.arange(T) / T,
    "out[t, j] = t + 10 j": torch.arange(T)[:, None] + 10.0 * torch.arange(C),
    "out[j, t] = x[t, j]": x.mT,
    "out[i] = Σⱼ row[j] · line[i + j]": LINE.unfold(0, C, 1) @ row,
    "out[h] = q[h] k[h]ᵀ": q @ k.mT,
    "out[h, t, j] = Σᵢ q[h, t, i] · k[h, j, i]": q @ k.mT,
    "out[v] = Σₜ x[t] where tokens[t] = v": with_zeros(tokens, x),
    "out[v] = Σₜ (x[t] + y[t]) where tokens[t] = v": with_zeros(tokens, x + y),
    "out[v, j] = Σₜ (tokens[t] = v) · x[t, j]": with_zeros(tokens, x),
    "out[t, j] = (targets[t] = j)": functional.one_hot(targets.clamp(0), V) * KEPT[:, None],
    "out[t] = tokens[t + 1] where t + 1 < T, else -100": torch.tensor([3, 1, 0, -100]),
    "out[t] = -log softmax(logits)[t, targets[t]] where targets[t] ≥ 0, else 0": LOSSES * KEPT,
    "out[t] = x[T - 1 - t]": x.flip(0),
    "out[t] = x[t] where mask[t, 1] = 1, else 0": x * mask[:, 1:2],
    "out[t] = Σⱼ x[t, j] where mask[t, 1] = 1, else 0": x.sum(-1) * mask[:, 1],
    "out[t] = Σ x[t]": x.sum(-1),
    "out[t, j] = sin(t / 10000^(j/C)) where j = 0, else ROWS[t, j]": ROWS,
}


@pytest.mark.parametrize(("equation", "expected"), INDEXED.items())
def test_indices_run_over_the_axes_of_the_left(equation: str, expected: Tensor):
    sides = evaluate(equation, {**VALUES, "ROWS": ROWS, "line": LINE, "out": expected})
    assert sides.left.shape == expected.shape
    torch.testing.assert_close(*sides, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sides.left, expected.double(), rtol=0, atol=0)


def test_an_index_on_the_left_may_take_every_other_place():
    for odd, function in ((0, "sin"), (1, "cos")):
        place = "2i+1" if odd else "2i"
        for equation, table in (
            (f"rows[t, {place}] = {function}(t / 10000^(2i/C))", ROWS),
            (f"rows[t, {place}] = {function}(t / 10000^(({place})/C))", UNPAIRED),
        ):
            sides = evaluate(equation, {"rows": table, "C": C})
            torch.testing.assert_close(*sides, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(sides.left, table[:, odd::2], rtol=0, atol=0)
    assert torch.equal(evaluate("x[t + 1] = y[t]", {"x": x, "y": y}).left, x[1:])
    assert evaluate("x[1, j] = row[j]", VALUES).left.shape == (C,)


def test_a_where_without_else_limits_what_is_claimed():
    values = {"tokens": tokens, "targets": torch.tensor([3, 1, 0, 77]), "T": T}
    sides = evaluate("targets[t] = tokens[t + 1] where t + 1 < T", values)
    assert sides.left.tolist() == sides.right.tolist() == [3, 1, 0]
    sides = evaluate("x = y where x > 0", VALUES)
    assert torch.equal(sides.left, x[x > 0])
    assert torch.equal(sides.right, y[x > 0])
    with pytest.raises(FormulaError, match="no number to compare"):
        evaluate("x = y where x > 1000", VALUES)


def test_what_a_where_does_not_leave_out_is_no_number_outside_of_its_axis():
    sides = evaluate("x[t] = y[t + 1] where t ≥ 0, else 0", VALUES)
    assert sides.right.isnan().all(-1).tolist() == [False, False, False, True]
    sides = evaluate("row = Σₜ y[targets[t]] where targets[t] ≠ 1", VALUES)
    assert sides.right.isnan().all()


def test_the_left_may_be_computed_too():
    both("(x W) W' = x (W W')")
    both("Φ(x) = ½ (1 + erf(x/√2))")
    both("[concat(q) U U] = [concat(q), [U U]]", q=numbers(2, 2, 5))
    both("exp(x) / (exp(x) + exp(0)) = 1 / (1 + exp(-x))")
    both("x - y = -(y - x)")


def test_the_right_takes_the_shape_of_the_left():
    assert evaluate("x = row", VALUES).right.shape == (T, C)
    assert evaluate("x = 0", VALUES).right.shape == (T, C)
    assert evaluate("loss = Σ |row|", {**VALUES, "loss": 1.0}).right.shape == ()
    assert evaluate("losses = Σ x", {**VALUES, "losses": LOSSES}).right.shape == (T,)
    for equation in ("row = x", "row = Σ x", "c = x", "x = y W", "U = x"):
        with pytest.raises(FormulaError, match="left side has the shape"):
            evaluate(equation, VALUES)


REFUSED = {
    "x = W + nothing": "no value named nothing; given are x, y",
    "x = β₉": "no value named β₉; given are x, y.*, …$",
    "x = act'(x)": r"no function act' of 1; there are exp\(x\)",
    "x = max(x, y, x)": "no function max of 3",
    "x = W(x)": "no function W",
    "x = x W + b, cut into heads": "several parts",
    "c = their mean": "the words `their mean` have no value",
    "the rows are fixed": "no =",
    "x W": "no =",
    "x = y = x": "chain",
    "x = ±y": "`±y`|`±`",
    "x ← y": "no =",
    "x = …": "`…` has no value",
    "x = ½ x (1 + y)": r"not a|matrix product, which \(4, 6\) beside \(4, 6\) is not.*·",
    "x = row row": "matrix product",
    "x = W row": "matrix product",
    "x = x x": "matrix product",
    "x = z q": "matrix product",
    "x = xs · k": "· takes shapes that broadcast, not",
    "x = x + W": "a sum takes shapes",
    "x = max(x, W)": r"max\(x, y\) takes shapes",
    "x = (x > W)": "> takes shapes",
    "x = rowᵀ": "turns a matrix over",
    "x = x²ᵀ": "parentheses",
    "x = Σ c": "a number has none",
    "x = Σⱼ x": "Σ runs over j, which stands in no brackets",
    "x = Σᵢⱼ x[i]": "Σ runs over j",
    "x = Σⱼ U[0, j] · W[j, 0] · b[j]": r"different places in W\[j, 0\], b\[j\]",
    "x = Σₜ x[t] where tokens[t + 1] = 1": "different places in",
    "x[t] = y[t] where tokens[t + 1] = 1, else 0": "outside",
    "x = Σⱼ² x": "nothing above",
    "x[t] = Σₜ x[t]": "index t of a Σ is already given",
    "x[i] = x[j]": "no value named j",
    "x[t] = x[t + 1]": r"x\[t \+ 1\] has an index outside",
    "x[t] = x[t - 1]": "outside",
    "x[t] = x[½ t]": "not a whole number",
    "x[t²] = x[t²]": "straight line",
    "x[t] = x[t, t, t]": "3 indices for 2 axes",
    "x = (y where x > 0 where x < 1)": "one `where`",
    "row = Σₜ x[t] + Σₜ y[t] where mask[t, 0] = 1": "takes one Σ",
    "x = mean(c)": r"mean\(x\) needs 1 axes, not \(\)",
    "x = concat(x)": r"concat\(z\) needs 3 axes",
    "x = heads(b)": "needs 2 axes",
    "x = heads(x W)": r"does not fit \(4, 7\) with H = 2",
    "x = log x/y": "parentheses around more than one factor",
    "x = x/2c": "one factor behind it",
    "x = x ·": "a factor is missing",
    "x = y +": "a factor is missing",
    "x =": "a factor is missing|no =",
    "x = [x row]": "do not lie side by side",
    "x = x[]": "a factor is missing",
    "x = (x, y)": "has no value here",
    "x = ) /": "no =",
}


@pytest.mark.parametrize(("equation", "reason"), REFUSED.items())
def test_what_cannot_be_computed_is_refused_in_one_line(equation: str, reason: str):
    with pytest.raises(FormulaError, match=reason) as caught:
        evaluate(equation, VALUES)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"`{equation}` cannot be computed: ")
    assert isinstance(caught.value, PellucidError)


def test_a_function_that_needs_a_size_says_so():
    with pytest.raises(FormulaError, match=r"one_hot\(t\) needs a value named V"):
        evaluate("x = one_hot(t)", {"x": 1.0, "t": 2})


def test_a_line_is_taken_apart():
    assert equations("m = μ m + dw,   0 before the first step: at t = 1 it is dw") == [
        Clause("m = μ m + dw", prose=False),
        Clause("0 before the first step", prose=True),
        Clause("at t = 1 it is dw", prose=True),
    ]
    assert equations("dx = dy = dout where mask, else 0,   loss = their mean, in nats") == [
        Clause("dx = dy where mask, else 0", prose=False),
        Clause("dx = dout where mask, else 0", prose=False),
        Clause("loss = their mean", prose=True),
        Clause("in nats", prose=True),
    ]
    for text in (
        "a = exps / Σ exps",
        "a = Σ b + Σₜ c",
        "a = Σₜ -b",
        "a = Σ -b",
        "a = Σ (b - c)²",
        "a = √Σ b²",
    ):
        assert equations(text) == [Clause(text, prose=False)]
    assert equations("a = b where c > 0, else -∞")[0].text == "a = b where c > 0, else -∞"
    assert equations("dw[v] = Σₜ dout[t] where tokens[t] = v") == [
        Clause("dw[v] = Σₜ dout[t] where tokens[t] = v", prose=False)
    ]
    assert equations("Σ x = rows[t, 2i+1] = cos(the same)")[0].prose
    assert [clause.text for clause in equations("att · (datt - Σ datt · att) = −x")] == [
        "att · (datt - Σ datt · att) = −x"
    ]
    assert equations("") == []


@pytest.mark.parametrize(
    "equation", [f"out = {text}" for table in (ELEMENTS, PRODUCTS, SUMS, CALLS) for text in table]
)
def test_the_text_of_an_equation_is_read_as_the_same_tree(equation: str):
    (clause,) = equations(equation)
    assert not clause.prose
    assert formula(clause.text) == formula(equation)


def test_where_and_else_are_read_between_names_and_within_prose_are_words():
    where, other = Prose("where"), Prose("else")
    tree = formula("dout where mask, else zeros")
    names = [item for item in tree.items if isinstance(item, Name | Prose)]
    assert names == [Name("dout"), where, Name("mask"), other, Name("zeros")]
    assert formula("x where a key lies").items[-1] == Prose("where a key lies")
    assert formula("x where key lies").items[-1] == Prose("where key lies")
    assert formula("even where mask").items == (Prose("even where mask"),)
    assert Gap() in tree.items
    assert plain(tree) == "dout where mask, else zeros"


def test_the_minus_sign_is_written_as_a_hyphen_is():
    for written in (latex, typst, mathml):
        assert written("a − b = −c") == written("a - b = -c")
    assert "\\text{where}" in latex("dx = dout where x > 0, else 0")


def test_the_page_of_the_notation_lists_the_functions_and_its_equations_hold():
    table = PAGE.split("## Functions")[1]
    listed = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.MULTILINE))
    assert listed == {function.call: function.meaning for function in FUNCTIONS.values()}
    text = re.sub("```.*?```", "", PAGE, flags=re.DOTALL)
    printed = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    assert len(printed) > 15
    for line in printed:
        clauses = equations(line)
        assert clauses
        assert not any(clause.prose for clause in clauses), line
