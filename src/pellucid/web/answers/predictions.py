"""What a run says comes next, at each position, and what each layer would have said."""

from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.inspect import lens_names, logit_lens
from pellucid.layers import IGNORE
from pellucid.numbers import at
from pellucid.web.answers.json_values import Json, json_number, json_rows
from pellucid.web.session.fields import Fields, bounded
from pellucid.web.session.runs import ExperimentRun, traced


def predictions(run: ExperimentRun, fields: Fields) -> Json:
    """The likeliest tokens after a position, and how likely the target was."""
    place, count = position_in(run, fields), fields["top"]
    target = int(run.tape.value("targets")[place])
    return {
        "position": place,
        "piece": run.piece(int(run.tape.value("tokens")[place])),
        "rows": rows_at(run, place, count),
        "target": None if target == IGNORE else _row(run, place, target),
    }


def rows_at(run: ExperimentRun, place: int, count: int) -> list[Json]:
    """The likeliest tokens after a position, each with the name of its probability."""
    return [_row(run, place, token) for token in _likeliest(run.tape.value("probs")[place], count)]


def lens(run: ExperimentRun, fields: Fields) -> Json:
    """What the stream would say at each layer, were it the last: the logit lens."""
    trace, place, count = traced(run), position_in(run, fields), fields["top"]
    layers = logit_lens(trace.model, run.tape, place)
    names = lens_names(trace.model, run.tape)
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
    block = bounded(fields["block"], "block", 0, trace.model.config.n_layer - 1)
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
