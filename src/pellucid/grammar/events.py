"""Drawing a meaning: who does what, in which tense, when and where."""

from pellucid.grammar import choosing, places, times
from pellucid.grammar.frames import Slot
from pellucid.grammar.lexicon import Verb, lexicon
from pellucid.grammar.making import Maker
from pellucid.grammar.meaning import (
    Adverbial,
    ClauseMeaning,
    Complement,
    is_predicate,
)
from pellucid.grammar.phrases import NounPhrase, nominal

NAMED = {"language": "languages", "city": "cities", "country": "countries"}
"""Classes that are no nouns' but names of the closed tables."""


def event(
    maker: Maker,
    *,
    formal: bool = False,
    verbs: list[Verb] | None = None,
    doer: NounPhrase | None = None,
    simple: bool = False,
) -> ClauseMeaning:
    """Somebody does something: a verb with its subject and objects, in the present.

    `doer` says who, where that is given; then the verb is one of a person. A `simple` one has
    neither a place nor somebody to go with that its verb does not want.
    """
    if verbs is None:
        words = maker.lexicon
        verbs = words.person_verbs if doer is not None else words.simple_verbs
        verbs = words.plain_verbs if simple and doer is None else verbs
    verb = maker.one(verbs)
    subjects = verb.frame.subjects
    if doer is None:
        turned = "dat-subject" in verb.frame.marks
        doer = choosing.subject(maker, subjects, formal=formal, pronouns=not turned)
        while turned and not doer.definite:
            doer = choosing.subject(maker, subjects, pronouns=False)
    maker.note("subject", verb.german, doer.key)
    complements = tuple(complement(maker, verb, slot, doer) for slot in verb.frame.slots)
    for one in complements:
        if one.phrase is not None:
            maker.note("object", verb.german, one.phrase.key)
        elif one.adverbial is not None:
            maker.note("place", verb.german, one.adverbial.key)
    meaning = ClauseMeaning(doer, verb, complements)
    return meaning if simple else _with_company(maker, meaning)


