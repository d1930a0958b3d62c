"""GPT: the wiring from tokens to logits and loss, and the same wiring backward.

    tokens -> embedding -> + position -> blocks 0 to L-1 -> ln_f -> unembedding -> logits -> loss

Parameters arrive as keywords under the checkpoint's own names. `GPT` binds them to a configuration
and checks what comes in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TokenError, TraceError
from pellucid.layers import (
    IGNORE,
    REFERENCE,
    BlockCache,
    Ops,
    Pair,
    Past,
    causal_mask,
    inverted_noise,
    post_norm_block,
    post_norm_block_backward,
    pre_norm_block,
    pre_norm_block_backward,
)
from pellucid.models.config import GPTConfig, init_params
from pellucid.tape import OFF, Off, Tape
from pellucid.tree import Tree, flatten, map_leaves, present

BLOCKS = {
    "pre": Pair(pre_norm_block, pre_norm_block_backward),
    "post": Pair(post_norm_block, post_norm_block_backward),
}


class TrunkCache(NamedTuple):
    """What the backward needs, part by part."""

    embed: Any
    position: Any
    dropout: Any
    h: tuple[BlockCache, ...]
    ln_f: Any


def trunk(
    tokens: Tensor,
    *,
    wte: Tree,
    wpe: Tree,
    h: Tree,
    ln_f: Tree | None = None,
    config: GPTConfig,
    ops: Ops,
    past: Sequence[Past] | None = None,
    noise: Mapping[str, Any] | None = None,
    tape: Off = OFF,
) -> tuple[Tensor, TrunkCache]:
    """Embed the tokens, add positions, pass the blocks, and normalize: (..., T) -> (..., T, C).

    `past` holds the keys and values of earlier positions, a pair a layer; `noise` is dropout's, as
    `draw_noise` makes it.
    Source: Radford et al. 2019, section 2.3.
    """
    start = past[0].k.shape[-2] if past else 0
    length = tokens.shape[-1]
    mask = causal_mask(length, start + length, tokens.device) if length > 1 else None  # (T, S)
    activation = getattr(ops, config.activation)
    drawn = noise or {"drop": None, "h": {}}
    tape(mask=mask)

    embedded, embed_cache = ops.embedding.forward(tokens, **wte, tape=tape.at("embed"))
    placed, position_cache = ops.position.forward(
        embedded, **wpe, start=start, tape=tape.at("wpe")
    )  # (..., T, C)
    x, dropout_cache = ops.dropout.forward(placed, noise=drawn["drop"], tape=tape.at("drop"))

    h_cache = []
    for layer, params in h.items():
        x, block_cache = BLOCKS[config.norm].forward(
            x,
            **params,
            n_head=config.n_head,
            mask=mask,
            activation=activation,
            eps=config.eps,
            ops=ops,
            past=past[int(layer)] if past else None,
            **drawn["h"].get(layer, {}),
            tape=tape.at(f"h.{layer}"),
        )  # (..., T, C)
        h_cache.append(block_cache)

    ln_f_cache = None
    if ln_f is not None:
        x, ln_f_cache = ops.layer_norm.forward(x, **ln_f, eps=config.eps, tape=tape.at("ln_f"))
    return x, TrunkCache(embed_cache, position_cache, dropout_cache, tuple(h_cache), ln_f_cache)


def trunk_backward(
    dout: Tensor, cache: TrunkCache, *, config: GPTConfig, ops: Ops, tape: Off = OFF
) -> tuple[None, Tree]:
    """Undo each line of `trunk` from the last to the first; the tokens have no gradient."""
    activation = getattr(ops, config.activation)
    dx, ln_f = dout, None
    if cache.ln_f is not None:
        dx, ln_f = ops.layer_norm.backward(dx, cache.ln_f, tape=tape.at("ln_f"))

    h: Tree = {str(layer): {} for layer in range(len(cache.h))}
    for layer in reversed(h):
        dx, h[layer] = BLOCKS[config.norm].backward(
            dx, cache.h[int(layer)], activation=activation, ops=ops, tape=tape.at(f"h.{layer}")
        )

    dplaced, _ = ops.dropout.backward(dx, cache.dropout, tape=tape.at("drop"))
    dembedded, wpe = ops.position.backward(dplaced, cache.position, tape=tape.at("wpe"))
    _, wte = ops.embedding.backward(dembedded, cache.embed, tape=tape.at("embed"))
    return None, {"wte": wte, "wpe": wpe, "h": h} | present(ln_f=ln_f)


def gpt(
    tokens: Tensor,
    *,
    wte: Tree,
    lm_head: Tree | None = None,
    ops: Ops,
    tape: Off = OFF,
    **rest: Any,
) -> tuple[Tensor, TrunkCache]:
    """The logits (..., T, V) = trunk(tokens) weightᵀ: position t scores what may stand at t + 1.

    The head's weight is the token embedding's own table unless the checkpoint brings an `lm_head`.
    """
    x, cache = trunk(tokens, wte=wte, ops=ops, tape=tape, **rest)  # (..., T, C)
    logits, _ = ops.unembedding.forward(x, **(lm_head or wte), tape=tape.at("lm_head"))
    tape(logits=logits)
    return logits, cache


class LossCache(NamedTuple):
    """What the backward needs: the trunk's, the head's, and whether the head is the embedding."""

    trunk: TrunkCache
    head: Any
    tied: bool


def gpt_loss(
    tokens: Tensor,
    targets: Tensor,
    *,
    wte: Tree,
    lm_head: Tree | None = None,
    ops: Ops,
    tape: Off = OFF,
    **rest: Any,
) -> tuple[Tensor, LossCache]:
    """The mean cross-entropy of `targets` (..., T) under the logits of `gpt`, in nats."""
    x, trunk_cache = trunk(tokens, wte=wte, ops=ops, tape=tape, **rest)  # (..., T, C)
    loss, head_cache = ops.linear_cross_entropy.forward(x, targets, **(lm_head or wte), tape=tape)
    return loss, LossCache(trunk_cache, head_cache, tied=lm_head is None)


def gpt_loss_backward(
    dloss: Tensor | float, cache: LossCache, *, config: GPTConfig, ops: Ops, tape: Off = OFF
) -> tuple[None, Tree]:
    """Undo the loss and the head, then the trunk.

    A tied head has used the embedding's table a second time: both uses add up in `dwte.weight`.
    """
    dx, head = ops.linear_cross_entropy.backward(dloss, cache.head, tape=tape)
    _, grads = trunk_backward(dx, cache.trunk, config=config, ops=ops, tape=tape)
    looked_up = grads["wte"]["weight"]
    dweight = looked_up + head["weight"] if cache.tied else looked_up
    tape.at("wte")(dweight=dweight)
    lm_head = {} if cache.tied else {"lm_head": head}
    return None, grads | {"wte": {"weight": dweight}} | lm_head


def draw_noise(
    config: GPTConfig, tokens: Tensor, p: float, generator: torch.Generator, dtype: torch.dtype
) -> Tree | None:
    """Draw inverted dropout's noise for one step, in the places where GPT-2 drops; None if p is 0.

    They are: after the embedding, on the attention probabilities, and on what attention and
    feed-forward write into the residual stream.
    """
    if p == 0:
        return None
    *batch, length = tokens.shape
    stream = torch.empty(*batch, length, config.n_embd, dtype=dtype, device=tokens.device)
    att = stream.new_empty(*batch, config.n_head, length, length)
    return {
        "drop": inverted_noise(stream, p, generator),
        "h": {
            str(layer): {
                "attn_noise": inverted_noise(att, p, generator),
                "resid_noise": inverted_noise(stream, p, generator),
                "mlp_noise": inverted_noise(stream, p, generator),
            }
            for layer in range(config.n_layer)
        },
    }


@dataclass(frozen=True)
class GPT:
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

    config: GPTConfig
    params: Tree

    @classmethod
    def init(
        cls,
        config: GPTConfig,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> "GPT":
        """A model with random weights, as GPT-2's training begins."""
        return cls(config, init_params(config, seed=seed, dtype=dtype, device=device))

    def __str__(self) -> str:
        count = sum(leaf.numel() for leaf in flatten(self.params).values())
        config, dtype = self.config, str(self.dtype).removeprefix("torch.")
        return (
            f"a GPT of {count:,} parameters: {config.n_layer} layers, {config.n_head} heads, width "
            f"{config.n_embd}, context {config.block_size}, {dtype}"
        )

    @property
    def dtype(self) -> torch.dtype:
        """The parameters' dtype."""
        dtype: torch.dtype = self.params["wte"]["weight"].dtype
        return dtype

    @property
    def device(self) -> torch.device:
        """The parameters' device."""
        device: torch.device = self.params["wte"]["weight"].device
        return device

    def to(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> "GPT":
        """The same model with its parameters in another dtype, on another device, or both."""
        params = map_leaves(
            lambda leaf: leaf.to(device=device or leaf.device, dtype=dtype or leaf.dtype),
            self.params,
        )
        return GPT(self.config, params)

    def forward(self, tokens: Any, tape: Off = OFF, *, ops: Ops = REFERENCE) -> Tensor:
        """The logits (..., T, V): position t scores every token as the one at t + 1."""
        logits, _ = self.extend(tokens, None, tape, ops=ops)
        return logits

    def extend(
        self,
        tokens: Any,
        past: Sequence[Past] | None,
        tape: Off = OFF,
        *,
        ops: Ops = REFERENCE,
    ) -> tuple[Tensor, tuple[Past, ...]]:
        """The logits of tokens that follow `past`, and the past that now includes them."""
        ids = self._ids(tokens, start=past[0].k.shape[-2] if past else 0)
        self._begin(tape, ops, tokens=ids)
        logits, cache = gpt(ids, **self.params, config=self.config, ops=ops, past=past, tape=tape)
        return logits, tuple(block.attn.past for block in cache.h)

    def run_with_cache(self, tokens: Any) -> tuple[Tensor, Tape]:
        """The logits, and the tape with every activation under its name."""
        tape = Tape()
        return self.forward(tokens, tape), tape

    def loss(self, tokens: Any, targets: Any, tape: Off = OFF, *, ops: Ops = REFERENCE) -> Tensor:
        """Mean cross-entropy in nats over the positions whose target is not `IGNORE`."""
        loss, _ = self._loss(tokens, targets, tape, ops, None)
        return loss

    def loss_and_grads(
        self,
        tokens: Any,
        targets: Any,
        tape: Off = OFF,
        *,
        ops: Ops = REFERENCE,
        noise: Tree | None = None,
    ) -> tuple[Tensor, Tree]:
        """The loss and its gradient by every parameter, a tree of the parameters' shape."""
        loss, cache = self._loss(tokens, targets, tape, ops, noise)
        _, grads = gpt_loss_backward(1.0, cache, config=self.config, ops=ops, tape=tape)
        return loss, grads

    def _loss(
        self, tokens: Any, targets: Any, tape: Off, ops: Ops, noise: Tree | None
    ) -> tuple[Tensor, LossCache]:
        ids = self._ids(tokens, start=0)
        wanted = self._targets(targets, ids)
        self._begin(tape, ops, tokens=ids, targets=wanted)
        return gpt_loss(
            ids, wanted, **self.params, config=self.config, ops=ops, noise=noise, tape=tape
        )

    def _begin(self, tape: Off, ops: Ops, **inputs: Tensor) -> None:
        if tape.recording and ops != REFERENCE:
            raise TraceError(
                "only the reference ops show their intermediates, and others came with a "
                "recording tape: leave out ops, or the tape"
            )
        if tape.recording:
            tape.given(flatten(self.params) | inputs)

    def _ids(self, tokens: Any, start: int) -> Tensor:
        ids = torch.as_tensor(tokens, device=self.device)
        if ids.numel() == 0 or ids.is_floating_point():
            raise TokenError(
                f"tokens must be at least one whole number, not {ids.dtype} of shape "
                f"{tuple(ids.shape)}: tokenize a text that is not empty"
            )
        end, room = start + ids.shape[-1], self.config.block_size
        if end > room:
            raise TokenError(
                f"the model has {room} positions and {end} tokens came: keep the last {room}"
            )
        self._check_range("token", ids)
        return ids

    def _targets(self, targets: Any, ids: Tensor) -> Tensor:
        wanted = torch.as_tensor(targets, device=self.device)
        if wanted.shape != ids.shape:
            raise TokenError(
                f"there must be one target a token: {tuple(wanted.shape)} targets came with "
                f"{tuple(ids.shape)} tokens; mark a position without a target by {IGNORE}"
            )
        counted = wanted[wanted != IGNORE]
        if counted.numel() == 0:
            raise TokenError("a loss needs at least one position with a target, and none has one")
        self._check_range("target", counted)
        return wanted

    def _check_range(self, what: str, ids: Tensor) -> None:
        low, high = (int(bound) for bound in ids.aminmax())
        if low < 0 or high >= self.config.vocab_size:
            wrong = low if low < 0 else high
            raise TokenError(
                f"a {what} must be an id from 0 to {self.config.vocab_size - 1}, not {wrong}: was "
                "the text encoded by this model's tokenizer?"
            )
