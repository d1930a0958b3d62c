"""Rules of man, alle, alles, niemandem; and of what happens vor dem Konzert, seit der Reise."""

from pellucid.grammar import choosing, english_clause, places
from pellucid.grammar.events import event, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import NounPhrase, nominal, pronoun
from pellucid.grammar.rules_asking import going
from pellucid.grammar.rules_complex import past
from pellucid.grammar.rules_more import SOMEBODY
from pellucid.grammar.rules_simple import Pair, asked, since_aspect, stated


def one_does(maker: Maker) -> Pair:
    """Man: Man kann hier gut essen. Darf man hier rauchen? Das muss man lernen."""
    doer = pronoun("man")
    meaning = event(maker, doer=doer, verbs=maker.lexicon.willed_verbs)
    modal = maker.one(("können", "müssen", "dürfen", "sollen"))
    if "sollen" in modal and maker.chance(0.5):
        raise UnfitError
    maker.note("modal", meaning.verb.german, modal)
    negated = maker.chance(0.3)
    meaning = meaning.but(modal=modal, negated=negated)
    free = not {one.kind for one in meaning.complements} & {"place", "direction", "prep"}
    if free and meaning.place is None and maker.chance(0.5):
        meaning = meaning.but(place=places.everyday(maker))
        maker.note("place", meaning.verb.german, meaning.place.key if meaning.place else "")
    if meaning.company is not None or " his " in english_clause.main(meaning):
        raise UnfitError
    if maker.chance(0.25):
        return asked(maker, meaning.but(negated=False))
    return stated(maker, meaning, front=1.6)


EVERYBODY = (
    ("alle", "they", "everybody", True),
    ("jeder", "er", "everybody", True),
    ("niemand", "er", "nobody", True),
    ("jemand", "er", "somebody", True),
    ("alles", "er", "everything", False),
    ("nichts", "er", "nothing", False),
    ("das alles", "er", "all that", False),
)
QUALITIES = (
    *(("teuer", "expensive"), ("billig", "cheap"), ("neu", "new"), ("gut", "good")),
    *(("fertig", "finished"), ("einfach", "simple"), ("richtig", "right")),
    *(("falsch", "wrong"), ("kaputt", "broken"), ("nass", "wet"), ("sauber", "clean")),
    *(("möglich", "possible"), ("umsonst", "in vain"), ("in Ordnung", "all right")),
)


def everybody(maker: Maker) -> Pair:
    """Alle, jeder, alles, nichts: Alle waren müde. Alles ist teuer. Jeder kann helfen."""
    word, form, english, human = maker.one(EVERYBODY)
    doer = NounPhrase((word,) * 4, english, english, form, 3, False, "er", word, human=human)
    if human and maker.chance(0.5):
        if word == "alle":
            doer = doer._replace(refers="they")
        meaning = event(maker, simple=True, doer=doer, verbs=maker.lexicon.willed_verbs)
        if meaning.verb.reflexive or "one" in meaning.verb.english.base.split():
            raise UnfitError
        if maker.chance(0.4):
            meaning = meaning.but(modal=maker.one(("können", "müssen", "wollen")))
        else:
            meaning = going(timed(maker, meaning).but(frequency=None, time=None, denial=""))
    else:
        if human:
            mood = maker.one(maker.lexicon.moods)
            words = mood.german, mood.english
        else:
            words = maker.one(QUALITIES)
        maker.note("adjective", word, words[0])
        meaning = ClauseMeaning(doer, SEIN, (is_predicate(words),))
        meaning = past(meaning) if maker.chance(0.35) else meaning
    if word in {"alle", "alles", "jemand"} and maker.chance(0.3):
        return asked(maker, meaning)
    return stated(maker, meaning)