def _with_company(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    verb, manner, company, place = meaning.verb, None, None, None
    if maker.chance(0.3):
        ways = maker.lexicon.manners.get(verb.german, ())
        german, english = maker.one(ways) if ways else ("", "")
        if german and (german != "zusammen" or meaning.subject.form in {"wir", "ihr", "they"}):
            manner = Adverbial(german, english, german)
            maker.note("manner", verb.german, german)
    person = "person" in verb.frame.subjects and meaning.find("prep", "dat") is None
    if person and manner is None and not verb.reflexive and maker.chance(0.06):
        with_whom = choosing.companion(maker, meaning.subject)
        text = f"mit {with_whom.german('dat')}"
        company = Adverbial(text, f"with {with_whom.object}", with_whom.key)
        maker.note("company", verb.german, with_whom.key)
    if wants_place(maker, meaning) and company is None and maker.chance(0.22):
        place = places.everyday(maker)
        maker.note("place", verb.german, place.key)
    return meaning.but(manner=manner, company=company, place=place)


def wants_place(maker: Maker, meaning: ClauseMeaning) -> bool:
    """Whether a place can be added: the verb does something, and has none yet."""
    if meaning.verb.german not in maker.lexicon.choices["anywhere"] or not meaning.subject.human:
        return False
    kinds = {one.kind for one in meaning.complements}
    return not kinds & {"place", "direction", "prep", "name"}


def complement(maker: Maker, verb: Verb, slot: Slot, doer: NounPhrase) -> Complement:
    """What a slot of a verb is filled with."""
    if slot.kind in {"place", "direction"}:
        return Complement(slot.kind, adverbial=_place(maker, verb, slot, doer))
    if slot.kind == "name":
        named = choosing.person_name(maker, doer.gender if doer.gender in {"m", "f"} else "")
        return is_predicate((named.cases[0], named.subject))
    names = [one for one in slot.classes if one in NAMED]
    if names and maker.chance(0.35 if len(slot.classes) > len(names) else 1):
        words = maker.lexicon.words[NAMED[maker.one(names)]]
        german, english = maker.one([pair for pair in words.items() if " " not in pair[0]])
        return Complement(slot.kind, _bare(german, english), slot.case, slot.german, slot.english)
    if "bare" in verb.frame.marks:
        noun = maker.noun(slot.classes)
        phrase = nominal(noun, "der")._replace(object=noun.english)
    else:
        phrase = choosing.filling(maker, slot, doer)
    english = "" if slot.english == "-" else slot.english
    return Complement(slot.kind, phrase, slot.case, slot.german, english)


def _place(maker: Maker, verb: Verb, slot: Slot, doer: NounPhrase) -> Adverbial:
    """The place that a verb wants: a town for somebody who lives there, a table for a thing."""
    choices = maker.lexicon.choices
    way = places.WHITHER if slot.kind == "direction" else places.WHERE
    if verb.german in choices["lying"] and (way == places.WHITHER or not doer.human):
        return places.surface(maker, way)
    if verb.german in choices["dwelling_verbs"]:
        return places.dwelling(maker)
    return places.everyday(maker) if way == places.WHERE else places.place(maker, way)


def _bare(german: str, english: str) -> NounPhrase:
    language = german in lexicon().words["languages"]
    return NounPhrase(
        (german,) * 4,
        english,
        english,
        "er",
        3,
        False,
        "es",
        german,
        definite=not language,
        gender="n",
        human=False,
        denied=(f"kein {german}",) * 4 if language else None,
        denied_english=f"any {english}" if language else "",
    )


def timed(maker: Maker, meaning: ClauseMeaning, *, negated: bool = False) -> ClauseMeaning:
    """The meaning in a tense that suits its verb, with a time, in both languages."""
    marks, verb = meaning.verb.frame.marks, meaning.verb
    meaning = meaning.but(negated=negated)
    if "state" in marks:
        kinds = [("state", 6.0), ("past", 2.0), ("habit", 0.0 if negated else 0.6)]
    elif verb.german in maker.lexicon.choices["at_once"]:
        kinds = [("perfect", 5.0), ("future", 1.5), ("just", 1.5)]
    elif "habit" in marks:
        kinds = [("state", 4.0), ("habit", 2.0), ("perfect", 2.0), ("future", 1.0)]
    else:
        kinds = [("now", 4.0), ("habit", 2.2), ("perfect", 4.0), ("future", 1.6), ("soon", 1.2)]
        kinds += [("just", 1.2), ("past", 0.8), ("pluperfect", 0.1)]
    if meaning.subject.refers == "es" and meaning.subject.is_pronoun:
        kinds = [pair for pair in kinds if pair[0] != "soon"]
    if negated:
        kinds = [pair for pair in kinds if pair[0] != "habit"]
    return in_time(maker, meaning, maker.weighted(kinds))


def in_time(maker: Maker, meaning: ClauseMeaning, kind: str) -> ClauseMeaning:
    """The meaning now, as a habit, soon, in the future, just now, in the perfect or the past."""
    marks, some, verb = meaning.verb.frame.marks, maker.chance(0.6), meaning.verb
    choices = maker.lexicon.choices
    lively = not {"state", "habit"} & marks
    match kind:
        case "now":
            when = times.when(maker, "now") if maker.chance(0.35) else None
            if when is not None and when.german == "noch":
                if meaning.negated:
                    return meaning.but(aspect="progressive")
                return meaning.but(aspect="progressive", frequency=when)
            return meaning.but(aspect="progressive", time=when)
        case "state":
            return meaning
        case "habit":
            if maker.chance(0.5) and not meaning.negated:
                german, english = maker.one(maker.lexicon.frequencies)
                return meaning.but(frequency=Adverbial(german, english, german))
            return meaning.but(time=times.when(maker, "habit"))
        case "soon":
            aspect = "progressive" if lively else "will"
            return meaning.but(aspect=aspect, time=times.when(maker, "future", once=True))
        case "future":
            when = times.when(maker, "future") if some else None
            return meaning.but(tense="future", aspect="will", time=when)
        case "just":
            return _just(maker, meaning)
        case "past":
            meaning = _preterite(meaning)
            return meaning.but(time=times.when(maker, "past") if some else None)
        case "pluperfect":
            return meaning.but(tense="pluperfect", aspect="past perfect")
    when = times.when(maker, "past") if some else None
    throughout = maker.lexicon.throughout if verb.german in choices["lasting"] else []
    if throughout and maker.chance(0.2):
        german, english = maker.one(throughout)
        when = Adverbial(german, english, german)
    if is_helper(verb):
        return _preterite(meaning).but(time=when)
    return meaning.but(tense="perfect", aspect="past", time=when)


def _just(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    meaning = meaning.but(tense="perfect", aspect="perfect")
    if meaning.negated:
        return meaning.but(denial="yet", time=Adverbial("", "yet"))
    german, english = maker.one(maker.lexicon.times["perfect"])
    return meaning.but(frequency=Adverbial(german, english, german))


def is_helper(verb: Verb) -> bool:
    """Whether it is sein or haben, perhaps with a word that belongs to it: they have no perfect."""
    return verb.parts.infinitive in {"sein", "haben"}


def _preterite(meaning: ClauseMeaning) -> ClauseMeaning:
    """The past in one word, but not for du and ihr, who get the perfect in what one says."""
    verb = meaning.verb
    spoken = meaning.subject.form in {"du", "ihr"} and not is_helper(verb)
    if spoken:
        return meaning.but(tense="perfect", aspect="past")
    return meaning.but(tense="past", aspect="past")
