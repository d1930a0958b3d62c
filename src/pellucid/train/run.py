"""A run: the directory of a training, with the best model so far and the state to resume from.

    run.json                            how it was begun: the settings, and what data it was
    tokenizer.json                      both written once, before the first iteration
    tokenizer_config.json               likewise, where a model with a chat template is trained on
    config.json, model.safetensors      the best model by validation loss
    last.safetensors                    the last point: weights, moments, random state
    log.jsonl                           a line for some of the iterations
    events.out.tfevents.…               the same for TensorBoard, where it is installed

Every file is whole at every moment, and none of those that are written again says anything that
another must agree with, so a run that is killed resumes from its last state, bit for bit.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from pellucid.checkpoint import save, write_chat_template
from pellucid.checkpoint.chat import TEMPLATE_FILES
from pellucid.checkpoint.read import CONFIG, WEIGHTS, read_json
from pellucid.errors import CheckpointError, ConfigError, WriteError
from pellucid.files import clear_unfinished, write_text
from pellucid.models import ARCHITECTURES, trainable
from pellucid.models.adapter import check, configure
from pellucid.text import ChatTemplate, Tokenizer
from pellucid.train.events import EventFile, available
from pellucid.train.first_nonfinite import lost_weight
from pellucid.train.log import LOG, Log
from pellucid.train.loop import Progress
from pellucid.train.recipe import Recipe
from pellucid.train.state import TrainState, load_point, save_point
from pellucid.tree import flatten

RUN, LAST, TOKENIZER = "run.json", "last.safetensors", "tokenizer.json"
FILES = (RUN, TOKENIZER, *TEMPLATE_FILES, CONFIG, WEIGHTS, LAST, LOG)
VERSION = 1


class TrainingRun:
    """A run in progress; `keep` takes each step of its training.

    Raises `WriteError` where a file cannot be written; those that were there are kept.
    """

    def __init__(self, directory: Path, start: TrainState, recipe: Recipe) -> None:
        self.directory = directory
        self.point = start
        self._saved = start.iteration
        self._recipe = recipe
        self._log = Log(directory, start.iteration)
        self._events = EventFile(directory, after=start.iteration) if available() else None

    def keep(self, step: Progress[Any]) -> None:
        """Log the step, save the model if it is the best so far, and the state if it is time.

        The best model is written before the point that knows of it: a run that is killed between
        the two finds the same best again.
        """
        if step.is_whole:
            self.point = step.point
        if step.layers is not None or step.validation_loss is not None:
            row = _row(step)
            self._log.add(row)
            if self._events:
                self._events.add(row)
        if step.is_best:
            notes = {
                "iteration": str(step.iteration),
                "validation_loss": f"{step.validation_loss:.6f}",
            }
            save(step.kept, self.directory, metadata=notes)
        if self._recipe.saves(step.iteration):
            self.save()

    def save(self) -> None:
        """Save the state after the last step that was kept whole; never one that is no number."""
        if self.point.iteration != self._saved:
            if lost := lost_weight(self.point.params):
                raise CheckpointError(
                    f"a state that is saved must be finite, and after iteration "
                    f"{self.point.iteration} {lost}; the state after iteration {self._saved} "
                    "stays: try a lower --learning-rate"
                )
            self._log.flush()
            save_point(self.directory / LAST, self.point, {})
            self._saved = self.point.iteration

    def close(self) -> None:
        """End the logs."""
        self._log.close()
        if self._events:
            self._events.close()


def begin_run(
    directory: Path,
    model: Any,
    tokenizer: Tokenizer,
    point: TrainState,
    settings: Mapping[str, Any],
    *,
    template: ChatTemplate | None = None,
) -> None:
    """Create the directory of a new run, replacing an old one.

    `settings` is what `run_settings` gives back; `template` came with the model that is trained
    further.
    """
    try:
        _clear(directory)
        # An earlier run's state goes first: without one, there is nothing that could resume with
        # files of two runs.
        for name in (LAST, WEIGHTS, CONFIG, LOG, RUN, *TEMPLATE_FILES):
            (directory / name).unlink(missing_ok=True)
        made = {"architecture": model.architecture} | model.config.to_dict()
        about = {"pellucid": VERSION, "model": made, **settings}
        write_text(directory / RUN, json.dumps(about, indent=2) + "\n")
        tokenizer.save(directory / TOKENIZER)
        if template is not None:
            write_chat_template(template, directory)
    except OSError as error:
        raise WriteError(
            f"{directory} must be a directory that can be written; {error.strerror}; make room "
            "there, or give another"
        ) from None
    save_point(directory / LAST, point, {})


def _clear(directory: Path) -> None:
    """Remove what a run that was killed left half-written."""
    for name in FILES:
        clear_unfinished(directory / name)


def has_point(directory: Path) -> bool:
    """Whether there is a run here that can be resumed."""
    return (directory / LAST).exists() and (directory / RUN).exists()


def check_nothing_lost(directory: Path) -> None:
    """Raise `CheckpointError` where a run's last state is gone, and there is more than its plan.

    A run that was killed while it was laid out has nothing else yet, and may be begun once more.
    """
    left = next((name for name in (WEIGHTS, CONFIG, LOG) if (directory / name).exists()), None)
    if left and (directory / RUN).exists() and not (directory / LAST).exists():
        raise CheckpointError(
            f"a run resumes from its {LAST}, and {directory} has none beside its {left}: put it "
            "back, choose another directory, or start anew with --overwrite, which deletes "
            f"{left} too"
        )


def run_settings(directory: Path) -> dict[str, Any]:
    """The settings that the run was started with; `CheckpointError` where they are not whole."""
    about = read_json(directory / RUN)
    if about.get("pellucid") != VERSION:
        raise CheckpointError(
            f"{directory / RUN} must be of version {VERSION}, and it is {about.get('pellucid')!r}: "
            "resume with the version of Pellucid that wrote it"
        )
    for name, kind in {"model": dict, "options": dict, "data": str}.items():
        if name in about and not isinstance(about[name], kind):
            raise _broken(directory, f"{name} is {str(about[name])[:40]!r}")
    return about


def extend_run(directory: Path, options: Mapping[str, Any]) -> None:
    """Let these of the run's options be others from now on."""
    about = run_settings(directory)
    about["options"] = about.get("options", {}) | options
    write_text(directory / RUN, json.dumps(about, indent=2) + "\n")


