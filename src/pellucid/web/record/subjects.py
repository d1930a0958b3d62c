"""The record of several subjects: worked examples and models, each recorded by itself."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from pellucid.shipped import SHIPPED_MODEL
from pellucid.web.answers.api import SessionApi
from pellucid.web.answers.json_values import Json
from pellucid.web.answers.start import start
from pellucid.web.record.plan import whole
from pellucid.web.record.recorder import Recorder, write_index
from pellucid.web.session.library import Library

FEW = 3
"""So few subjects are recorded in this process: another one takes seconds to begin."""

WORKERS = 4


def record(
    folder: Path,
    examples: Sequence[str],
    models: Sequence[str],
    watch: Callable[[str], None] = lambda _: None,
) -> None:
    """Record these worked examples and models into a folder."""
    subjects: list[Json] = [
        *({"subject": {"model": name}} for name in models),
        *({"subject": {"example": name}} for name in examples),
    ]
    runs: dict[str, str] = {}
    if len(subjects) <= FEW:
        for subject in subjects:
            watch(_name(subject))
            runs |= record_subject(folder, subject, models)
    else:
        # Forked after torch has begun its threads, a process may hang.
        context = multiprocessing.get_context("spawn")
        workers = min(WORKERS, os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            waiting = [pool.submit(record_subject, folder, one, models) for one in subjects]
            for subject, made in zip(subjects, waiting, strict=True):
                watch(_name(subject))
                runs |= made.result()
    write_index(folder, _start(examples, models), runs)


def record_subject(folder: Path, experiment: Json, models: Sequence[str]) -> dict[str, str]:
    """Record one; the run of each of its experiments."""
    api = SessionApi(Library({name: name for name in models}))
    recorder = Recorder(api, folder, _name(experiment))
    try:
        recorder.record(experiment)
    finally:
        api.close()
    return recorder.runs


def _name(experiment: Json) -> str:
    ((_, name),) = experiment["subject"].items()
    return str(name)


def _start(examples: Sequence[str], models: Sequence[str]) -> Json:
    """The answer of `start` with what was recorded alone."""
    said = start(Library({name: name for name in models or (SHIPPED_MODEL,)}))
    said["models"] = [one for one in said["models"] if one["name"] in models]
    said["examples"] = [one for one in said["examples"] if one["name"] in examples]
    if not models and examples:
        said["default"] = whole({"subject": {"example": examples[0]}})
    return said
