"""Runs: what experiments came to, kept as long as there is room."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from secrets import token_hex
from threading import RLock
from typing import Any

from torch import Tensor

from pellucid.documents.numbers import Format
from pellucid.errors import ConfigError
from pellucid.examples import Example, Shown, find_example
from pellucid.optim import State
from pellucid.prove import Proof
from pellucid.tape import Tape
from pellucid.train import Trace, record_batch
from pellucid.tree import flatten
from pellucid.walkthrough import Walkthrough, recorded_walkthrough
from pellucid.web.session.experiment import Experiment, OptimizerSteps
from pellucid.web.session.library import Library, Opened
from pellucid.web.session.model_state import ModelState, Subject, batch_of
from pellucid.web.turns import pause

ROOM = 1 << 29
"""Bytes that a session's runs may hold beside the newest ones."""

COMPARED = 2
"""So many runs, the newest, are kept beyond that: an edited one is looked at beside another."""

MOST = 1 << 31
"""Bytes beyond which the newest alone is kept."""

TRAINED = 4
"""How many models that were trained on the page a session keeps."""

PREVIEWED = 20_000_000
"""Up to this many parameters the next update is worked out: it is six numbers for each."""

Key = tuple[str, Hashable]
"""What is kept, "run" or "model_state", and of which experiment."""


@dataclass
class ExperimentRun:
    """What an experiment came to: the tape, the way through it, and what was found on the way."""

    experiment: Experiment
    model_state: ModelState | None  # None for a lesson, which has no model that could be changed
    trace: Trace | None
    walkthrough: Walkthrough
    subject: Subject
    proof: Proof | None = None
    balls: dict[str, Any] = field(default_factory=dict)  # a proof's, by the tensors' first names
    notes: dict[str, Any] = field(default_factory=dict)  # what was asked before and costs to find
    formats: dict[str, Format] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text that was run; of an experiment that named none, the subject's own."""
        return self.subject.text

    @property
    def tape(self) -> Tape:
        """All that the run showed."""
        return self.walkthrough.tape

    @property
    def loss(self) -> float | None:
        """The loss; None where nothing is to be predicted."""
        return float(self.tape.value("loss")) if "loss" in self.tape else None

    def piece(self, token: int) -> str:
        """A token as one can read it."""
        return self.trace.piece(token) if self.trace else str(token)


