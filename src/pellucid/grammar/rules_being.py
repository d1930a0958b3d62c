"""Rules for how and what somebody or something is: adjectives, comparison, there is, having."""

from pellucid.grammar import choosing, places, times
from pellucid.grammar.choosing import described
from pellucid.grammar.english import indefinite
from pellucid.grammar.lexicon import Adjective, Noun
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, Complement, is_predicate
from pellucid.grammar.phrases import OWN, NounPhrase, nominal, pronoun
from pellucid.grammar.rules_simple import Pair, asked, stated


def so_it_is(maker: Maker, *, formal: bool = False) -> ClauseMeaning:
    """Somebody or something that is so: das Haus ist alt, ich bin müde."""
    if maker.chance(0.45):
        doer = choosing.subject(maker, ("person",), formal=formal)
        chosen = _mood(maker)
    else:
        noun = quality_noun(maker)
        doer = one_of(maker, noun)
        chosen = maker.one(maker.lexicon.predicates_for[noun.german])
    maker.note("adjective", doer.key, chosen.german)
    words = chosen.german, chosen.english
    if chosen.comparative != "-" and maker.chance(0.3):
        word, (english, *_) = maker.one(
            [pair for pair in maker.lexicon.words["degree"].items() if "nicht" not in pair[0]]
        )
        words = f"{word} {words[0]}", f"{english} {words[1]}"
    return ClauseMeaning(doer, SEIN, (is_predicate(words),))


def _mood(maker: Maker) -> Adjective:
    moods = maker.lexicon.moods
    return maker.one(moods)


def quality_noun(maker: Maker) -> Noun:
    """A noun of which something can be said behind sein."""
    noun = maker.one(maker.lexicon.nouns)
    while not maker.lexicon.predicates_for.get(noun.german):
        noun = maker.one(maker.lexicon.nouns)
    return noun


def one_of(maker: Maker, noun: Noun) -> NounPhrase:
    """One or some of what a noun names, with an article."""
    own = noun.classes & set(maker.lexicon.choices["owned"])
    determiner = maker.weighted((("der", 4.0), (OWN, 3.0 if own else 0.3), ("dies", 1.5)))
    plural = noun.countable and "single" not in noun.classes and maker.chance(0.2)
    if "subject" in noun.classes:
        determiner = ""
    elif "single" in noun.classes:
        determiner = "der"
    return nominal(noun, determiner, plural=plural, owner=choosing.owner(maker, None))


