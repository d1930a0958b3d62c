"""Debian packages in a folder: fetched by the machine's own apt, and opened by dpkg."""

import fnmatch
import hashlib
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

COPYRIGHT = "usr/share/doc/*/copyright"


class CollectError(Exception):
    """What must hold, what was found and what helps, in one line."""


def needed(name: str) -> Any:
    """A library that only collecting needs."""
    try:
        return import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        raise CollectError(
            f"{library} is needed to read these files: pip install {library}"
        ) from error


@dataclass(frozen=True)
class Archive:
    """A package's file, and what the package says of itself."""

    path: Path
    package: str
    version: str
    source: str


def run(words: list[str], *, where: Path | None = None, apt: Path | None = None) -> str:
    """What a command prints; its own last line is in the error when it fails."""
    environment = None
    if apt is not None:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        environment["APT_CONFIG"] = str(apt)
    try:
        done = subprocess.run(
            words, cwd=where, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise CollectError(
            f"{words[0]} is needed and not there: run this on Debian or one of its children"
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing was said"]
        raise CollectError(f"{' '.join(words[:3])} failed: {said[-1]}")
    return done.stdout


def is_version_of(name: str, pattern: str) -> bool:
    """Whether a package is one of a pattern: `wesnoth-1.*-data` is any version's data."""
    return fnmatch.fnmatchcase(name, pattern)


def found(folder: Path, pattern: str) -> list[Archive]:
    """The packages of a pattern in a folder: of several versions of one the file's last by name."""
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.deb")):
        name = path.name.split("_")[0]
        if is_version_of(name, pattern):
            files[name] = path
    return [described(path) for path in files.values()]


def described(path: Path) -> Archive:
    """Read a package's own name, version and source."""
    fields = dict(
        line.split(": ", 1)
        for line in run(
            ["dpkg-deb", "--field", str(path), "Package", "Version", "Source"]
        ).splitlines()
        if ": " in line
    )
    name = fields["Package"]
    return Archive(path, name, fields["Version"], fields.get("Source", name).split(" ")[0])


def fetch(folder: Path, pattern: str) -> list[Archive]:
    """The packages of a pattern, asked of apt where the folder does not have them."""
    folder.mkdir(parents=True, exist_ok=True)
    there = found(folder, pattern)
    if there:
        return there
    names = [pattern]
    if "*" in pattern:
        start = pattern.partition("*")[0]
        known = run(["apt-cache", "pkgnames", start]).split()
        names = sorted(name for name in known if is_version_of(name, pattern))
    for name in names:
        run(["apt-get", "download", "--quiet", name], where=folder)
    return found(folder, pattern)


DESCRIPTIONS = ("Translation-de", "Translation-en")


def fetch_descriptions(folder: Path) -> None:
    """The archive's package descriptions in two languages, by an apt of its own in the folder.

    The machine's settings and lists are not touched: its first Debian archive is asked again.
    """
    if all((folder / name).exists() for name in DESCRIPTIONS):
        return
    folder.mkdir(parents=True, exist_ok=True)
    form = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    lines = run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian"]
    ).splitlines()
    if not lines:
        raise CollectError(
            "apt must know a Debian archive, and knows none: add one to its sources, run apt-get "
            "update, or put Translation-de and Translation-en into the folder"
        )
    own = (folder / "apt").resolve()
    for name in ("lists/partial", "cache/archives/partial"):
        (own / name).mkdir(parents=True, exist_ok=True)
    address, codename, component = lines[0].split(" ")
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (own / "sources.list").write_text(
        f"deb [signed-by={keys}] {address} {codename} {component}\n", encoding="utf-8"
    )
    (own / "apt.conf").write_text(
        f'Dir::Etc::parts "/dev/null";\nDir::Etc::main "/dev/null";\n'
        f'Dir::State::lists "{own}/lists";\nDir::Cache "{own}/cache";\n'
        f'Dir::Etc::sourcelist "{own}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        'Acquire::Languages { "de"; "en"; };\nAPT::Sandbox::User "root";\n',
        encoding="utf-8",
    )
    run(["apt-get", "update", "--quiet"], apt=own / "apt.conf")
    for name in DESCRIPTIONS:
        lists = sorted((own / "lists").glob(f"*i18n_{name}*"))
        if not lists:
            raise CollectError(f"the archive must have {name}, and sent none: try another archive")
        text = run(["/usr/lib/apt/apt-helper", "cat-file", str(lists[0])])
        (folder / name).write_text(text, encoding="utf-8")


def members(archive: Archive, patterns: list[str]) -> dict[str, bytes]:
    """The files in a package whose path fits a pattern, in the package's order.

    Unpacking a game for its words takes long: they are kept beside the packages in `texts/`.
    """
    known = hashlib.sha256("\n".join([*patterns, str(archive.path.stat().st_size)]).encode())
    kept = archive.path.parent / "texts" / f"{archive.path.stem}.{known.hexdigest()[:12]}.zip"
    if kept.exists():
        with zipfile.ZipFile(kept) as texts:
            return {name: texts.read(name) for name in texts.namelist()}
    files = dict(unpacked(archive, patterns))
    kept.parent.mkdir(exist_ok=True)
    part = kept.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as texts:
        for name, data in files.items():
            texts.writestr(name, data)
    part.replace(kept)
    return files


def unpacked(archive: Archive, patterns: list[str]) -> Iterator[tuple[str, bytes]]:
    """The files of a package that fit a pattern, as dpkg unpacks it."""
    words = ["dpkg-deb", "--fsys-tarfile", str(archive.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for member in tar:
                    name = member.name.removeprefix("./")
                    if member.isfile() and any(fnmatch.fnmatchcase(name, p) for p in patterns):
                        file = tar.extractfile(member)
                        assert file is not None
                        yield name, file.read()
            process.stdout.read()
        except tarfile.TarError:
            process.kill()
    if process.returncode:
        raise CollectError(
            f"{archive.path.name} must be a whole Debian package, and is not: fetch it again"
        )


LICENCE = re.compile(r"^License: *(\S.*?) *$", re.MULTILINE)
COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z]+-?[\d.]*\d)")
NAMED = {
    "GPL": r"GNU General Public License",
    "LGPL": r"GNU (?:Lesser|Library) General Public License",
    "GFDL": r"GNU Free Documentation License",
    "CC-BY-SA": r"Attribution-Share ?Alike",
    "MPL": r"Mozilla Public License",
    "MIT": r"Permission is hereby granted, free of charge",
}


UNNAMED = "in its own words"
"""A licence that no name was found for: its text is in the copyright file."""


def licences(text: str) -> tuple[list[str], list[str]]:
    """The names of a package's licences in its copyright file: its own, and those of parts.

    A file of the machine-readable form names the licence of all files, and of some files others;
    an older one is searched for the paths and the titles of well-known licences.
    """
    named = set(LICENCE.findall(text))
    if named:
        own: set[str] = set()
        for paragraph in re.split(r"\n\s*\n", text):
            if re.search(r"^Files:\s*\*\s*$", paragraph, re.MULTILINE):
                own = set(LICENCE.findall(paragraph))
        return sorted(own or named), sorted(named - own if own else [])
    named = set(COMMON.findall(text))
    plain = {name.split("-")[0] for name in named}
    named |= {name for name, words in NAMED.items() if re.search(words, text)} - plain
    return sorted(named) or [UNNAMED], []
