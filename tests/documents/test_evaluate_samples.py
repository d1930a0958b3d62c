"""The equations of the walks and examples, on numbers of torch's own functions and of autograd."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.documents.formulas import equations, evaluate
from pellucid.layers.position import sinusoids

B, H, T, S, C, F, V, R = 3, 2, 4, 5, 6, 8, 7, 3
D = C // H
Values = dict[str, Tensor]


def numbers(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape) + 10 * len(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def with_gradients(given: Values, run: Callable[[Values], Values]) -> Values:
    """What is given, what a run makes of it, and every gradient by autograd for a random dout."""
    leaves = {name: value.clone().requires_grad_() for name, value in given.items()}
    named = leaves | run(leaves)
    dout = numbers(*named["out"].shape) + 0.3
    found = torch.autograd.grad(named["out"], list(named.values()), dout)
    return named | {f"d{name}": gradient for name, gradient in zip(named, found, strict=True)}


def holds(line: str, values: dict[str, Tensor | float], *, prose: int = 0) -> None:
    """All equations of a line hold, and so much of it is prose."""
    clauses = equations(line)
    assert sum(clause.prose for clause in clauses) == prose
    for clause in clauses:
        if not clause.prose:
            sides = evaluate(clause.text, values)
            torch.testing.assert_close(*sides, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("batch", [(), (B,)], ids=["text", "batch"])
def test_layer_norm(batch: tuple[int, ...]):
    def run(given: Values) -> Values:
        mean = given["x"].mean(-1, keepdim=True)
        variance = given["x"].var(-1, correction=0, keepdim=True)
        xhat = (given["x"] - mean) * (variance + 1e-5).rsqrt()
        out = xhat * given["weight"] + given["bias"]
        return {"mean": mean, "variance": variance, "xhat": xhat, "out": out}

    values = with_gradients(
        {"x": numbers(*batch, T, C), "weight": numbers(C), "bias": numbers(C) + 1}, run
    )
    rstd = (values["variance"] + 1e-5).rsqrt()
    values |= {"rstd": rstd, "C": C, "ε": 1e-5}
    out = functional.layer_norm(values["x"], (C,), values["weight"], values["bias"], 1e-5)
    torch.testing.assert_close(values["out"], out)
    for line in (
        "mean = Σ x / C,   variance = Σ (x - mean)² / C,   rstd = 1 / √(variance + ε)",
        "xhat = (x - mean) · rstd,   out = xhat · weight + bias",
        "dweight = Σₜ dout · xhat,   dbias = Σₜ dout,   dxhat = dout · weight",
        "dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat))",
    ):
        holds(line, values)


@pytest.mark.parametrize("batch", [(), (B,)], ids=["text", "batch"])
def test_linear_and_lora(batch: tuple[int, ...]):
    given = {"x": numbers(*batch, T, C), "W": numbers(C, F), "b": numbers(F)}
    lora = {"lora_a": numbers(C, R), "lora_b": numbers(R, F)}

    def run(given: Values) -> Values:
        out = given["x"] @ given["W"] + given["b"]
        if "lora_a" not in given:
            return {"out": out}
        low = given["x"] @ given["lora_a"]
        return {"base": out, "low": low, "out": out + low @ given["lora_b"]}

    values = with_gradients(given, run)
    holds("out = x W + b", values)
    holds("dW = Σₙ xᵀ dout,   db = Σₜ dout,   dx = dout Wᵀ", values)
    if not batch:
        holds("dW = xᵀ dout", values)
    values = with_gradients(given | lora, run)
    holds("base = x W + b,   low = x lora_a,   out = base + low lora_b", values)
    holds("dlora_b = Σₙ lowᵀ dout,   dlow = dout lora_bᵀ,   dlora_a = Σₙ xᵀ dlow", values)
    holds("each map with its pair: dx = dout Wᵀ + dlow lora_aᵀ", values, prose=1)


@pytest.mark.parametrize("batch", [(), (B,)], ids=["text", "batch"])
def test_attention(batch: tuple[int, ...]):
    mask = torch.ones(T, T).tril().bool()

    def heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (H, D)).transpose(-3, -2)

    def run(given: Values) -> Values:
        qkv = given["x"] @ given["W"] + given["b"]
        q, k, v = map(heads, qkv.chunk(3, -1))
        scores = (q @ k.mT / D**0.5).masked_fill(~mask, -torch.inf)
        att = scores.softmax(-1)
        z = att @ v
        merged = z.transpose(-3, -2).flatten(-2)
        out = merged @ given["W'"] + given["b'"]
        named = {"qkv": qkv, "q": q, "k": k, "v": v, "scores": scores, "att": att}
        return named | {"z": z, "merged": merged, "out": out}

    given = {"x": numbers(*batch, T, C), "W": numbers(C, 3 * C), "b": numbers(3 * C)}
    values = with_gradients(given | {"W'": numbers(C, C), "b'": numbers(C)}, run)
    values |= {"d": D, "H": H, "mask": mask}
    for line in (
        "[concat(q) concat(k) concat(v)] = x W + b = qkv",
        "scores = q kᵀ / √d where mask, else -∞",
        "scores = masked(q kᵀ / √d, mask)",
        "att = softmax(scores),   z = att v,   merged = concat(z)",
        "out = concat(z) W' + b'",
        "dW' = Σₙ mergedᵀ dout,   db' = Σₜ dout,   dmerged = dout W'ᵀ,   dz = heads(dmerged)",
        "dv = attᵀ dz,   datt = dz vᵀ",
        "dscores = att · (datt - Σ datt · att),   dq = dscores k / √d,   dk = dscoresᵀ q / √d",
        "dqkv = [concat(dq) concat(dk) concat(dv)]",
        "dW = Σₙ xᵀ dqkv,   db = Σₜ dqkv,   dx = dqkv Wᵀ",
    ):
        holds(line, values)


ACTIVATIONS = {
    "tanh": (
        "act.out = ½ x · (1 + tanh(√(2/π) (x + 0.044715 x³)))",
        "inner = √(2/π) (x + 0.044715 x³),   dinner = √(2/π) (1 + 3 · 0.044715 x²)",
        "dx = dout · (½ (1 + tanh(inner)) + ½ x · (1 - tanh(inner)²) · dinner)",
    ),
    "none": (
        "act.out = x · Φ(x),   Φ(x) = ½ (1 + erf(x/√2))",
        "dx = dout · (Φ(x) + x · φ(x))",
    ),
    "relu": ("act.out = max(x, 0)", "dx = dout · (x > 0) = dout where x > 0, else 0"),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str):
    def run(given: Values) -> Values:
        x = given["x"]
        return {"out": x.relu() if name == "relu" else functional.gelu(x, approximate=name)}

    values = with_gradients({"x": numbers(T, C)}, run)
    x = values["x"]
    values |= {"act.out": values["out"], "inner": (2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)}
    values |= {"dinner": (2 / torch.pi) ** 0.5 * (1 + 0.134145 * x.square())}
    for line in ACTIVATIONS[name]:
        holds(line, values)


def test_embeddings_positions_logits_and_loss():
    tokens, targets = torch.tensor([1, 3, 1, 0]), torch.tensor([3, 1, 0, -100])

    def run(given: Values) -> Values:
        embedded = given["wte.weight"][tokens]
        positioned = embedded + given["wpe.weight"][:T]
        logits = positioned @ given["W"].mT
        losses = functional.cross_entropy(logits, targets, reduction="none")
        out = losses.sum() / 3
        named = {"embed.out": embedded, "wpe.out": positioned, "logits": logits}
        return named | {"losses": losses, "out": out}

    tables = {"wte.weight": numbers(V, C), "wpe.weight": numbers(9, C), "W": numbers(V, C) / 2}
    values = with_gradients(tables, run)
    values = {
        name: value / values["dout"] if name[0] == "d" else value for name, value in values.items()
    }
    values |= {"tokens": tokens, "targets": targets, "probs": values["logits"].softmax(-1)}
    values |= {"T": T, "V": V, "C": C, "x": values["wpe.out"], "dx": values["dwpe.out"]}
    values |= {
        "n": 3,
        "loss": values["out"],
        "rows": sinusoids(T, C, dtype=torch.float64, device="cpu"),
    }
    values["scale.out"] = values["embed.out"] * C**0.5
    for line in (
        "targets[t] = tokens[t + 1] where t + 1 < T",
        "embed.out[t] = wte.weight[tokens[t]],   scale.out = embed.out · √C",
        "wpe.out[t] = embed.out[t] + wpe.weight[t]",
        "rows[t, 2i] = sin(t / 10000^(2i/C)),   rows[t, 2i+1] = cos(t / 10000^(2i/C))",
        "logits = x Wᵀ",
        "probs[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])",
        "losses[t] = -log probs[t, targets[t]] where targets[t] ≥ 0, else 0",
        "n = Σₜ (targets[t] ≥ 0),   loss = Σₜ losses[t] / n",
        "dlogits[t] = (probs[t] - one_hot(targets[t])) / n where targets[t] ≥ 0, else 0",
        "dx = dlogits W,   dW = dlogitsᵀ x",
        "dembed.out[t] = dwpe.weight[t] = dwpe.out[t]",
        "dwpe.weight[t] = dwpe.out[t] where t < T, else 0",
        "dwte.weight[v] = Σₜ dembed.out[t] where tokens[t] = v",
    ):
        holds(line, values)


def test_smoothed_labels():
    logits, targets = numbers(T, V).requires_grad_(), torch.tensor([3, 1, -100, 0])
    smoothed = functional.cross_entropy(logits, targets, label_smoothing=0.1)
    sharp = functional.cross_entropy(logits, targets)
    (dlogits,) = torch.autograd.grad(smoothed, [logits])
    values = {"logits": logits, "targets": targets, "loss": smoothed, "sharp": sharp, "n": 3}
    values |= {"probs": logits.softmax(-1), "dlogits": dlogits, "ε": 0.1, "V": V}
    values |= {"lead": (smoothed - sharp) / 0.1, "y": 0.1 / V + torch.zeros(T, V).double()}
    values["y"][[0, 1, 3], [3, 1, 0]] += 0.9
    for line in (
        "sharp = Σₜ -log probs[t, targets[t]] / n where targets[t] ≥ 0",
        "lead = Σₜ (logits[t, targets[t]] - mean(logits[t])) / n where targets[t] ≥ 0",
        "loss = sharp + ε lead",
        "y = (1-ε) one_hot(targets) + ε/V",
        "dlogits[t] = (probs[t] - y[t]) / n where targets[t] ≥ 0, else 0",
    ):
        holds(line, values)


@pytest.mark.parametrize("steps", [1, 3])
def test_optimizers(steps: int):
    weight = torch.nn.Parameter(numbers(T, C))
    before, dw = weight.detach().clone(), numbers(T, C) + 1
    optimizer = torch.optim.AdamW([weight], lr=0.01, weight_decay=0.1)
    m = v = torch.zeros_like(before)
    for _ in range(steps):
        before, m_before, v_before = weight.detach().clone(), m.clone(), v.clone()
        weight.grad = dw
        optimizer.step()
        m, v = (optimizer.state[weight][name] for name in ("exp_avg", "exp_avg_sq"))
    values = {"m": m, "v": v, "m_before": m_before, "v_before": v_before, "dw": dw, "w": before}
    values |= {"new": weight, "update": weight - before, "m_hat": m / (1 - 0.9**steps)}
    values |= {"v_hat": v / (1 - 0.999**steps), "β₁": 0.9, "β₂": 0.999, "t": steps}
    values |= {"η": 0.01, "λ": 0.1, "ε": 1e-8}
    holds("m = β₁ m_before + (1-β₁) dw,   v = β₂ v_before + (1-β₂) dw²", values)
    holds("m_hat = m / (1-β₁ᵗ),   v_hat = v / (1-β₂ᵗ)", values)
    holds("update = -η m_hat / (√v_hat + ε) - η λ w,   new = w + update", values)
    holds("η = 0.01,   β₁ = 0.9,   β₂ = 0.999,   ε = 1e-08,   λ = 0.1", values)


def test_examples():
    x, weight = numbers(3, C), numbers(C, D)
    values = {f"x{sign}": row for sign, row in zip("₁₂₃", x, strict=True)}
    values |= {
        "W_q": weight,
        "q₃": x[2] @ weight,
        "scores": numbers(3),
        "u": numbers(3).softmax(-1),
    }
    values |= {"leaf": 0.3, "flower": 0.8, "distance": 1.5, "output": numbers(C), "wanted": x[0]}
    values |= {"loss": (values["output"] - x[0]).abs().sum(), "w": x[1]}
    values |= {"capped": values["output"].clamp(0, 1), "keep": (x > 0), "p": 0.25, "x": x}
    values |= {"out": x * (x > 0) / 0.75, "shifted": x - x.amax(-1, keepdim=True)}
    holds("q₃ = x₃ W_q,   u = softmax(scores)", values)
    holds("distance = |leaf - 1| + |flower - 0|, the loss", values, prose=1)
    holds("loss = Σ |output - wanted|", values)
    holds("capped = min(max(output, 0), 1)", values)
    holds("out = x · keep / (1-p)", values)
    holds("shifted = x - max x", values)
