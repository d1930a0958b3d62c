"""How each kind of file holds its two languages: every reader gives (German, English) texts."""

import gzip
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from bitext.archives import CollectError, needed
from bitext.cleaning import GAP, known

Texts = Iterator[tuple[str, str]]
Files = dict[str, bytes]
"""The files of a source by their paths, of all its packages."""


CONTEXT = re.compile(r"^[\w+ :/.-]{1,40}\^")
"""What some games write before a text to tell two uses of it apart: `race+female^Bat`."""


def catalogue(files: Files, **_rest: Any) -> Texts:
    """Gettext catalogues, as text or compiled: what is translated and not in doubt."""
    for path, data in files.items():
        try:
            entries = read_catalogue(path, data)
        except (OSError, UnicodeDecodeError, ValueError, struct.error) as error:
            raise CollectError(f"{path} must be a whole gettext catalogue: {error}") from error
        for entry in entries:
            # Compiled catalogues hold neither, and their entries know no such words.
            if getattr(entry, "fuzzy", False) or entry.obsolete:
                continue
            if entry.msgid_plural:
                yield entry.msgstr_plural.get(0, ""), entry.msgid
                yield entry.msgstr_plural.get(1, ""), entry.msgid_plural
            else:
                yield entry.msgstr, CONTEXT.sub("", entry.msgid)


def read_catalogue(path: str, data: bytes) -> Any:
    """The entries of a catalogue; polib reads compiled ones only from the disk."""
    polib = needed("polib")
    if not path.endswith((".mo", ".gmo")):
        return polib.pofile(data.decode("utf-8", errors="replace"))
    with tempfile.NamedTemporaryFile(suffix=".mo") as file:
        file.write(data)
        file.flush()
        return polib.mofile(file.name)


BLOCKS = known(
    "p title para simpara subtitle h1 h2 h3 h4 h5 h6 li dt dd td th term desc item tip quest"
    " caption entry blockquote"
)
SKIPPED = known(
    "screen code pre programlisting script style comment synopsis info legalnotice credit "
    "literallayout nav footer header revision copyright"
)
NAVIGATION = known("docnav toc navheader navfooter navigation")
"""Classes of elements that lead to other pages."""
REFERENCES = known("xref media img image footnoteref inlinemediaobject graphic")


def tag_of(element: Any) -> str:
    """An element's name without its namespace; empty for comments and the like."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def blocks(element: Any, trail: str = "") -> Iterator[tuple[str, str, str]]:
    """Each block of text: its place (names of the elements around it), its id and its words.

    A block inside another ends the outer one's words, so nothing is said twice.
    """
    tag = tag_of(element)
    if not tag or tag in SKIPPED or element.get("hidden") == "true":
        return
    if NAVIGATION & set((element.get("class") or "").split()):
        return
    place = f"{trail}/{tag}"
    if tag in BLOCKS:
        words = "".join(inline(element))
        if words.strip():
            yield place, element.get("id") or "", words
    for child in element:
        yield from blocks(child, place)


def inline(element: Any) -> Iterator[str]:
    """An element's own words and those of elements in its lines."""
    yield element.text or ""
    for child in element:
        tag = tag_of(child)
        if tag == "br":
            yield "\n"
        elif tag in {"keyseq", "keycombo"}:
            yield "+".join("".join(key.itertext()).strip() for key in child if tag_of(key))
        elif tag in REFERENCES or (tag == "link" and not "".join(child.itertext()).strip()):
            yield GAP
        elif tag and tag not in BLOCKS and tag not in SKIPPED and child.get("hidden") != "true":
            yield from inline(child)
        elif tag in {"code", "pre", "screen", "script"}:
            yield GAP if tag == "code" else "\n\n"
        elif tag in BLOCKS:
            yield "\n\n"
        yield child.tail or ""


def parsed(path: str, data: bytes) -> Any:
    """A page as a tree; broken pages are read as far as they go."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    etree = needed("lxml.etree")
    if PurePosixPath(path.removesuffix(".gz")).suffix in {".html", ".htm"}:
        return etree.fromstring(data, parser=etree.HTMLParser(encoding="utf-8"))
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    return etree.fromstring(data, parser=parser)


def counterparts(files: Files, german: str, english: str) -> Iterator[tuple[str, str]]:
    """Paths of pages that differ in one part: `german` in one, `english` in the other."""
    for path in files:
        if german in path:
            other = path.replace(german, english, 1)
            if other not in files and other.endswith(".de.html"):
                other = other.removesuffix(".de.html") + ".en.html"
            if other in files and other != path:
                yield path, other


def pages(files: Files, *, german: str, english: str, **_rest: Any) -> Texts:
    """Two pages of one structure, block by block; pages that differ anywhere are left out.

    A paragraph more in one would shift all after it, and nothing says where it stands.
    """
    for ours, theirs in counterparts(files, german, english):
        trees = parsed(ours, files[ours]), parsed(theirs, files[theirs])
        if trees[0] is None or trees[1] is None:
            continue
        left, right = (list(blocks(tree)) for tree in trees)
        if [block[0] for block in left] == [block[0] for block in right]:
            for one, other in zip(left, right, strict=True):
                yield one[2], other[2]


def elements(files: Files, *, german: str, english: str, **_rest: Any) -> Texts:
    """Two pages whose elements have ids: each id once."""
    seen = set()
    for ours, theirs in counterparts(files, german, english):
        trees = parsed(ours, files[ours]), parsed(theirs, files[theirs])
        named, others = ({name: words for _, name, words in blocks(t) if name} for t in trees)
        for name, words in named.items():
            key = name, words
            if name in others and key not in seen:
                seen.add(key)
                yield words, others[name]


STRING = r'"((?:[^"\\]|\\.)*)"'
DIALOG = re.compile(rf"dialogId\({STRING},\s*{STRING},\s*{STRING}\)\s*dialogStr\({STRING}\)")
ENTRY = re.compile(rf"\[{STRING}\]\s*=\s*{STRING}")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def unescaped(text: str) -> str:
    """A quoted string's text."""
    return ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def dialogs(files: Files, **_rest: Any) -> Texts:
    """Lua files in which each line of a dialogue has the English words and the German ones."""
    for data in files.values():
        text = data.decode("utf-8", errors="replace")
        for _name, _font, english, german in DIALOG.findall(text):
            yield unescaped(german), unescaped(english)


