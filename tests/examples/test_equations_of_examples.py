"""The formulas that examples say by themselves, on the numbers of the example's run."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from pellucid.documents.formulas import equations, evaluate
from pellucid.examples import EXAMPLES
from pellucid.examples.dropout import P
from pellucid.examples.leaf_or_flower_training import DIFFERENCE_STEP, RATE
from pellucid.layers import dropout
from pellucid.tape import Tape
from pellucid.walkthrough import Step, Steps, update_equations
from tests.examples.walkthroughs import walkthrough_of

Found = str | float | Callable[[Tape], Tensor]
"""A value by its name on the tape, a setting, or what is computed from the tape."""


def row(name: str, place: int) -> Callable[[Tape], Tensor]:
    return lambda tape: tape[name][place]


def column(name: str, place: int) -> Callable[[Tape], Tensor]:
    return lambda tape: tape[name][..., place, None]


def number(name: str, place: int) -> Callable[[Tape], Tensor]:
    return lambda tape: tape[name].flatten()[place]


NORM = "h.0.ln_1"
NORMALIZED: Mapping[str, Found] = {
    "x": f"{NORM}.x",
    "mean": f"{NORM}.mean",
    "variance": f"{NORM}.variance",
    "xhat": f"{NORM}.xhat",
    "dxhat": f"d{NORM}.xhat",
    "dx": f"d{NORM}.x",
    "x₁": column(f"{NORM}.x", 0),
    "x₂": column(f"{NORM}.x", 1),
    "dxhat₁": column(f"d{NORM}.xhat", 0),
    "dxhat₂": column(f"d{NORM}.xhat", 1),
    "a": lambda tape: tape[f"{NORM}.variance"].sqrt(),
    "g": lambda tape: tape[f"d{NORM}.xhat"].diff(dim=-1).abs() / 2,
    "ε": 1e-5,
}

MEANT: Mapping[str, Mapping[str, Found]] = {
    "One matrix instead of two": {
        "x": "plain.inputs",
        "W₁": "plain.hidden.0.weight",
        "W₂": "plain.output.weight",
    },
    "With biases the same": {
        "x": "plain.inputs",
        "W₁": "biased.hidden.0.weight",
        "W₂": "biased.output.weight",
        "b₁": "biased.hidden.0.bias",
        "b₂": "biased.output.bias",
    },
    "How far the outputs are from those wanted": {
        "loss": "difference.losses",
        "output": "outputs",
        "wanted": "aim",
    },
    "Nudge each weight, or use the formula": {"h": DIFFERENCE_STEP},
    "One step against the gradient": {"η": RATE},
    "The inputs, standardized": {
        name: f"network.{name if '.' in name else place}"
        for name, place in {
            "standardize.out": "",
            "inputs": "inputs",
            "mean": "standardize.mean",
            "std": "standardize.std",
        }.items()
    },
    "Step after step": {"η": RATE},
    "a = 1, b = 2 … z = 26, and a space is 0": {"number": "numbers.windows"},
    **{
        title: {name: f"merge{number}.{name}" for name in ("counts.out", "left", "right")}
        for number, title in enumerate(
            (
                "Merge 1: a + t → at",
                "Merge 2: c + at → cat",
                "Merge 3: d + o → do",
                "Merge 4: do + g → dog",
            ),
            start=1,
        )
    },
    "Six things, and a network of two weights": {
        name: f"sgd.1.{name}" for name in ("output.out", "inputs", "output.weight")
    },
    **{
        title: {"η": 0.5, "μ": 0.9, "β₁": 0.9, "β₂": 0.999, "ε": 1e-8, "λ": 0.1, "t": 1}
        | {"m_before": lambda _: torch.zeros(2, 1), "v_before": lambda _: torch.zeros(2, 1)}
        | {"weight": f"{name}.1.output.weight", "dweight": f"d{name}.1.output.weight"}
        | ({} if name == "sgd" else {"m": f"{name}.1.output.weight.m"})
        | {
            part: f"{name}.1.output.weight.{part}"
            for part in (("m_hat", "v_hat") if name.startswith("adam") else ())
        }
        for name, title in (
            ("sgd", "SGD: against the gradient"),
            ("momentum", "Momentum: the gradients add up"),
            ("adam", "Adam: divided by the gradient's own size"),
            ("adamw", "AdamW: and every weight shrinks a little"),
        )
    },
    "What follows 'humpty du'?": {"logits": "network.logits"},
    "Temperature": {"logits": "network.logits"},
    "Each word gets a key and a value, the last one a query": {
        "kᵢ": "keys.out",
        "vᵢ": "values.out",
        "q₃": "query.out",
        "xᵢ": "x",
        "x₃": row("x", 2),
    },
    "How much each word counts": {
        "scoreᵢ": lambda tape: tape["scores.out"].mT,
        "q₃": "query.out",
        "kᵢ": "keys.out",
        "scores": "scores.out",
        "u": "u.out",
    },
    "The values, mixed": {
        "output": "mixed.out",
        "u₁": number("u.out", 0),
        "u₂": number("u.out", 1),
        "u₃": number("u.out", 2),
        "v₁": row("values.out", 0),
        "v₂": row("values.out", 1),
        "v₃": row("values.out", 2),
    },
    "Scores are divided by √d = √2": {
        "q": "query.out",
        "k": "keys.out",
        "v": "values.out",
        "d": 2,
    },
    "The rest is the same": {"q": "query.out", "d": 2},
    "A right answer with the greater loss": {
        "leaf": lambda tape: tape["outputs"][:, 0],
        "flower": lambda tape: tape["outputs"][:, 1],
    },
    "Cutting the outputs off as well": {"output": "outputs"},
    "Every score counts against the others": {
        "x": row("outputs", 0),
        "out": row("softmax.out", 0),
    },
    "As the formula stands": {"x": "huge"},
    "As it is computed": {"x": "huge"},
    "The logistic function is softmax of z and 0": {
        "z": lambda _: torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    },
    "A row less its mean, over its standard deviation": {
        "n": lambda tape: torch.tensor(tape["x"].shape[-1])
    },
    "What follows 'humpty dumpt'?": {"logits": "output.out"},
    "Of 4 nodes each is kept or deleted": {"p": P},
    "In training: noise of 0 or 1": {"out": "train.out", "mean": "mean.out"},
    "At inference: everything times 1-p = 0.75": {"p": P},
    "Or the weights behind it times 1-p": {"p": P},
    "In training: noise of 0 or 1/(1-p) = 1.3333": {
        "out": "train.out",
        "mean": "mean.out",
        "p": P,
    },
    "At inference: nothing": {"out": lambda tape: dropout(tape["x"], noise=None)[0]},
    "Exact up to the next bend": {"node": "bend.train.out", "out": "inverted.train.out"},
    "Two trained numbers for each place": {"xhat": "back.xhat"},
    "One after the other": {
        "W₁": "first.weight",
        "b₁": "first.bias",
        "W₂": "second.weight",
        "b₂": "second.bias",
    },
    "The one map that does the same": {
        "W₁": "first.weight",
        "b₁": "first.bias",
        "W₂": "second.weight",
        "b₂": "second.bias",
    },
    "Heads side by side, then a linear map": {
        "x": "words",
        "v": "heads.v",
        "H": 2,
    },
    "A second map before the heads": {"x": "words", "W": "W_v", "W'": "W_o"},
    "The block of GPT-2": {
        name: f"gpt2.{name}"
        for name in ("resid_mid", "wpe.out", "attn.c_proj.out", "resid_post", "mlp.c_proj.out")
    },
    "No mean to subtract": {"x": "gpt2.wpe.out", "mean": "gpt2.ln_1.mean", "ε": 1e-5},
    "Backward, one term less": {
        name + prime: f"{'d' * name.startswith('d')}{stage}.ln_1.{name.removeprefix('d')}"
        for stage, prime in (("gpt2", ""), ("rms", "'"))
        for name in ("dx", "dxhat", "rstd", "xhat")
    },
    "Queries and keys are turned instead": {
        "first": "turned.attn.q_rope.first",
        "second": "turned.attn.q_rope.second",
        "cos": "turned.rope.cos",
        "sin": "turned.rope.sin",
    },
    "The score depends on the distance alone": {
        "scores": "turned.attn.scores",
        "q": "turned.attn.q",
        "k": "turned.attn.k",
        "mask": lambda _: torch.ones(2, 2).tril(),
        "d": 2,
    },
    "The mean of the two": {
        "k₀": lambda tape: tape["turned.attn.k_heads"][:1],
        "k₁": lambda tape: tape["turned.attn.k_heads"][1:],
        "v₀": lambda tape: tape["turned.attn.v_heads"][:1],
        "v₁": lambda tape: tape["turned.attn.v_heads"][1:],
    },
    "Each head still looks in its own way": {
        "att": "shared.attn.att",
        "scores": "shared.attn.scores",
    },
    "Backward, both heads teach the shared one": {
        "dk₀": lambda tape: tape["dshared.attn.k"][:1],
        "dk₁": lambda tape: tape["dshared.attn.k"][1:],
    },
    "Any two numbers become ±1": NORMALIZED,
    "No gradient comes back": NORMALIZED,
}
"""By the title of a step what its formulas mean that the names of its values do not say."""


def value_of(tape: Tape, step: Step, found: Found) -> Tensor | float:
    """A value by its whole name, or by what it has behind the first word of the step's names."""
    if callable(found):
        return found(tape)
    if not isinstance(found, str):
        return found
    heads = {name.partition(".")[0] for name in step.names}
    longer = [f"{head}.{found}" for head in sorted(heads) if f"{head}.{found}" in tape]
    return tape[longer[0] if longer and found not in tape else found]


