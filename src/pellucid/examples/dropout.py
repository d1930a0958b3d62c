"""Dropout: as first published and inverted, the same in expectation."""

from itertools import product

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, exact, numbered
from pellucid.layers import dropout, linear, relu
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Dropout"
ABOUT = "Dropout deletes nodes at random in training; two ways to make up for it afterwards."

X = [2.0, -1.0, 0.5, 4.0]
P = 0.25
W = [[0.5], [1.0], [-2.0], [0.5]]
NODES = [f"node {i}" for i in range(1, len(X) + 1)]


def _walkthrough() -> Walkthrough:
    tape = Tape()
    tape.given({"x": exact([X]), "W": exact(W)})
    parts = numbered(_all_cases(tape), _published(tape), _inverted(tape), _behind_a_bend(tape))
    names = (
        axes(([""], NODES), "x", "published.mean.out", "published.inference.out")
        | axes(([""], NODES), "inverted.mean.out")
        | axes((None, NODES), "keep", "published.train.out", "inverted.train.out")
        | axes((NODES, None), "W")
        | axes((["mean", "inference"], ["without", "with ReLU"]), "means")
    )
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _all_cases(tape: Tape) -> Part:
    keep = exact(list(product([1.0, 0.0], repeat=len(X))))  # (2ⁿ, n)
    chance = (keep * (1 - P) + (1 - keep) * P).prod(-1)  # (2ⁿ,)
    tape.given({"keep": keep, "chance": chance})
    return Part(
        "All that can happen",
        (
            Step(
                f"Of {len(X)} nodes each is kept or deleted",
                (f"chance = (1-p) for each that is kept, times p for each deleted;   p = {P:g}",),
                ("x", "keep", "chance"),
                says=f"There are 2^{len(X)} = {len(keep)} cases, and their chances sum to "
                f"{float(chance.sum()):g}. So a mean over all of them is exact: nothing here is "
                "drawn at random. The layer takes its noise as an argument.",
            ),
        ),
    )


def _published(tape: Tape) -> Part:
    x, keep, chance = tape["x"], tape["keep"], tape["chance"]
    place = tape.at("published")
    outs, _ = dropout(x.expand_as(keep), noise=keep, tape=place.at("train"))
    mean, _ = linear(chance[None], weight=outs, tape=place.at("mean"))
    noise = exact([1 - P] * len(X))
    inference, _ = dropout(x, noise=noise, tape=place.at("inference"))
    inputs_scaled, _ = linear(inference, weight=tape["W"], tape=place.at("inputs_scaled"))
    weights = tape["W"] * (1 - P)
    weights_scaled, _ = linear(x, weight=weights, tape=place.at("weights_scaled"))
    return Part(
        "As first published",
        (
            Step(
                "In training: noise of 0 or 1",
                ("out = x · keep;   mean = chance out",),
                ("published.train.out", "published.mean.out"),
                says="On average each node passes on less than it has: "
                f"{float(mean[0, 0]):g} of {float(x[0, 0]):g}.",
            ),
            Step(
                f"At inference: everything times 1-p = {1 - P:g}",
                ("out = x (1-p)",),
                ("published.inference.out",),
                says="The network without dropout would see larger numbers than it was trained "
                f"on. Times {1 - P:g} they are the mean: they differ by {apart(mean, inference)}.",
            ),
            Step(
                "Or the weights behind it times 1-p",
                ("(x (1-p)) W = x ((1-p) W)",),
                ("W", "published.inputs_scaled.out", "published.weights_scaled.out"),
                says="The paper scales the weights instead of the nodes. It comes to the same: "
                f"the difference is {apart(inputs_scaled, weights_scaled)}.",
            ),
        ),
    )


def _inverted(tape: Tape) -> Part:
    x, keep, chance = tape["x"], tape["keep"], tape["chance"]
    place = tape.at("inverted")
    outs, _ = dropout(x.expand_as(keep), noise=keep / (1 - P), tape=place.at("train"))
    mean, _ = linear(chance[None], weight=outs, tape=place.at("mean"))
    inference, _ = dropout(x, noise=None)
    published = tape["published.mean.out"]
    return Part(
        "Inverted",
        (
            Step(
                f"In training: noise of 0 or 1/(1-p) = {1 / (1 - P):.4f}",
                ("out = x · keep / (1-p);   mean = chance out",),
                ("inverted.train.out", "inverted.mean.out"),
                says="What is kept makes up for what is deleted, and the mean is x itself.",
            ),
            Step(
                "At inference: nothing",
                ("out = x",),
                ("x",),
                says=f"The mean and x differ by {apart(mean, inference)}. So both forms give at "
                "inference what training gives on average, and times 1-p the one mean is the "
                f"other: they differ by {apart(mean * (1 - P), published)}. Inverted dropout "
                "leaves the finished network as it is; that is why it is the one in use today.",
            ),
        ),
    )


def _behind_a_bend(tape: Tape) -> Part:
    x, chance = tape["x"], tape["chance"]
    place = tape.at("bend")
    trained, _ = linear(tape["inverted.train.out"], weight=tape["W"], tape=place.at("train"))
    bent, _ = relu(trained, tape=place.at("relu"))
    straight, _ = linear(x, weight=tape["W"], tape=place.at("inference"))
    finished, _ = relu(straight, tape=place.at("finished"))
    means = (chance[None] @ trained, chance[None] @ bent)
    both = exact([[float(mean) for mean in means], [float(straight), float(finished)]])
    tape.given({"means": both})
    return Part(
        "How far the claim goes",
        (
            Step(
                "Exact up to the next bend",
                ("node = out W;   with ReLU max(node, 0)",),
                ("means",),
                says="A sum of the nodes keeps the equality: its mean over all cases is "
                f"{both[0, 0]:g}, and at inference it is {both[1, 0]:g}. Behind a ReLU it is only "
                f"near: {both[0, 1]:.4f} on average, {both[1, 1]:.4f} at inference. A deep network "
                "at inference is therefore close to the mean of all those smaller ones, not equal "
                "to it.",
            ),
        ),
    )


DROPOUT = Demonstration(TITLE, ABOUT, _walkthrough)
