"""Rules for what there is, what somebody has, whose it is, and where it lies."""

from pellucid.grammar import choosing, german, places
from pellucid.grammar.choosing import fitting_adjective
from pellucid.grammar.english import be, possessed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import HABEN, SEIN, Adverbial, ClauseMeaning, Complement, is_predicate
from pellucid.grammar.phrases import OWN, nominal
from pellucid.grammar.rules_being import one_of, quality_noun, tensed
from pellucid.grammar.rules_simple import Pair, asked, stated


def there_is(maker: Maker) -> Pair:
    """Es gibt: In der Stadt gibt es viele Museen. Gibt es hier ein Café?"""
    if maker.chance(0.7):
        noun, place = (
            maker.noun(("building", "Park", "Fluss", "Markt", "Brücke")),
            _neighbourhood(maker),
        )
    else:
        rooms = maker.lexicon.choices["furnished"]
        noun, place = maker.noun(("furniture", "device")), places.room(maker, places.WHERE, rooms)
    if not noun.countable or "single" in noun.classes:
        raise UnfitError
    determiner = maker.weighted(
        (("ein", 5.0), ("viele", 2.0), ("einige", 1.0), ("2", 1.0), ("3", 1.0))
    )
    thing = nominal(noun, determiner)
    maker.note("there is", place.key, noun.german)
    negated = maker.chance(0.2) and determiner == "ein"
    past = maker.chance(0.2)
    finite = be(3, plural=thing.plural, past=past)
    gibt = "gab" if past else "gibt"
    said = thing.deny() if negated else thing
    english = f"no {noun.english}" if negated else thing.object
    if maker.chance(0.3):
        return (
            f"{gibt} es {place.german} {said.german('acc')}?",
            f"{finite} there {english} {place.english}?",
        )
    if maker.chance(0.6):
        return (
            f"{place.german} {gibt} es {said.german('acc')}.",
            f"{place.english} there {finite} {english}.",
        )
    return (
        f"es {gibt} {place.german} {said.german('acc')}.",
        f"there {finite} {english} {place.english}.",
    )


def _neighbourhood(maker: Maker) -> Adverbial:
    """Where buildings are: in a town, here."""
    if maker.chance(0.4):
        return places.city(maker)
    if maker.chance(0.4):
        return maker.one((Adverbial("hier", "here", "hier"), Adverbial("dort", "there", "dort")))
    return places.room(maker, places.WHERE, ["Stadt", "Dorf", "Straße", "Platz"])


def having(maker: Maker) -> Pair:
    """What somebody has: Hast du einen Hund? Wir hatten kein Geld."""
    doer = choosing.subject(maker, ("person",), formal=True)
    noun = maker.noun(
        ("relative", "animal", "device", "vehicle", "thing", "money", "furniture", "clothing")
    )
    if noun.countable and "single" not in noun.classes:
        many = maker.chance(0.3)
        determiner = maker.one(("viele", "2", "3", "4")) if many else "ein"
    else:
        many, determiner = noun.only_plural, "" if noun.mass or noun.pair else "der"
        determiner = "ein" if noun.pair and not many and noun.plural != "-" else determiner
    chosen = fitting_adjective(maker, noun) if maker.chance(0.3) else None
    thing = nominal(noun, determiner, plural=many, adjective=chosen)
    maker.note("subject", "haben", doer.key)
    maker.note("object", "haben", noun.german)
    meaning = ClauseMeaning(doer, HABEN, (Complement("acc", thing, "acc"),))
    meaning = meaning.but(negated=maker.chance(0.2) and determiner in {"ein", ""})
    if maker.chance(0.3):
        meaning = meaning.but(tense="past", aspect="past")
    if doer.refers == "Sie" or maker.chance(0.3):
        return asked(maker, meaning)
    return stated(maker, meaning)


def whose(maker: Maker) -> Pair:
    """The genitive: Das Auto meines Vaters ist neu. Annas Katze ist weg."""
    noun = quality_noun(maker)
    while not noun.classes & {
        "clothing",
        "thing",
        "device",
        "vehicle",
        "room",
        "animal",
        "building",
    }:
        noun = quality_noun(maker)
    chosen = maker.one(maker.lexicon.predicates_for[noun.german])
    maker.note("adjective", noun.german, chosen.german)
    plural = noun.countable and maker.chance(0.2)
    thing = nominal(noun, "der", plural=plural)
    bare = nominal(noun, "", plural=plural)
    if maker.chance(0.35):
        owner = choosing.person_name(maker)
        words = f"{german.possessed(owner.cases[0])} {bare.german('nom')}"
    else:
        who = maker.noun(("relative",))
        owner = nominal(who, OWN, owner=choosing.owner(maker, None))
        words = f"{thing.german('nom')} {owner.german('gen')}"
    maker.note("whose", noun.german, owner.key)
    text = f"{possessed(owner.object)} {bare.subject}"
    doer = thing._replace(cases=(words,) * 4, subject=text, object=text)
    meaning = tensed(
        maker, ClauseMeaning(doer, SEIN, (is_predicate((chosen.german, chosen.english)),))
    )
    return stated(maker, meaning.but(frequency=None, time=None))


def again(maker: Maker) -> Pair:
    """Taken up by the pronoun of its gender: Der Mantel ist schön, aber er ist teuer."""
    noun = quality_noun(maker)
    while "person" in noun.classes or len(maker.lexicon.predicates_for[noun.german]) < 2:
        noun = quality_noun(maker)
    fitting = maker.lexicon.predicates_for[noun.german]
    first, second = maker.one(fitting), maker.one(fitting)
    pair = {first.german, second.german}
    if len(pair) < 2 or any(pair <= set(one) for one in maker.lexicon.choices["opposites"]):
        raise UnfitError
    maker.note("adjective", noun.german, first.german)
    maker.note("adjective", noun.german, second.german)
    thing = one_of(maker, noun)
    word, english = maker.one((("aber", "but"), ("und", "and")))
    it = {"er": "it", "sie": "it", "es": "it", "they": "they"}["they" if thing.plural else "es"]
    finite = "sind" if thing.form == "they" else "ist"
    them = "sie" if thing.refers == "they" else thing.refers
    form = be(3, plural=thing.plural, past=False)
    comma = "," if word == "aber" else ""
    first_german = f"{thing.german('nom')} {finite} {first.german}"
    first_english = f"{thing.subject} {form} {first.english}"
    return (
        f"{first_german}{comma} {word} {them} {finite} {second.german}.",
        f"{first_english}{comma} {english} {it} {form} {second.english}.",
    )


def lies_where(maker: Maker) -> Pair:
    """Where something is: Wo ist mein Schlüssel? Der Schlüssel ist in der Tasche."""
    noun = maker.noun(("thing", "clothing", "tool", "text", "animal", "relative", "person"))
    thing = one_of(maker, noun)
    maker.note("where is", "sein", noun.german)
    if maker.chance(0.4):
        meaning = ClauseMeaning(thing, SEIN)
        if maker.chance(0.3):
            meaning = meaning.but(tense="past", aspect="past")
        return asked(maker, meaning, ("wo", "where"))
    place = places.everyday(maker) if thing.human else places.surface(maker)
    maker.note("place", noun.german, place.key)
    meaning = tensed(maker, ClauseMeaning(thing, SEIN, (Complement("place", adverbial=place),)))
    return stated(maker, meaning.but(negated=maker.chance(0.15) and not meaning.frequency))
