"""A noun and the relative clause that tells which one it is: den ich kenne, in dem wir wohnen."""

from typing import NamedTuple

from pellucid.grammar import choosing, english_clause, german, german_clause
from pellucid.grammar.events import event, timed
from pellucid.grammar.lexicon import Noun, Verb
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import NounPhrase, nominal
from pellucid.grammar.rules_asking import FOR_SOMEBODY, PLACED, WITH_SOMEBODY, going
from pellucid.grammar.rules_being import comparable
from pellucid.grammar.rules_questions import left_out
from pellucid.grammar.rules_simple import note_tense


class DescribedNoun(NamedTuple):
    """A noun phrase and the relative clause that tells which one it is."""

    noun: Noun
    head: NounPhrase
    german: str
    english: str

    def inside(self) -> NounPhrase:
        """The phrase with its clause in it, a comma behind: the subject in front of its verb."""
        return self.head._replace(
            cases=tuple(f"{case}, {self.german}," for case in self.head.cases),
            subject=f"{self.head.subject} {self.english}",
            object=f"{self.head.object} {self.english}",
        )

    def at_the_end(self) -> NounPhrase:
        """The phrase where English has its clause beside it, and German at the very end."""
        return self.head._replace(object=f"{self.head.object} {self.english}")


def relative_word(gender: str, case: str) -> str:
    """A relative pronoun: der, den, dem, denen, dessen, deren."""
    if case == "gen":
        return "deren" if gender in {"f", "p"} else "dessen"
    if case == "dat" and gender == "p":
        return "denen"
    return german.article("der", gender, case)


def described_by(maker: Maker, classes: tuple[str, ...] = ()) -> DescribedNoun:
    """A noun with a clause in which it is the subject, an object, or where something happens.

    `classes` say which nouns fit; without them any that the clause brings.
    """
    if classes and not any(map(maker.lexicon.nouns_of, classes)):
        raise UnfitError
    kind = maker.weighted(
        (("subject", 3.0), ("object", 4.0), ("where", 1.2), ("with", 1.2), ("whose", 0.6))
    )
    if kind == "where":
        return _where(maker, classes)
    if kind == "with":
        return _with(maker, classes)
    if kind == "whose":
        return _whose(maker, classes)
    verb = maker.one(maker.lexicon.person_verbs)
    if verb.frame.marks & {"dat-subject", "bare"} or verb.german in PLACED:
        raise UnfitError
    if kind == "subject":
        return _subject(maker, classes, verb)
    return _object(maker, classes, verb)


def _headed(maker: Maker, noun: Noun, classes: tuple[str, ...]) -> NounPhrase:
    """The head's phrase: a noun that is counted, with the article, or not at all."""
    if noun.only_plural or not noun.countable or "single" in noun.classes:
        raise UnfitError
    if classes and not {noun.german, *noun.classes} & set(classes):
        raise UnfitError
    return nominal(noun, "der", plural=maker.chance(0.2))


