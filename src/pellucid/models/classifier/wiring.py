"""The feed-forward classifier: the wiring from numbers to scores and loss, and back.

    inputs -> standardize -> hidden 0 -> ReLU -> hidden 1 -> ReLU -> … -> output -> scores -> loss

Parameters arrive as keywords under the checkpoint's own names.
"""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import (
    Ops,
    absolute_error,
    absolute_error_backward,
    binary_logits,
    binary_logits_backward,
    cross_entropy,
    cross_entropy_backward,
    standardize,
    standardize_backward,
)
from pellucid.layers.facts import VALUE, Meaning
from pellucid.layers.layer import layer
from pellucid.models.classifier.config import ClassifierConfig
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class NetworkCache(NamedTuple):
    """What the backward needs, part by part; of each hidden layer its map's and its ReLU's."""

    standardize: Any
    hidden: tuple[tuple[Any, Any], ...]
    output: Any


@layer(
    values={
        "x": Meaning("T I", "x", "the inputs: a table's rows"),
        "standardize.mean": Meaning("I", "μ", "mean of each column in the training part"),
        "standardize.std": Meaning("I", "σ", "standard deviation of each column there"),
        "hidden.*.out": Meaning("T F", "x W + b", "the nodes of a hidden layer"),
        "hidden.*.act.out": Meaning("T F", "max(x W + b, 0)", "the nodes after the ReLU"),
        "output.out": Meaning("T V", "x W + b", "the outputs", matters=(VALUE,)),
    },
    steps={
        "standardize": "Standardization",
        "hidden.*": "Hidden layer",
        "output": "Outputs",
    },
)
def network(
    x: Tensor,
    *,
    output: Tree,
    hidden: Tree | None = None,
    config: ClassifierConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, NetworkCache]:
    """Map, bend, map, bend, …, map: the numbers (N, m) of N examples to the outputs (N, n).

    Without the activation all maps would be one: (x W) W' = x (W W').
    Source: Rosenblatt 1958; Rumelhart et al. 1986, "Learning representations by back-propagating
    errors".
    """
    standardize_cache = None
    if config.mean is not None and config.std is not None:
        place = tape.at("standardize")
        columns = {"mean": x.new_tensor(config.mean), "std": x.new_tensor(config.std)}
        place.given(columns)
        x, standardize_cache = standardize(x, **columns, tape=place)  # (N, m)

    hidden_cache = []
    for number, params in (hidden or {}).items():
        place, act_cache = tape.at(f"hidden.{number}"), None
        x, map_cache = ops.linear.forward(x, **params, tape=place)  # (N, n)
        if config.activation != "none":
            x, act_cache = getattr(ops, config.activation).forward(x, tape=place.at("act"))
        hidden_cache.append((map_cache, act_cache))

    out, output_cache = ops.linear.forward(x, **output, tape=tape.at("output"))  # (N, n)
    return out, NetworkCache(standardize_cache, tuple(hidden_cache), output_cache)


@layer()
def network_backward(
    dout: Tensor,
    cache: NetworkCache,
    *,
    config: ClassifierConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo each line of `network` from the last to the first."""
    dx, output = ops.linear.backward(dout, cache.output, tape=tape.at("output"))

    hidden: Tree = {str(number): {} for number in range(len(cache.hidden))}
    for number in reversed(hidden):
        place, (map_cache, act_cache) = tape.at(f"hidden.{number}"), cache.hidden[int(number)]
        if config.activation != "none":
            dx, _ = getattr(ops, config.activation).backward(dx, act_cache, tape=place.at("act"))
        dx, hidden[number] = ops.linear.backward(dx, map_cache, tape=place)

    if cache.standardize is not None:
        dx, _ = standardize_backward(dx, cache.standardize, tape=tape.at("standardize"))
    return dx, ({"hidden": hidden} if hidden else {}) | {"output": output}


@layer(
    values={"logits": Meaning("T V", "s", "a score for each class", shown=False)},
    steps={"binary_logits": "Two scores of one output", "logits": "Outputs"},
)
def classifier_logits(
    x: Tensor, *, config: ClassifierConfig, tape: NullTape = NULL_TAPE, **rest: Any
) -> tuple[Tensor, NetworkCache]:
    """A score for each class, (N, V): the outputs, or under the scheme "sign" (output, 0)."""
    out, cache = network(x, config=config, tape=tape, **rest)  # (N, n)
    logits = out
    if config.scheme == "sign":
        logits, _ = binary_logits(out, tape=tape.at("binary_logits"))  # (N, 2)
    tape(logits=logits)
    return logits, cache


@layer()
def classifier_logits_backward(
    dlogits: Tensor,
    cache: NetworkCache,
    *,
    config: ClassifierConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo the scheme, then the network."""
    dout = dlogits
    if config.scheme == "sign":
        dout, _ = binary_logits_backward(dlogits, (), tape=tape.at("binary_logits"))
    return network_backward(dout, cache, config=config, ops=ops, tape=tape)


@layer()
def classifier_loss(
    x: Tensor, targets: Tensor, *, tape: NullTape = NULL_TAPE, **rest: Any
) -> tuple[Tensor, tuple[NetworkCache, Any]]:
    """The mean cross-entropy of the classes `targets` (N,) under the scores, in nats."""
    logits, cache = classifier_logits(x, tape=tape, **rest)  # (N, V)
    loss, loss_cache = cross_entropy(logits, targets, tape=tape)
    return loss, (cache, loss_cache)


@layer()
def classifier_loss_backward(
    dloss: Tensor | float,
    cache: tuple[NetworkCache, Any],
    *,
    config: ClassifierConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo the loss, then the classifier."""
    network_cache, loss_cache = cache
    dlogits, _ = cross_entropy_backward(dloss, loss_cache, tape=tape)
    return classifier_logits_backward(dlogits, network_cache, config=config, ops=ops, tape=tape)


@layer()
def classifier_error(
    x: Tensor, *, wanted: Tensor, tape: NullTape = NULL_TAPE, **rest: Any
) -> tuple[Tensor, tuple[NetworkCache, Any]]:
    """How far the outputs are from those wanted (N, n), added up, and averaged over the examples.

    It looks at the outputs themselves, not at what they say of the classes.
    """
    out, cache = network(x, tape=tape, **rest)  # (N, n)
    loss, loss_cache = absolute_error(out, wanted=wanted, tape=tape)
    return loss, (cache, loss_cache)


@layer()
def classifier_error_backward(
    dloss: Tensor | float,
    cache: tuple[NetworkCache, Any],
    *,
    config: ClassifierConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo the loss, then the network."""
    network_cache, loss_cache = cache
    dout, _ = absolute_error_backward(dloss, loss_cache, tape=tape)
    return network_backward(dout, network_cache, config=config, ops=ops, tape=tape)
