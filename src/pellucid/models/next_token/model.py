"""`NextToken`: a configuration and its parameters as one object, which checks what comes in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pellucid.errors import TokenError
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models.checks import check_range, check_targets, whole_numbers
from pellucid.models.model import Batch, Spelling
from pellucid.models.next_token.config import NextTokenConfig, init_next_token_params
from pellucid.models.next_token.wiring import (
    next_token_logits,
    next_token_loss,
    next_token_loss_backward,
)
from pellucid.models.settable import SettableModel
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.text.tokenizer import Tokenizer
from pellucid.tree import Tree


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

    def go_on(
        self,
        tokenizer: Tokenizer | None,  # noqa: ARG002 (it never ends by itself)
        inputs: Batch,
        token: int,
    ) -> Batch | None:
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
        loss, _ = next_token_loss(*batch, **(self.params | shared))
        return loss

    def loss_and_grads(
        self, windows: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> tuple[Tensor, Tree]:
        """The loss and its gradient by every parameter, a tree of the parameters' shape."""
        batch, shared = self._begin(windows, targets, tape, ops)
        loss, cache = next_token_loss(*batch, **(self.params | shared))
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
        given: Any = {"windows": ids, "targets": wanted}
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
