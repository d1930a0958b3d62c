"""Rules for the day's run: going somewhere with somebody, home, how often, at what hour, please."""

from pellucid.grammar import choosing, english_clause, german_clause, places, times
from pellucid.grammar.events import event, in_time, wants_place
from pellucid.grammar.german import joined
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, Complement
from pellucid.grammar.phrases import NounPhrase, nominal, pronoun
from pellucid.grammar.rules_simple import Pair, asked, note_tense, stated

KINDS = (
    *(("perfect", 5.0), ("soon", 3.0), ("future", 1.5), ("habit", 1.2), ("past", 0.6)),
    *(("now", 1.0), ("just", 0.5)),
)
"""When one goes somewhere, by how often one says so."""

OF_KIND = {"perfect": "past", "past": "past", "soon": "future", "future": "future"}
"""The times that go with a kind of tense."""

COMPANIONS = ("relative", "Freund", "Freundin", "Kollege", "Nachbar", "Kind", "Hund", "Familie")


def company(maker: Maker, verb: str, doer: NounPhrase) -> Adverbial:
    """With whom: mit meinem Bruder, mit Anna, mit dir, never with oneself."""
    if maker.chance(0.3):
        whom = choosing.person_name(maker)
    elif maker.chance(0.2):
        keys = [
            pair
            for pair in (*choosing.OBJECTS, ("they", 1.0))
            if not choosing.overlapping(pair[0], doer.refers)
            and choosing.clear(pair[0], doer.refers)
        ]
        whom = pronoun(maker.weighted(keys))
    else:
        whom = choosing.described(maker, maker.noun(COMPANIONS), doer=doer)
    if whom.key == doer.key:
        raise UnfitError
    maker.note("company", verb, whom.key)
    return Adverbial(f"mit {whom.german('dat')}", f"with {whom.object}", whom.key)


def timed_exactly(maker: Maker, meaning: ClauseMeaning, kind: str) -> ClauseMeaning:
    """The meaning in a tense, often with a day and an hour."""
    meaning = in_time(maker, meaning, kind)
    if kind in OF_KIND and maker.chance(0.4):
        return meaning.but(time=times.detailed(maker, OF_KIND[kind]))
    return meaning


def whither(maker: Maker, verb: str) -> Adverbial:
    """Where one goes; one flies to a town or country, and sometimes goes to somebody."""
    if verb in {"fliegen", "reisen"}:
        way = places.city if maker.chance(0.6) else places.country
        return way(maker, places.WHITHER)
    if verb in {"gehen", "fahren"} and maker.chance(0.12):
        return somebodys(maker, "zu", "to")
    if maker.chance(0.12):
        return Adverbial("nach Hause", "home", "home")
    if maker.chance(0.12):
        return towards(maker)
    return places.place(maker, places.WHITHER, wide=verb == "fahren")


def towards(maker: Maker) -> Adverbial:
    """Where one goes, with zu: zum Supermarkt, zur Schule."""
    if maker.chance(0.2):
        return Adverbial("zur Schule", "to school", "in der Schule")
    word = maker.one(maker.lexicon.choices["towards"])
    phrase = nominal(maker.lexicon.by_name[word], "der")
    return Adverbial(joined("zu", phrase.german("dat")), f"to {phrase.object}", word)


def somebodys(maker: Maker, german: str, english: str) -> Adverbial:
    """At or to somebody's: bei meiner Oma, at my grandma's."""
    if maker.chance(0.4):
        whom = choosing.person_name(maker)
    else:
        noun = maker.noun(("relative", "Freund", "Freundin", "Nachbar"))
        whom = choosing.described(maker, noun)
    if whom.plural or whom.form != "er" or whom.object.endswith("s"):
        raise UnfitError
    return Adverbial(
        f"{german} {whom.german('dat')}", f"{english} {whom.object}'s", f"{german} {whom.key}"
    )


def going(maker: Maker, doer: NounPhrase | None = None) -> ClauseMeaning:
    """Somebody goes somewhere, without a time yet."""
    name = maker.weighted((("gehen", 6.0), ("fahren", 4.0), ("fliegen", 1.0), ("reisen", 0.7)))
    verb = next(
        one for one in maker.lexicon.verbs_named[name] if "person" in one.frame.subjects
        and [slot.kind for slot in one.frame.slots] == ["direction"]
    )  # fmt: skip
    doer = doer or choosing.subject(maker, ("person",), formal=maker.chance(0.2))
    there = whither(maker, name)
    maker.note("subject", name, doer.key)
    maker.note("place", name, there.key)
    return ClauseMeaning(doer, verb, (Complement("direction", adverbial=there),))


