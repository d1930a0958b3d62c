"""Noun phrases: one meaning, with its forms in both languages.

>>> from pellucid.grammar.lexicon import Noun
>>> house = Noun("Haus", "n", "Häuser", "house", "houses", frozenset({"building"}))
>>> one = nominal(house, "ein")
>>> one.cases, one.subject
(('ein Haus', 'ein Haus', 'einem Haus', 'eines Hauses'), 'a house')
>>> nominal(house, "viele").cases[2], nominal(house, "mein", owner="wir").subject
('vielen Häusern', 'our house')
"""

from typing import NamedTuple

from pellucid.grammar import english, german
from pellucid.grammar.counting import english_number, german_number
from pellucid.grammar.german import CASES
from pellucid.grammar.lexicon import Adjective, Noun

OWN = "mein"
"""The determiner that stands for all possessives; who owns it is said beside it."""

ENGLISH = {
    "der": "the",
    "jed": "every",
    "welch": "which",
    "viele": "many",
    "einige": "some",
    "alle": "all",
    "kein": "no",
    "": "",
}
STRONG_PLURALS = {"viele", "einige"}

PLURALS = {*STRONG_PLURALS, "alle"}
"""Determiners that make a plural by themselves, as numbers do."""


class NounPhrase(NamedTuple):
    """A noun phrase.

    `cases` are the German nominative, accusative, dative and genitive; `subject` and `object` the
    English forms; `form` names the German verb's form, `person` and `plural` the English one's;
    `refers` is the pronoun that takes it up again. `denied` has the cases with kein, and
    `denied_english` is what then stands behind an English not; None where kein is not said.
    """

    cases: tuple[str, ...]
    subject: str
    object: str
    form: str
    person: int
    plural: bool
    refers: str
    key: str
    is_pronoun: bool = False
    definite: bool = True
    gender: str = "m"
    human: bool = True
    denied: tuple[str, ...] | None = None
    denied_english: str = ""

    def german(self, case: str) -> str:
        """The German form in a case."""
        return self.cases[CASES.index(case)]

    def deny(self) -> "NounPhrase":
        """The same with kein, as it stands behind an English verb with not."""
        if self.denied is None:
            return self
        return self._replace(cases=self.denied, object=self.denied_english, denied=None)


class SaidNoun(NamedTuple):
    """A noun, and how it is said."""

    noun: Noun
    determiner: str
    plural: bool
    adjective: Adjective | None
    owner: str
    degree: str


def pronoun(key: str) -> NounPhrase:
    """A personal pronoun by its name in `german.PRONOUNS`."""
    one, other = german.PRONOUNS[key], english.PRONOUNS[key]
    if one.plural:
        form = {"wir": "wir", "ihr": "ihr"}.get(key, "they")
    else:
        form = {"ich": "ich", "du": "du"}.get(key, "er")
    return NounPhrase(
        (one.nom, one.acc, one.dat, one.dat),
        other.subject,
        other.object,
        form,
        other.person,
        other.plural,
        key,
        f"{key}",
        is_pronoun=True,
        human=key != "es",
        gender="p" if one.plural else {"sie": "f", "es": "n"}.get(key, "m"),
    )


def name(word: str, gender: str) -> NounPhrase:
    """A first name, or another that needs no article."""
    refers = "sie" if gender == "f" else "er"
    return NounPhrase((word,) * 4, word, word, "er", 3, False, refers, word, gender=gender)


def both(first: NounPhrase, second: NounPhrase) -> NounPhrase:
    """Two in one: my brother and I."""
    cases = tuple(f"{one} und {two}" for one, two in zip(first.cases, second.cases, strict=True))
    refers = "wir" if "ich" in {first.refers, second.refers} else "they"
    person = 1 if refers == "wir" else 3
    return NounPhrase(
        cases,
        f"{first.subject} and {second.subject}",
        f"{first.object} and {second.object}",
        refers,
        person,
        True,
        refers,
        first.key,
        gender="p",
    )


