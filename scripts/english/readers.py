"""One function a text that is not of pages: its paragraphs, from the folder of its package."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from english.paragraphs import blocks, is_prose, pages, tidy
from pellucid.errors import TextError


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
