"""Recording: a session is asked what the page asks, and the answers are written as files.

    index.js       what there is (the answer of `start`), and for each experiment its run's name
    RUN/0.js       a run's overview and what else was asked of it, and where all the rest is
    RUN/1.js …     tensors, pictures, the arithmetic of numbers: each kind by itself, in the order
                   of the run, so that what is seen first is in the first of them

What one run has in common with another that was recorded before it is written once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.numbers import at
from pellucid.web.answers.api import SessionApi
from pellucid.web.answers.json_values import Json
from pellucid.web.record.chunks import write_chunk
from pellucid.web.record.depth import CHANGED, CHANGED_MODEL, EXAMPLE, MODEL, STATE, Depth, chosen
from pellucid.web.record.plan import done_to, tried, whole
from pellucid.web.record.questions import (
    analyses,
    candidates,
    defaults,
    key,
    line,
    pointed,
    questions,
)
from pellucid.web.record.run_files import RunFiles
from pellucid.web.record.tensors import packed
from pellucid.web.session.experiment import read_experiment

MANY = 10_000
"""Beyond so many numbers of a changed model, what its optimizer holds is kept of one parameter: of
the first, which the view Learn shows unless another is chosen.
"""

SIDE = 64
"""Rows and columns of a picture from afar; what is larger is painted from its numbers when near."""


@dataclass
class Recorder:
    """Records the runs of one subject into a folder; `runs` has the name of each experiment's."""

    api: SessionApi
    folder: Path
    subject: str
    runs: dict[str, str] = field(default_factory=dict)
    _written: dict[str, str] = field(default_factory=dict)  # what was written, and where

    def record(self, experiment: Json) -> None:
        """Record an experiment, and what a reader is likely to do to its model."""
        small = "example" in experiment["subject"]
        experiment = whole(experiment)
        opened = self._run(experiment, EXAMPLE if small else MODEL)
        tour = self._answered("tour", {"experiment": experiment})
        for other in (*done_to(experiment, opened), *tried(experiment, tour)):
            if line(other) not in self.runs:
                self._run(other, CHANGED if small else CHANGED_MODEL, before=experiment)

    def _run(self, experiment: Json, depth: Depth, before: Json | None = None) -> Json:
        """Record one run, of a changed model beside the one `before`; its overview."""
        opened = self._answered("open", {"experiment": experiment})
        assert opened is not None
        name = f"{self.subject}/{len(set(self.runs.values()))}"
        for text in {experiment.get("text"), None if opened["text"] == "" else opened["text"]}:
            self.runs[line(experiment | {"text": text})] = name
        run = self.api.runs.run(read_experiment(experiment))
        answers = dict(self._answers(experiment, opened, before))
        more = RunFiles(self.folder, name, self._written)
        tensors = {
            one: run.tape.value(one)
            for one in _in_order(opened)
            if isinstance(run.tape.value(one), Tensor)
        }
        many = before is not None and sum(one.numel() for one in tensors.values()) > MANY
        digests = {one: _digest(value) for one, value in tensors.items()}
        for one, value in tensors.items():
            if not one.endswith(STATE):
                pictures = partial(self._pictures, experiment, one, value)
                more.add(f"picture {one}", digests[one], pictures)
        more.flush()
        for one, value in tensors.items():
            most = depth.parameters if _owned(one, opened) else depth.numbers
            there = depth.corners or value.numel() <= most
            if many and one.endswith(STATE):
                there = one.startswith(f"{opened['parameters'][0]}.")
            if there or more.stands(f"tensor {one}", digests[one]):
                numbers = partial(packed, self.api, run, experiment, one, most)
                more.add(f"tensor {one}", digests[one], numbers)
        more.flush()
        wanted = [
            *(at(one, index) for one, some in chosen(tensors, depth).items() for index in some),
            *pointed(answers),
        ]
        for one, explained in self._explained(experiment, wanted, depth).items():
            more.add(f"why {one}", line(explained), partial(_alone, explained))
        more.flush()
        write_chunk(self.folder, f"{name}/0", {"answers": answers, "places": more.grouped()})
        return opened

    def _answers(
        self, experiment: Json, opened: Json, before: Json | None
    ) -> Iterator[tuple[str, Json]]:
        """All that is asked of a run beside its numbers, each by its question."""
        yield key("open", {}), opened
        likely = None
        for call, fields in questions(opened):
            answer = self._answered(call, {"experiment": experiment, **fields})
            if answer is not None:
                yield key(call, fields), answer
            if (call, fields) == candidates(opened):
                likely = answer
        if before is not None:
            answer = self._answered("tried", {"experiment": experiment, "before": before})
            if answer is not None:
                yield key("tried", {"before": self.runs[line(before)]}), answer
        elif likely is not None:
            for call, fields in analyses(opened, likely):
                answer = self._answered(call, {"experiment": experiment, **fields})
                if answer is not None:
                    yield key(call, fields), answer

    def _answered(self, call: str, fields: Json) -> Json | None:
        """An answer; of a stream its events and how it ends; None where there is none."""
        try:
            made = self.api.answer(call, fields)
            if isinstance(made, dict):
                return made
            events = list(made)
        except PellucidError:
            return None
        return {"events": events[:-1], "done": events[-1]["done"]}

    def _pictures(self, experiment: Json, name: str, value: Tensor) -> tuple[Json, bytes]:
        """From afar, the pictures of all matrices of a tensor."""
        asked = {"experiment": experiment, "name": name, "height": SIDE, "width": SIDE}
        return _alone(
            {
                line(lead): self._answered("picture", asked | {"lead": list(lead)})
                for lead in product(*map(range, value.shape[:-2]))
            }
        )

    def _explained(self, experiment: Json, numbers: Iterable[str], depth: Depth) -> dict[str, Json]:
        """The arithmetic of these numbers by their tensors, and of some that they come from."""
        found: dict[str, Json] = {}
        waiting = dict.fromkeys(numbers, depth.back)
        while waiting:
            number, back = waiting.popitem()
            known = found.setdefault(number.partition("[")[0], {})
            asked = key("why", {"name": number})
            if asked in known:
                continue
            answer = self._answered("why", {"experiment": experiment, "name": number})
            if answer is not None:
                known[asked] = answer
                sources = (one["source"] for one in answer["operands"][:back])
                waiting |= dict.fromkeys(filter(None, sources), 0)
        return found


