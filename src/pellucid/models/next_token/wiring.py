"""NextToken: the next character from a window of fixed length, a network of two linear maps.

    window -> one number, or one vector, a character -> hidden -> ReLU -> output -> logits -> loss

The window always holds as many characters as the network has places for: to go on, it drops its
oldest character and takes in the new one.
"""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import Ops, cross_entropy, cross_entropy_backward
from pellucid.layers.facts import Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.models.next_token.config import NextTokenConfig
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


class NextTokenCache(NamedTuple):
    """What the backward needs, layer by layer; `wte` is None where characters are numbers."""

    wte: Any
    hidden: Any
    act: Any
    output: Any


@layer(
    Equation(
        lambda given: (
            "inputs = windows / V"
            if given.get("wte.weight") is None
            else "inputs[t] = "
            "["
            + " ".join(f"wte.out[t, {place}]" for place in range(given["windows"].shape[-1]))
            + "]"
        )
    ),
    values={
        "windows": Meaning("T W", "u", "token ids of each window, its target one of `targets`"),
        "wte.weight": Meaning("V C", "W_e", "token embedding"),
        "wte.out": Meaning("T W C", "U W_e", "the characters' vectors; none where they are ids"),
        "inputs": Meaning("T I", "x", "the vectors side by side, or ids over V"),
        "hidden.weight": Meaning("I F", "W", "weight, (in, out)"),
        "hidden.bias": Meaning("F", "b", "bias"),
        "hidden.out": Meaning("T F", "x W + b", "inner values"),
        "act.out": Meaning("T F", "max(x W + b, 0)", "bent inner values"),
        "output.weight": Meaning("F V", "W", "weight, (in, out)"),
        "output.bias": Meaning("V", "b", "bias"),
        "output.out": Meaning("T V", "x W + b", "the logits, as the last map makes them"),
        "logits": Meaning("T V", "s", "score of each token as the next", shown=False),
    },
    steps={
        "wte": "Embedding lookup",
        "inputs": "Embedding lookup",
        "hidden": "Inner values",
        "act": "Inner values",
        "output": "Logit projection",
    },
)
def next_token_logits(
    windows: Tensor,
    *,
    wte: Tree | None = None,
    hidden: Tree,
    output: Tree,
    config: NextTokenConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, NextTokenCache]:
    """logits = relu(inputs W + b) W' + b', with one score for each character as the next.

    `inputs` are the vectors of the window's characters side by side, or without a table their ids,
    divided by V so that they lie between 0 and 1.

    Shapes: windows (..., W), inputs (..., N) with N = W·C or W, logits (..., V).
    Source: Bengio et al. 2003, "A neural probabilistic language model", without its tanh and its
    direct connections.
    """
    if wte is None:
        embed_cache = None
        inputs = windows.to(hidden["weight"].dtype) / config.vocab_size  # (..., W)
    else:
        vectors, embed_cache = ops.embedding.forward(windows, **wte, tape=tape.at("wte"))
        inputs = vectors.flatten(-2)  # (..., W·C)
    tape(inputs=inputs)
    inner, hidden_cache = ops.linear.forward(inputs, **hidden, tape=tape.at("hidden"))  # (..., F)
    bent, act_cache = ops.relu.forward(inner, tape=tape.at("act"))  # (..., F)
    logits, output_cache = ops.linear.forward(bent, **output, tape=tape.at("output"))  # (..., V)
    tape(logits=logits)
    return logits, NextTokenCache(embed_cache, hidden_cache, act_cache, output_cache)


@layer()
def next_token_logits_backward(
    dlogits: Tensor,
    cache: NextTokenCache,
    *,
    config: NextTokenConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo each line of `next_token_logits` from the last to the first; ids have no gradient."""
    dbent, output = ops.linear.backward(dlogits, cache.output, tape=tape.at("output"))
    dinner, _ = ops.relu.backward(dbent, cache.act, tape=tape.at("act"))
    dinputs, hidden = ops.linear.backward(dinner, cache.hidden, tape=tape.at("hidden"))
    tape(dinputs=dinputs)
    wte = None
    if cache.wte is not None:
        dvectors = dinputs.reshape(*dinputs.shape[:-1], config.window, -1)  # (..., W, C)
        _, wte = ops.embedding.backward(dvectors, cache.wte, tape=tape.at("wte"))
    return None, present(wte=wte) | {"hidden": hidden, "output": output}


class NextTokenLossCache(NamedTuple):
    """What the backward needs: the network's, and the loss's."""

    network: NextTokenCache
    loss: Any


@layer()
def next_token_loss(
    windows: Tensor, targets: Tensor, *, tape: NullTape = NULL_TAPE, **rest: Any
) -> tuple[Tensor, NextTokenLossCache]:
    """The mean cross-entropy of one target (N,) for each of the windows (N, W), in nats."""
    logits, network_cache = next_token_logits(windows, **rest, tape=tape)  # (N, V)
    loss, loss_cache = cross_entropy(logits, targets, tape=tape)
    return loss, NextTokenLossCache(network_cache, loss_cache)


@layer()
def next_token_loss_backward(
    dloss: Tensor | float,
    cache: NextTokenLossCache,
    *,
    config: NextTokenConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo the loss, then the network."""
    dlogits, _ = cross_entropy_backward(dloss, cache.loss, tape=tape)
    return next_token_logits_backward(dlogits, cache.network, config=config, ops=ops, tape=tape)
