"""Sweeps on the page: every head ablated in turn, every place patched in turn, as they come."""

from collections.abc import Iterator, Mapping

from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.inspect import Place, ablate_heads, patch_stream
from pellucid.models import CausalModel
from pellucid.web.answers.json_values import Json, json_number, optional_number
from pellucid.web.answers.predictions import position_in
from pellucid.web.session.fields import Fields, bounded
from pellucid.web.session.runs import ExperimentRun, traced


def sweeping(run: ExperimentRun, fields: Fields) -> Iterator[Json]:
    """Ablate each head: for some heads of a block at a time, what changes; last what was before."""
    model = causal(run)
    first, second = pair_in(model, fields)
    read, at = position_in(run, fields), fields.get("at")
    position = None if at is None else bounded(at, "at", 0, len(run.tape.value("tokens")) - 1)

    def events() -> Iterator[Json]:
        for one in ablate_heads(model, run.tape, first, second, position=position, read=read):
            yield {
                "block": one.layer,
                "head": one.heads.start,
                "losses": reals(one.losses) if run.loss is not None else [None] * len(one.heads),
                "differences": reals(one.differences),
            }
        logits = run.tape.value("logits")[read].double()
        yield {
            "done": {
                "loss": optional_number(run.loss),
                "difference": json_number(float(logits[first] - logits[second])),
            }
        }

    return events()


PLACES: Mapping[str, Place] = {
    "stream": "resid_pre",
    "attention": "attn.c_proj.out",
    "mlp": "mlp.c_proj.out",
}
"""What of a block is patched, as the page says it."""


def patching(run: ExperimentRun, fields: Fields) -> Iterator[Json]:
    """Run another text with places of this one's run: how much of the answer comes back, each."""
    model, trace = causal(run), traced(run)
    first, second = pair_in(model, fields)
    read = position_in(run, fields)
    tokens = run.tape.value("tokens").tolist()
    assert trace.tokenizer is not None
    others = trace.tokenizer.prompt(fields["text"])
    if len(others) != len(tokens):
        raise ConfigError(
            "a patch puts one text's values where the other's are, place by place, and these have "
            f"{len(tokens)} and {len(others)} tokens: choose words of the same number of tokens"
        )
    found = patch_stream(model, others[: read + 1], tokens[: read + 1], first, second)

    def events() -> Iterator[Json]:
        yield {
            "before": json_number(found.before),
            "whole": json_number(found.other),
            "start": found.start,
            "pieces": [run.piece(token) for token in others[: read + 1]],
        }
        for one in found.patch(PLACES[fields["what"]]):
            yield {
                "block": one.layer,
                "position": one.positions.start,
                "shares": reals(found.shares(one.differences)),
                "differences": reals(one.differences),
            }
        yield {"done": {}}

    return events()


def causal(run: ExperimentRun) -> CausalModel:
    """The model of a run that can be analyzed; `ConfigError` for one that cannot."""
    model = traced(run).model
    if not isinstance(model, CausalModel):
        raise ConfigError(
            "what is analyzed is a model of GPT's or Llama's family, which goes on from any block, "
            f"and {run.subject.title} is none: take another"
        )
    return model


def pair_in(model: CausalModel, fields: Fields) -> tuple[int, int]:
    """The two tokens whose logits are compared."""
    most = model.config.vocab_size - 1
    first, second = (bounded(fields[name], name, 0, most) for name in ("first", "second"))
    return first, second


def reals(values: Tensor) -> list[float | str]:
    """Numbers as JSON has them."""
    return [json_number(value) for value in values.tolist()]
