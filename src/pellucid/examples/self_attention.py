"""Self-attention for three words, in its simplest form and as the layer computes it."""

import math

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, exact, numbered
from pellucid.layers import linear, position, scaled_dot_product, sinusoids, softmax, unembedding
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Self-attention for three words"
ABOUT = "Humpty, dumpty, sat: the last word asks, each word answers, and their values are mixed."

WORDS = ["humpty", "dumpty", "sat"]
SWAPPED = [WORDS[1], WORDS[0], WORDS[2]]
VECTORS = [[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [1.0, 1.0, -1.0]]
W_K = [[1.0, 0.0], [0.0, 0.5], [0.5, -1.0]]
W_Q = [[1.0, -0.5], [0.5, 0.0], [0.0, 1.0]]
W_V = [[1.0, 2.0], [0.5, 0.0], [-1.0, 0.5]]
ORDERS = [" ".join(WORDS), " ".join(SWAPPED)]


def _walkthrough() -> Walkthrough:
    tape = Tape()
    x = exact(VECTORS)
    tape.given({"x": x, "W_k": exact(W_K), "W_q": exact(W_Q), "W_v": exact(W_V)})
    parts = numbered(_simple(tape, x), _scaled(tape), _orders(tape, x))
    last = [WORDS[-1]]
    names = (
        axes((WORDS, None), "x", "keys.out", "values.out", "placed.rows", "placed.out")
        | axes((last, None), "query.out", "mixed.out", "scaled.z", "longer", "again.z")
        | axes((last, WORDS), "scores.out", "u.out", "scaled.scores", "scaled.att", "again.att")
        | axes((last, SWAPPED), "swapped.u.out")
        | axes((["as it is", "swapped"], None), "without", "with")
    )
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _attend(x: Tensor, weights: Tape, tape: NullTape = NULL_TAPE) -> Tensor:
    """What the last word gathers from all: u = softmax(q kᵀ), output = u v."""
    keys, _ = linear(x, weight=weights["W_k"], tape=tape.at("keys"))  # (T, d)
    query, _ = linear(x[-1:], weight=weights["W_q"], tape=tape.at("query"))  # (1, d)
    values, _ = linear(x, weight=weights["W_v"], tape=tape.at("values"))  # (T, d)
    scores, _ = unembedding(query, weight=keys, tape=tape.at("scores"))  # (1, T)
    u, _ = softmax(scores, tape=tape.at("u"))  # (1, T)
    output, _ = linear(u, weight=values, tape=tape.at("mixed"))  # (1, d)
    return output


def _simple(tape: Tape, x: Tensor) -> Part:
    output = _attend(x, tape, tape)
    u = tape["u.out"][0]
    most = int(u.argmax())
    terms = " + ".join(
        f"{float(share):.4f} · {value.tolist()}"
        for share, value in zip(u, tape["values.out"], strict=True)
    )
    return Part(
        "In its simplest form",
        (
            Step(
                "Each word gets a key and a value, the last one a query",
                ("kᵢ = xᵢ W_k,   vᵢ = xᵢ W_v,   q₃ = x₃ W_q",),
                ("x", "W_k", "W_q", "W_v", "keys.out", "query.out", "values.out"),
                says="The same three matrices serve every word. A word is a row here, so that the "
                "matrix stands to its right.",
            ),
            Step(
                "How much each word counts",
                ("scoreᵢ = Σ q₃ · kᵢ,   u = softmax(scores)",),
                ("scores.out", "u.out"),
                says=f"To {WORDS[-1]}, {WORDS[most]} counts most, {float(u[most]):.4f}; the shares "
                f"sum to {float(u.sum()):g}. They depend on both words: that is what a network "
                "with fixed weights cannot do.",
            ),
            Step(
                "The values, mixed",
                ("output = u₁ v₁ + u₂ v₂ + u₃ v₃",),
                ("mixed.out",),
                lines=(f"{terms} = {[round(float(value), 4) for value in output[0]]}",),
                says="One vector, as long as a value, whatever the number of words.",
            ),
        ),
    )


def _scaled(tape: Tape) -> Part:
    query, keys, values = tape["query.out"], tape["keys.out"], tape["values.out"]
    width = query.shape[-1]
    scaled_dot_product(query, keys, values, tape=tape.at("scaled"))
    longer = query * math.sqrt(width)
    tape.given({"longer": longer})
    again, _ = scaled_dot_product(longer, keys, values, tape=tape.at("again"))
    plain, divided = tape["u.out"], tape["scaled.att"]
    return Part(
        "As the layer computes it",
        (
            Step(
                f"Scores are divided by √d = √{width}",
                ("att = softmax(q kᵀ / √d),   z = att v",),
                ("scaled.scores", "scaled.att", "scaled.z"),
                says="A product of long vectors has many terms and grows with √d; undivided, "
                "softmax would give nearly all to one word. Here the largest share goes from "
                f"{float(plain.max()):.4f} to {float(divided.max()):.4f}.",
            ),
            Step(
                "The rest is the same",
                ("longer = q √d",),
                ("longer", "again.att", "again.z"),
                says="A query longer by √d undoes the division, and the layer gives what the "
                f"simple form gave: the outputs differ by {apart(again, tape['mixed.out'])}.",
            ),
        ),
    )


def _orders(tape: Tape, x: Tensor) -> Part:
    other = [1, 0, 2]
    swapped = _attend(x[other], tape, tape.at("swapped"))
    without = torch.cat([tape["mixed.out"], swapped])
    table = sinusoids(*x.shape, dtype=x.dtype, device=x.device)
    placed, _ = position(x, weight=table, tape=tape.at("placed"))
    placed_swapped, _ = position(x[other], weight=table, tape=tape.at("placed_swapped"))
    with_ = torch.cat([_attend(placed, tape), _attend(placed_swapped, tape)])
    tape.given({"without": without, "with": with_})
    return Part(
        "Does the order of the words count?",
        (
            Step(
                "Without positions it does not",
                (f"as it is: {ORDERS[0]};   swapped: {ORDERS[1]}",),
                ("swapped.u.out", "without"),
                says="Each word keeps its share wherever it stands, and a sum has no order: the "
                f"two outputs differ by {apart(without[0], without[1])}.",
            ),
            Step(
                "With positions it does",
                ("placed = x + the vector of its position",),
                ("placed.rows", "placed.out", "with"),
                says="Now humpty in first place is another vector than humpty in second place: "
                f"the outputs differ by {apart(with_[0], with_[1])}.",
            ),
        ),
    )


SELF_ATTENTION = Demonstration(TITLE, ABOUT, _walkthrough)
