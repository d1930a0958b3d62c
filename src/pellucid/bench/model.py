"""A model's training step, prompt and decoding, timed, beside what they cost by formula."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from pellucid.bench.costs import forward_flops, token_bytes, train_flops
from pellucid.bench.machine import Machine
from pellucid.errors import ConfigError
from pellucid.kernels import FAST, adamw_rule, fastest
from pellucid.kernels.packing import FORMS, Form
from pellucid.layers import wide
from pellucid.models import CausalModel, packed
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.tree import map_leaves

TRAINED: tuple[Form, ...] = ("float32", "bfloat16")


class BenchSizes(NamedTuple):
    """How much work is timed."""

    batch: int = 4  # texts of a training step
    length: int = 128  # tokens of each, and of the prompt
    new: int = 32  # tokens that are decoded
    rounds: int = 3


class MeasuredRow(NamedTuple):
    """One kind of work: how long it took, and how much of the machine that was."""

    work: str  # train, prefill, decode
    form: str  # of the numbers multiplied
    seconds: float  # the median; of a decoded token where it is decoding
    tokens: int  # in so many seconds
    flops: float  # operations by formula
    bytes: float  # read by formula, of decoding; else 0
    fraction: float | None  # of the peak, or of the bandwidth; None where that is not known


def measure_model(model: CausalModel, machine: Machine, sizes: BenchSizes) -> Iterator[MeasuredRow]:
    """Time the works of a model in every form, one after another.

    Raises `ConfigError` where the sizes are no texts of this model.
    """
    check_sizes(model, sizes)
    for form in TRAINED:
        yield train_row(model, form, machine, sizes)
    for form in FORMS if model.packable else TRAINED:
        ready = _ready(model, form)
        yield prefill_row(ready, form, machine, sizes)
        yield decode_row(ready, form, machine, sizes)


def _ready(model: CausalModel, form: Form) -> CausalModel:
    """The model to read with in this form: packed, where there are kernels for its blocks."""
    if model.packable:
        return packed(model.to(dtype=torch.float32), form)
    return model.to(dtype=getattr(torch, form))


def check_sizes(model: CausalModel, sizes: BenchSizes) -> None:
    """Raise `ConfigError` unless the model has room for the texts."""
    if min(sizes) < 1:
        raise ConfigError(f"batch, length, tokens and rounds must be at least 1, not {sizes}")
    room, needed = model.config.block_size, sizes.length + sizes.new
    if needed > room:
        raise ConfigError(
            f"a text and what follows it must fit the context of {room} positions, and "
            f"{sizes.length} + {sizes.new} tokens do not: make --length or --max-new-tokens smaller"
        )


LONG = 10.0
"""Seconds. What takes longer needs no warm-up, and is measured once."""


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    """The median over some rounds, after one that warms up; of one alone where it takes long."""
    taken: list[float] = []
    while len(taken) <= rounds and max(taken, default=0.0) < LONG:
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:] or taken)


def train_row(model: CausalModel, form: Form, machine: Machine, sizes: BenchSizes) -> MeasuredRow:
    """Forward, backward, clipping and AdamW, as `pellucid train` does them; bfloat16 is --mixed."""
    batch, length = sizes.batch, sizes.length
    texts = _tokens(model, batch, length + 1)
    tokens, targets = texts[:, :-1], texts[:, 1:]
    whole = model.to(dtype=torch.float32)
    held: dict[str, Any] = {"params": whole.params, "state": None}
    decay = decay_groups(whole.params, 0.1)

    def step() -> None:
        now = whole.with_params(held["params"])
        computing = now.to(dtype=torch.bfloat16) if form == "bfloat16" else now
        _, grads = computing.loss_and_grads(tokens, targets, ops=FAST)
        clipped, _ = clip_by_global_norm(map_leaves(wide, grads), 1.0)
        held["params"], held["state"] = adamw(
            held["params"],
            clipped,
            held["state"],
            learning_rate=1e-4,
            weight_decay=decay,
            rule=adamw_rule,
        )

    seconds = median_seconds(step, sizes.rounds)
    flops = train_flops(model.config, batch, length)
    part = _part(flops, seconds, form, machine)
    return MeasuredRow("train", form, seconds, batch * length, flops, 0, part)


def prefill_row(model: CausalModel, form: Form, machine: Machine, sizes: BenchSizes) -> MeasuredRow:
    """A prompt's last logits, by the model that is ready for it."""
    tokens, ops = _tokens(model, 1, sizes.length), fastest(model.params)
    seconds = median_seconds(lambda: model.extend(tokens, None, ops=ops, last=1), sizes.rounds)
    flops = forward_flops(model.config, 1, sizes.length, scored=1)
    part = _part(flops, seconds, form, machine)
    return MeasuredRow("prefill", form, seconds, sizes.length, flops, 0, part)


def decode_row(model: CausalModel, form: Form, machine: Machine, sizes: BenchSizes) -> MeasuredRow:
    """A token after a prompt, by the model that is ready for it: the mean over all decoded."""
    prompt, ops = _tokens(model, 1, sizes.length), fastest(model.params)
    taken = []
    for _ in range(sizes.rounds + 1):
        logits, past = model.extend(prompt, None, ops=ops, last=1)
        began = time.perf_counter()
        for _ in range(sizes.new):
            token = logits[:, -1:].argmax(-1)
            logits, past = model.extend(token, past, ops=ops)
        taken.append((time.perf_counter() - began) / sizes.new)
    seconds = statistics.median(taken[1:])
    middle = sizes.length + (sizes.new + 1) / 2
    read = token_bytes(model.config, form, middle)
    flops = forward_flops(model.config, 1, 1, start=round(middle) - 1)
    return MeasuredRow("decode", form, seconds, 1, flops, read, read / seconds / machine.bandwidth)


def _tokens(model: CausalModel, batch: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(model.config.vocab_size, (batch, length), generator=generator)


def _part(flops: float, seconds: float, form: Form, machine: Machine) -> float | None:
    """Of the machine's peak at this form."""
    peak = machine.flops.get(form)
    return None if peak is None else flops / seconds / peak