def lua_table(files: Files, **_rest: Any) -> Texts:
    """A Lua table from English to German."""
    for data in files.values():
        for english, german in ENTRY.findall(data.decode("utf-8", errors="replace")):
            yield unescaped(german), unescaped(english)


def tr_file(files: Files, **_rest: Any) -> Texts:
    """Lines `English=German`, with @ as the escape."""
    for data in files.values():
        for line in data.decode("utf-8", errors="replace").splitlines():
            if line.startswith("#") or "=" not in line:
                continue
            english, _, german = re.sub(r"@n", " ", line).partition("=")
            yield german, english


def string_table(files: Files, *, german: str, english: str, **_rest: Any) -> Texts:
    """A key in a line, its text below it, or in more lines between three quotes."""
    entry = re.compile(
        r"^([A-Z][A-Z0-9_]+)[ \t]*\n(?:'''(.*?)'''|([^\n]+))", re.MULTILINE | re.DOTALL
    )
    for ours, theirs in counterparts(files, german, english):
        sides: list[dict[str, str]] = []
        for path in (ours, theirs):
            text = re.sub(
                r"^#.*\n", "", files[path].decode("utf-8", errors="replace"), flags=re.MULTILINE
            )
            sides.append({key: long or short for key, long, short in entry.findall(text)})
        for key, words in sides[0].items():
            if key in sides[1]:
                yield words, sides[1][key]


def keyed_blocks(files: Files, *, german: str, english: str, **_rest: Any) -> Texts:
    """Blocks between lines of %%%%: a key, an empty line, and the text."""
    for ours, theirs in counterparts(files, german, english):
        sides: list[dict[str, str]] = []
        for path in (ours, theirs):
            entries = {}
            for block in files[path].decode("utf-8", errors="replace").split("%%%%"):
                key, _, text = block.strip().partition("\n")
                entries[key.strip()] = text.strip()
            sides.append(entries)
        for key, words in sides[0].items():
            if key and sides[1].get(key):
                yield words, sides[1][key]


def descriptions(files: Files, **_rest: Any) -> Texts:
    """Descriptions of packages: the same package, of the same English text by its checksum."""

    def read(name: str, language: str) -> dict[tuple[str, str], str]:
        texts = {}
        for stanza in files[name].decode("utf-8").split("\n\n"):
            package = re.search(r"^Package: (.+)", stanza)
            checksum = re.search(r"^Description-md5: (.+)", stanza, re.MULTILINE)
            body = re.search(rf"^Description-{language}: (.*(?:\n .*)*)", stanza, re.MULTILINE)
            if package and checksum and body:
                texts[package[1], checksum[1]] = body[1]
        return texts

    english = read("Translation-en", "en")
    done = set()
    for key, german in read("Translation-de", "de").items():
        if key in english and key[1] not in done:
            done.add(key[1])
            ours, theirs = german.split("\n", 1), english[key].split("\n", 1)
            yield ours[0], theirs[0]
            if len(ours) == len(theirs) == 2:
                yield described(ours[1]), described(theirs[1])


def described(text: str) -> str:
    """A long description as paragraphs; points of a list are paragraphs too."""
    lines = [line[1:] for line in text.split("\n")]
    out = []
    for line in lines:
        if line.strip() == ".":
            out.append("\n\n")
        elif re.match(r"\s*[*+-] ", line):
            out.append("\n\n" + re.sub(r"^\s*[*+-] ", "", line))
        else:
            out.append(line)
    return "\n".join(out)


SPOKEN = re.compile(r"\s*/[^/\n]*/\s*")
ASIDE = re.compile(r"\s*(?:\[[^\]]*\]|<[^>]*>|\([^)]*\))\s*")


def dictionary(files: Files, **_rest: Any) -> Texts:
    """A bilingual dictionary of the dict server: headword, and its first rendering."""
    for path, data in files.items():
        if not path.endswith(".dict.dz"):
            continue
        text = gzip.decompress(data).decode("utf-8", errors="replace")
        for match in re.finditer(r"^(\S[^\n]*?) /[^\n]*/[^\n]*\n([^\n]+)", text, re.MULTILINE):
            word = ASIDE.sub(" ", match[1]).strip()
            first = ASIDE.sub(" ", re.sub(r"^\s*\d+\. ", "", match[2])).strip()
            first = re.split(r"[;,]", first)[0].strip()
            if word and first and ":" not in first:
                yield word, first


READERS: dict[str, Callable[..., Texts]] = {
    "catalogue": catalogue,
    "pages": pages,
    "elements": elements,
    "dialogs": dialogs,
    "lua table": lua_table,
    "tr file": tr_file,
    "string table": string_table,
    "keyed blocks": keyed_blocks,
    "descriptions": descriptions,
    "dictionary": dictionary,
}
