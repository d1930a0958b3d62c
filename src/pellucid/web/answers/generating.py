"""Generating on the page: each token with its candidates and the random number that chose it."""

from collections.abc import Iterator

import torch

from pellucid.generate import Draw, Sampling, write_on
from pellucid.inspect import lens_names, logit_lens
from pellucid.models import Batch
from pellucid.tape import Tape
from pellucid.web.answers.json_values import Json, json_number
from pellucid.web.session.fields import Fields
from pellucid.web.session.runs import ExperimentRun, traced


def generating(run: ExperimentRun, fields: Fields) -> Iterator[Json]:
    """Write on from the tokens that the run read, an event a token, and last the whole text."""
    trace = traced(run)
    top = fields["top"]
    tokenizer, batch, model = trace.tokenizer, run.subject.batch, trace.model
    draws = write_on(
        model,
        tokenizer,
        batch[:-1],
        max_new_tokens=fields["count"],
        sampling=Sampling(**fields["sampling"]),
        generator=torch.Generator().manual_seed(fields["seed"]),
    )

    def events() -> Iterator[Json]:
        read, written = batch[:-1], []
        for draw in draws:
            yield _event(run, draw, top) | {"lens": _lens(run, read, draw)}
            written.append(draw.token)
            read = model.go_on(tokenizer, read, draw.token)
        yield {"done": {"text": model.write(tokenizer, batch, written)}}

    return events()


def _event(run: ExperimentRun, draw: Draw, top: int) -> Json:
    """A draw: the candidates lie side by side on [0, 1), and u falls on the chosen one's piece."""
    ids, probs = draw.candidates.tolist(), draw.probs
    ends = probs.cumsum(0).tolist()
    shown = sorted({*range(min(top, len(ids))), draw.place})
    return {
        "token": draw.token,
        "piece": run.piece(draw.token),
        "u": draw.u,
        "place": draw.place,
        "candidates": [
            {
                "id": ids[place],
                "piece": run.piece(ids[place]),
                "probability": float(probs[place]),
                "from": ends[place - 1] if place else 0.0,
                "to": ends[place],
            }
            for place in shown
        ],
        "more": len(ids) - len(shown),
    }


def _lens(run: ExperimentRun, read: Batch, draw: Draw) -> list[Json]:
    """What each layer would have said in the draw's place, and how likely it held the token."""
    tape, model = Tape(), traced(run).model
    model.forward(*read, tape)
    names = lens_names(model, tape)
    layers = logit_lens(model, tape, -1) if names else ()
    return [
        {
            "name": name,
            "id": int(row.argmax()),
            "piece": run.piece(int(row.argmax())),
            "probability": json_number(float(row.max())),
            "chosen": json_number(float(row[draw.token])),
        }
        for name, row in zip(names, layers, strict=True)
    ]
