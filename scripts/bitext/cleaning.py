"""What is kept of two texts that say the same, and why the rest is not."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MIN_WORDS, MAX_WORDS = 3, 60
ENDS = ".!?"
"""Who ends so is a sentence, and may be shorter: `Warum nicht?`"""
RATIO = 2.0
"""The longer side has at most this many times the letters of the shorter, and SLACK more."""
SLACK = 10
LETTERS = 0.5
SAME = 0.7
"""Of the German words at most this share may be among the English ones: else it is a list of
names, or was never translated."""

GAP = "\ufffc"
TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s+[^<>]*)?/?>")
EMPTY_TAG = re.compile(
    r"<(?:xref|link|media|img|ulink|placeholder[\w-]*|inlinegraphic|imagedata|\d+)\b[^<>]*/>"
)
COLOUR = re.compile(r"[\a\x1b]\w?")
"""How a game turns a colour on or off."""
NUMBERED = re.compile(r"^(?:\d+\.)+\d*\.?\s+|^\(?\d+\)\s+")
BREAK = re.compile(r"<br ?/?>")
ENTITY = re.compile(r"&#?\w+;")
PLACEHOLDER = re.compile(
    r"%(?:\d+\$)?[-+#0 ]?\d*(?:\.\d+)?l*[diouxXeEfgGcrs]\b|%\([^)]*\)[a-z]?|%[0-9A-Za-z_]+%?|"
    r"\$\(?\{?[A-Za-z_][\w.]*[|})]?|\{[^{}]*\}|@[\w:.-]+@|@\w+|\|\w+\||<[^<>]*>|\[[A-Z_]+\]|"
    r"\bn?\\\w|&[a-z]+[;_]"
)
ADDRESS = re.compile(
    r"\w+://|www\.|\S+@\S+\.\w|(?:^|\s)[~/]?[\w.-]*/[\w./-]+/|\b\w+\.\w+\(|\w+\(\)"
)
CODE = re.compile(
    r"(?:^|\s)--?[a-z][\w-]*|\w_\w|[a-z][A-Z]\w*[a-z][A-Z]|[=+*/<>]{2,}|[{}\\^|]|::|\s=\s|^\s*[;#]"
)
MARKUP = (PLACEHOLDER, ADDRESS, CODE, re.compile(GAP))

# One sign for each kind at first; `typeset` then writes those of the text that is to be translated.
QUOTES = str.maketrans(
    {"„": '"', "“": '"', "”": '"', "«": '"', "»": '"', "‚": "'", "‘": "'", "’": "'", "´": "'"}
    | {"‹": "'", "›": "'", "—": "–", "‐": "-", "‑": "-", "\u00ad": "", "`": "'", "\ufeff": ""}
    | {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": ""}
)


def known(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


GERMAN = known(
    "der das dem des ein eine einen einem einer eines und nicht ist sind wird werden wurde wurden "
    "mit auf für von zu zum zur sich auch oder wenn dass daß es er sie ich du wir ihr nach bei aus "
    "wie aber kann können haben noch nur über durch um diese dieser dieses diesem mein dein sein "
    "als im vom beim kein keine nein ja sehr mehr hier dort müssen muss soll wollen dich mich mir "
    "dir uns euch ihm ihn ihnen unter vor zwischen ohne gegen weil damit doch schon bin bist seid "
    "hatte hatten waren"
)
ENGLISH = known(
    "the a and of to is are were be been with for from on that this these those it its you your "
    "she we they not or if by at as but can could have has had do does did my his our their "
    "them us me into than then there what which who when where how no yes only very more here "
    "should would must about because"
)


@dataclass(frozen=True)
class Rules:
    """What a source asks for beside the common rules."""

    accelerators: str = ""
    """The signs before a letter that a key is named by: `_`, `&`, or both."""
    words: bool = False
    """A dictionary: single words are what is wanted."""


def unescaped(text: str) -> str:
    """A text with its whole entities as signs: `&lt;` is one, `A&lter` is not."""
    return ENTITY.sub(lambda found: html.unescape(found[0]), text)


def plain(text: str, rules: Rules) -> str:
    """A text without markup: tags, entities, accelerators and kinds of quotes and blanks."""
    text = COLOUR.sub("", text)
    if "&" in rules.accelerators:
        text = re.sub(r"&(?!\w+;)(?=\w)", "", text)
    if "_" in rules.accelerators:
        text = re.sub(r"_(?=\w)", "", text, count=1)
    text = TAG.sub("", EMPTY_TAG.sub(GAP, unescaped(BREAK.sub("\n", text))))
    text = TAG.sub("", unescaped(text))
    text = unicodedata.normalize("NFC", text).translate(QUOTES)
    return re.sub(r"\s+", " ", text).strip(" *~•·-\t") if text else ""


def typeset(text: str, *, german: bool) -> str:
    """A sentence with the signs of the sentences to be translated: ’ … – and German „ “.

    A quote that ends or begins in another sentence loses its sign.
    """
    text = re.sub(r"(?<=\w)'|'(?=\w+\b(?!'))", "’", text).replace("...", "…")
    text = re.sub(r" --? ", " – ", re.sub(r"(?<=\w)–(?=[^\W\d])", " – ", text))
    if text.count('"') % 2:
        text = text.replace('"', "")
    if german:
        text = re.sub(r'"([^"]*)"', r"„\1“", text)
    return re.sub(r"\s+", " ", text).strip()


ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Nr|No|bzw|usw|vgl|ca|etc|evtl|ggf|inkl|exkl|sog|engl|"
    r"Abb|Bd|Hr|Fr|Tel|Str|vs|cf|al|approx|fig|Jr|Sr|resp|max|min|Std|Mio|Mrd|zzgl|o|u|z|i|d|e)"
    r"|\d)\.$"
)
END = re.compile(r"[.!?…]+[\"')\]]*(?=\s+[\"'(\[¡¿]*[A-ZÄÖÜ0-9])")


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph: an end is a full stop and a capital, no abbreviation before."""
    out, start = [], 0
    for match in END.finditer(text):
        if match[0] == "." and ABBREVIATED.search(text[start : match.end()]):
            continue
        out.append(text[start : match.end()].strip())
        start = match.end()
    out.append(text[start:].strip())
    return [sentence for sentence in out if sentence]