def to_somebody(maker: Maker) -> Pair:
    """Somebody and nobody as objects: Ich habe niemanden gesehen. Hast du jemandem geholfen?"""
    meaning = timed(maker, event(maker, simple=True, verbs=maker.lexicon.willed_verbs))
    found = [
        place
        for place, one in enumerate(meaning.complements)
        if one.phrase is not None and one.phrase.human
    ]
    if not found or not meaning.subject.human:
        raise UnfitError
    place = found[0]
    one = meaning.complements[place]
    assert one.phrase is not None
    if any(each.kind == "adjective" and each.first == one.phrase.key for each in maker.met):
        raise UnfitError
    maker.forget("object", meaning.verb.german, one.phrase.key)
    nom, acc, dat, english = maker.one(SOMEBODY)
    thing = NounPhrase((nom, acc, dat, dat), english, english, "er", 3, False, "er", nom)
    maker.note("object", meaning.verb.german, nom)
    whole = list(meaning.complements)
    whole[place] = one._replace(phrase=thing)
    meaning = meaning.but(complements=tuple(whole), frequency=None, denial="")
    if meaning.time is not None and not meaning.time.german:
        meaning = meaning.but(time=None)
    if nom == "jemand" and maker.chance(0.5):
        return asked(maker, going(meaning))
    return stated(maker, going(meaning))


AROUND = (
    ("vor", "before", "dat", 3.0),
    ("nach", "after", "dat", 3.0),
    ("während", "during", "gen", 2.0),
    ("seit", "since", "dat", 1.0),
)
OCCASIONS = (
    *("Konzert", "Fest", "Hochzeit", "Reise", "Ausflug", "Prüfung", "Unterricht", "Besuch", "Kurs"),
    *("Gespräch", "Besprechung", "Spaziergang", "Vorstellung", "Flug", "Pause", "Operation"),
    *("Film", "Krieg", "Unfall", "Urlaub", "Essen", "Frühstück", "Mittagessen", "Abendessen"),
    *("Spiel", "Arbeit", "Ferien", "Sturm", "Gewitter", "Regen"),
)
MEALS = {
    "Essen": "dinner",
    "Frühstück": "breakfast",
    "Mittagessen": "lunch",
    "Abendessen": "dinner",
}


def around(maker: Maker) -> Pair:
    """Before, after, during, since: Nach dem Konzert essen wir. Seit der Reise ist er krank."""
    word, english, case, _ = maker.weighted([(one, one[3]) for one in AROUND])
    noun = maker.lexicon.by_name.get(maker.one(OCCASIONS))
    if noun is None:
        raise UnfitError
    bare = noun.german in MEALS or noun.german == "Arbeit"
    phrase = nominal(noun, "der")
    what = MEALS.get(noun.german, noun.english) if bare else phrase.object
    when = Adverbial(f"{word} {phrase.german(case)}", f"{english} {what}", noun.german)
    maker.note("around", word, noun.german)
    if word == "seit":
        if noun.german in {*MEALS, "Spaziergang", "Pause", "Arbeit"}:
            raise UnfitError
        meaning = event(maker, simple=True, verbs=maker.lexicon.lasting_verbs)
        if maker.chance(0.5):
            doer, mood = choosing.subject(maker, ("person",)), maker.one(maker.lexicon.moods)
            maker.note("adjective", doer.key, mood.german)
            meaning = ClauseMeaning(doer, SEIN, (is_predicate((mood.german, mood.english)),))
        return stated(maker, meaning.but(aspect=since_aspect(meaning), time=when), front=0.6)
    choices = maker.lexicon.choices
    usual = {*choices["anywhere"], *choices["liked"], *choices["moving"]}
    verbs = [one for one in maker.lexicon.willed_verbs if one.german in usual]
    meaning = event(maker, simple=True, verbs=verbs)
    kind = maker.one(("past", "past", "present", "modal"))
    if kind == "past":
        meaning = past(meaning)
    elif kind == "modal":
        meaning = meaning.but(modal=maker.one(("müssen", "wollen", "möchten", "können")))
    elif not bare:  # after work and before dinner are times of every day
        meaning = going(meaning)
    return stated(maker, meaning.but(time=when), front=0.5)
