"""What can be taken along: an experiment as Python, and its model as a checkpoint."""

from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from pellucid.checkpoint import save
from pellucid.errors import ConfigError
from pellucid.tree import flatten
from pellucid.web.answers.json_values import Json
from pellucid.web.session.runs import ExperimentRun

BYTES = 1 << 30
"""A checkpoint of more bytes is not made for a browser to fetch."""


def checkpoint(run: ExperimentRun, directory: Path) -> tuple[Path, Json]:
    """The model with its weights of now and its tokenizer, as a zip file of one directory."""
    if run.model_state is None:
        raise ConfigError("a checkpoint is of a model, and this is a lesson: take another subject")
    model = run.model_state.without_interventions
    size = sum(leaf.numel() * leaf.element_size() for leaf in flatten(model.params).values())
    if size > BYTES:
        raise ConfigError(
            f"a checkpoint for a browser has at most {BYTES >> 20:,} MiB, and this one has "
            f"{size >> 20:,}: train it by pellucid train"
        )
    folder = directory / "model"
    save(model, folder)
    if run.subject.tokenizer is not None:
        run.subject.tokenizer.save(folder)
    file = directory / f"{_safe(run.subject.title)}.zip"
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, f"{file.stem}/{part.name}")
    for part in folder.iterdir():
        part.unlink()
    folder.rmdir()
    return file, {"name": file.name, "bytes": file.stat().st_size}


def _safe(title: str) -> str:
    """A title as a file's name."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in title.lower())
    return kept.strip("-")[:60] or "model"
