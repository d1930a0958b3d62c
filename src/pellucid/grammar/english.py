"""English word forms: verbs in person and tense, articles, plurals' agreement, pronouns.

Nothing is contracted: "do not", "is not", "I am".
"""

import re
from typing import NamedTuple

MODALS = {
    "können": ("can", "could"),
    "müssen": ("have to", "had to"),
    "wollen": ("want to", "wanted to"),
    "sollen": ("should", "was supposed to"),
    "dürfen": ("be allowed to", "was allowed to"),
    "möchten": ("would like to", "wanted to"),
}

BE = {"base": "be", "am": "am", "third": "is", "present": "are", "past": "was", "pasts": "were"}


class EnglishPronoun(NamedTuple):
    """A personal pronoun: as subject and object, its possessive, its reflexive, the verb's form."""

    subject: str
    object: str
    possessive: str
    reflexive: str
    person: int
    plural: bool


PRONOUNS = {
    "ich": EnglishPronoun("I", "me", "my", "myself", 1, False),
    "du": EnglishPronoun("you", "you", "your", "yourself", 2, True),
    "er": EnglishPronoun("he", "him", "his", "himself", 3, False),
    "sie": EnglishPronoun("she", "her", "her", "herself", 3, False),
    "es": EnglishPronoun("it", "it", "its", "itself", 3, False),
    "wir": EnglishPronoun("we", "us", "our", "ourselves", 1, True),
    "ihr": EnglishPronoun("you", "you", "your", "yourselves", 2, True),
    "they": EnglishPronoun("they", "them", "their", "themselves", 3, True),
    "Sie": EnglishPronoun("you", "you", "your", "yourself", 2, True),
    "man": EnglishPronoun("you", "you", "your", "yourself", 2, True),
}
"""By the German pronouns' names; du, ihr, Sie and man are all "you"."""

_VOWEL = re.compile(
    r"(?!uni|use|usu|eu|one|ufo)[aeiou]|hour|honest|honou?r|heir|8|11\b|18\b", re.IGNORECASE
)


def indefinite(phrase: str) -> str:
    """The phrase behind a or an.

    >>> indefinite("old house"), indefinite("house"), indefinite("hour"), indefinite("uniform")
    ('an old house', 'a house', 'an hour', 'a uniform')
    """
    return ("an " if _VOWEL.match(phrase) else "a ") + phrase


class EnglishVerb(NamedTuple):
    """The five forms of a verb; be has more, and they are found here too.

    >>> EnglishVerb("be", "is", "was", "been", "being").present(1, plural=False)
    'am'
    """

    base: str
    third: str
    past: str
    participle: str
    ing: str

    @property
    def is_be(self) -> bool:
        """Whether it is be, or be with something behind it, as in "be afraid"."""
        return self.base.split()[0] == "be"

    @property
    def _rest(self) -> str:
        return self.base[2:]

    def present(self, person: int, *, plural: bool) -> str:
        """The present: "go", "goes", "am"."""
        if self.is_be:
            return be(person, plural=plural, past=False) + self._rest
        return self.third if person == 3 and not plural else self.base

    def preterite(self, person: int, *, plural: bool) -> str:
        """The past: "went", "was", "were"."""
        if self.is_be:
            return be(person, plural=plural, past=True) + self._rest
        return self.past


def be(person: int, *, plural: bool, past: bool) -> str:
    """A form of be.

    >>> be(1, plural=False, past=False), be(3, plural=True, past=True)
    ('am', 'were')
    """
    if past:
        return "were" if plural else "was"
    if plural:
        return "are"
    return "am" if person == 1 else "is"


def have(person: int, *, plural: bool) -> str:
    """A form of have in the present."""
    return "has" if person == 3 and not plural else "have"


def do(person: int, *, plural: bool) -> str:
    """A form of do in the present."""
    return "does" if person == 3 and not plural else "do"


def possessed(name: str) -> str:
    """A name or noun before what belongs to it.

    >>> possessed("my father"), possessed("my parents")
    ("my father's", "my parents'")
    """
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def ordinal(number: int) -> str:
    """A number with its ending: 1st, 22nd, 13th.

    >>> [ordinal(number) for number in (1, 2, 3, 11, 22, 13)]
    ['1st', '2nd', '3rd', '11th', '22nd', '13th']
    """
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"