def paragraphs(german: str, english: str) -> list[tuple[str, str]]:
    """Split at empty lines where both sides have as many; else both are one paragraph."""
    sides = [
        [part for part in re.split(r"\n\s*\n", side) if part.strip()] for side in (german, english)
    ]
    if len(sides[0]) == len(sides[1]):
        return list(zip(*sides, strict=True))
    return [(german, english)]


def aligned(german: str, english: str) -> list[tuple[str, str]]:
    """Sentence by sentence where both sides have as many, and each fits its counterpart."""
    sides = sentences(german), sentences(english)
    if len(sides[0]) == len(sides[1]) > 1:
        split = list(zip(*sides, strict=True))
        if all(fits(*one) for one in split):
            return split
    return [(german, english)]


def fits(german: str, english: str) -> bool:
    """Whether the lengths can be those of one text in two languages."""
    short, long = sorted((len(german), len(english)))
    return long <= RATIO * short + SLACK


WORD = re.compile(r"[^\W\d_]+")
NUMBER = re.compile(r"\d[\d.,]*\d|\d")


def words(text: str) -> list[str]:
    """The words of a text in small letters."""
    return WORD.findall(text.lower())


def numbers(text: str) -> list[str]:
    """The numbers of a text by their digits, sorted: 1.000 and 1,000 are the same."""
    return sorted(re.sub(r"[.,]", "", number) for number in NUMBER.findall(text))


def same_numbers(german: list[str], english: list[str]) -> bool:
    """Whether the numbers agree; those up to twelve may be words on one side."""
    if german and english:
        return german == english
    return all(int(number) <= 12 for number in german + english)


STEPS = (
    "untranslated",
    "markup",
    "short",
    "long",
    "letters",
    "ratio",
    "numbers",
    "language",
    "duplicate",
    "held out",
)
"""Why a pair of texts is not kept, in the order in which they are looked at."""


def refusal(german: str, english: str, rules: Rules) -> str:
    """The first step at which two texts are not kept, or nothing."""
    if not german or not english or german == english:
        return "untranslated"
    ours, theirs = words(german), words(english)
    fewer, more = sorted((len(ours), len(theirs)))
    sentence = german[-1] in ENDS and english[-1] in ENDS
    both = german + "\n" + english
    looks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("markup", lambda: any(form.search(both) for form in MARKUP)),
        ("short", lambda: fewer < (1 if rules.words or sentence else MIN_WORDS)),
        ("untranslated", lambda: not rules.words and shared(ours, theirs) > SAME),
        ("long", lambda: more > MAX_WORDS),
        ("letters", lambda: foreign(both) or min(map(lettered, (german, english))) < LETTERS),
        ("ratio", lambda: not fits(german, english)),
        ("numbers", lambda: not same_numbers(numbers(german), numbers(english))),
        (
            "language",
            lambda: (
                not rules.words
                and (
                    other_language(ours, GERMAN, ENGLISH) or other_language(theirs, ENGLISH, GERMAN)
                )
            ),
        ),
    )
    return next((step for step, look in looks if look()), "")


def other_language(text: list[str], own: frozenset[str], other: frozenset[str]) -> bool:
    """Whether a text has more small words of the other language than of its own."""
    return sum(word in other for word in text) > sum(word in own for word in text)


def shared(ours: list[str], theirs: list[str]) -> float:
    """The share of the German words that stand among the English ones."""
    return len([word for word in ours if word in set(theirs)]) / max(1, len(ours))


def lettered(text: str) -> float:
    """The share of letters among the signs that are no blanks."""
    signs = [sign for sign in text if not sign.isspace()]
    return sum(sign.isalpha() for sign in signs) / max(1, len(signs))


def foreign(text: str) -> bool:
    """Whether a letter is of another alphabet than the Latin one."""
    return any(ord(sign) > 0x24F and sign.isalpha() for sign in text)


def key(german: str, english: str) -> tuple[str, str]:
    """What two duplicates share: the words in small letters, whatever stands between them."""
    return " ".join(WORD.findall(german.lower())), " ".join(WORD.findall(english.lower()))


def cleaned(german: str, english: str, rules: Rules) -> Iterator[tuple[str, str, str]]:
    """The sentences of two texts with the step at which each goes, or nothing there.

    A number that stands before both (`2.1. First steps`) is taken off.
    """
    for ours, theirs in paragraphs(german, english):
        left, right = plain(ours, rules), plain(theirs, rules)
        numbered = NUMBERED.match(left), NUMBERED.match(right)
        if numbered[0] and numbered[1] and numbered[0][0] == numbered[1][0]:
            left, right = left[numbered[0].end() :], right[numbered[1].end() :]
        for one, other in aligned(left, right):
            step = refusal(one, other, rules)
            yield typeset(one, german=True), typeset(other, german=False), step
