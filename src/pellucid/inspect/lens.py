"""The logit lens: what the model would predict, were its stream what it is at some block."""

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.layers import intervened, softmax, unembedding, wide
from pellucid.models import CausalModel, intervened_name
from pellucid.tape import Tape


def lens_names(model: CausalModel, tape: Tape) -> tuple[str, ...]:
    """The names of the streams that the lens looks at: into each block, and out of the last.

    >>> from pellucid.models import GPT, GPTConfig
    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=2, n_head=1, n_embd=4))
    >>> lens_names(model, model.run_with_cache([0, 1, 2])[1])
    ('h.0.resid_pre', 'h.1.resid_pre', 'h.1.resid_post')
    """
    depth = model.config.n_layer
    last = f"h.{depth - 1}.resid_post"
    changed = intervened_name(last)
    into = (f"h.{layer}.resid_pre" for layer in range(depth))
    return (*into, changed if changed in tape else last)


def logit_lens(model: CausalModel, tape: Tape, position: int = -1) -> Tensor:
    """The probabilities of the next token, read off the residual stream of every block.

    probs = softmax(head(ln_f(stream))), with the model's own ln_f, where it has one, as the run
    called it, and head. The last row is what the model predicts. An intervention in `ln_f.out`
    counts in every row, and one in the stream from its place on.

    Shapes: (L+1, V), a row for each of `lens_names`; for a batch (L+1, B, V).
    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Raises `TraceError` for a tape without the run of such a model, or a position outside its text.
    """
    streams = [tape.value(name) for name in lens_names(model, tape)]
    length = streams[0].shape[-2]
    if not -length <= position < length:
        raise TraceError(
            f"a position must be from 0 to {length - 1} in this text, or count from its end by "
            f"-1, and {position} does not"
        )
    x = torch.stack([stream[..., position, :] for stream in streams])  # (L+1, ..., C)
    last_norm = tape.made_by("ln_f.out") if "ln_f.out" in tape else None
    if last_norm is not None:
        x, _ = last_norm.function(**{**last_norm.arguments, "x": x})
    if "ln_f.intervened.out" in tape:
        where, value = (
            tape.value(f"ln_f.intervened.{key}")[position] for key in ("where", "value")
        )
        x, _ = intervened(x, where=where, value=value)
    head = model.params.get("lm_head") or model.params["wte"]
    logits, _ = unembedding(x, **head)
    probs, _ = softmax(wide(logits))
    return probs
