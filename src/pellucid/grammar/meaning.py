"""What a clause says, before it is German or English: who does what to whom, when and where."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pellucid.grammar.conjugation import PrincipalParts
from pellucid.grammar.english import EnglishVerb
from pellucid.grammar.frames import Frame
from pellucid.grammar.lexicon import Verb
from pellucid.grammar.phrases import NounPhrase


class Adverbial(NamedTuple):
    """A word or phrase that says when, where, how or with whom.

    `tenses` are the times that it goes with: past, perfect, now, habit, future.
    """

    german: str
    english: str
    key: str = ""
    tenses: tuple[str, ...] = ()


class Complement(NamedTuple):
    """What a verb wants beside its subject; without a phrase it was asked for or stands before.

    `kind` is acc, dat, prep, place, direction or predicate; the last three have their words in
    `adverbial`, a predicate perhaps in `phrase`. `english` is the preposition, "" for none.
    """

    kind: str
    phrase: NounPhrase | None = None
    case: str = ""
    german: str = ""
    english: str = ""
    adverbial: Adverbial | None = None


SEIN = Verb(
    "sein",
    "",
    False,
    PrincipalParts("sein", "ist", "war"),
    "gewesen",
    True,
    EnglishVerb("be", "is", "was", "been", "being"),
    Frame(("thing",), (), frozenset({"state"})),
)
HABEN = Verb(
    "haben",
    "",
    False,
    PrincipalParts("haben", "hat", "hatte"),
    "gehabt",
    False,
    EnglishVerb("have", "has", "had", "had", "having"),
    Frame(("person",), (), frozenset({"state"})),
)
WERDEN = Verb(
    "werden",
    "",
    False,
    PrincipalParts("werden", "wird", "wurde"),
    "geworden",
    True,
    EnglishVerb("become", "becomes", "became", "become", "becoming"),
    Frame(("person",), (), frozenset()),
)


@dataclass(frozen=True, slots=True)
class ClauseMeaning:
    """A clause as one meaning.

    `tense` is German's: present, past, perfect, pluperfect, future, would, would have. `aspect` is
    English's: simple, progressive, past, past progressive, perfect, perfect progressive, past
    perfect, will, would, would have. `denial` is "yet" or "more" where the negation is noch nicht
    or nicht mehr. `behind` is a clause that follows, in both languages, its comma in it.
    """

    subject: NounPhrase
    verb: Verb
    complements: tuple[Complement, ...] = ()
    tense: str = "present"
    aspect: str = "simple"
    modal: str = ""
    passive: bool = False
    negated: bool = False
    denial: str = ""
    gern: bool = False
    time: Adverbial | None = None
    frequency: Adverbial | None = None
    manner: Adverbial | None = None
    company: Adverbial | None = None
    place: Adverbial | None = None
    behind: tuple[str, str] = ("", "")

    def turned(self) -> "ClauseMeaning":
        """The same as English sees it: das Buch gefällt mir is I like the book."""
        if "dat-subject" not in self.verb.frame.marks:
            return self
        doer = next(one.phrase for one in self.complements if one.kind == "dat")
        if doer is None:
            return self
        liked = Complement("acc", self.subject._replace(denied=None), "acc")
        return replace(self, subject=doer, complements=(liked,))

    def but(self, **changes: Any) -> "ClauseMeaning":
        """The same with something changed."""
        return replace(self, **changes)

    def find(self, *kinds: str) -> int | None:
        """Where the first complement of one of the kinds stands that has words."""
        for place, one in enumerate(self.complements):
            if one.kind in kinds and (one.phrase or one.adverbial):
                return place
        return None

    def without(self, place: int) -> "ClauseMeaning":
        """The same with a complement's words gone, as where it is asked for."""
        gone = self.complements[place]._replace(phrase=None, adverbial=None)
        before, after = self.complements[:place], self.complements[place + 1 :]
        return replace(self, complements=(*before, gone, *after))


def is_predicate(text: tuple[str, str]) -> Complement:
    """An adjective or another word behind sein."""
    return Complement("predicate", adverbial=Adverbial(*text))