def outing(maker: Maker) -> Pair:
    """Going somewhere with somebody: Ich bin gestern mit meinem Bruder ins Kino gegangen."""
    meaning = going(maker)
    if maker.chance(0.7):
        meaning = meaning.but(company=company(maker, meaning.verb.german, meaning.subject))
    meaning = timed_exactly(maker, meaning, maker.weighted(KINDS))
    if meaning.subject.refers != "ich" and maker.chance(0.25):
        return asked(maker, meaning)
    return stated(maker, meaning)


WHEN = (
    *((("wann", "when"), 5.0), (("um wie viel Uhr", "at what time"), 2.0)),
    (("warum", "why"), 2.0),
)


def outing_when(maker: Maker) -> Pair:
    """When and why somebody goes there: Wann fahrt ihr mit den Kindern nach Italien?"""
    meaning = going(maker)
    if meaning.subject.refers == "ich":
        raise UnfitError
    if maker.chance(0.35):
        meaning = meaning.but(company=company(maker, meaning.verb.german, meaning.subject))
    kind = maker.weighted((("perfect", 3.0), ("soon", 4.0), ("future", 1.5)))
    day = times.day(maker, OF_KIND[kind]) if maker.chance(0.35) else None
    meaning = in_time(maker, meaning, kind).but(time=day)
    return asked(maker, meaning, maker.weighted(WHEN))


def outing_wished(maker: Maker) -> Pair:
    """The same with can, must, want: Ich möchte heute mit dir ins Kino gehen."""
    modal = maker.one(("möchten", "wollen", "müssen", "können", "dürfen", "sollen"))
    meaning = going(maker).but(modal=modal, negated=maker.chance(0.12))
    maker.note("modal", meaning.verb.german, modal)
    if maker.chance(0.6):
        meaning = meaning.but(company=company(maker, meaning.verb.german, meaning.subject))
    if maker.chance(0.7):
        exact = times.detailed if maker.chance(0.4) else times.when
        meaning = meaning.but(time=exact(maker, "future"))
    if meaning.subject.refers not in {"ich", "wir"} and maker.chance(0.3) and not meaning.negated:
        return asked(maker, meaning)
    return stated(maker, meaning)


def home(maker: Maker) -> Pair:
    """To home: Wann kommst du morgen nach Hause? Er ist um acht Uhr nach Hause gekommen."""
    name = maker.weighted((("kommen", 5.0), ("gehen", 4.0), ("fahren", 3.0), ("laufen", 0.5)))
    verb = next(
        one for one in maker.lexicon.verbs_named[name]
        if not one.frame.slots or one.frame.slots[0].kind == "direction"
    )  # fmt: skip
    doer = choosing.subject(maker, ("person",), formal=maker.chance(0.3))
    maker.note("subject", name, doer.key)
    maker.note("home", name, doer.key)
    there = Complement("direction", adverbial=Adverbial("nach Hause", "home"))
    meaning = ClauseMeaning(doer, verb, (there,))
    if maker.chance(0.35) and doer.refers != "ich":
        kind = maker.one(("soon", "perfect", "future"))
        day = times.day(maker, OF_KIND[kind]) if maker.chance(0.6) else None
        return asked(maker, in_time(maker, meaning, kind).but(time=day), ("wann", "when"))
    modal = maker.one(("müssen", "wollen", "möchten", "können", "dürfen"))
    if maker.chance(0.25):
        time = times.when(maker, "future") if maker.chance(0.6) else None
        meaning = meaning.but(modal=modal, time=time)
    else:
        meaning = timed_exactly(maker, meaning, maker.weighted(KINDS))
        if maker.chance(0.15):
            meaning = meaning.but(company=company(maker, name, doer))
        elif meaning.time is None and maker.chance(0.3):
            how = maker.one((("spät", "late"), ("früh", "early"), ("allein", "alone")))
            meaning = meaning.but(company=Adverbial(*how))
    if doer.refers != "ich" and maker.chance(0.2):
        return asked(maker, meaning)
    return stated(maker, meaning)