def tensed(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    """A state now, in the past, or to come."""
    kind = maker.weighted((("present", 6.0), ("past", 2.5), ("future", 0.7)))
    if kind == "past":
        when = times.when(maker, "past", exact=False) if maker.chance(0.4) else None
        return meaning.but(tense="past", aspect="past", time=when)
    if kind == "future":
        return meaning.but(
            tense="future", aspect="will", time=times.when(maker, "future", exact=False)
        )
    if maker.chance(0.15):
        return meaning.but(time=Adverbial("heute", "today"))
    if maker.chance(0.15):
        german, english = maker.one(maker.lexicon.frequencies)
        return meaning.but(frequency=Adverbial(german, english))
    return meaning


def adjective(maker: Maker) -> Pair:
    """How somebody or something is: Das Haus ist sehr alt. Ist dein Bruder krank?"""
    if maker.chance(0.3):
        return asked(maker, tensed(maker, so_it_is(maker, formal=True)))
    meaning = tensed(maker, so_it_is(maker))
    if not meaning.subject.human:
        meaning = meaning.but(time=None)
    negated = maker.chance(0.2) and " " not in _predicate(meaning) and not meaning.frequency
    return stated(maker, meaning.but(negated=negated))


def _predicate(meaning: ClauseMeaning) -> str:
    one = meaning.complements[0].adverbial
    return one.german if one else ""


def how_question(maker: Maker) -> Pair:
    """How it is: Wie war dein Urlaub? Wie ist das Wetter?"""
    noun = maker.noun(("event", "meal", "weather", "media", "food", "drink"))
    doer = one_of(maker, noun)
    maker.note("how", "wie", noun.german)
    past = maker.chance(0.5)
    meaning = ClauseMeaning(doer, SEIN, tense="past" if past else "present")
    return asked(maker, meaning.but(aspect="past" if past else "simple"), ("wie", "how"))


def job(maker: Maker) -> Pair:
    """What somebody is: Mein Bruder ist Lehrer. Sie will Ärztin werden."""
    noun = maker.noun(("job",))
    female = noun.gender == "f"
    doer = pronoun(maker.one(("sie", "ich", "du"))) if female else pronoun(maker.one(("er", "ich")))
    if maker.chance(0.4):
        relatives = (
            ("Mutter", "Schwester", "Tante", "Tochter")
            if female
            else (*("Vater", "Bruder", "Onkel", "Sohn"),)
        )
        fitting = [one for one in relatives if one in maker.lexicon.by_name]
        doer = nominal(
            maker.lexicon.by_name[maker.one(fitting)], OWN, owner=choosing.owner(maker, None)
        )
    elif maker.chance(0.3):
        doer = choosing.person_name(maker, noun.gender)
    maker.note("job", doer.key, noun.german)
    what = indefinite(noun.english)
    meaning = ClauseMeaning(doer, SEIN, (_bare_job(noun, what),))
    if maker.chance(0.2):
        return asked(maker, meaning)
    if maker.chance(0.15):
        german = f"{doer.german('nom')} möchte {noun.german} werden."
        if doer.refers in {"er", "sie"}:
            return german, f"{doer.subject} would like to become {what}."
    meaning = tensed(maker, meaning).but(time=None, frequency=None)
    return stated(maker, meaning.but(negated=maker.chance(0.15)))


def _bare_job(noun: Noun, english: str) -> Complement:
    phrase = NounPhrase(
        (noun.german,) * 4,
        english,
        english,
        "er",
        3,
        False,
        "er",
        noun.german,
        denied=(f"{'keine' if noun.gender == 'f' else 'kein'} {noun.german}",) * 4,
        denied_english=english,
    )
    return Complement("predicate", phrase, "nom")


def this_is(maker: Maker) -> Pair:
    """What that is: Das ist mein Bruder. Sind das deine Schuhe?"""
    noun = maker.noun(("relative", "thing", "clothing", "building", "animal", "food", "vehicle"))
    phrase = described(maker, noun)
    maker.note("this", "das", noun.german)
    whole = phrase.form == "they"
    doer = NounPhrase(
        ("das",) * 4,
        "those" if phrase.plural else "that",
        "that",
        "they" if whole else "er",
        3,
        phrase.plural,
        "es",
        "das",
    )
    meaning = ClauseMeaning(doer, SEIN, (Complement("predicate", phrase, "nom"),))
    if maker.chance(0.3):
        return asked(maker, meaning)
    return stated(maker, meaning.but(negated=maker.chance(0.25)))


def comparable(maker: Maker) -> tuple[Noun, Adjective]:
    """A noun and an adjective that has a comparative."""
    while True:
        noun = quality_noun(maker)
        fitting = [
            one for one in maker.lexicon.predicates_for[noun.german] if one.superlative != "-"
        ]
        if "person" in noun.classes:
            fitting = [one for one in fitting if "person" in one.classes]
        plain = noun.countable and not noun.only_plural
        if fitting and plain and "single" not in noun.classes:
            return noun, maker.one(fitting)


def comparison(maker: Maker) -> Pair:
    """More than, as much as: Dein Auto ist schneller als mein Auto. Er ist so groß wie sie."""
    noun, chosen = comparable(maker)
    person = "person" in chosen.classes
    if person and maker.chance(0.6):
        first, second = choosing.subject(maker, ("person",)), choosing.person_name(maker)
        if first.key == second.key:
            raise UnfitError
        maker.note("adjective", first.key, chosen.german)
    else:
        first = nominal(noun, OWN, owner=maker.one(("du", "er", "wir")))
        second = nominal(noun, OWN, owner="ich")
        if "person" not in noun.classes and maker.chance(0.5):
            first, second = nominal(noun, "dies"), nominal(noun, "der", adjective=_other(maker))
        maker.note("adjective", noun.german, chosen.german)
    if maker.chance(0.35):
        words = (
            f"so {chosen.german} wie {second.german('nom')}",
            f"as {chosen.english} as {second.subject}",
        )
        negated = maker.chance(0.5)
        words = words if negated else (f"genauso{words[0][2:]}", f"just {words[1]}")
    else:
        negated = False
        words = (
            f"{chosen.comparative} als {second.german('nom')}",
            f"{chosen.english_comparative} than {second.subject}",
        )
    meaning = ClauseMeaning(first, SEIN, (is_predicate(words),), negated=negated)
    if maker.chance(0.2) and not negated:
        return asked(maker, meaning)
    return stated(maker, meaning)


def _other(maker: Maker) -> Adjective:
    return maker.lexicon.other


def superlative(maker: Maker) -> Pair:
    """The most of all: Das ist das schönste Haus der Stadt. Er ist am ältesten."""
    noun, chosen = comparable(maker)
    best = nominal(noun, "der", adjective=chosen, degree="superlative")
    which = maker.weighted((("of", 3.0), ("am", 2.0), ("know", 0.0), ("where", 2.0)))
    person = "person" in chosen.classes
    doer = choosing.person_name(maker) if person else nominal(noun, "dies")
    maker.note("adjective", doer.key if which == "am" else noun.german, chosen.german)
    if which == "am":
        german = f"{doer.german('nom')} ist am {chosen.superlative}en."
        return german, f"{doer.subject} is the {chosen.english_superlative}."
    if which == "where":
        place = places.city(maker)
        german = f"wo ist {best.german('nom')} {place.german}?"
        return german, f"where is {best.subject} {place.english}?"
    group = maker.one(
        (("der Welt", "in the world"), ("der Stadt", "in the town"), ("von allen", "of all"))
    )
    that = NounPhrase(("das",) * 4, "that", "that", "er", 3, False, "es", "das")
    what = (f"{best.german('nom')} {group[0]}", f"{best.object} {group[1]}")
    return stated(maker, ClauseMeaning(that, SEIN, (is_predicate(what),)))
