"""`Transformer`: a configuration and its parameters as one object, which checks what comes in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from pellucid.errors import ConfigError, TokenError
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models.checks import (
    check_range,
    check_room,
    check_targets,
    whole_numbers,
)
from pellucid.models.model import Batch, DryRun, Spelling, counted, short
from pellucid.models.settable import SettableModel
from pellucid.models.transformer.config import TransformerConfig, init_transformer_params
from pellucid.models.transformer.halves import TransformerPast, encode
from pellucid.models.transformer.wiring import (
    draw_transformer_noise,
    transformer_logits,
    transformer_loss,
    transformer_loss_backward,
)
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.text.parallel import BOS, EOS
from pellucid.text.parallel_rows import source_ids, special, text_ids
from pellucid.text.tokenizer import Tokenizer
from pellucid.tree import Tree, present


@dataclass(frozen=True)
class Transformer(SettableModel):
    """An original Transformer: a configuration and the tree of its parameters.

    Source and tokens may be lists of ids, tensors (S,) and (T,), or batches (B, S) and (B, T); what
    comes out has the tokens' leading shape. Every method raises `TokenError` for ids outside the
    vocabulary, for more of them than there are positions, and where padding leaves a position
    nothing to look at; and `TraceError` where a recording tape meets other ops than `REFERENCE`.

    >>> config = TransformerConfig(5, block_size=8, n_encoder=1, n_decoder=1, n_head=2, n_embd=4)
    >>> model = Transformer.init(config)
    >>> model.forward([0, 1, 2, 3], [0, 1]).shape
    torch.Size([2, 5])
    """

    architecture: ClassVar[str] = "transformer"
    Config: ClassVar[type[TransformerConfig]] = TransformerConfig
    inputs: ClassVar[Mapping[str, str]] = {"source": "The source", "tokens": "The target so far"}
    streams: ClassVar[Mapping[str, str]] = {"enc": "encoder", "dec": "decoder"}

    initial = staticmethod(init_transformer_params)

    config: TransformerConfig

    @classmethod
    def small(
        cls,
    ) -> Iterator[tuple[TransformerConfig, tuple[Tensor, Tensor, Tensor], Mapping[int, str]]]:
        """See `Model.small`."""
        sizes = {"vocab_size": 11, "block_size": 13, "n_head": 3, "n_embd": 15, "n_inner": 34}
        letters = {11: "V", 13: "maxT", 3: "H", 15: "C", 45: "3C", 30: "2C", 5: "d", 34: "F"}
        source, tokens = torch.arange(1, 10), torch.arange(1, 8)
        for choices in (
            {"norm": "post", "tied": False, "pad": 0},
            {"norm": "pre", "final_norm": True, "activation": "gelu_tanh", "pad": 0},
            {"norm": "post", "activation": "gelu_erf", "pad": 0},
        ):
            given: dict[str, Any] = sizes | choices
            config = TransformerConfig(n_encoder=1, n_decoder=1, **given)
            yield config, (source, tokens, tokens + 1), {**letters, 9: "N", 7: "T", 1: "1"}

    @classmethod
    def dry_runs(cls) -> Iterator[DryRun]:
        """See `Model.dry_runs`; one with smoothed labels, and with dropout of the attention too."""
        yield from super().dry_runs()
        config, batch, letters = next(cls.small())
        model, tape = cls.init(config), Tape()
        noise: Any = model.draw_noise(*batch, p=0.5, generator=torch.Generator().manual_seed(0))
        source, tokens, _ = (len(ids) for ids in batch)
        noise["enc"]["h"]["0"]["attn_noise"] = torch.ones(config.n_head, source, source)
        noise["dec"]["h"]["0"]["attn_noise"] = torch.ones(config.n_head, tokens, tokens)
        noise["dec"]["h"]["0"]["cross_attn_noise"] = torch.ones(config.n_head, tokens, source)
        model.loss_and_grads(*batch, tape, noise=noise, smoothing=0.1)
        yield DryRun(tape, letters)

    @classmethod
    def probe(cls, config: TransformerConfig, lengths: Mapping[str, int]) -> tuple[Any, Batch]:
        """See `Model.probe`."""
        small = replace(config, vocab_size=1, block_size=3, pad=None, bos=None, eos=None)
        source, tokens = (torch.zeros(lengths[name], dtype=torch.long) for name in cls.inputs)
        return small, (source, tokens, tokens)

    def read(self, tokenizer: Tokenizer | None, text: str, source: str = "") -> Batch:
        """The source and <EOS>; <BOS> and the target so far; and after each what comes next.

        A target that ends in <EOS> has that to be predicted last; else what comes is open.
        """
        assert tokenizer is not None
        end = special(tokenizer, EOS)
        mark = tokenizer.piece(end).decode("utf-8")
        begun, found, _ = text.partition(mark)
        if not source.strip():
            raise TokenError("a source must have at least one word, and it is empty: write it")
        target = text_ids(tokenizer, begun.rstrip()) if begun.strip() else []
        tokens, wanted = [special(tokenizer, BOS), *target], [*target, end if found else IGNORE]
        return source_ids(tokenizer, source, "transformer"), tokens, wanted

    def write(self, tokenizer: Tokenizer | None, batch: Batch, tokens: Sequence[int]) -> str:
        """See `Model.write`; <BOS> is no part of the text."""
        assert tokenizer is not None
        return tokenizer.decode([*batch[1][1:], *tokens]).strip()

    def begin_with(self, text: str) -> tuple[str, str]:
        """See `Model.begin_with`: the text is the source, and nothing of its target is written."""
        return "", text

    def go_on(self, tokenizer: Tokenizer | None, inputs: Batch, token: int) -> Batch | None:
        """See `Model.go_on`: a target ends with <EOS>, or with the positions that there are."""
        assert tokenizer is not None
        source, tokens = inputs
        ended = token == special(tokenizer, EOS) or len(tokens) >= self.config.block_size
        return None if ended else (source, [*tokens, token])

    def places(self, tape: Tape, spell: Spelling) -> Mapping[str, tuple[str, ...]]:
        """See `Model.places`."""
        read, written = (tuple(map(spell, tape.value(name).tolist())) for name in self.inputs)
        return {"N": read, "T": written, "S": written}

    def __str__(self) -> str:
        config = self.config
        return (
            f"a Transformer of {self.parameter_count:,} parameters: {config.n_encoder} + "
            f"{config.n_decoder} layers, {counted(config.n_head, 'head')}, width "
            f"{config.n_embd}, up to {config.block_size} positions, {short(self.dtype)}"
        )

    def encode(self, source: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE) -> Tensor:
        """The memory (..., S, C): what the encoder makes of the source."""
        ids = self._source(source)
        ops, tape = self.begin(ops, tape, totals={"source": ids.shape[-1]}, source=ids)
        enc = present(wte=self.params.get("wte")) | self.params["enc"]
        memory, _ = encode(ids, **enc, config=self.config, ops=ops, tape=tape.at("enc"))
        return memory

    def forward(
        self, source: Any, tokens: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """The logits (..., T, V): position t scores every token as the one at t + 1."""
        logits, _ = self.extend(tokens, None, tape, source=source, ops=ops)
        return logits

    def extend(
        self,
        tokens: Any,
        past: TransformerPast | None,
        tape: NullTape = NULL_TAPE,
        *,
        source: Any = None,
        ops: Ops = REFERENCE,
    ) -> tuple[Tensor, TransformerPast]:
        """The logits of tokens that follow `past`, and the past that now includes them.

        The first tokens of a text have no past and come with their source, which is encoded then
        and never again: its keys and values are part of what is kept. A beam search takes rows of
        a batch by `past.select(rows)`.
        """
        if (past is None) == (source is None):
            raise TokenError(
                "tokens either begin a text, with their source, or go on from a past, and "
                f"{'neither' if past is None else 'both'} came: give one of the two"
            )
        read = None if source is None else self._source(source)
        ids = self._tokens(tokens, read, past)
        start, length = past.length if past else 0, ids.shape[-1]
        kept = past.h[0].cross.k if past else ids if read is None else read.unsqueeze(-1)
        ops, tape = self.begin(
            ops,
            tape,
            totals={"source": kept.shape[-2], "tokens": start + length},
            start=start,
            **present(source=read),
            tokens=ids,
        )
        return transformer_logits(
            read, ids, **self.params, config=self.config, ops=ops, past=past, tape=tape
        )

    def loss(
        self,
        source: Any,
        tokens: Any,
        targets: Any,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        smoothing: float = 0.0,
    ) -> Tensor:
        """Mean cross-entropy in nats over the positions whose target is not `IGNORE`."""
        batch, shared = self._begin(source, tokens, targets, tape, ops=ops, smoothing=smoothing)
        loss, _ = transformer_loss(*batch, **(self.params | shared), smoothing=smoothing)
        return loss

    def loss_and_grads(
        self,
        source: Any,
        tokens: Any,
        targets: Any,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        noise: Tree | None = None,
        smoothing: float = 0.0,
    ) -> tuple[Tensor, Tree]:
        """The loss and its gradient by every parameter, a tree of the parameters' shape."""
        batch, shared = self._begin(source, tokens, targets, tape, ops=ops, smoothing=smoothing)
        choices: Any = {"noise": noise, "smoothing": smoothing}
        loss, cache = transformer_loss(*batch, **(self.params | shared | choices))
        _, grads = transformer_loss_backward(1.0, cache, **shared)
        return loss, grads

    def draw_noise(
        self,
        source: Tensor,
        tokens: Tensor,
        targets: Tensor,  # noqa: ARG002 (every model draws for its whole batch)
        *,
        p: float,
        generator: torch.Generator,
    ) -> Tree | None:
        """Dropout's noise for one step on a batch; None if p is 0."""
        return draw_transformer_noise(
            self.config, source, tokens, p=p, generator=generator, dtype=self.dtype
        )

    def _begin(
        self, source: Any, tokens: Any, targets: Any, tape: NullTape, *, ops: Ops, smoothing: float
    ) -> tuple[tuple[Tensor, Tensor, Tensor], dict[str, Any]]:
        """The checked batch, and what forward and backward are both told."""
        if not 0 <= smoothing < 1:
            raise ConfigError(f"smoothing must be from 0 to below 1, not {smoothing}")
        read = self._source(source)
        ids = self._tokens(tokens, read, None)
        wanted = check_targets(targets, ids, self.config.vocab_size)
        totals = {"source": read.shape[-1], "tokens": ids.shape[-1]}
        given: Any = {"source": read, "tokens": ids, "targets": wanted}
        own, tape = self.begin(ops, tape, totals=totals, **given)
        return (read, ids, wanted), {"config": self.config, "ops": own, "tape": tape}

    def _source(self, source: Any) -> Tensor:
        ids = whole_numbers("source tokens", source, self.device)
        check_room("source token", ids.shape[-1], self.config.block_size)
        check_range("source token", ids, self.config.vocab_size)
        if bool(self._is_padding(ids).all(-1).any()):
            raise TokenError(
                "a source must have a token beside padding, and one has none: every position must "
                "be able to look at one; leave out an empty source"
            )
        return ids

    def _tokens(self, tokens: Any, source: Tensor | None, past: TransformerPast | None) -> Tensor:
        ids = whole_numbers("tokens", tokens, self.device)
        check_room("token", ids.shape[-1] + (past.length if past else 0), self.config.block_size)
        check_range("token", ids, self.config.vocab_size)
        rows = past.rows if past else source.shape[:-1] if source is not None else ()
        if rows != ids.shape[:-1]:
            raise TokenError(
                f"each source must have its tokens, and tokens of shape {tuple(ids.shape)} came "
                f"with sources for {tuple(rows)}: give a text and a text, or a batch and a batch"
            )
        if past is None and bool(self._is_padding(ids[..., 0]).any()):
            raise TokenError(
                "tokens must not begin with padding: their first position could look at nothing; "
                "put padding after the text"
            )
        return ids

    def _is_padding(self, ids: Tensor) -> Tensor:
        return torch.zeros_like(ids) > 0 if self.config.pad is None else ids == self.config.pad
