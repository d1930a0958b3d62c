"""What a logit is made of: its terms, and the paths by which the strongest came."""

from pellucid.errors import ConfigError
from pellucid.inspect import Attribution, attribution, neurons, stream_paths
from pellucid.models import CausalModel
from pellucid.numbers import at
from pellucid.tape import Tape
from pellucid.web.answers.json_values import Json
from pellucid.web.answers.predictions import position_in
from pellucid.web.answers.sweeps import causal
from pellucid.web.session.fields import Fields, bounded
from pellucid.web.session.runs import ExperimentRun

NEURONS = 8
"""How many neurons of an MLP are told, those that add or take most."""

TITLES = {
    "wpe.rows": "position embedding",
    "embed.out": "token embedding",
    "ln_f.bias": "bias of the last norm",
    "logits": "the answer",
}
"""What is no head and no MLP, in words."""


def contributions(run: ExperimentRun, fields: Fields) -> Json:
    """The terms of a logit or of a difference of two, which add up to it."""
    model = causal(run)
    position = position_in(run, fields)
    first, second = _tokens(model, fields)
    found = attribution(model, _finite(run), first, second, position)
    return {
        "value": found.difference,
        "total": found.total,
        "scale": _scale(run.tape, position),
        "terms": [
            {
                "name": one.name,
                "title": title(one.name, one.part, one.layer, one.head),
                "part": one.part,
                "block": one.layer,
                "head": one.head,
                "value": one.value,
                "neurons": _neurons(run, model, found, one.layer, position)
                if one.part == "feed-forward" and one.layer is not None
                else [],
            }
            for one in found.contributions
        ],
    }


def paths(run: ExperimentRun, fields: Fields) -> Json:
    """The strongest paths to a logit or a difference of two, as nodes and edges."""
    model = causal(run)
    first, second = _tokens(model, fields)
    found = stream_paths(
        model, _finite(run), first, second, position_in(run, fields), least=fields["least"]
    )
    return {
        "nodes": [
            {
                "name": one.name,
                "title": title(one.name, one.part, one.layer, one.head),
                "part": one.part,
                "block": one.layer,
                "head": one.head,
                "position": one.position,
                "value": one.value,
                "rest": one.rest,
            }
            for one in found.nodes
        ],
        "edges": [{"from": one.start, "to": one.end, "value": one.value} for one in found.edges],
    }


def title(name: str, part: str, layer: int | None, head: int | None) -> str:
    """A term in words.

    >>> title("h.1.attn.z[2]", "head", 1, 2), title("h.1.attn.c_proj.bias", "bias", 1, None)
    ('block 1, head 2', 'bias of h.1.attn.c_proj')
    """
    if name in TITLES:
        return TITLES[name]
    if part == "added":
        return f"added by hand to {name.removesuffix('.intervened.rows')}"
    if part == "bias":
        return f"bias of {name.removesuffix('.bias')}"
    return f"block {layer}, {'MLP' if head is None else f'head {head}'}"


def _tokens(model: CausalModel, fields: Fields) -> tuple[int, int | None]:
    most = model.config.vocab_size - 1
    second = fields.get("second")
    return (
        bounded(fields["first"], "first", 0, most),
        None if second is None else bounded(second, "second", 0, most),
    )


def _finite(run: ExperimentRun) -> Tape:
    if not bool(run.tape.value("logits").isfinite().all()):
        raise ConfigError(
            "a logit that is taken apart must be a finite number, and this run has others: undo "
            "the last"
        )
    return run.tape


def _scale(tape: Tape, position: int) -> Json | None:
    """What the last norm multiplied by, kept as it was; None where there is no last norm."""
    if "ln_f.rstd" not in tape:
        return None
    value = tape.value("ln_f.rstd")[position]
    return {"name": at("ln_f.rstd", (position, *(0,) * value.dim())), "value": float(value)}


def _neurons(
    run: ExperimentRun, model: CausalModel, found: Attribution, layer: int, position: int
) -> list[Json]:
    values = neurons(model, run.tape, found, layer, position)
    call = run.tape.made_by(f"h.{layer}.mlp.c_proj.out")
    assert call is not None
    inner = call.inputs["x"]
    largest = values.abs().topk(min(NEURONS, len(values))).indices.tolist()
    return [
        {"neuron": one, "value": float(values[one]), "name": at(inner, (position, one))}
        for one in largest
    ]
