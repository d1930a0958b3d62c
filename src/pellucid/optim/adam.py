"""Adam, and AdamW with its decoupled weight decay."""

from torch import Tensor

from pellucid.layers.facts import Meaning, given, without
from pellucid.layers.layer import layer
from pellucid.layers.wide import wide
from pellucid.optim.step import Rule, State, each_leaf, zeros
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, map_leaves

BETAS = (0.9, 0.999)
EPS = 1e-8


@layer(
    "m = β₁ m_before + (1 - β₁) dweight",
    "v = β₂ v_before + (1 - β₂) dweight²",
    "m_hat = m / (1 - β₁ᵗ)",
    "v_hat = v / (1 - β₂ᵗ)",
    without("weight_decay", "update = -η m_hat / (√v_hat + ε)"),
    given("weight_decay", "update = -η m_hat / (√v_hat + ε) - η λ weight"),
    "new = weight + update",
    values={
        "m_before": Meaning("", "m", "m after the step before, 0 for a first"),
        "v_before": Meaning("", "v", "v after the step before, 0 for a first"),
        "m": Meaning("", "m", "running mean of the gradient"),
        "v": Meaning("", "v", "running mean of the squared gradient"),
        "m_hat": Meaning("", "m̂", "m corrected for its start at 0"),
        "v_hat": Meaning("", "v̂", "v corrected for its start at 0"),
        "update": Meaning("", "Δw", "what is added to the parameter"),
        "new": Meaning("", "w + Δw", "the parameter after the step"),
    },
    settings={
        "learning_rate": "η",
        "betas.0": "β₁",
        "betas.1": "β₂",
        "eps": "ε",
        "weight_decay": "λ",
        "t": "t",
    },
)
def adamw_rule(
    weight: Tensor,
    dweight: Tensor,
    *,
    m_before: Tensor,
    v_before: Tensor,
    t: int,
    learning_rate: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """One weight's step, the t-th, counted from 1.

    m = β₁ m_before + (1-β₁) dweight          the gradient's running mean
    v = β₂ v_before + (1-β₂) dweight²         its square's
    m_hat = m / (1-β₁ᵗ), v_hat = v / (1-β₂ᵗ)  corrected for having begun at zero
    update = -η m_hat / (√v_hat + ε) - η λ weight
    new = weight + update

    All is in float32 at least, and the new weight is rounded once, to its own dtype.
    """
    beta1, beta2 = betas
    slope, before = wide(dweight), wide(weight)
    m = beta1 * wide(m_before) + (1 - beta1) * slope
    v = beta2 * wide(v_before) + (1 - beta2) * slope.square()
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    decay = learning_rate * weight_decay * before
    update = -learning_rate * m_hat / (v_hat.sqrt() + eps) - decay
    new = (before + update).to(weight.dtype)
    tape.note(beta1=beta1, beta2=beta2, decay=decay)
    tape(m=m, v=v, m_hat=m_hat, v_hat=v_hat, update=update, new=new)
    return new, {"m": m, "v": v}


def adamw(
    params: Tree,
    grads: Tree,
    state: State | None = None,
    *,
    learning_rate: float,
    betas: tuple[float, float] = BETAS,
    eps: float = EPS,
    weight_decay: float | Tree = 0.01,
    rule: Rule = adamw_rule,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tree, State]:
    """One step of AdamW: Adam, and every weight shrinks by η λ of itself, whatever its gradient.

    `weight_decay` is one λ for all, or a tree of them as `decay_groups` makes it. The state is
    `m`, `v` and `t`; None before the first step. `rule` may be a kernel that replaces `adamw_rule`.
    Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
    """
    before = state or {"m": zeros(params), "v": zeros(params), "t": 0}
    t = before["t"] + 1
    decay = weight_decay
    if not isinstance(decay, dict):
        decay = map_leaves(lambda _: weight_decay, params)
    new, moments = each_leaf(
        rule,
        params,
        grads,
        by_leaf={"m_before": before["m"], "v_before": before["v"], "weight_decay": decay},
        t=t,
        learning_rate=learning_rate,
        betas=betas,
        eps=eps,
        tape=tape,
    )
    return new, moments | {"t": t}


def adam(
    params: Tree,
    grads: Tree,
    state: State | None = None,
    *,
    learning_rate: float,
    betas: tuple[float, float] = BETAS,
    eps: float = EPS,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tree, State]:
    """One step of Adam: each weight moves by about η, in the direction that its gradients agree on.

    AdamW without decay.
    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """
    return adamw(
        params,
        grads,
        state,
        learning_rate=learning_rate,
        betas=betas,
        eps=eps,
        weight_decay=0.0,
        tape=tape,
    )


def decay_groups(params: Tree, weight_decay: float) -> Tree:
    """A tree of decays as usual for GPT-2: matrices decay, biases and norms do not.

    Source: Brown et al. 2020, "Language models are few-shot learners", appendix B, as nanoGPT
    reads it: what has two dimensions decays.
    """
    return map_leaves(lambda weight: weight_decay if weight.dim() >= 2 else 0.0, params)
