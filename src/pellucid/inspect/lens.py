"""The logit lens: what the model would predict, were its stream what it is at some block."""

from itertools import count, takewhile

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.layers import intervened, softmax, unembedding, wide
from pellucid.models import Model, intervened_name
from pellucid.tape import Tape


def lens_names(model: Model, tape: Tape) -> tuple[str, ...]:
    """The names of the streams that the lens looks at: into each block, and out of the last.

    Of an encoder-decoder they are the decoder's; of a model without blocks there are none.

    >>> from pellucid.models import GPT, GPTConfig
    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=2, n_head=1, n_embd=4))
    >>> lens_names(model, model.run_with_cache([0, 1, 2])[1])
    ('h.0.resid_pre', 'h.1.resid_pre', 'h.1.resid_post')
    """
    path = _path(model)
    into = tuple(takewhile(tape.__contains__, (f"{path}h.{at}.resid_pre" for at in count())))
    if not into:
        return ()
    last = f"{path}h.{len(into) - 1}.resid_post"
    changed = intervened_name(last)
    return (*into, changed if changed in tape else last)


def _path(model: Model) -> str:
    """What the names of the stream begin with that the head reads."""
    return "".join(f"{stream}." for stream in list(model.streams)[-1:])


def logit_lens(model: Model, tape: Tape, position: int = -1) -> Tensor:
    """The probabilities of the next token, read off the residual stream of every block.

    probs = softmax(head(ln_f(stream))), with the model's own ln_f, where it has one, as the run
    called it, and head. The last row is what the model predicts. An intervention in `ln_f.out`
    counts in every row, and one in the stream from its place on.

    Shapes: (L+1, V), a row for each of `lens_names`; for a batch (L+1, B, V).
    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Raises `TraceError` for a tape without the run of such a model, or a position outside its text.
    """
    names = lens_names(model, tape) or (f"{_path(model)}h.0.resid_pre",)
    streams = [tape.value(name) for name in names]
    length = streams[0].shape[-2]
    if not -length <= position < length:
        raise TraceError(
            f"a position must be from 0 to {length - 1} in this text, or count from its end by "
            f"-1, and {position} does not"
        )
    x = torch.stack([stream[..., position, :] for stream in streams])  # (L+1, ..., C)
    norm = f"{_path(model)}ln_f"
    last_norm = tape.made_by(f"{norm}.out") if f"{norm}.out" in tape else None
    if last_norm is not None:
        x, _ = last_norm.function(**{**last_norm.arguments, "x": x})
    if f"{norm}.intervened.out" in tape:
        where, value = (
            tape.value(f"{norm}.intervened.{key}")[position] for key in ("where", "value")
        )
        x, _ = intervened(x, where=where, value=value)
    head = model.params.get("lm_head") or model.params["wte"]
    logits, _ = unembedding(x, **head)
    probs, _ = softmax(wide(logits))
    return probs
