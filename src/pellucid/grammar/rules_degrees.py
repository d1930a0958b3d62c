"""Rules for how much so something is, in all tenses: sehr, zu, nicht so, immer noch, nicht mehr."""

from pellucid.grammar import choosing, times
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, Complement, is_predicate
from pellucid.grammar.phrases import NounPhrase, nominal, pronoun
from pellucid.grammar.rules_being import one_of, quality_noun
from pellucid.grammar.rules_simple import Pair, asked, stated

PRONOUNS = (("er", 2.0), ("sie", 2.0), ("es", 2.0), ("ich", 2.0), ("du", 1.5), ("wir", 1.5))


PASSING = ("event", "meal", "media", "weather", "food", "room", "building", "clothing")
"""What was or will be so on one day."""


def _said_of(maker: Maker, moods: float) -> tuple[ClauseMeaning, Pair, bool]:
    """Somebody or something, an adjective for it, and whether it has degrees."""
    if maker.chance(0.5):
        doer = choosing.subject(maker, ("person",), formal=maker.chance(0.15))
        people = [one for one in maker.lexicon.adjectives_for["Mensch"] if one.predicate]
        chosen = maker.one(maker.lexicon.moods if maker.chance(moods) else people)
    else:
        noun = quality_noun(maker) if maker.chance(0.4) else maker.noun(PASSING)
        fitting = maker.lexicon.predicates_for.get(noun.german)
        if not fitting:
            raise UnfitError
        doer, chosen = one_of(maker, noun), maker.one(fitting)
    maker.note("adjective", doer.key, chosen.german)
    pair = chosen.german, chosen.english
    return ClauseMeaning(doer, SEIN), pair, chosen.comparative != "-"


def _in_tense(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    noun = maker.lexicon.by_name.get(meaning.subject.key)
    if noun is not None and not noun.classes & {"person", *PASSING[:4]}:
        past = {"tense": "past", "aspect": "past"} if maker.chance(0.4) else {}
        return meaning.but(**past)
    kind = maker.weighted((("present", 4.0), ("past", 4.0), ("future", 0.8)))
    if kind == "past":
        when = times.day(maker, "past") if maker.chance(0.4) else None
        when = times.when(maker, "past", exact=False) if when and maker.chance(0.3) else when
        return meaning.but(tense="past", aspect="past", time=when)
    if kind == "future":
        return meaning.but(tense="future", aspect="will", time=times.day(maker, "future"))
    if maker.chance(0.2):
        return meaning.but(time=Adverbial("heute", "today"))
    return meaning


def how_much_so(maker: Maker) -> Pair:
    """How much so it is: Der Film war ziemlich langweilig. Das Hemd ist nicht so teuer."""
    meaning, (german, english), graded = _said_of(maker, 0.5)
    if not graded or german in maker.lexicon.choices["without_degrees"]:
        raise UnfitError
    word, (other, *_) = maker.one(list(maker.lexicon.words["degree"].items()))
    negated = word in {"so", "besonders", "sehr"} and maker.chance(0.45)
    if word == "nicht sehr":
        word, other, negated = "sehr", "very", True
    maker.note("degree", word, german)
    words = is_predicate((f"{word} {german}", f"{other} {english}"))
    meaning = _in_tense(maker, meaning.but(complements=(words,), negated=negated))
    if meaning.subject.refers != "ich" and maker.chance(0.15) and not negated:
        return asked(maker, meaning)
    return stated(maker, meaning, front=0.3)


STILL = (
    (Adverbial("immer noch", "still"), "", ""),
    (Adverbial("noch", "still"), "", ""),
    (Adverbial("schon wieder", ""), "", "again"),
    (Adverbial("auch", "also"), "", ""),
    (Adverbial("schon", "already"), "", ""),
    (None, "yet", "yet"),
    (None, "more", "any more"),
    (Adverbial("gar", "", "", ("early",)), "not", "at all"),
)
"""Words for what goes on or is over: the German word, how it denies, what ends the English."""


def still_so(maker: Maker) -> Pair:
    """Whether it goes on: Er ist immer noch krank. Ich bin nicht mehr müde."""
    meaning, (german, english), _ = _said_of(maker, 0.85)
    often, denial, end = maker.one(STILL)
    maker.note("still", often.german if often else denial, german)
    meaning = meaning.but(
        complements=(is_predicate((german, english)),),
        frequency=often,
        negated=bool(denial),
        denial=denial if denial != "not" else "",
        time=Adverbial("", end) if end else None,
    )
    if maker.chance(0.35):
        meaning = meaning.but(tense="past", aspect="past")
    if not denial and meaning.subject.refers != "ich" and maker.chance(0.25):
        return asked(maker, meaning)
    if meaning.subject.refers == "Sie":
        raise UnfitError
    return stated(maker, meaning, front=0)


ATTRIBUTIVE = (("sehr", "very"), ("sehr", "very"), ("wirklich", "really"))


def a_very_good_one(maker: Maker) -> Pair:
    """A noun with such an adjective: Das war ein sehr schöner Tag. Er hat ein sehr altes Auto."""
    noun = quality_noun(maker)
    fitting = [
        one
        for one in maker.lexicon.predicates_for[noun.german]
        if one.comparative != "-"
        and one.german not in maker.lexicon.choices["without_degrees"]
        and "indeclinable" not in one.classes
    ]
    if not fitting or not noun.countable or noun.only_plural or "single" in noun.classes:
        raise UnfitError
    chosen = maker.one(fitting)
    maker.note("adjective", noun.german, chosen.german)
    word, other = maker.one(ATTRIBUTIVE)
    maker.note("degree", word, chosen.german)
    graded = chosen._replace(german=f"{word} {chosen.german}", english=f"{other} {chosen.english}")
    phrase = nominal(noun, "ein", adjective=graded)
    if "person" not in noun.classes and maker.chance(0.4):
        return _had(maker, phrase)
    that = NounPhrase(("das",) * 4, "that", "that", "er", 3, False, "es", "das")
    meaning = ClauseMeaning(that, SEIN, (Complement("predicate", phrase, "nom"),))
    if maker.chance(0.4):
        meaning = meaning.but(tense="past", aspect="past")
    return stated(maker, meaning)


def _had(maker: Maker, phrase: NounPhrase) -> Pair:
    """Who sees, buys, needs such a thing, where its verb takes it."""
    choices = [
        one
        for name in ("haben", "kaufen", "finden", "suchen", "brauchen", "lesen", "sehen", "tragen")
        for one in maker.lexicon.verbs_named[name]
        if [slot.kind for slot in one.frame.slots] == ["acc"]
        and {phrase.key, *maker.lexicon.by_name[phrase.key].classes}
        & set(one.frame.slots[0].classes)
        and "person" in one.frame.subjects
    ]
    if not choices:
        raise UnfitError
    verb = maker.one(choices)
    doer = pronoun(maker.weighted(PRONOUNS[:2] + PRONOUNS[3:]))
    maker.note("subject", verb.german, doer.key)
    maker.note("object", verb.german, phrase.key)
    meaning = ClauseMeaning(doer, verb, (Complement("acc", phrase, "acc"),))
    if verb.german == "haben" or "state" in verb.frame.marks:
        tense = maker.one((("present", "simple"), ("past", "past")))
    else:
        tense = maker.one((("perfect", "past"), ("present", "progressive"), ("future", "will")))
    if verb.german == "finden":
        tense = ("perfect", "past")
    return stated(maker, meaning.but(tense=tense[0], aspect=tense[1]))
