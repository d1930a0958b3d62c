"""A block between GPT-2's and Llama's, and one step of a model of one such block.

A model's configuration chooses within its family. Here each part is chosen by itself, so that one
can be changed while the others stay.
"""

from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.examples.toolbox import table
from pellucid.layers import (
    REFERENCE,
    Pair,
    ResidualCache,
    attention,
    attention_backward,
    causal_mask,
    embedding,
    embedding_backward,
    feed_forward,
    feed_forward_backward,
    gated_feed_forward,
    gated_feed_forward_backward,
    grouped_attention,
    grouped_attention_backward,
    position,
    position_backward,
    residual,
    residual_backward,
    rotary_angles,
    rotary_frequencies,
)
from pellucid.layers.block import ATTN, MLP
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.tree import Tree, flatten

HEADS = 2
EPS = 1e-5
BASE = 10_000.0


class Kinds(NamedTuple):
    """Which layers a block is made of."""

    normalize: Pair
    attend: Pair
    feed: Pair
    activation: Pair


GPT_2 = Kinds(
    REFERENCE.layer_norm,
    Pair(attention, attention_backward),
    Pair(feed_forward, feed_forward_backward),
    REFERENCE.gelu_tanh,
)
RMS = GPT_2._replace(normalize=REFERENCE.rms_norm)
GROUPED = RMS._replace(attend=Pair(grouped_attention, grouped_attention_backward))
GATED = GROUPED._replace(
    feed=Pair(gated_feed_forward, gated_feed_forward_backward), activation=REFERENCE.silu
)


class Stage(NamedTuple):
    """A model of one block: the layers of the block, and the parameters of all."""

    path: str  # what its values' names begin with
    title: str
    kinds: Kinds
    params: Tree

    @property
    def size(self) -> int:
        """How many numbers its parameters are."""
        return sum(leaf.numel() for leaf in flatten(self.params).values())

    @property
    def keys(self) -> int:
        """How many heads of keys, and as many of values, it has."""
        attn = self.params["attn"]
        if "c_attn" in attn:
            return HEADS
        keys, queries = (attn[name]["weight"].shape[-1] for name in ("k_proj", "q_proj"))
        return int(HEADS * keys // queries)

    @property
    def cached(self) -> int:
        """How many numbers of each token are kept for those that follow: its keys and values."""
        width: int = self.params["wte"]["weight"].shape[-1]
        return 2 * self.keys * width // HEADS


class MixedCache(NamedTuple):
    """What the backward needs, half by half."""

    first: ResidualCache
    second: ResidualCache


@layer("resid_mid = resid_pre + attn", "resid_post = resid_mid + mlp")
def mixed_block(
    resid_pre: Tensor,
    *,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    kinds: Kinds,
    tape: NullTape = NULL_TAPE,
    **heads: Any,
) -> tuple[Tensor, MixedCache]:
    """resid_mid = resid_pre + attn(ln_1(resid_pre)); resid_post = resid_mid + mlp(ln_2(resid_mid)).

    Shapes: resid_pre, resid_mid and resid_post (T, C). `heads` is what the attention of its kind is
    told beside its parameters.
    """
    shared: Any = {"norm": "pre", "eps": EPS, "normalize": kinds.normalize, "tape": tape}
    rest: Any = {"ops": REFERENCE}
    attend = partial(kinds.attend.forward, **attn, **heads, **rest, tape=tape.at("attn"))
    resid_mid, first = residual(resid_pre, part=attend, ln=ln_1, names=ATTN, **shared)
    rest["activation"] = kinds.activation
    feed = partial(kinds.feed.forward, **mlp, **rest, tape=tape.at("mlp"))
    resid_post, second = residual(resid_mid, part=feed, ln=ln_2, names=MLP, **shared)
    return resid_post, MixedCache(first, second)


@layer("dresid_mid = dresid_post + dln_2.x", "dresid_pre = dresid_mid + dln_1.x")
def mixed_block_backward(
    dresid_post: Tensor, cache: MixedCache, *, kinds: Kinds, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, Tree]:
    """Undo the feed-forward half, then the attention half."""
    tape(dresid_post=dresid_post)
    shared: Any = {"norm": "pre", "normalize": kinds.normalize, "tape": tape}
    rest: Any = {"ops": REFERENCE}
    attend = partial(kinds.attend.backward, **rest, tape=tape.at("attn"))
    rest["activation"] = kinds.activation
    feed = partial(kinds.feed.backward, **rest, tape=tape.at("mlp"))
    dresid_mid, second = residual_backward(
        dresid_post, cache.second, part=feed, names=MLP, **shared
    )
    dresid_pre, first = residual_backward(
        dresid_mid, cache.first, part=attend, names=ATTN, **shared
    )
    halves = {"ln_1": first["ln"], "attn": first["part"]}
    return dresid_pre, halves | {"ln_2": second["ln"], "mlp": second["part"]}


def record_stage(stage: Stage, tokens: Tensor, targets: Tensor, tape: Tape) -> None:
    """Forward, loss and every gradient of a stage, on the tape under the stage's own path."""
    own, kinds, params = tape.at(stage.path), stage.kinds, stage.params
    own.given(flatten(params))
    block = {name: params[name] for name in ("ln_1", "attn", "ln_2", "mlp")}
    length = len(tokens)

    embedded, embed_cache = embedding(tokens, **params["wte"], tape=own.at("embed"))
    x, place_cache = embedded, None
    if "wpe" in params:
        x, place_cache = position(embedded, **params["wpe"], tape=own.at("wpe"))
    heads: dict[str, Any] = {"n_head": HEADS, "mask": causal_mask(length, length, x.device)}
    if kinds.attend.forward is grouped_attention:
        frequencies = rotary_frequencies(x.shape[-1] // HEADS, BASE)
        own.given({"frequencies": frequencies})
        cos, sin = rotary_angles(frequencies, length=length, dtype=x.dtype, tape=own.at("rope"))
        heads |= {"n_kv_head": stage.keys, "cos": cos, "sin": sin, "eps": EPS}
    x, block_cache = mixed_block(x, **block, kinds=kinds, **heads, tape=own)
    last_cache = None
    if "ln_f" in params:
        x, last_cache = kinds.normalize.forward(x, **params["ln_f"], eps=EPS, tape=own.at("ln_f"))
    _, head_cache = REFERENCE.linear_cross_entropy.forward(x, targets, **params["wte"], tape=own)

    dx, _ = REFERENCE.linear_cross_entropy.backward(1.0, head_cache, tape=own)
    if last_cache is not None:
        dx, _ = kinds.normalize.backward(dx, last_cache, tape=own.at("ln_f"))
    dx, _ = mixed_block_backward(dx, block_cache, kinds=kinds, tape=own)
    if place_cache is not None:
        dx, _ = position_backward(dx, place_cache, tape=own.at("wpe"))
    embedding_backward(dx, embed_cache, tape=own.at("embed"))


def side_by_side(tape: Tape, *stages: Stage) -> tuple[str, ...]:
    """A line for each stage: its sizes, the probabilities of what is to come, the loss."""
    head = ("", "parameters", "cached", "P(rocks)", "P(<EOS>)", "loss")
    rows = []
    for stage in stages:
        probs, targets = tape[f"{stage.path}.probs"], tape["targets"].tolist()
        wanted = (f"{float(probs[place, target]):.4f}" for place, target in enumerate(targets))
        loss = f"{float(tape[f'{stage.path}.loss']):.6f}"
        rows.append((stage.title, f"{stage.size}", f"{stage.cached}", *wanted, loss))
    return table(head, rows)
