"""German word forms of what is declined: articles, adjectives, nouns, pronouns.

A gender is "m", "f" or "n"; "p" stands for the plural, which has one set of endings for all. Cases
are "nom", "acc", "dat" and "gen".

>>> article("der", "m", "acc"), article("ein", "f", "dat"), article("kein", "p", "nom")
('den', 'einer', 'keine')
>>> adjective("alt", "ein", "n", "nom"), adjective("teuer", "der", "p", "dat")
('altes', 'teuren')
"""

import re
from typing import NamedTuple

CASES = ("nom", "acc", "dat", "gen")

DER = {
    "nom": {"m": "der", "f": "die", "n": "das", "p": "die"},
    "acc": {"m": "den", "f": "die", "n": "das", "p": "die"},
    "dat": {"m": "dem", "f": "der", "n": "dem", "p": "den"},
    "gen": {"m": "des", "f": "der", "n": "des", "p": "der"},
}

STRONG = {
    "nom": {"m": "er", "f": "e", "n": "es", "p": "e"},
    "acc": {"m": "en", "f": "e", "n": "es", "p": "e"},
    "dat": {"m": "em", "f": "er", "n": "em", "p": "en"},
    "gen": {"m": "es", "f": "er", "n": "es", "p": "er"},
}
"""The endings of dieser, jeder, welcher; and of an adjective that stands alone (but -en for -es in
the genitive)."""

BARE = {("nom", "m"), ("nom", "n"), ("acc", "n")}
"""Where ein, kein, mein have no ending."""

LIKE_DER = {"dies": "dies", "jed": "jed", "welch": "welch", "all": "all", "manch": "manch"}

FUSED = {
    ("in", "dem"): "im",
    ("an", "dem"): "am",
    ("von", "dem"): "vom",
    ("zu", "dem"): "zum",
    ("bei", "dem"): "beim",
    ("zu", "der"): "zur",
    ("in", "das"): "ins",
    ("an", "das"): "ans",
}
"""Prepositions that become one word with the article."""

GENITIVES = {
    "Herz": "Herzens",
    "Name": "Namens",
    "Gedanke": "Gedankens",
    "Buchstabe": "Buchstabens",
}

VOWELS = "aeiouäöüy"


class Pronoun(NamedTuple):
    """A personal pronoun: its cases, its possessive's stem, its reflexive, and the verb's form."""

    nom: str
    acc: str
    dat: str
    possessive: str
    person: int
    plural: bool

    @property
    def reflexive(self) -> tuple[str, str]:
        """The reflexive pronoun as accusative and as dative."""
        return ("sich", "sich") if self.person == 3 else (self.acc, self.dat)


PRONOUNS = {
    "ich": Pronoun("ich", "mich", "mir", "mein", 1, False),
    "du": Pronoun("du", "dich", "dir", "dein", 2, False),
    "er": Pronoun("er", "ihn", "ihm", "sein", 3, False),
    "sie": Pronoun("sie", "sie", "ihr", "ihr", 3, False),
    "es": Pronoun("es", "es", "ihm", "sein", 3, False),
    "wir": Pronoun("wir", "uns", "uns", "unser", 1, True),
    "ihr": Pronoun("ihr", "euch", "euch", "euer", 2, True),
    "they": Pronoun("sie", "sie", "ihnen", "ihr", 3, True),
    "Sie": Pronoun("Sie", "Sie", "Ihnen", "Ihr", 3, True),
    "man": Pronoun("man", "einen", "einem", "sein", 3, False),
}


def article(word: str, gender: str, case: str) -> str:
    """A form of der, of dies- and its like, or of ein, kein, mein and theirs.

    >>> article("dies", "n", "nom"), article("euer", "f", "acc"), article("unser", "m", "nom")
    ('dieses', 'eure', 'unser')
    """
    if word == "der":
        return DER[case][gender]
    if word in LIKE_DER:
        return word + STRONG[case][gender]
    if (case, gender) in BARE:
        return word
    return ("eur" if word == "euer" else word) + STRONG[case][gender]