def nominal(
    noun: Noun,
    determiner: str,
    *,
    plural: bool = False,
    adjective: Adjective | None = None,
    owner: str = "ich",
    degree: str = "positive",
) -> NounPhrase:
    """A noun with its determiner and perhaps an adjective, in its positive or superlative.

    The determiner is der, ein, kein, dies, jed, welch, mein (which stands for all possessives; of
    whom is `owner`), viele, einige, alle, a number, or "".
    """
    plural = plural or noun.only_plural or determiner in PLURALS
    plural = plural or (determiner.isdigit() and determiner != "1")
    said = SaidNoun(noun, determiner, plural, adjective, owner, degree)
    forms = _german(said, determiner)
    text = _english(said)
    english_plural = noun.pair or (plural and not noun.mass)
    denied, denied_english = None, ""
    if determiner in {"ein", ""}:
        denied = _german(said, "kein")
        denied_english = text if determiner == "ein" and not noun.pair else f"any {text}"
    gender = "p" if plural else noun.gender
    human = "person" in noun.classes
    return NounPhrase(
        forms,
        text,
        text,
        "they" if plural else "er",
        3,
        english_plural,
        "they" if plural else {"m": "er", "f": "sie", "n": "es"}[noun.gender],
        noun.german,
        definite=determiner not in {"ein", "", "kein", *STRONG_PLURALS} and not _number(determiner),
        gender=gender,
        human=human,
        denied=denied,
        denied_english=denied_english,
    )


def _number(determiner: str) -> bool:
    return determiner.isdigit()


def _german(said: SaidNoun, determiner: str) -> tuple[str, ...]:
    noun, plural, adjective = said.noun, said.plural, said.adjective
    gender = "p" if plural else noun.gender
    forms = []
    for case in CASES:
        word, after = _article(determiner, gender, case, said.owner)
        parts = [word] if word else []
        if adjective is not None:
            parts.append(_adjective(adjective, after, gender, case, said.degree))
        weak = "weak" in noun.classes
        parts.append(
            german.nouns(noun.plural, case)
            if plural
            else german.noun(noun.german, noun.gender, case, weak=weak)
        )
        forms.append(" ".join(parts))
    return tuple(forms)


def _adjective(adjective: Adjective, after: str, gender: str, case: str, degree: str) -> str:
    if degree == "superlative":
        return adjective.superlative + german.adjective_ending(after, gender, case)
    if degree == "comparative":
        return adjective.comparative + german.adjective_ending(after, gender, case)
    if "indeclinable" in adjective.classes:
        return adjective.german
    return german.adjective(adjective.german, after, gender, case)


def _article(determiner: str, gender: str, case: str, owner: str) -> tuple[str, str]:
    """The word that stands first, and what an adjective behind it goes by."""
    if determiner == OWN:
        stem = german.PRONOUNS[owner].possessive
        return german.article(stem, gender, case), stem
    if determiner.isdigit():
        return german_number(int(determiner)), ""
    if determiner in STRONG_PLURALS:
        return determiner[:-1] + german.STRONG[case]["p"], ""
    if determiner == "alle":
        return german.article("all", "p", case), "der"
    if not determiner:
        return "", ""
    return german.article(determiner, gender, case), determiner


def _english(said: SaidNoun) -> str:
    noun, determiner, plural, adjective, owner, degree = said
    many = noun.pair or (plural and not noun.mass)
    text = noun.english_plural if many else noun.english
    if adjective is not None:
        word = {
            "positive": adjective.english,
            "comparative": adjective.english_comparative,
            "superlative": adjective.english_superlative,
        }[degree]
        text = f"{word} {text}"
    if determiner == OWN:
        return f"{english.PRONOUNS[owner].possessive} {text}"
    if determiner == "ein":
        return text if many or noun.mass else english.indefinite(text)
    if determiner == "dies":
        return f"{'these' if many else 'this'} {text}"
    if determiner.isdigit():
        return f"{english_number(int(determiner))} {text}"
    if determiner == "viele" and noun.mass:
        return f"a lot of {text}"
    return f"{ENGLISH[determiner]} {text}".strip()
