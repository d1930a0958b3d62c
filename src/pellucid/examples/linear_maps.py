"""Linear maps in a row: why a network bends its values in between, and attention's two maps."""

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, exact, normal, numbered
from pellucid.layers import linear, merge_heads, relu, scaled_dot_product, split_heads
from pellucid.models import GPTConfig
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.tree import Tree
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Linear maps in a row"
ABOUT = "Two linear maps in a row are one, whatever their sizes, until something bends in between."

X = [[1.0, 2.0], [-1.0, 0.5]]
FIRST = {"weight": [[1.0, -2.0, 0.5], [0.5, 1.0, -1.0]], "bias": [0.25, -0.5, 1.0]}
SECOND = {"weight": [[2.0, 1.0], [-1.0, 0.5], [0.5, -2.0]], "bias": [1.0, -1.0]}
ROWS = ["x", "-x", "0"]
T, C, H = 3, 4, 2
GPT_2 = GPTConfig()


def _walkthrough() -> Walkthrough:
    tape = Tape()
    first = {name: exact(values) for name, values in FIRST.items()}
    second = {name: exact(values) for name, values in SECOND.items()}
    for name, layer in (("first", first), ("second", second)):
        tape.at(name).given(layer)
    parts = numbered(_two_are_one(tape, first, second), _bend(tape, first, second), _heads(tape))
    names = axes((ROWS, None), "probe", "straight.second.out", "bent.second.out")
    names |= axes((["without", "with ReLU"], None), "test")
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _through(
    x: Tensor, first: Tree, second: Tree, *, bend: bool, tape: NullTape = NULL_TAPE
) -> Tensor:
    """Both maps, with or without a ReLU between them."""
    inner, _ = linear(x, **first, tape=tape.at("first"))
    between = relu(inner, tape=tape.at("relu"))[0] if bend else inner
    out, _ = linear(between, **second, tape=tape.at("second"))
    return out


def _two_are_one(tape: Tape, first: Tree, second: Tree) -> Part:
    x = exact(X)
    tape.given({"x": x})
    inner, _ = linear(x, **first, tape=tape.at("first"))
    out, _ = linear(inner, **second, tape=tape.at("second"))
    weight, _ = linear(first["weight"], weight=second["weight"])
    bias, _ = linear(first["bias"], **second)
    tape.at("one").given({"weight": weight, "bias": bias})
    one, _ = linear(x, weight=weight, bias=bias, tape=tape.at("one"))
    return Part(
        "Two maps are one",
        (
            Step(
                "One after the other",
                ("first.out = x W₁ + b₁,   second.out = first.out W₂ + b₂",),
                (
                    *("x", "first.weight", "first.bias", "first.out"),
                    *("second.weight", "second.bias", "second.out"),
                ),
            ),
            Step(
                "The one map that does the same",
                ("(x W₁ + b₁) W₂ + b₂ = x (W₁ W₂) + (b₁ W₂ + b₂)",),
                ("one.weight", "one.bias", "one.out"),
                says=f"The results differ by {apart(one, out)}. The {inner.shape[-1]} nodes in the "
                f"middle have gained nothing: {weight.numel()} weights do the work of "
                f"{first['weight'].numel() + second['weight'].numel()}.",
            ),
        ),
    )


def _bend(tape: Tape, first: Tree, second: Tree) -> Part:
    probe = exact([X[0], [-value for value in X[0]], [0.0] * len(X[0])])
    tape.given({"probe": probe})
    straight = _through(probe, first, second, bend=False, tape=tape.at("straight"))
    bent = _through(probe, first, second, bend=True, tape=tape.at("bent"))
    test = torch.stack([out[0] + out[1] - 2 * out[2] for out in (straight, bent)])
    tape.given({"test": test})
    return Part(
        "With ReLU in between they are not",
        (
            Step(
                "A test that every linear map passes",
                ("f(x) + f(-x) - 2 f(0) = 0 for f(x) = x W + b, whatever W and b are",),
                ("probe", "straight.second.out", "bent.second.out", "test"),
                says=f"Without ReLU the test gives {float(test[0].abs().max()):g} at most; with "
                f"it {float(test[1].abs().max()):g}. So no single map, however chosen, does what "
                "the two do with a ReLU between them: the middle nodes now count.",
            ),
        ),
    )


def _heads(tape: Tape) -> Part:
    x, w_v, w_o = normal(T, C, seed=1), normal(C, C, seed=2), normal(C, C, seed=3)
    q, k = normal(H, T, C // H, seed=4), normal(H, T, C // H, seed=5)
    tape.given({"words": x, "W_v": w_v, "W_o": w_o, "q": q, "k": k})
    values, _ = linear(x, weight=w_v, tape=tape.at("values"))  # (T, C)
    z, _ = scaled_dot_product(q, k, split_heads(values, H), tape=tape.at("heads"))  # (H, T, d)
    out, _ = linear(merge_heads(z), weight=w_o, tape=tape.at("joined"))  # (T, C)
    # A head reads its own columns of W_v and writes through its own rows of W_o.
    folded = split_heads(w_v, H) @ w_o.unflatten(0, (H, -1))  # (H, C, C)
    tape.given({"folded": folded})
    mixed, _ = scaled_dot_product(q, k, x @ folded, tape=tape.at("folded_heads"))  # (H, T, C)
    total = mixed.sum(0)
    tape.given({"total": total})
    deeper, _ = linear(linear(x, weight=w_v)[0], weight=w_o)
    at_once, _ = linear(x, weight=linear(w_v, weight=w_o)[0])
    tape.given({"deeper": deeper, "at_once": at_once})
    width = GPT_2.n_embd
    return Part(
        "Attention's value and output maps",
        (
            Step(
                "Heads side by side, then a linear map",
                ("v = heads(x W_v);   z = att v;   out = concat(z) W_o",),
                ("words", "heads.att", "heads.z", "joined.out"),
                says=f"{H} heads, each {C // H} wide, read {T} words of width {C}. Their outputs "
                "stand side by side and pass one map.",
            ),
            Step(
                "The two maps are one in each head",
                ("out = Σ over heads of att · x (W_v W_o), a head's columns by a head's rows",),
                ("folded", "total"),
                says="Attention mixes words and leaves the numbers of a word apart; the maps mix "
                "the numbers of a word. So the two maps meet, although attention stands between "
                f"them: the results differ by {apart(total, out)}. Kept apart they are fewer "
                f"weights: in GPT-2, of width {width} with {GPT_2.n_head} heads, a head has "
                f"{2 * width * width // GPT_2.n_head:,}, and folded it would have {width**2:,}.",
            ),
            Step(
                "A second map before the heads",
                ("(x W) W' = x (W W')",),
                ("deeper", "at_once"),
                says="Some drawings send keys, queries and values through a map for all heads and "
                "then through one for each head. Two maps in a row again: one matrix for each "
                f"head does the same, to within {apart(deeper, at_once)}.",
            ),
        ),
    )


LINEAR_MAPS = Demonstration(TITLE, ABOUT, _walkthrough)