def write_index(folder: Path, start: Json, runs: Mapping[str, str]) -> None:
    """Write what there is, and which run is which experiment's."""
    update = start["defaults"]["update"]
    said = {"start": start, "runs": runs, "defaults": defaults(), "update": update}
    write_chunk(folder, "index", said)


def _in_order(opened: Json) -> Iterator[str]:
    """The names of a run: first those of the outline, which are drawn, as they stand there."""
    seen: dict[str, None] = {}

    def visit(nodes: Iterable[Json]) -> None:
        for node in nodes:
            for tensor in node["tensors"]:
                seen[tensor["name"]] = None
            visit(node["children"])

    visit(opened["outline"])
    names = set(opened["names"])
    yield from (name for name in dict.fromkeys((*seen, *opened["names"])) if name in names)


def _alone(said: Json) -> tuple[Json, bytes]:
    """What is said without bytes."""
    return said, b""


def _owned(name: str, opened: Json) -> bool:
    """Whether a tensor is a parameter, or a parameter's gradient."""
    parameters = opened["parameters"]
    return name in parameters or name.removeprefix("d") in parameters


def _digest(value: Tensor) -> str:
    """What stands for a tensor's numbers: the answers on it follow from them."""
    plain = value.detach().contiguous()
    data = plain.view(torch.uint8).numpy().tobytes() if plain.dim() else repr(plain.item()).encode()
    return f"{plain.dtype} {list(plain.shape)} {sha256(data).hexdigest()}"
