"""What a run says comes next, at each position, and what each layer would have said."""

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.generate import Sampling, candidates
from pellucid.inspect import lens_names, logit_lens
from pellucid.layers import IGNORE
from pellucid.numbers import at
from pellucid.web.answers.json_values import Json, json_number, json_rows
from pellucid.web.session.fields import Fields, bounded
from pellucid.web.session.runs import ExperimentRun, traced


def predictions(run: ExperimentRun, fields: Fields) -> Json:
    """The likeliest tokens after a position, and how likely the target was."""
    place, count = position_in(run, fields), fields["top"]
    target = int(run.tape.value("targets")[place]) if "targets" in run.tape else IGNORE
    return {
        "position": place,
        "piece": traced(run).pieces[place],
        "rows": rows_at(run, place, count),
        "target": None if target == IGNORE else _row(run, place, target),
    }


def rows_at(run: ExperimentRun, place: int, count: int) -> list[Json]:
    """The likeliest tokens after a position, each with the name of its probability."""
    return [_row(run, place, token) for token in _likeliest(run.tape.value("probs")[place], count)]


AFTER = 16
"""About so many of a text's last characters are said again before what may come next."""


def next_tokens(run: ExperimentRun, fields: Fields) -> Json:
    """The likeliest tokens after the text: `p` as sampling leaves each, `probability` the model's.

    A token that top-k or top-p leaves out stands there with p = 0. Where sampling changes nothing,
    `p` is the run's own number, to its last digit. `whole` is the text with the token.
    """
    trace, batch = traced(run), run.subject.batch
    tokenizer, model, place = trace.tokenizer, trace.model, len(trace.pieces) - 1
    size = tokenizer.vocab_size if tokenizer else run.tape.value("logits").shape[-1]
    after = trace.pieces[-1]
    if tokenizer is not None and "tokens" in run.tape:
        after = tokenizer.decode(run.tape.value("tokens").tolist())
    probs, sampling = run.tape.value("probs")[place], Sampling(**fields["sampling"])
    ids = _likeliest(probs[:size], fields["top"])
    # A model that is padded has ids that its tokenizer lacks: nothing draws those.
    kept, shares = candidates(run.tape.value("logits")[place][:size], sampling)
    drawn = torch.zeros(size, dtype=shares.dtype).index_put((kept,), shares)
    if sampling == Sampling() and len(probs) == size:
        drawn = probs
    return {
        "asks": model.asks,
        "after": _tail(after),
        "position": place,
        "tokens": [
            {
                "id": token,
                "text": run.piece(token),
                "p": float(drawn[token]),
                "probability": float(probs[token]),
                "name": at("probs", (place, token)),
                "whole": model.write(tokenizer, batch, [token]),
            }
            for token in ids
        ],
        "kept": len(kept),
        "vocabulary": size,
        "sampling": fields["sampling"],
    }


def _tail(text: str) -> str:
    """The last words of a text, about `AFTER` characters.

    >>> _tail("A short cake"), _tail("The chef put the cake into the oven")
    ('A short cake', '… into the oven')
    """
    if len(text) <= AFTER:
        return text
    tail = text[-AFTER:]
    return f"…{tail[max(0, tail.find(' ')) :]}"


def lens(run: ExperimentRun, fields: Fields) -> Json:
    """What the stream would say at each layer, were it the last: the logit lens."""
    trace, place, count = traced(run), position_in(run, fields), fields["top"]
    names = lens_names(trace.model, run.tape)
    layers = logit_lens(trace.model, run.tape, place) if names else ()
    return {
        "position": place,
        "layers": [
            {
                "name": name,
                "rows": [
                    {
                        "id": token,
                        "piece": run.piece(token),
                        "probability": json_number(float(row[token])),
                    }
                    for token in _likeliest(row, count)
                ],
            }
            for name, row in zip(names, layers, strict=True)
        ],
    }


def attention(run: ExperimentRun, fields: Fields) -> Json:
    """What each head of a block looks at, for arcs from token to token."""
    trace = traced(run)
    block = bounded(fields["block"], "block", 0, None)
    name = f"h.{block}.attn.att"
    kept = f"h.{block}.attn.kept"
    used: Tensor = run.tape.value(kept) if kept in run.tape else run.tape.value(name)
    return {"heads": [json_rows(head) for head in used], "pieces": list(trace.pieces)}


def position_in(run: ExperimentRun, fields: Fields) -> int:
    """A position of the text, counted from 0, or from its end with -1."""
    length = len(traced(run).pieces)
    return bounded(fields["position"], "position", -length, length - 1) % length


def _likeliest(probs: Tensor, count: int) -> list[int]:
    if not bool(probs.isfinite().all()):
        raise ConfigError(
            "a prediction needs finite numbers, and this run has others: undo the last"
        )
    return [int(token) for token in probs.topk(min(count, len(probs))).indices]


def _row(run: ExperimentRun, place: int, token: int) -> Json:
    return {
        "id": token,
        "piece": run.piece(token),
        "probability": json_number(float(run.tape.value("probs")[place, token])),
        "logit": json_number(float(run.tape.value("logits")[place, token])),
        "name": at("probs", (place, token)),
    }