def at_home(maker: Maker) -> Pair:
    """At home, at somebody's: Bist du morgen zu Hause? Wir waren gestern bei meiner Oma."""
    doer = choosing.subject(maker, ("person",), formal=maker.chance(0.3))
    home_ = maker.chance(0.6)
    where = Adverbial("zu Hause", "at home", "zu Hause") if home_ else somebodys(maker, "bei", "at")
    if where.key.endswith(f" {doer.key}"):
        raise UnfitError
    verb = SEIN
    if maker.chance(0.3):
        verb = next(
            one for one in maker.lexicon.verbs_named["bleiben"] if "person" in one.frame.subjects
        )
    maker.note("subject", verb.german, doer.key)
    maker.note("home", where.key, doer.key)
    meaning = ClauseMeaning(doer, verb, (Complement("place", adverbial=where),))
    tense = maker.weighted((("now", 4.0), ("past", 3.0), ("future", 2.0), ("often", 1.5)))
    if tense == "past":
        when = _when_or_day if verb is SEIN else times.day
        time = when(maker, "past") if maker.chance(0.8) else None
        past = "past" if verb is SEIN else "perfect"
        meaning = meaning.but(tense=past, aspect="past", time=time)
    elif tense == "future":
        will = "will" if verb is SEIN else "progressive"
        when = _when_or_day if verb is SEIN else times.day
        meaning = meaning.but(aspect=will, time=when(maker, "future"))
    elif tense == "often":
        often = maker.one(maker.lexicon.frequencies)
        meaning = meaning.but(frequency=Adverbial(*often))
    elif verb is SEIN:
        now = maker.one((None, ("heute", "today"), ("jetzt", "now"), ("gerade", "at the moment")))
        meaning = meaning.but(time=Adverbial(*now) if now else None)
    else:
        meaning = meaning.but(aspect="progressive", time=Adverbial("heute", "today"))
    if doer.refers != "ich" and maker.chance(0.3):
        return asked(maker, meaning)
    return stated(maker, meaning.but(negated=maker.chance(0.2) and tense != "often"), front=0.25)


def _when_or_day(maker: Maker, tense: str) -> Adverbial:
    return times.day(maker, tense) if maker.chance(0.7) else times.detailed(maker, tense)


def together(maker: Maker) -> Pair:
    """When, with whom, how and where: Ich habe gestern mit Anna im Park Fußball gespielt."""
    meaning = event(maker, formal=maker.chance(0.2), verbs=maker.lexicon.company_verbs, simple=True)
    doer, verb = meaning.subject, meaning.verb
    objects = [one.phrase for one in meaning.complements if one.phrase is not None]
    if not doer.human or any(one.human for one in objects) or verb.reflexive:
        raise UnfitError
    if maker.chance(0.65) and meaning.find("prep", "dat") is None:
        meaning = meaning.but(company=company(maker, verb.german, doer))
    if wants_place(maker, meaning) and (meaning.company is None or maker.chance(0.6)):
        place = places.everyday(maker)
        maker.note("place", verb.german, place.key)
        meaning = meaning.but(place=place)
    kind = maker.weighted((*KINDS[:-2], ("lasting", 2.0)))
    if kind == "lasting" and verb.german in maker.lexicon.choices["lasting"]:
        past = maker.chance(0.6)
        tense, aspect = ("perfect", "past") if past else ("present", "progressive")
        time = (
            times.how_long(maker) if past and maker.chance(0.5) else times.from_to(maker, past=past)
        )
        meaning = meaning.but(tense=tense, aspect=aspect, time=time)
    else:
        meaning = timed_exactly(maker, meaning, "perfect" if kind == "lasting" else kind)
    if not (meaning.company or meaning.place):
        raise UnfitError
    if doer.refers != "ich" and maker.chance(0.2):
        return asked(maker, meaning)
    return stated(maker, meaning)


def how_often(maker: Maker) -> Pair:
    """How often: Wir gehen fast nie ins Kino. Manchmal kocht er. Sie schwimmt jeden Montag."""
    if maker.chance(0.45):
        meaning = going(maker)
    else:
        verbs = maker.lexicon.company_verbs if maker.chance(0.6) else maker.lexicon.willed_verbs
        meaning = event(maker, formal=maker.chance(0.2), verbs=verbs, simple=True)
    if not meaning.subject.human:
        raise UnfitError
    words = maker.lexicon.words["how_often"]
    if maker.chance(0.5):
        return stated(maker, meaning.but(time=times.repeated(maker)))
    front = [pair for pair in words.items() if "front" in pair[1]]
    german, (english, *_) = maker.one(front if maker.chance(0.3) else list(words.items()))
    maker.note("often", meaning.verb.german, german)
    if "front" in words[german] and maker.chance(0.6) and meaning.subject.refers != "Sie":
        note_tense(maker, meaning)
        return (
            f"{german_clause.main(meaning, german)}.",
            f"{english_clause.main(meaning, english)}.",
        )
    meaning = meaning.but(frequency=Adverbial(german, english, german))
    if meaning.subject.refers != "ich" and maker.chance(0.25):
        return asked(maker, meaning)
    return stated(maker, meaning)
