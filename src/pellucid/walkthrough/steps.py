"""The steps of a GPT, as data: what each is called, its formula, and the names that it shows.

The numbering is that of the forward pass; the backward pass undoes the same steps in reverse and
keeps their numbers.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.models import GPTConfig
from pellucid.optim import BETAS, EPS, MU
from pellucid.walkthrough.rows import LORA
from pellucid.walkthrough.walkthrough import Step

FORMULAS = {
    "gelu_tanh": "act.out = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))",
    "gelu_erf": "act.out = x Φ(x),   Φ(x) = ½ (1 + erf(x/√2))",
    "relu": "act.out = max(x, 0)",
}


Shown = tuple[tuple[str, ...], tuple[str, ...]]
"""The formulas of a step, and the names that it shows."""


_PAIR = ("each map with its pair: base = x W + b,   low = x lora_a,   out = base + low lora_b",)
"""What LoRA makes of every x W + b."""


def under(path: str, *names: str) -> tuple[str, ...]:
    """The names below a path."""
    return tuple(f"{path}.{name}" for name in names)


def layer_norm(path: str) -> Shown:
    """Layer norm at a path."""
    return (
        (
            "mean = Σ x / C,   variance = Σ (x - mean)² / C,   rstd = 1 / √(variance + ε)",
            "xhat = (x - mean) · rstd,   out = xhat · weight + bias",
        ),
        under(path, "mean", "variance", "rstd", "xhat", "weight", "bias", "out"),
    )


def linear(path: str, *, lora: bool) -> tuple[str, ...]:
    """What a linear map shows: with LoRA its pair too, and what goes through it."""
    return under(path, "weight", "bias", *(LORA if lora else ()), "out")


def attention(
    path: str, hidden: str = "where a key lies in the future", *, lora: bool = False
) -> Shown:
    """Self-attention at a path; `hidden` says which scores are -∞."""
    return (
        (
            *(_PAIR if lora else ()),
            "[q k v] = x W + b, cut into heads",
            f"scores = q kᵀ / √d, -∞ {hidden}",
            "att = softmax(scores),   z = att v,   out = concat(z) W' + b'",
        ),
        linear(f"{path}.c_attn", lora=lora)
        + under(path, "q", "k", "v", "scores", "att", "z", "merged")
        + linear(f"{path}.c_proj", lora=lora)
        + under(path, "resid_dropout.out"),
    )


def feed_forward(path: str, activation: str, *, lora: bool = False) -> Shown:
    """The feed-forward network at a path."""
    return (
        (
            *(_PAIR if lora else ()),
            "c_fc.out = x W + b",
            FORMULAS[activation],
            "out = act.out W' + b'",
        ),
        linear(f"{path}.c_fc", lora=lora)
        + under(path, "act.out")
        + linear(f"{path}.c_proj", lora=lora)
        + under(path, "dropout.out"),
    )


def forward_steps(config: GPTConfig) -> list[Step]:
    """The steps from tokens to loss, in order, numbered from 1."""
    steps: list[Step] = []

    def step(
        title: str,
        kind: str,
        formulas: tuple[str, ...],
        names: tuple[str, ...],
        layer: int | None = None,
    ) -> None:
        number = len(steps) + 1
        steps.append(Step(title, formulas, names, number=number, kind=kind, layer=layer))

    step(
        "Vocabulary and tokens",
        "tokens",
        ("targets[t] = tokens[t + 1]: each token is to be predicted from those up to it",),
        ("tokens", "targets"),
    )
    step(
        "Embedding lookup",
        "embedding",
        ("embed.out[t] = wte.weight[tokens[t]]",),
        ("wte.weight", "embed.out"),
    )
    step(
        "Positional embeddings",
        "position",
        ("wpe.out[t] = embed.out[t] + wpe.weight[t]",),
        ("wpe.weight", "wpe.out", "drop.out"),
    )
    lora = config.lora_rank > 0
    for layer in range(config.n_layer):
        block = f"h.{layer}"
        pre = config.norm == "pre"
        add_1, add_2 = ("resid_mid", "resid_post") if pre else ("sum_1", "sum_2")

        def norm(number: int, layer: int = layer, block: str = block) -> None:
            title = f"Layer norm {number}"
            step(title, "layer_norm", *layer_norm(f"{block}.ln_{number}"), layer)

        if pre:
            norm(1)
        step(
            "Multi-head self-attention", "attention", *attention(f"{block}.attn", lora=lora), layer
        )
        step(
            "Residual connection",
            "residual",
            (f"{add_1} = resid_pre + attn's out",),
            under(block, add_1),
            layer,
        )
        norm(2 if pre else 1)
        mlp = feed_forward(f"{block}.mlp", config.activation, lora=lora)
        step("MLP", "mlp", *mlp, layer)
        step(
            "Residual connection (post MLP)",
            "residual",
            (f"{add_2} = resid_mid + mlp's out",),
            under(block, add_2),
            layer,
        )
        if not pre:
            norm(2)
    if config.final_norm:
        step("Final layer norm", "layer_norm", *layer_norm("ln_f"))
    head = "wte.weight" if config.tied else "lm_head.weight"
    step("Logit projection", "logits", (f"logits = x {head}ᵀ",), ("lm_head.weight", "logits"))
    step(
        "Softmax",
        "softmax",
        ("probs[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])",),
        ("probs",),
    )
    step(
        "Loss",
        "loss",
        ("losses[t] = -log probs[t, targets[t]],   loss = their mean, in nats",),
        ("losses", "loss"),
    )
    return steps


BACKWARD: dict[str, tuple[str, ...]] = {
    "embedding": ("dembed.weight[v] = Σ dembed.out[t] over the t with tokens[t] = v",),
    "position": ("dembed.out[t] = dwpe.weight[t] = dwpe.out[t]",),
    "layer_norm": (
        "dweight = Σ dout · xhat,   dbias = Σ dout,   dxhat = dout · weight",
        "dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat))",
    ),
    "attention": (
        "dW' = mergedᵀ dout,   db' = Σ dout,   dmerged = dout W'ᵀ, cut into heads: dz",
        "dv = attᵀ dz,   datt = dz vᵀ",
        "dscores = att · (datt - Σ datt · att),   dq = dscores k / √d,   dk = dscoresᵀ q / √d",
        "dW = xᵀ d[q k v],   db = Σ d[q k v],   dx = d[q k v] Wᵀ",
    ),
    "residual": (
        "a sum hands its gradient to both terms; where the stream is read twice, two gradients add",
    ),
    "mlp": (
        "dW' = act.outᵀ dout,   db' = Σ dout,   dact.out = dout W'ᵀ",
        "dc_fc.out = dact.out · act'(c_fc.out)",
        "dW = xᵀ dc_fc.out,   db = Σ dc_fc.out,   dx = dc_fc.out Wᵀ",
    ),
    "logits": ("dx = dlogits W,   dW = dlogitsᵀ x",),
    "softmax": ("dlogits = (probs - one_hot(targets)) / number of targets",),
}
"""How each kind of step is undone; tokens have no gradient, and the loss's own is 1."""