class Runs:
    """The runs of one session; `trained` are the models that were trained in it."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.trained: dict[str, Opened] = {}
        self._cache: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._held = 0
        self._lock = RLock()

    @property
    def held(self) -> int:
        """Bytes that the kept runs and trained models hold."""
        trained = list(self.trained.values())  # others may be at work while this is asked
        return sum(_bytes(flatten(one.model.params).values()) for one in trained) + self._held

    def clear(self, *, but_trained: bool = False) -> None:
        """Give the memory back; models that were trained here cannot be made again."""
        with self._lock:
            self._cache.clear()
            self._held = 0
            if not but_trained:
                self.trained.clear()

    def add_trained(self, trained: Opened) -> str:
        """Add a trained model, the oldest of more than `TRAINED` goes; the name it has now."""
        name = token_hex(8)
        with self._lock:
            self.trained[name] = trained
            while len(self.trained) > TRAINED:
                del self.trained[next(iter(self.trained))]
        return name

    def run(self, experiment: Experiment) -> ExperimentRun:
        """The experiment's run, made now where it is not kept."""
        made: ExperimentRun = self._made(
            ("run", experiment), lambda: self._run(experiment), _run_bytes
        )
        return made

    def model_state(self, experiment: Experiment) -> ModelState:
        """Where the experiment's model stands after all of its actions."""
        keys = [("model_state", digest) for digest in experiment.digests]
        with self._lock:
            done = next((at for at in reversed(range(len(keys))) if keys[at] in self._cache), 0)
            made = self._state(keys[done], lambda: self._first_state(experiment))
            for action, key in zip(experiment.actions[done:], keys[done + 1 :], strict=True):
                pause.get()()
                after = partial(made.after, action)
                kept = key == keys[-1] or isinstance(action, OptimizerSteps)
                made = self._state(key, after) if kept else after()
        return made

    def _state(self, key: Key, make: Callable[[], ModelState]) -> ModelState:
        made: ModelState = self._made(key, make, _model_state_bytes)
        return made

    def opened(self, experiment: Experiment) -> Opened:
        """The model of a subject that is one."""
        if experiment.kind == "model":
            return self.library.open(experiment.name)
        if experiment.name not in self.trained:
            raise ConfigError(
                "a trained model must be one of this session's, and it is there no more: train "
                "it again"
            )
        return self.trained[experiment.name]

    def _made(self, key: Key, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        with self._lock:
            if key not in self._cache:
                made = make()
                self._cache[key] = made, size(made)
                self._held += self._cache[key][1]
            self._cache.move_to_end(key)
            runs = [kept for kept in self._cache if kept[0] == "run"]
            self._shrink(ROOM, {key, *runs[-COMPARED:]})
            self._shrink(MOST, {key})
            return self._cache[key][0]

    def _shrink(self, most: int, stay: Collection[Key]) -> None:
        """Let the oldest go, but none of those, until no more bytes than these are held."""
        for old in [kept for kept in self._cache if kept not in stay]:
            if self._held > most:
                self._held -= self._cache.pop(old)[1]

    def _first_state(self, experiment: Experiment) -> ModelState:
        subject = self._subject(experiment)
        if subject.model is None:
            raise ConfigError(
                f"only a model can be changed, and {experiment.name} is a lesson on layers by "
                "themselves: take another example, or a model"
            )
        return ModelState(subject, subject.model.params)

    def _subject(self, experiment: Experiment) -> Subject:
        if experiment.kind in {"example", "lesson"}:
            return self._example(experiment)
        opened = self.opened(experiment)
        own = Shown(opened.model, opened.tokenizer, opened.text, opened.source)
        return _reading(experiment, own, Subject(opened.title, str(opened.model)))

    @staticmethod
    def _example(experiment: Experiment) -> Subject:
        example, name = find_example(experiment.name), experiment.name
        subject = Subject(example.title, example.about)
        if isinstance(example, Example):
            subject = subject._replace(credit=example.source)
            own = Shown(example.model, example.tokenizer, example.text)
            if experiment.text not in {None, example.text}:
                return _reading(experiment, own, subject)
            tape = example.record().tape
            batch = tape.value("tokens").tolist(), tape.value("targets").tolist()
            return subject._replace(**own._asdict(), batch=batch)
        if example.shown is not None and experiment.kind == "example":
            return _reading(experiment, example.shown(), subject._replace(other={"lesson": name}))
        other = None if example.shown is None else {"example": name}
        return subject._replace(walkthrough=example.walkthrough(), other=other)

    def _run(self, experiment: Experiment) -> ExperimentRun:
        if experiment.kind in {"example", "lesson"} and not experiment.actions:
            subject = self._subject(experiment)
            if subject.walkthrough is not None:
                return ExperimentRun(experiment, None, None, subject.walkthrough, subject)
        model_state = self.model_state(experiment)
        subject, model = model_state.subject, model_state.model
        count = sum(leaf.numel() for leaf in flatten(model_state.params).values())
        update = asdict(experiment.next) if count <= PREVIEWED else None
        trace = record_batch(
            model,
            subject.batch,
            subject.tokenizer,
            update=update,
            state=model_state.state_for(experiment.next.optimizer),
        )
        walkthrough = recorded_walkthrough(trace, subject.title, subject.about)
        return ExperimentRun(experiment, model_state, trace, walkthrough, subject)


def _reading(experiment: Experiment, own: Shown, subject: Subject) -> Subject:
    """The subject with its model, and what that reads: what the experiment says, or its own."""
    text = own.text if experiment.text is None else experiment.text
    source = own.source if experiment.source is None else experiment.source
    batch = batch_of(own.model, own.tokenizer, text, source)
    said = own._replace(text=text, source=source)
    return subject._replace(**said._asdict(), batch=batch)


def traced(run: ExperimentRun) -> Trace:
    """The trace of a run that is a model's; `ConfigError` for a lesson."""
    if run.trace is None:
        raise ConfigError(
            f"this is asked of a model, and {run.experiment.name} is a lesson on layers by "
            "themselves: take another example, or a model"
        )
    return run.trace


def _run_bytes(run: ExperimentRun) -> int:
    unchanged = {} if run.subject.model is None else flatten(run.subject.model.params)
    shared = {leaf.untyped_storage().data_ptr() for leaf in unchanged.values()}
    state = None if run.model_state is None else run.model_state.state  # the run holds it as well
    return _bytes([*(run.tape.value(name) for name in run.tape), *_moments(state)], shared)


def _model_state_bytes(model_state: ModelState) -> int:
    assert model_state.subject.model is not None
    unchanged = flatten(model_state.subject.model.params).values()
    shared = {leaf.untyped_storage().data_ptr() for leaf in unchanged}
    return _bytes([*flatten(model_state.params).values(), *_moments(model_state.state)], shared)


def _moments(state: State | None) -> Iterator[Tensor]:
    for tree in (state or {}).values():
        yield from flatten(tree).values() if isinstance(tree, Mapping) else ()


def _bytes(tensors: Any, shared: set[int] | None = None) -> int:
    """The bytes of the tensors' storages, each once, without those that are shared."""
    storages = (one.untyped_storage() for one in tensors if isinstance(one, Tensor))
    sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
    return sum(size for place, size in sizes.items() if place not in (shared or ()))
