"""The answer to `open`: all of a run that is not its numbers."""

from collections.abc import Iterator, Sequence

from pellucid.errors import ConfigError
from pellucid.layers import IGNORE
from pellucid.models import CausalModel
from pellucid.tape import Tape
from pellucid.text import BPE
from pellucid.text.merges import Merging
from pellucid.tree import flatten
from pellucid.walkthrough import Story
from pellucid.web.answers.json_values import Json, facts, json_number, token
from pellucid.web.answers.outline import Outline
from pellucid.web.answers.predictions import position_in
from pellucid.web.session.fields import Fields
from pellucid.web.session.runs import ExperimentRun, traced

MERGED = 2_000
"""Characters of a text whose merges are shown."""

MERGES = 40
"""How many merges of a word are told, the last of them."""


def overview(run: ExperimentRun, editable: Sequence[str]) -> Json:
    """Title, tokens, losses, and the outline with every tensor's name and shape."""
    leaves = {} if run.model_state is None else flatten(run.model_state.params)
    nodes = Outline(run, (*editable, *leaves)).nodes()
    answer: Json = {
        "title": run.subject.title,
        "about": run.subject.about,
        "source": run.subject.credit,
        "kind": "model" if run.trace else "lesson",
        "subject": {run.experiment.kind: run.experiment.name},
        "other": run.subject.other,
        "writes": run.trace is not None and run.trace.model.writes,
        "reads": list(run.trace.model.inputs) if run.trace else [],
        "text": run.text,
        "source_text": run.subject.source,
        "changed": bool(run.experiment.edits),
        "proved": run.proof is not None,
        "outline": nodes,
        "featured": None,
        "names": _names(run.tape),
        "editable": list(editable),
        "model": None,
        "parameters": [],
        "tokens": [],
        "source_tokens": [],
        "targets": [],
        "losses": [],
        "loss": None,
        "history": [],
    }
    if run.trace is None or run.model_state is None:
        return answer
    answer |= {
        "model": facts(run, sum(node["kind"] == "block" for node in nodes)),
        "parameters": list(leaves),
        "tokens": list(_read(run, "tokens")),
        "source_tokens": list(_read(run, "source")) if "source" in run.trace.model.inputs else [],
        "targets": [None] * len(run.trace.pieces),
        "losses": [None] * len(run.trace.pieces),
        "editable": [*editable, *leaves],
    }
    if isinstance(run.trace.model, CausalModel):
        answer["featured"] = Story(run.trace).look.block
    if run.loss is None:
        return answer
    wanted = run.tape.value("targets").tolist()
    losses = zip(run.tape.value("losses").tolist(), wanted, strict=True)
    return answer | {
        "targets": [None if number == IGNORE else token(run, number) for number in wanted],
        "losses": [None if target == IGNORE else json_number(one) for one, target in losses],
        "loss": json_number(run.loss),
        "history": [json_number(one) for one in (*run.model_state.losses, run.loss)],
    }


def _read(run: ExperimentRun, name: str) -> Iterator[Json]:
    """What stands at each place of an input: its tokens, or of what has none what it says."""
    assert run.trace is not None
    if name in run.tape:
        yield from (token(run, number) for number in run.tape.value(name).tolist())
        return
    for place, piece in enumerate(run.trace.pieces):
        yield {"id": place, "piece": piece, "bytes": piece.encode().hex(" ")}


def _names(tape: Tape) -> list[str]:
    """All names on a tape, and those that only a call has for what it read, as `m_before`."""
    read = (name for call in tape.calls for name in call.inputs.values())
    return list(dict.fromkeys((*tape, *read)))


def merges(run: ExperimentRun, fields: Fields) -> Json:
    """The merges that made the word that a token belongs to; None where there are none to tell.

    Of a long word only the last `MERGES` are told: each step has all pieces of the word.

    Raises `ConfigError` for a text of more than `MERGED` characters: the work grows with the
    square of its longest word.
    """
    tokenizer = run.subject.tokenizer
    if not isinstance(tokenizer, BPE) or list(traced(run).model.inputs) != ["tokens"]:
        return {"word": None}
    if len(run.text) > MERGED:
        raise ConfigError(
            f"merges are shown of a text of at most {MERGED:,} characters, and this one has "
            f"{len(run.text):,}: shorten it"
        )
    place, before = position_in(run, fields), 0
    for merging in tokenizer.merge_steps(run.text):
        before += len(merging.pieces)
        if place < before:
            return {"word": _word(merging)}
    return {"word": None}


def _word(merging: Merging) -> Json:
    told = merging.steps[-MERGES:]
    return {
        "pretoken": _spelt(merging.pretoken),
        "start": [_spelt(piece) for piece in merging.start],
        "left_out": len(merging.steps) - len(told),
        "steps": [
            {
                "rank": step.rank,
                "left": _spelt(step.left),
                "right": _spelt(step.right),
                "pieces": [_spelt(piece) for piece in step.pieces],
            }
            for step in told
        ],
    }


def _spelt(piece: bytes) -> str:
    """A piece as text where it is whole characters, else its bytes."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return f"⟨{piece.hex(' ')}⟩"
