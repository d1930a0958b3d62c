"""A desk: where one session's questions are answered. It keeps runs, and nothing else."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from pellucid.errors import ConfigError
from pellucid.models import editable
from pellucid.web.answers.change import effect, norms
from pellucid.web.answers.download import checkpoint
from pellucid.web.answers.generating import generating
from pellucid.web.answers.guess import attention, lens, predictions
from pellucid.web.answers.look import picture, tensor
from pellucid.web.answers.proved import proving
from pellucid.web.answers.python import python
from pellucid.web.answers.start import start
from pellucid.web.answers.training import training, wanted_in
from pellucid.web.answers.whole import merges, whole
from pellucid.web.answers.why import why
from pellucid.web.session.experiment import TEXT, Experiment, read_experiment
from pellucid.web.session.fields import Fields, object_in, text_in
from pellucid.web.session.library import Library, Opened
from pellucid.web.session.runs import ExperimentRun, Runs, traced

Answer = dict[str, Any] | Iterator[dict[str, Any]]
"""One object, or one event after the other, the last of them `{"done": …}`."""


class SessionApi:
    """Answers questions about experiments; see docs/page.md for what can be asked.

    Raises `PellucidError`, in one line, for whatever was asked wrongly.
    """

    def __init__(self, library: Library) -> None:
        self.runs = Runs(library)
        self._files: dict[str, Path] = {}
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def held(self) -> int:
        """Bytes of memory that the desk holds."""
        return self.runs.held

    @property
    def calls(self) -> Collection[str]:
        """What can be asked for."""
        return _CALLS.keys()

    def answer(self, call: str, given: Mapping[str, Any]) -> Answer:
        """The answer to a call with what came with it."""
        if call not in _CALLS:
            raise ConfigError(
                f"a call must be one of {', '.join(_CALLS)}, and {call[:40]!r} is none"
            )
        return _CALLS[call](self, given)

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

    def experiment(self, given: Fields, key: str = "experiment") -> Experiment:
        """The experiment that came with a call."""
        return read_experiment(object_in(given, key))

    def run(self, given: Fields, key: str = "experiment") -> ExperimentRun:
        """Its run."""
        return self.runs.run(self.experiment(given, key))

    def _open(self, given: Fields) -> Answer:
        run = self.run(given)
        names = editable(run.trace.model.config) if run.trace else ()
        return whole(run, names)

    def _tensor(self, given: Fields) -> Answer:
        against = self.run(given, "against") if given.get("against") is not None else None
        return tensor(self.run(given), given, against)

    def _merges(self, given: Fields) -> Answer:
        run = self.run(given)
        return merges(run, text_in(given, "text", most=TEXT))

    def _effect(self, given: Fields) -> Answer:
        experiment = self.experiment(given)
        before = self.runs.run(experiment.unedited)
        return effect(self.runs.run(experiment), before, given)

    def _train(self, given: Fields) -> Answer:
        settings = given.get("settings")
        source = settings.get("from") if isinstance(settings, Mapping) else None
        start = None
        if source is not None:
            run = self.run({"experiment": source})
            trace = traced(run)
            plain = run.stage.plain if run.stage else trace.model
            start = Opened(plain, trace.tokenizer, run.subject.title, run.text)
        return training(wanted_in(given), start, self.runs.keep)

    def _checkpoint(self, given: Fields) -> Answer:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="pellucid-")
        for file in self._files.values():  # a page fetches one at a time
            file.unlink(missing_ok=True)
        self._files.clear()
        file, answer = checkpoint(self.run(given), Path(self._folder.name))
        name = token_hex(16)
        self._files[name] = file
        return {"download": f"download/{name}", **answer}


_CALLS: dict[str, Callable[[SessionApi, Fields], Answer]] = {
    "start": lambda desk, _: start(desk.runs.library),
    "open": SessionApi._open,
    "tensor": SessionApi._tensor,
    "picture": lambda desk, given: picture(desk.run(given), given),
    "why": lambda desk, given: why(desk.run(given), given),
    "merges": SessionApi._merges,
    "predictions": lambda desk, given: predictions(desk.run(given), given),
    "lens": lambda desk, given: lens(desk.run(given), given),
    "attention": lambda desk, given: attention(desk.run(given), given),
    "norms": lambda desk, given: norms(desk.run(given)),
    "effect": SessionApi._effect,
    "generate": lambda desk, given: generating(desk.run(given), given),
    "train": SessionApi._train,
    "python": lambda desk, given: {"python": python(desk.run(given), desk.runs.library)},
    "checkpoint": SessionApi._checkpoint,
    "prove": lambda desk, given: proving(desk.run(given)),
}