def _broken(directory: Path, said: str) -> CheckpointError:
    return CheckpointError(
        f"{directory / RUN} must say how a run was started, and {said}: restore the file, or start "
        "anew with --overwrite"
    )


def resume_run(directory: Path, device: torch.device | str = "cpu") -> tuple[Any, TrainState]:
    """The model at the last saved state of a run, and the state, both on the device.

    Raises `CheckpointError` where a file is not whole, or the two are of different models.
    """
    settings = dict(run_settings(directory).get("model", {}))
    name = settings.pop("architecture", None)
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise _broken(directory, f"its model's architecture is {str(name)[:40]!r}")
    kind = ARCHITECTURES[name]
    settings = {**getattr(kind.Config, "later", {}), **settings}
    known = {field.name for field in fields(kind.Config)}
    if wrong := sorted(known ^ settings.keys()):
        missing = "missing" if wrong[0] in known else "unknown"
        raise _broken(directory, f"its model's setting {wrong[0][:40]!r} is {missing}")
    config = configure(directory / RUN, kind.Config, **settings)
    point = load_point(directory / LAST)[0]
    check(config.parameter_shapes(), flatten(point.params), directory / LAST)
    moved = {name: tuple(leaf.shape) for name, leaf in flatten(trainable(point.params)).items()}
    for moment, tree in (point.state or {}).items():
        if isinstance(tree, Mapping):
            check(moved, flatten(tree), f"{directory / LAST}, {moment}")
    if point.mean is not None:
        check(moved, flatten(point.mean), f"{directory / LAST}, mean")
    on_device = point.to(device)
    return kind(config, on_device.params), on_device


def check_same_data(directory: Path, fingerprint: str) -> None:
    """Raise `ConfigError` if the run was started with other data."""
    data = run_settings(directory).get("data")
    if data is None:
        raise _broken(directory, "it does not say with what data")
    if data != fingerprint:
        raise ConfigError(
            f"a run must resume with the data that it started with, and {directory} started with "
            "other data: give the same text, or start anew with --overwrite"
        )


def _row(step: Progress[Any]) -> dict[str, Any]:
    """A line of the log."""
    row: dict[str, Any] = {
        "iteration": step.iteration,
        "loss": step.loss,
        "learning_rate": step.learning_rate,
        "grad_norm": step.grad_norm,
        "tokens": step.point.tokens,
        "seconds": round(step.point.seconds, 3),
        "tokens_per_second": round(step.tokens_per_second, 1),
    }
    if step.validation_loss is not None:
        row["validation_loss"] = step.validation_loss
    if step.loss_without is not None:
        row["validation_loss_without_mean"] = step.loss_without
    if step.layers is not None:
        row["layers"] = {name: figures._asdict() for name, figures in step.layers.items()}
    return row
