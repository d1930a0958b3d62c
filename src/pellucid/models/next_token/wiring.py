"""NextToken: the next character from a window of fixed length, a network of two linear maps.

    window -> one number, or one vector, a character -> hidden -> ReLU -> output -> logits -> loss

The window always holds as many characters as the network has places for: to go on, it drops its
oldest character and takes in the new one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TokenError
from pellucid.layers import IGNORE, REFERENCE, Ops, cross_entropy, cross_entropy_backward
from pellucid.layers.facts import Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.models.checks import check_range, check_targets, whole_numbers
from pellucid.models.model import Batch, Spelling
from pellucid.models.next_token.config import NextTokenConfig, init_next_token_params
from pellucid.models.settable import SettableModel
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.text.tokenizer import Tokenizer
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
        dvectors = dinputs.unflatten(-1, (config.window, -1))  # (..., W, C)
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


@dataclass(frozen=True)
class NextToken(SettableModel):
    """A network for the next character: a configuration and the tree of its parameters.

    Windows may be lists of ids or tensors, each exactly as long as the configuration's `window`.
    Every method raises `TokenError` for a window of another length or an id outside the
    vocabulary, and `TraceError` where a recording tape meets other ops than `REFERENCE`.

    >>> model = NextToken.init(NextTokenConfig(vocab_size=5, window=3))
    >>> model.forward([0, 1, 2]).shape
    torch.Size([5])
    """

    architecture: ClassVar[str] = "next_token"
    Config: ClassVar[type[NextTokenConfig]] = NextTokenConfig
    inputs: ClassVar[Mapping[str, str]] = {"windows": "Windows of the text"}

    initial = staticmethod(init_next_token_params)

    config: NextTokenConfig

    @classmethod
    def small(cls) -> Iterator[tuple[NextTokenConfig, tuple[Tensor, Tensor], Mapping[int, str]]]:
        """See `Model.small`."""
        windows, targets = torch.arange(15).reshape(5, 3) % 11, torch.arange(5)
        for width, inputs in ((4, 12), (None, 3)):
            config = NextTokenConfig(vocab_size=11, window=3, width=width, hidden=7)
            letters = {11: "V", 3: "W", 4: "C", 7: "F", 5: "T"} | {inputs: "I"}
            yield config, (windows, targets), letters if width else letters | {3: "W"}

    @classmethod
    def probe(cls, config: NextTokenConfig, lengths: Mapping[str, int]) -> tuple[Any, Batch]:
        """See `Model.probe`."""
        windows = torch.zeros(lengths["windows"], config.window, dtype=torch.long)
        return config, (windows, windows[:, 0])

    def read(
        self,
        tokenizer: Tokenizer | None,
        text: str,
        source: str = "",  # noqa: ARG002 (it reads one text)
    ) -> Batch:
        """Every window of the text, and after each what comes next; after the last it is open."""
        assert tokenizer is not None
        ids, size = tokenizer.encode(text), self.config.window
        if len(ids) < size:
            raise TokenError(
                f"a text must have at least the {size} tokens of a window here, and it has "
                f"{len(ids)}: write more"
            )
        windows = [ids[end - size : end] for end in range(size, len(ids) + 1)]
        return windows, [*ids[size:], IGNORE]

    def write(self, tokenizer: Tokenizer | None, batch: Batch, tokens: Sequence[int]) -> str:
        """See `Model.write`."""
        assert tokenizer is not None
        first, *others = batch[0]
        return tokenizer.decode([*first, *(window[-1] for window in others), *tokens])

    def go_on(self, tokenizer: Tokenizer | None, inputs: Batch, token: int) -> Batch | None:  # noqa: ARG002
        """See `Model.go_on`: the window drops its oldest token and takes in the new one."""
        return ([[*inputs[0][-1][1:], token]],)

    def places(self, tape: Tape, spell: Spelling) -> Mapping[str, tuple[str, ...]]:
        """See `Model.places`."""
        windows = tape.value("windows").tolist()
        return {"T": tuple("".join(map(spell, window)) for window in windows)}

    def __str__(self) -> str:
        width = self.config.width
        return (
            f"a next-token network of {self.parameter_count:,} parameters: a window of "
            f"{self.config.window}, {'one number' if width is None else f'a vector of {width}'} a "
            f"character, {self.config.hidden} hidden nodes"
        )

    def forward(self, windows: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE) -> Tensor:
        """The logits (..., V) of what may follow each of the windows (..., W)."""
        ids = self.check(windows)
        ops, tape = self.begin(ops, tape, totals={"windows": len(ids)}, windows=ids)
        logits, _ = next_token_logits(ids, **self.params, config=self.config, ops=ops, tape=tape)
        return logits

    def loss(
        self, windows: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """Mean cross-entropy in nats of one target (N,) for each of the windows (N, W)."""
        batch, shared = self._begin(windows, targets, tape, ops)
        loss, _ = next_token_loss(*batch, **self.params, **shared)
        return loss

    def loss_and_grads(
        self, windows: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> tuple[Tensor, Tree]:
        """The loss and its gradient by every parameter, a tree of the parameters' shape."""
        batch, shared = self._begin(windows, targets, tape, ops)
        loss, cache = next_token_loss(*batch, **self.params, **shared)
        _, grads = next_token_loss_backward(1.0, cache, **shared)
        return loss, grads

    def _begin(
        self, windows: Any, targets: Any, tape: NullTape, ops: Ops
    ) -> tuple[tuple[Tensor, Tensor], dict[str, Any]]:
        """The checked batch, and what forward and backward are both told."""
        ids = self.check(windows)
        wanted = whole_numbers("targets", targets, self.device)
        if wanted.shape != ids.shape[:-1]:
            raise TokenError(
                f"there must be one target a window: {tuple(wanted.shape)} targets came with "
                f"windows {tuple(ids.shape)}; give a list of windows and a list of targets"
            )
        check_targets(wanted, ids[..., 0], self.config.vocab_size)
        given = {"windows": ids, "targets": wanted}
        own, tape = self.begin(ops, tape, totals={"windows": len(ids)}, **given)
        return (ids, wanted), {"config": self.config, "ops": own, "tape": tape}

    def check(self, windows: Any) -> Tensor:
        """The windows as ids; `TokenError` where one is not as long as the model's."""
        ids = whole_numbers("windows", windows, self.device)
        size, came = self.config.window, ids.shape[-1]
        if came != size:
            remedy = f"keep the last {size}" if came > size else "begin with more of the text"
            raise TokenError(f"a window must have {size} tokens, and {came} came: {remedy}")
        check_range("token", ids, self.config.vocab_size)
        return ids


def slide(model: NextToken, window: Sequence[int], *, steps: int) -> list[int]:
    """The most likely next token, `steps` times, each time appended and the oldest dropped.

    Raises `TokenError` where the first window is not as long as the model's.
    """
    size = model.config.window
    text = model.check(window).tolist()
    for _ in range(steps):
        text.append(int(model.forward(text[-size:]).argmax()))
    return text[size:]


def windows_of(tokens: Sequence[int], window: int) -> tuple[Tensor, Tensor]:
    """Every window (N, W) of a text and what follows it (N,); N is its length less W.

    Raises `TokenError` where nothing follows even the first window.
    """
    if len(tokens) <= window:
        raise TokenError(
            f"a text must be longer than the window of {window} tokens, and it has {len(tokens)}: "
            "take a longer text or a smaller window"
        )
    ids = torch.tensor(tokens)
    return ids[:-1].unfold(0, window, 1), ids[window:]