def adjective_stem(word: str) -> str:
    """What the endings are put to: hoh- for hoch, teur- for teuer, dunkl- for dunkel.

    >>> [adjective_stem(word) for word in ("hoch", "sauer", "dunkel", "müde", "sauber", "klein")]
    ['hoh', 'saur', 'dunkl', 'müd', 'sauber', 'klein']
    """
    if word == "hoch":
        return "hoh"
    if word.endswith(("euer", "auer")):
        return word[:-2] + "r"
    if word.endswith("el"):
        return word[:-2] + "l"
    return word.removesuffix("e")


def adjective(word: str, after: str, gender: str, case: str) -> str:
    """An adjective before its noun; `after` is the article's word, "" where there is none.

    >>> adjective("gut", "", "m", "nom"), adjective("gut", "", "m", "gen")
    ('guter', 'guten')
    """
    return adjective_stem(word) + adjective_ending(after, gender, case)


def adjective_ending(after: str, gender: str, case: str) -> str:
    """The ending that an adjective has after an article."""
    alone = case == "gen" and gender in {"m", "n"}
    if not after:
        return "en" if alone else STRONG[case][gender]
    if after == "der" or after in LIKE_DER:
        short = case == "nom" and gender != "p"
        short |= case == "acc" and gender in {"f", "n"}
        return "e" if short else "en"
    if (case, gender) in BARE or (case in {"nom", "acc"} and gender == "f"):
        return STRONG[case][gender]
    return "en"


def noun(word: str, gender: str, case: str, *, weak: bool = False) -> str:
    """A noun in the singular.

    >>> noun("Junge", "m", "acc", weak=True), noun("Herr", "m", "dat", weak=True)
    ('Jungen', 'Herrn')
    >>> noun("Mann", "m", "gen"), noun("Vater", "m", "gen"), noun("Haus", "n", "gen")
    ('Mannes', 'Vaters', 'Hauses')
    """
    if case == "gen" and word in GENITIVES:
        return GENITIVES[word]
    if weak and case != "nom" and (gender == "m" or case != "acc"):
        return word + ("n" if word.endswith(("e", "Herr", "Nachbar", "Bauer")) else "en")
    if case != "gen" or gender == "f":
        return word
    if word.endswith("nis"):
        return f"{word}ses"
    if word.endswith(("Bus", "bus")):
        return f"{word}ses"
    if word.endswith("us") and not word.endswith("aus"):
        return word
    if word.endswith(("s", "ß", "x", "z")):
        return f"{word}es"
    short = len(re.findall(f"[{VOWELS}]+", word.lower())) == 1
    heavy = short and not re.search(f"[{VOWELS}]h?$|[rlmn]$", word)
    return word + ("es" if heavy or word in LONG else "s")


LONG = {"Mann", "Sohn", "Jahr", "Stuhl"}
"""Short nouns on l, m, n, r that take -es all the same."""


def nouns(plural: str, case: str) -> str:
    """A noun in the plural: the dative has -n where it can.

    >>> nouns("Kinder", "dat"), nouns("Frauen", "dat"), nouns("Autos", "dat")
    ('Kindern', 'Frauen', 'Autos')
    """
    if case != "dat" or plural.endswith(("n", "s")):
        return plural
    return f"{plural}n"


def possessed(name: str) -> str:
    """A name before what belongs to it.

    >>> possessed("Anna"), possessed("Hans")
    ('Annas', 'Hans’')
    """
    return f"{name}’" if name.endswith(("s", "ß", "x", "z")) else f"{name}s"


def joined(preposition: str, phrase: str) -> str:
    """A preposition before a phrase, one word with its article where German has one.

    >>> joined("in", "dem alten Haus"), joined("zu", "der Schule"), joined("mit", "dem Bus")
    ('im alten Haus', 'zur Schule', 'mit dem Bus')
    """
    first, _, rest = phrase.partition(" ")
    if rest and (fused := FUSED.get((preposition, first))):
        return f"{fused} {rest}"
    return f"{preposition} {phrase}"