_TIED = "the tied head used the table too: dwte.weight = dembed.weight + dlm_head.weight"
_PAIR_BACK = (
    "dlora_b = lowᵀ dout,   dlow = dout lora_bᵀ,   dlora_a = xᵀ dlow",
    "each map with its pair: dx = dout Wᵀ + dlow lora_aᵀ",
)
_TWICE = "the stream was read by the layer norm too: dresid_pre = dresid_mid + dx"


def backward_steps(config: GPTConfig) -> list[Step]:
    """The steps from the loss back to the embeddings, in reverse and under their own numbers."""
    return [
        undo(step, pre=config.norm == "pre", tied=config.tied)
        for step in reversed(forward_steps(config))
        if step.kind in BACKWARD
    ]


def undo(step: Step, *, pre: bool, tied: bool) -> Step:
    """The step with the gradients' formulas and names in place of the values'."""
    formulas: tuple[str, ...] = BACKWARD[step.kind]
    match step.kind:
        case "softmax":
            names: tuple[str, ...] = ("dlogits",)
        case "logits":
            names = ("dlm_head.weight", "dlm_head.x")
        case "layer_norm":
            path = "d" + step.names[0].removesuffix(".mean")
            names = under(path, "out", "weight", "bias", "xhat", "x")
            if step.title == "Layer norm 1" and pre:
                names += (f"dh.{step.layer}.resid_pre",)
                formulas += (_TWICE,)
        case "position":
            names = ("dwpe.out", "dwpe.weight")
        case "embedding":
            names = ("dembed.weight", "dwte.weight")
            formulas += (_TIED,) if tied else ()
        case _:
            names = tuple("d" + name for name in reversed(step.names))
            formulas += _PAIR_BACK if any(name.endswith("lora_a") for name in names) else ()
    return step._replace(formulas=formulas, names=names)


def update_step(update: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The optimizer's name and its formulas, with the settings that were used."""
    rate = f"η = {update['learning_rate']:g}"
    moments = (
        "m = β₁ m + (1-β₁) dw,   v = β₂ v + (1-β₂) dw²,   both 0 before the first step",
        "m_hat = m / (1-β₁ᵗ),   v_hat = v / (1-β₂ᵗ):   at t = 1 they are dw and dw²",
    )
    betas = f"{rate},   β₁ = {BETAS[0]:g},   β₂ = {BETAS[1]:g},   ε = {EPS:g}"
    match update.get("optimizer", "adamw"):
        case "sgd":
            return "gradient descent", ("update = -η dw,   new = w + update", rate)
        case "momentum":
            return "gradient descent with momentum", (
                "m = μ m + dw,   0 before the first step: at t = 1 it is dw",
                "update = -η m,   new = w + update",
                f"{rate},   μ = {MU:g}",
            )
        case "adam":
            step = "update = -η m_hat / (√v_hat + ε),   new = w + update"
            return "Adam", (*moments, step, betas)
        case _:
            step = "update = -η m_hat / (√v_hat + ε) - η λ w,   new = w + update"
            decay = f"{betas},   λ = {update['weight_decay']:g}, for vectors 0"
            return "AdamW", (*moments, step, decay)
