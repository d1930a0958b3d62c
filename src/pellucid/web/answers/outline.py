"""The outline of a run: its steps as a tree, from the model to the heads, with their tensors."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pellucid.documents.formulas import mathml
from pellucid.models import intervened_name
from pellucid.walkthrough import PARAMETERS, NameRow, Step, describe
from pellucid.web.answers.json_values import Json
from pellucid.web.session.runs import ExperimentRun

KINDS = {
    "layer_norm": "norm",
    "rms_norm": "norm",
    "residual": "sum",
    "logits": "unembedding",
    "cross_attention": "cross",
    "gated_mlp": "mlp",
    "rotary": "position",
    "sinusoids": "position",
    "softmax": "unembedding",
}
"""What the drawing calls a kind of step, where it has another word."""

BY_HEAD = 3
"""Axes of what an attention's heads have, each its own part of: the first is that of the heads."""


ROLES = {
    "stream": r"h[\u1d62\u2080].*|x \+ .*|(√C )?U W_e",
    "query": r"(.*[ _])?[Qq]\u0302?",
    "key": r"(.*[ _])?[Kk]\u0302?",
    "value": r"(.*[ _])?[Vv]\u0302?",
}
"""What a value is for, by the symbol that its layer gives it; see `role`."""


class Outline:
    """Makes the nodes of one run; `editable` are the names that may be set by hand."""

    def __init__(self, run: ExperimentRun, editable: Iterable[str] = ()) -> None:
        self.run = run
        self.editable = set(editable)

    def nodes(self) -> list[Json]:
        """The steps forward, those of a block under the block; a walkthrough's parts and steps."""
        forward, *others = self.run.walkthrough.parts
        if self.run.trace is None:
            return [self._part(place, part) for place, part in enumerate((forward, *others))]
        return list(self._forward(forward.steps))

    def _forward(self, steps: Sequence[Step]) -> Iterator[Json]:
        block: Json | None = None
        streams, stream = self._streams, ""
        for place, step in enumerate(steps):
            stream = self._stream(step) or stream
            if step.layer is None:
                block = None
                yield self._step(step, f"step-{place}") | {"stream": streams.get(stream, "")}
                continue
            path = ".".join(filter(None, (stream, f"h.{step.layer}")))
            if block is None or block["id"] != path:
                title = f"{streams.get(stream, '')} block {step.layer}".strip().capitalize()
                block = _node(path, title, "block", block=step.layer)
                block["stream"] = streams.get(stream, "")
                block["tensors"] = self._tensors((f"{path}.resid_pre", f"{path}.resid_post"))
                yield block
            own = self._step(step, _place(step, path)) | {"stream": block["stream"]}
            block["children"].append(own)

    @property
    def _streams(self) -> Mapping[str, str]:
        """The paths of the model's streams, where there are several, and what they are called."""
        return self.run.trace.model.streams if self.run.trace is not None else {}

    def _stream(self, step: Step) -> str:
        """The path of the stream that a step begins or is in; empty where it goes on in one."""
        inputs = self.run.trace.model.inputs if self.run.trace is not None else {}
        begun = dict(zip(inputs, self._streams, strict=False))
        parts = {begun.get(name) or name.partition(".")[0] for name in step.names}
        return next((path for path in self._streams if path in parts), "")

    def _part(self, place: int, part: Any) -> Json:
        node = _node(f"part-{place}", part.heading, "part")
        node["children"] = [
            self._step(step._replace(layer=None), f"part-{place}-{number}")
            for number, step in enumerate(part.steps)
        ]
        return node

    def _step(self, step: Step, place: str) -> Json:
        inputs = self.run.trace.model.inputs if self.run.trace is not None else {}
        read = bool(step.names) and step.names[0] in inputs
        kind = "tokens" if read else KINDS.get(step.kind, step.kind or "step")
        node = _node(place, step.title, kind, block=step.layer)
        node["formulas"] = [mathml(formula) for formula in step.formulas]
        node["lines"] = [] if kind == "tokens" and self.run.trace else list(step.lines)
        node["says"] = step.says
        node["tensors"] = self._tensors(step.names)
        if kind in {"attention", "cross"} and self.run.trace is not None:
            node["children"] = list(self._heads(place, step))
        return node

    def _heads(self, place: str, step: Step) -> Iterator[Json]:
        """The heads of queries, each with the head of keys that it has, or shares with others."""
        assert self.run.trace is not None
        tape, count = self.run.tape, self.run.trace.model.config.n_head
        split = [name for name in step.names if tape.value(name).dim() == BY_HEAD]
        group = max(count // tape.value(name).shape[0] for name in split)
        for head in range(count):
            node = _node(f"{place}.head.{head}", f"Head {head}", "head", block=step.layer)
            node["head"] = head
            node["says"] = _shared(head, group)
            for name in split:
                own = head * tape.value(name).shape[0] // count
                node["tensors"] += self._tensors([name], [own])
            yield node

    def _tensors(self, names: Iterable[str], lead: Sequence[int] = ()) -> list[Json]:
        """What of these names is on the tape; the same array under a second name only once."""
        tape, seen, found = self.run.tape, set(), []
        for name in names:
            if (name not in tape and not name.endswith(".x")) or id(tape.value(name)) in seen:
                continue
            seen.add(id(tape.value(name)))
            found += [
                self.tensor(own, lead) for own in (name, intervened_name(name)) if own in tape
            ]
        return found

    def tensor(self, name: str, lead: Sequence[int] = ()) -> Json:
        """What a page must know of a tensor to show it."""
        tape = self.run.tape
        row = describe(name, tape)
        parameter = name.endswith(PARAMETERS) and tape.made_by(name) is None
        return {
            "name": name,
            "shape": list(tape.value(name).shape),
            "symbol": row.symbol if row else "",
            "meaning": row.meaning if row else "",
            "gradient": f"d{name}" if f"d{name}" in tape else None,
            "parameter": parameter,
            "role": "weight" if parameter else role(row) if row else "",
            "letters": list(row.shape) if row else [],
            "editable": name in self.editable,
            "lead": list(lead),
        }


def role(row: NameRow) -> str:
    """What a value is for, in one of the words that the page has a hue for; "" for all others.

    The letters of its shape say so, or else its symbol, and both are its layer's own.

    >>> [role(describe(f"h.0.{name}")) for name in ("attn.q", "mlp.act.out", "resid_mid")]
    ['query', 'hidden', 'stream']
    """
    if row.shape[:1] == ("H",) and row.shape[-1] in {"S", "N"}:
        return "attention"
    if row.shape[-1:] == ("F",):
        return "hidden"
    return next((name for name, symbol in ROLES.items() if re.fullmatch(symbol, row.symbol)), "")


def _place(step: Step, block: str) -> str:
    """The path of a step in a block, by what it shows last."""
    names = [name for name in step.names if name.startswith(f"{block}.")]
    own = names[-1].removeprefix(f"{block}.").partition(".")[0]
    return f"{block}.{own}"


def _shared(head: int, group: int) -> str:
    """In words, whose keys and values a head of queries has; nothing where they are its own.

    >>> _shared(4, 3)
    'Its keys and values are those of key-value head 1, shared with heads 3 and 5.'
    """
    if group == 1:
        return ""
    shared = head // group
    others = [str(one) for one in range(shared * group, (shared + 1) * group) if one != head]
    *most, last = others
    heads = f"heads {', '.join(most)} and {last}" if most else f"head {last}"
    return f"Its keys and values are those of key-value head {shared}, shared with {heads}."


def _node(place: str, title: str, kind: str, *, block: int | None = None) -> Json:
    return {
        "id": place,
        "title": title,
        "kind": kind,
        "stream": "",
        "block": block,
        "head": None,
        "formulas": [],
        "tensors": [],
        "children": [],
        "says": "",
        "lines": [],
    }
