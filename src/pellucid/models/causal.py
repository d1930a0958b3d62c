"""`CausalModel`: a language model whose every position looks back only, whatever its trunk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import IGNORE, REFERENCE, Ops, Pair, Past
from pellucid.models.causal_wiring import (
    causal_logits,
    causal_loss,
    causal_loss_backward,
    draw_noise,
)
from pellucid.models.checks import (
    check_range,
    check_room,
    check_targets,
    whole_numbers,
)
from pellucid.models.language_model import LanguageModel
from pellucid.models.model import Batch, Spelling
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.text.choose import ending
from pellucid.text.parallel import SEP
from pellucid.text.tokenizer import Tokenizer
from pellucid.tree import Tree


@dataclass(frozen=True)
class CausalModel(LanguageModel):
    """A language model with a trunk, which keeps keys and values to go on from.

    Tokens may be a list of ids, a tensor (T,) or a batch (B, T); what comes out has the same
    leading shape. Every method raises `TokenError` for ids outside the vocabulary or more of them
    than there are positions, and `TraceError` where a recording tape meets other ops than
    `REFERENCE`: what is traced is what ran.
    """

    inputs: ClassVar[Mapping[str, str]] = {"tokens": "Vocabulary and tokens"}

    trunk: ClassVar[Pair]
    """From tokens to what the head reads: `forward(tokens, wte=…, …, config=…, ops=…, tape=…)`."""

    @classmethod
    def sized(cls, *, n_kv_head: int | None = None, **sizes: Any) -> Any:
        """The configuration of a new model to be trained: its sizes, and all else as usual.

        `sizes` are `vocab_size`, `block_size`, `n_layer`, `n_head` and `n_embd`. Raises
        `ConfigError` for heads of keys in an architecture that shares none.
        """
        if n_kv_head is not None:
            raise ConfigError(
                f"heads of keys are shared in some architectures, and a {cls.architecture} has as "
                "many as of queries: leave out --n-kv-head, or add --architecture llama"
            )
        return cls.Config(**sizes)

    @classmethod
    def probe(cls, config: Any, lengths: Mapping[str, int]) -> tuple[Any, Batch]:
        """See `Model.probe`: all blocks are as the first is."""
        tokens = torch.zeros(lengths["tokens"], dtype=torch.long)
        return replace(config, n_layer=1, block_size=len(tokens), vocab_size=1), (tokens, tokens)

    def read(
        self,
        tokenizer: Tokenizer | None,
        text: str,
        source: str = "",  # noqa: ARG002 (it reads one text)
    ) -> Batch:
        """The tokens of a text, and after each the one that is to be predicted.

        Of two texts with <SEP> between, where the vocabulary has it, the first is not predicted,
        and an <EOS> behind the second is only a target.
        """
        assert tokenizer is not None
        tokens = tokenizer.prompt(text)
        parted = tokenizer.special_tokens.get(SEP)
        if parted not in tokens:
            return tokens, [*tokens[1:], IGNORE][: len(tokens)]
        begin, ended = tokens.index(parted), tokens[-1] == ending(tokenizer)
        wanted = [IGNORE] * begin + tokens[begin + 1 :]
        return (tokens[:-1], wanted) if ended else (tokens, [*wanted, IGNORE])

    def write(self, tokenizer: Tokenizer | None, batch: Batch, tokens: Sequence[int]) -> str:
        """See `Model.write`."""
        assert tokenizer is not None
        return tokenizer.decode([*batch[0], *tokens])

    def go_on(
        self,
        tokenizer: Tokenizer | None,  # noqa: ARG002 (it never ends by itself)
        inputs: Batch,
        token: int,
    ) -> Batch | None:
        """See `Model.go_on`: of a long text the last tokens are read."""
        return ([*inputs[0], token][-self.config.block_size :],)

    def places(self, tape: Tape, spell: Spelling) -> Mapping[str, tuple[str, ...]]:
        """See `Model.places`."""
        pieces = tuple(map(spell, tape.value("tokens").tolist()))
        return {"T": pieces, "S": pieces}

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
        start = past[0].length if past else 0
        ids = self._ids(tokens, start=start)
        totals = {"tokens": start + ids.shape[-1]}
        ops, tape = self.begin(ops, tape, totals=totals, start=start, tokens=ids)
        shared: Any = {"trunk": self.trunk, "config": self.config, "ops": ops, "tape": tape}
        logits, cache = causal_logits(ids, **self.params, last=last, past=past, **shared)
        return logits, tuple(block.attn.past for block in cache.h)

    def loss(
        self, tokens: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """Mean cross-entropy in nats over the positions whose target is not `IGNORE`."""
        ids, wanted, own, tape = self._begin(tokens, targets, ops, tape)
        shared: Any = {"trunk": self.trunk, "config": self.config, "ops": own, "tape": tape}
        loss, _ = causal_loss(ids, wanted, **self.params, **shared)
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
        shared: Any = {"trunk": self.trunk, "config": self.config, "ops": own, "tape": tape}
        loss, cache = causal_loss(ids, wanted, **self.params, noise=noise, **shared)
        _, grads = causal_loss_backward(1.0, cache, **shared)
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
        totals = {"tokens": ids.shape[-1]}
        own, tape = self.begin(ops, tape, totals=totals, tokens=ids, targets=wanted)
        return ids, wanted, own, tape

    def _ids(self, tokens: Any, start: int) -> Tensor:
        ids = whole_numbers("tokens", tokens, self.device)
        check_room("token", start + ids.shape[-1], self.config.block_size)
        check_range("token", ids, self.config.vocab_size)
        return ids
