"""`GPT`: a configuration and its parameters as one object, which checks what comes in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pellucid.kernels import PackedWeight
from pellucid.layers import REFERENCE, Ops, Past
from pellucid.models.checks import (
    check_range,
    check_room,
    check_targets,
    whole_numbers,
)
from pellucid.models.gpt.config import GPTConfig, init_params
from pellucid.models.gpt.wiring import (
    draw_noise,
    gpt_logits,
    gpt_loss,
    gpt_loss_backward,
)
from pellucid.models.language_model import LanguageModel
from pellucid.models.model import short
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


@dataclass(frozen=True)
class GPT(LanguageModel):
    """A GPT: a configuration and the tree of its parameters.

    Tokens may be a list of ids, a tensor (T,) or a batch (B, T); what comes out has the same
    leading shape. Every method raises `TokenError` for ids outside the vocabulary or more of them
    than there are positions, and `TraceError` where a recording tape meets other ops than
    `REFERENCE`: what is traced is what ran.

    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=2, n_embd=4))
    >>> logits, tape = model.run_with_cache([0, 1, 2])
    >>> logits.shape, tape["h.0.attn.att"].shape
    (torch.Size([3, 5]), torch.Size([2, 3, 3]))
    """

    architecture: ClassVar[str] = "gpt"
    packable = True
    Config: ClassVar[type[GPTConfig]] = GPTConfig

    initial = staticmethod(init_params)

    config: GPTConfig

    @classmethod
    def small(cls) -> Iterator[tuple[GPTConfig, tuple[Tensor, Tensor], Mapping[int, str]]]:
        """See `Model.small`."""
        sizes = {"vocab_size": 11, "block_size": 13, "n_head": 3, "n_embd": 15, "n_inner": 34}
        letters = {11: "V", 13: "maxT", 3: "H", 15: "C", 45: "3C", 5: "d", 34: "F", 7: "T", 2: "r"}
        tokens = torch.arange(7)
        for choices in (
            {"norm": "pre", "tied": False, "activation": "gelu_tanh"},
            {"norm": "post", "activation": "gelu_erf"},
            {"norm": "pre", "activation": "relu", "lora_rank": 2},
        ):
            given: dict[str, Any] = sizes | choices
            config = GPTConfig(n_layer=1, **given)
            yield config, (tokens, tokens + 1), {**letters, 1: "1"}

    def __str__(self) -> str:
        config, dtype, count = self.config, short(self.dtype), len(self.interventions)
        if isinstance(weight := self.params["h"]["0"]["attn"]["c_attn"]["weight"], PackedWeight):
            dtype = f"packed as {weight.form}"
        return (
            f"a GPT of {self.parameter_count:,} parameters: {config.n_layer} layers, "
            f"{config.n_head} heads, width {config.n_embd}, context {config.block_size}, {dtype}"
            + (f", with LoRA of rank {config.lora_rank}" if config.lora_rank else "")
            + (f", with {count} intervention{'s' if count > 1 else ''}" if count else "")
        )

    def forward(self, tokens: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE) -> Tensor:
        """The logits (..., T, V): position t scores every token as the one at t + 1."""
        logits, _ = self.extend(tokens, None, tape, ops=ops)
        return logits

    def extend(
        self,
        tokens: Any,
        past: Sequence[Past] | None,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        last: int | None = None,
    ) -> tuple[Tensor, tuple[Past, ...]]:
        """The logits of tokens that follow `past`, and the past that now includes them.

        With `last`, the logits of so many positions at the end only.
        """
        start = past[0].k.shape[-2] if past else 0
        ids = self._ids(tokens, start=start)
        ops, tape = self.begin(ops, tape, tokens=ids, start=start)
        logits, cache = gpt_logits(
            ids, **self.params, last=last, config=self.config, ops=ops, past=past, tape=tape
        )
        return logits, tuple(block.attn.past for block in cache.h)

    def loss(
        self, tokens: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """Mean cross-entropy in nats over the positions whose target is not `IGNORE`."""
        ids, wanted, own, tape = self._begin(tokens, targets, ops, tape)
        loss, _ = gpt_loss(ids, wanted, **self.params, config=self.config, ops=own, tape=tape)
        return loss

    def loss_and_grads(
        self,
        tokens: Any,
        targets: Any,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        noise: Tree | None = None,
    ) -> tuple[Tensor, Tree]:
        """The loss and its gradient by every parameter, a tree of the parameters' shape."""
        ids, wanted, own, tape = self._begin(tokens, targets, ops, tape)
        shared: Any = {"config": self.config, "ops": own, "tape": tape}
        loss, cache = gpt_loss(ids, wanted, **self.params, noise=noise, **shared)
        _, grads = gpt_loss_backward(1.0, cache, **shared)
        return loss, grads

    def draw_noise(
        self,
        tokens: Tensor,
        targets: Tensor,  # noqa: ARG002 (every model draws for its whole batch)
        *,
        p: float,
        generator: torch.Generator,
    ) -> Tree | None:
        """Dropout's noise for one step on a batch; None if p is 0."""
        return draw_noise(self.config, tokens, p, generator, self.dtype)

    def _begin(
        self, tokens: Any, targets: Any, ops: Ops, tape: NullTape
    ) -> tuple[Tensor, Tensor, Ops, NullTape]:
        ids = self._ids(tokens, start=0)
        wanted = check_targets(targets, ids, self.config.vocab_size)
        return ids, wanted, *self.begin(ops, tape, tokens=ids, targets=wanted)

    def _ids(self, tokens: Any, start: int) -> Tensor:
        ids = whole_numbers("tokens", tokens, self.device)
        check_room("token", start + ids.shape[-1], self.config.block_size)
        check_range("token", ids, self.config.vocab_size)
        return ids