def plain(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    """In some tense, without what stands oddly in a relative clause."""
    meaning = timed(maker, meaning).but(frequency=None, denial="")
    if meaning.time is not None and (not meaning.time.german or maker.chance(0.5)):
        meaning = meaning.but(time=None)
    return going(meaning) if meaning.time is None else meaning


def _subject(maker: Maker, classes: tuple[str, ...], verb: Verb) -> DescribedNoun:
    noun = maker.noun(classes or ("person",))
    if "person" not in noun.classes:
        raise UnfitError
    head = _headed(maker, noun, classes)
    meaning = plain(maker, event(maker, simple=True, verbs=[verb], doer=head))
    note_tense(maker, meaning)
    inner = german_clause.subordinate(meaning, relative_word(head.gender, "nom"), subject=False)
    return DescribedNoun(
        noun, head, inner, english_clause.subordinate(meaning, "who", subject=False)
    )


def _object(maker: Maker, classes: tuple[str, ...], verb: Verb) -> DescribedNoun:
    slots = [
        place for place, slot in enumerate(verb.frame.slots) if slot.kind in {"acc", "dat", "prep"}
    ]
    if not slots:
        raise UnfitError
    place = maker.one(slots)
    slot = verb.frame.slots[place]
    if slot.german in {"ohne", "bis"} or slot.case == "gen":
        raise UnfitError
    if not any(map(maker.lexicon.nouns_of, slot.classes)):
        raise UnfitError
    noun = maker.noun(slot.classes)
    head = _headed(maker, noun, classes)
    doer = choosing.subject(maker, ("person",))
    meaning = plain(maker, event(maker, simple=True, verbs=[verb], doer=doer))
    meaning = left_out(maker, meaning, place)
    maker.note("object", verb.german, noun.german)
    note_tense(maker, meaning)
    if slot.kind == "dat" and not slot.english and meaning.find("acc") is not None:
        raise UnfitError
    word = relative_word(head.gender, slot.case)
    word = f"{slot.german} {word}" if slot.german else word
    that = "who" if head.human else "that"
    return DescribedNoun(
        noun,
        head,
        german_clause.subordinate(meaning, word),
        english_clause.subordinate(meaning, that),
    )


def _where(maker: Maker, classes: tuple[str, ...]) -> DescribedNoun:
    """The house that we live in, where German has in dem."""
    choices, words = maker.lexicon.choices, maker.lexicon.words["places"]
    dwelling = maker.chance(0.5)
    word = maker.one(choices["dwellings"] if dwelling else choices["everyday"])
    noun, row = maker.lexicon.by_name[word], words[word]
    head = _headed(maker, noun, classes)
    names = choices["dwelling_verbs"] if dwelling else ("arbeiten", "schlafen", "essen", "spielen")
    verbs = [
        one
        for one in maker.lexicon.person_verbs
        if one.german in names and [slot.kind for slot in one.frame.slots] in ([], ["place"])
    ]
    doer = choosing.subject(maker, ("person",))
    verb = maker.one(verbs)
    meaning = ClauseMeaning(doer, verb, place=Adverbial("", row[1]))
    maker.note("subject", verb.german, doer.key)
    maker.note("place", verb.german, word)
    before = maker.chance(0.4)
    meaning = meaning.but(tense="perfect", aspect="past") if before else going(meaning)
    note_tense(maker, meaning)
    return DescribedNoun(
        noun,
        head,
        german_clause.subordinate(meaning, f"{row[0]} {relative_word(head.gender, 'dat')}"),
        english_clause.subordinate(meaning, "that"),
    )


def _with(maker: Maker, classes: tuple[str, ...]) -> DescribedNoun:
    """The woman who I work with, the child who he bakes the cake for."""
    noun = maker.noun(classes or ("person",))
    if "person" not in noun.classes:
        raise UnfitError
    head = _headed(maker, noun, classes)
    for_whom, choices = maker.chance(0.25), maker.lexicon.choices
    shared = {*choices["liked"], *choices["moving"], *WITH_SOMEBODY} - {"schlafen"}
    fitting = FOR_SOMEBODY if for_whom else shared
    verbs = [one for one in maker.lexicon.willed_verbs if one.german in fitting]
    doer = choosing.subject(maker, ("person",))
    meaning = event(maker, simple=True, verbs=[maker.one(verbs)], doer=doer)
    if {one.kind for one in meaning.complements} & {"prep", "dat"} or meaning.verb.reflexive:
        raise UnfitError
    english, word, case = ("for", "für", "acc") if for_whom else ("with", "mit", "dat")
    meaning = plain(maker, meaning).but(company=Adverbial("", english))
    maker.note("company", meaning.verb.german, noun.german)
    note_tense(maker, meaning)
    return DescribedNoun(
        noun,
        head,
        german_clause.subordinate(meaning, f"{word} {relative_word(head.gender, case)}"),
        english_clause.subordinate(meaning, "who"),
    )


def _whose(maker: Maker, classes: tuple[str, ...]) -> DescribedNoun:
    """The man whose car is new."""
    noun = maker.noun(classes or ("person",))
    if "person" not in noun.classes:
        raise UnfitError
    head = _headed(maker, noun, classes)
    thing, chosen = comparable(maker)
    if not thing.classes & set(maker.lexicon.choices["owned"]) - {"body"}:
        raise UnfitError
    maker.note("adjective", thing.german, chosen.german)
    maker.note("whose", noun.german, thing.german)
    bare = nominal(thing, "")
    meaning = ClauseMeaning(bare, SEIN, (is_predicate((chosen.german, chosen.english)),))
    return DescribedNoun(
        noun,
        head,
        german_clause.subordinate(meaning, relative_word(head.gender, "gen")),
        english_clause.subordinate(meaning, "whose"),
    )
