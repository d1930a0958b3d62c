"""Rules with words of their own: perhaps, first and then, somebody and nothing, behind."""

from pellucid.grammar import choosing, english_clause, german, german_clause
from pellucid.grammar.events import event, in_time, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, Complement, is_predicate
from pellucid.grammar.phrases import NounPhrase, nominal, pronoun
from pellucid.grammar.rules_being import one_of, so_it_is
from pellucid.grammar.rules_complex import going_on, situation
from pellucid.grammar.rules_simple import Pair, asked, note_tense, stated

SENTENCE_ADVERBS = (
    *("leider", "vielleicht", "wahrscheinlich", "hoffentlich", "natürlich", "zum Glück"),
    *("endlich", "schließlich", "bestimmt", "eigentlich"),
)


def perhaps(maker: Maker) -> Pair:
    """A word for the whole sentence, in front: Leider ist er krank. Vielleicht regnet es morgen."""
    if maker.chance(0.4):
        meaning = so_it_is(maker)
    else:
        meaning = timed(maker, event(maker, simple=True), negated=maker.chance(0.2))
    word = maker.one(SENTENCE_ADVERBS)
    english = maker.lexicon.words["conjunctions"]["adverbs"][word]
    meaning = meaning.but(frequency=None, manner=None)
    note_tense(maker, meaning)
    maker.note("sentence", word, meaning.verb.german)
    return (
        f"{german_clause.main(meaning, word)}.",
        f"{english_clause.main(meaning, english)}.",
    )


def therefore(maker: Maker) -> Pair:
    """What follows: Ich bin müde, deshalb gehe ich nach Hause. Zuerst isst er, dann schläft er."""
    if maker.chance(0.5):
        first = situation(maker)
        doer = pronoun(first.subject.refers) if first.subject.human else None
        second = event(maker, simple=True, doer=doer)
        second = in_time(maker, second, going_on(maker, second)).but(time=None)
        if first.tense != "present" or second.tense != "present":
            raise UnfitError
        note_tense(maker, second)
        one, other = stated(maker, first, front=0)
        return (
            f"{one[:-1]}, {german_clause.main(second, 'deshalb')}.",
            f"{other[:-1]}, so {english_clause.main(second)}.",
        )
    verbs = maker.lexicon.willed_verbs
    first = event(maker, simple=True, verbs=verbs)
    if not first.subject.human:
        raise UnfitError
    tense, aspect = maker.one((("present", "simple"), ("perfect", "past"), ("future", "will")))
    first = first.but(tense=tense, aspect=aspect)
    second = event(maker, simple=True, verbs=verbs, doer=pronoun(first.subject.refers))
    second = second.but(tense=tense, aspect=aspect)
    for meaning in (first, second):
        note_tense(maker, meaning)
    return (
        f"{german_clause.main(first, 'zuerst')}, {german_clause.main(second, 'dann')}.",
        f"{english_clause.main(first, 'first')}, {english_clause.main(second, 'then')}.",
    )


SOMEBODY = (
    ("jemand", "jemanden", "jemandem", "somebody"),
    ("niemand", "niemanden", "niemandem", "nobody"),
)


def somebody(maker: Maker) -> Pair:
    """Jemand, niemand, etwas, nichts, alles: Niemand hat etwas gehört."""
    if maker.chance(0.5):
        nom, acc, dat, english = maker.one(SOMEBODY)
        doer = NounPhrase((nom, acc, dat, dat), english, english, "er", 3, False, "er", nom)
        meaning = timed(
            maker, event(maker, simple=True, doer=doer, verbs=maker.lexicon.willed_verbs)
        )
        if meaning.verb.reflexive or meaning.frequency:
            raise UnfitError
        if nom == "jemand" and maker.chance(0.3):
            return asked(maker, meaning)
        return stated(maker, meaning)
    meaning = timed(maker, event(maker, simple=True, verbs=maker.lexicon.thing_verbs))
    place = meaning.find("acc")
    if place is None or meaning.frequency:
        raise UnfitError
    one = meaning.complements[place]
    if one.phrase is not None:
        maker.forget("object", meaning.verb.german, one.phrase.key)
        if any(each.kind == "adjective" and each.first == one.phrase.key for each in maker.met):
            raise UnfitError
    word, english = maker.weighted(
        (
            (("etwas", "something"), 2.0),
            (("nichts", "nothing"), 2.0),
            (("alles", "everything"), 1.0),
        )
    )
    thing = NounPhrase((word,) * 4, english, english, "er", 3, False, "es", word, human=False)
    thing = thing._replace(definite=word == "alles")
    maker.note("object", meaning.verb.german, word)
    whole = (
        *meaning.complements[:place],
        one._replace(phrase=thing),
        *meaning.complements[place + 1 :],
    )
    return stated(maker, meaning.but(complements=whole))


RELATIONS = (
    ("unter", "under"),
    ("neben", "next to"),
    ("hinter", "behind"),
    ("vor", "in front of"),
)


def beside(maker: Maker) -> Pair:
    """Where it is to something else: Die Katze ist unter dem Tisch. Das Auto steht vor dem Haus."""
    word, english = maker.one(RELATIONS)
    if maker.chance(0.5):
        noun = maker.noun(("vehicle", "animal", "Kind", "Freund", "Lehrer"))
        other = maker.noun(("building",))
        if word == "unter":
            word, english = "neben", "next to"
    else:
        noun = maker.noun(("Katze", "Hund", "thing", "clothing"))
        other = maker.noun(("furniture",))
    if not (noun.countable and other.countable) or noun == other:
        raise UnfitError
    thing = one_of(maker, noun)
    phrase = nominal(other, maker.weighted((("der", 6.0), ("dies", 1.0), ("ein", 2.0))))
    maker.note("beside", noun.german, other.german)
    text = german.joined(word, phrase.german("dat"))
    place = Adverbial(text, f"{english} {phrase.object}", other.german)
    meaning = ClauseMeaning(thing, SEIN, (Complement("place", adverbial=place),))
    if maker.chance(0.25):
        return asked(maker, meaning)
    if maker.chance(0.25):
        meaning = meaning.but(tense="past", aspect="past")
    return stated(maker, meaning.but(negated=maker.chance(0.15)))


def nationality(maker: Maker) -> Pair:
    """Where somebody is from: Er ist Deutscher. Meine Freundin ist Spanierin."""
    man, woman, english = maker.one(list(maker.lexicon.words["people"].values()))
    female = maker.chance(0.5)
    if maker.chance(0.5):
        doer = pronoun(maker.one(("ich", "du", "sie" if female else "er")))
    elif maker.chance(0.5):
        doer = choosing.person_name(maker, "f" if female else "m")
    else:
        friend = maker.lexicon.by_name["Freundin" if female else "Freund"]
        doer = nominal(friend, "mein", owner=choosing.owner(maker, None))
    word = woman if female else man
    maker.note("nationality", doer.key, word)
    meaning = ClauseMeaning(doer, SEIN, (is_predicate((word, english)),))
    return asked(maker, meaning) if maker.chance(0.3) else stated(maker, meaning)