def values_of(tape: Tape, step: Step) -> dict[str, Tensor | float]:
    """What the names in a step's formulas stand for: what it shows, by its last word, and more."""
    shown = {name.rpartition(".")[2]: tape[name] for name in step.names if name in tape}
    everything = {name: tape[name] for name in tape if isinstance(tape[name], Tensor)}
    meant = MEANT.get(step.title, {})
    return everything | shown | {name: value_of(tape, step, one) for name, one in meant.items()}


def of_layers(tape: Tape) -> set[str]:
    """The equations that the layers of the run say, which test_equations.py holds."""
    said = (*Steps(tape).written(), *update_equations(tape))
    return {equations(one.text)[0].text for one in said}


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_example_says_by_itself_is_what_ran_or_prose(name: str):
    walkthrough = walkthrough_of(name)
    tape = walkthrough.tape
    known = of_layers(tape)
    for step in (step for part in walkthrough.parts for step in part.steps):
        if not step.title:  # the update's settings beside its equations
            continue
        for formula in step.formulas:
            for clause in equations(formula):
                if clause.prose or clause.text in known:
                    continue
                left, right = evaluate(clause.text, values_of(tape, step))
                torch.testing.assert_close(
                    left, right, rtol=1e-6, atol=1e-9, equal_nan=True, msg=clause.text
                )


def test_each_meaning_is_of_a_step_that_is_there():
    titles = {
        step.title
        for name in EXAMPLES
        for part in walkthrough_of(name).parts
        for step in part.steps
    }
    assert set(MEANT) <= titles
