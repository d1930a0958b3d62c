"""One session's API: answers each call with what runs of experiments came to."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from pellucid.errors import ConfigError
from pellucid.models import CausalModel, intervention_names
from pellucid.web.answers.change import effect, norms
from pellucid.web.answers.contributions import contributions, paths
from pellucid.web.answers.download import checkpoint
from pellucid.web.answers.generating import generating
from pellucid.web.answers.overview import merges, overview
from pellucid.web.answers.predictions import attention, lens, next_tokens, predictions
from pellucid.web.answers.proof import proving
from pellucid.web.answers.python import python
from pellucid.web.answers.start import start
from pellucid.web.answers.sweeps import patching, sweeping
from pellucid.web.answers.tensors import picture, tensor
from pellucid.web.answers.tour import tour, tried
from pellucid.web.answers.training import training
from pellucid.web.answers.why import why
from pellucid.web.session.experiment import experiment_of
from pellucid.web.session.fields import Fields, call_fields
from pellucid.web.session.library import Library, Opened
from pellucid.web.session.runs import ExperimentRun, Runs, traced

Answer = dict[str, Any] | Iterator[dict[str, Any]]
"""One object, or one event after the other, the last of them `{"done": …}`."""


class SessionApi:
    """Answers questions about experiments; messages.json has all that can be asked, and how.

    Raises `PellucidError`, in one line, for whatever was asked wrongly.
    """

    def __init__(self, library: Library) -> None:
        self.runs = Runs(library)
        self._files: dict[str, Path] = {}
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def held(self) -> int:
        """Bytes of memory that the session holds."""
        return self.runs.held

    @property
    def calls(self) -> Collection[str]:
        """What can be asked for."""
        return _CALLS.keys()

    def answer(self, call: str, fields: Fields) -> Answer:
        """The answer to a call with its fields."""
        if call not in _CALLS:
            raise ConfigError(
                f"a call must be one of {', '.join(_CALLS)}, and {call[:40]!r} is none"
            )
        return _CALLS[call](self, call_fields(call, fields))

    def download(self, name: str) -> Path | None:
        """The file that was made under that name; None where there is none."""
        return self._files.get(name)

    def rest(self) -> None:
        """Give back the memory of all that can be made again: nobody looks at it now."""
        self.runs.clear(but_trained=True)

    def close(self) -> None:
        """Give the memory back, and remove the files that were made."""
        self.runs.clear()
        self._files.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def run(self, fields: Fields) -> ExperimentRun:
        """The run of the experiment that came with a call."""
        return self.runs.run(experiment_of(fields["experiment"]))

    def _open(self, fields: Fields) -> Answer:
        run = self.run(fields)
        return overview(run, intervention_names(run.trace.model) if run.trace else ())

    def _tensor(self, fields: Fields) -> Answer:
        other = fields.get("against")
        against = None if other is None else self.runs.run(experiment_of(other))
        return tensor(self.run(fields), fields, against)

    def _tried(self, fields: Fields) -> Answer:
        before = self.runs.run(experiment_of(fields["before"]))
        return tried(self.run(fields), before)

    def _effect(self, fields: Fields) -> Answer:
        experiment = experiment_of(fields["experiment"])
        before = self.runs.run(experiment.unedited)
        return effect(self.runs.run(experiment), before, fields)

    def _train(self, fields: Fields) -> Answer:
        source = fields["settings"].get("from")
        start = None
        if source is not None:
            run = self.runs.run(experiment_of(source))
            trace = traced(run)
            model = run.model_state.without_interventions if run.model_state else trace.model
            if not isinstance(model, CausalModel) or trace.tokenizer is None:
                raise ConfigError(
                    f"what goes on learning from a text must be a model of one text, as GPT and "
                    f"Llama are, and {run.subject.title} is none: take another, or a new one"
                )
            start = Opened(model, trace.tokenizer, run.subject.title, run.text)
        return training(fields, start, self.runs.add_trained)

    def _checkpoint(self, fields: Fields) -> Answer:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="pellucid-")
        for file in self._files.values():  # a page fetches one at a time
            file.unlink(missing_ok=True)
        self._files.clear()
        file, answer = checkpoint(self.run(fields), Path(self._folder.name))
        name = token_hex(16)
        self._files[name] = file
        return {"download": f"download/{name}", **answer}


_CALLS: dict[str, Callable[[SessionApi, Fields], Answer]] = {
    "start": lambda api, _: start(api.runs.library),
    "open": SessionApi._open,
    "tensor": SessionApi._tensor,
    "picture": lambda api, fields: picture(api.run(fields), fields),
    "why": lambda api, fields: why(api.run(fields), fields),
    "merges": lambda api, fields: merges(api.run(fields), fields),
    "predictions": lambda api, fields: predictions(api.run(fields), fields),
    "next": lambda api, fields: next_tokens(api.run(fields), fields),
    "lens": lambda api, fields: lens(api.run(fields), fields),
    "attention": lambda api, fields: attention(api.run(fields), fields),
    "tour": lambda api, fields: tour(api.run(fields)),
    "tried": SessionApi._tried,
    "norms": lambda api, fields: norms(api.run(fields)),
    "effect": SessionApi._effect,
    "sweep": lambda api, fields: sweeping(api.run(fields), fields),
    "patching": lambda api, fields: patching(api.run(fields), fields),
    "contributions": lambda api, fields: contributions(api.run(fields), fields),
    "paths": lambda api, fields: paths(api.run(fields), fields),
    "generate": lambda api, fields: generating(api.run(fields), fields),
    "train": SessionApi._train,
    "python": lambda api, fields: {"python": python(api.run(fields), api.runs.library)},
    "checkpoint": SessionApi._checkpoint,
    "prove": lambda api, fields: proving(api.run(fields)),
}
