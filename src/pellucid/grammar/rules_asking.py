"""Rules for more questions, and for answers: Mit wem? Was für ein? Welches von diesen? Doch."""

from pellucid.grammar import english_clause, german, german_clause
from pellucid.grammar.events import event, timed
from pellucid.grammar.lexicon import Noun, Verb
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import Adverbial, ClauseMeaning
from pellucid.grammar.phrases import nominal
from pellucid.grammar.rules_being import so_it_is, tensed
from pellucid.grammar.rules_questions import left_out, question_words, questionable, without_manner
from pellucid.grammar.rules_simple import Pair, asked, note_tense, since_aspect, stated

PLACED = {
    *("an|kommen", "liegen", "sitzen", "hängen", "klettern", "steigen", "parken", "ein|kaufen"),
    *("schwimmen", "wandern", "kommen", "ein|steigen", "reiten", "studieren", "schauen", "klopfen"),
}
"""Verbs whose preposition says where: that is asked by wo."""


def going(meaning: ClauseMeaning) -> ClauseMeaning:
    """A meaning that has lost its time: a habit goes on now, what was just done is past."""
    lively = not {"state", "habit"} & meaning.verb.frame.marks and not meaning.modal
    if lively and meaning.aspect == "simple":
        return meaning.but(aspect="progressive")
    if meaning.aspect == "perfect" and meaning.frequency is None and not meaning.denial:
        return meaning.but(aspect="past")
    return meaning


def preposition_question(maker: Maker) -> Pair:
    """For what stands behind a preposition: Auf wen wartest du? Worüber habt ihr gesprochen?"""
    verbs = [
        one
        for one in maker.lexicon.person_verbs
        if any(slot.kind == "prep" for slot in one.frame.slots) and one.german not in PLACED
    ]
    meaning = questionable(maker, verbs=verbs, simple=True)
    place = meaning.find("prep")
    words = question_words(meaning.complements[place]) if place is not None else None
    if place is None or words is None or "bare" in meaning.verb.frame.marks:
        raise UnfitError
    preposition = meaning.complements[place].english
    if meaning.time is not None and preposition in meaning.time.english.split()[:1]:
        meaning = meaning.but(time=None)
    return asked(maker, left_out(maker, meaning, place), words)


FOR_SOMEBODY = {"kaufen", "kochen", "backen", "holen", "arbeiten", "bestellen", "suchen"}


WITH_SOMEBODY = {"wohnen", "leben", "frühstücken", "ein|kaufen", "feiern"}


def with_whom(maker: Maker) -> Pair:
    """With whom and for whom: Mit wem gehst du ins Kino? Für wen kaufst du die Blumen?"""
    words = maker.lexicon
    for_whom = maker.chance(0.3)
    shared = {*words.choices["liked"], *words.choices["moving"], *WITH_SOMEBODY} - {"schlafen"}
    fitting = FOR_SOMEBODY if for_whom else shared
    verbs = [one for one in words.willed_verbs if one.german in fitting]
    meaning = without_manner(maker, questionable(maker, verbs=verbs, simple=True))
    taken = {one.kind for one in meaning.complements} & {"prep", "dat"}
    if taken or meaning.verb.reflexive or not meaning.subject.human or meaning.frequency:
        raise UnfitError
    first, english = ("für wen", "for") if for_whom else ("mit wem", "with")
    maker.note("company", meaning.verb.german, first)
    if any(one.phrase is not None and one.phrase.human for one in meaning.complements):
        raise UnfitError
    return asked(maker, meaning.but(company=Adverbial("", english)), (first, "who"))


def _asked_for(maker: Maker) -> tuple[ClauseMeaning, Verb, Noun]:
    """A question without its object, its verb, and a noun that could be the object."""
    meaning = questionable(maker, simple=True)
    verb = meaning.verb
    places_ = [place for place, slot in enumerate(verb.frame.slots) if slot.kind == "acc"]
    if not places_ or "dat-subject" in verb.frame.marks:
        raise UnfitError
    slot = verb.frame.slots[places_[0]]
    if slot.english or not any(map(maker.lexicon.nouns_of, slot.classes)):
        raise UnfitError
    noun = maker.noun(slot.classes)
    if "single" in noun.classes or "person" in noun.classes or noun.classes & {"body", "money"}:
        raise UnfitError
    rest = left_out(maker, meaning, places_[0])
    maker.note("object", verb.german, noun.german)
    return rest, verb, noun


def what_kind(maker: Maker) -> Pair:
    """Was für ein: Was für ein Auto hast du? Was für Musik hört sie?"""
    rest, _, noun = _asked_for(maker)
    if noun.mass and noun.only_plural:
        raise UnfitError
    many = noun.only_plural or (noun.countable and maker.chance(0.3))
    phrase = nominal(noun, "" if many or noun.mass or noun.pair else "ein", plural=many)
    english = noun.english_plural if many or noun.pair else noun.english
    return asked(maker, rest, (f"was für {phrase.german('acc')}", f"what kind of {english}"))


def which_of(maker: Maker) -> Pair:
    """Welches von diesen: Welches von diesen Büchern hast du gelesen?"""
    rest, _, noun = _asked_for(maker)
    if not noun.countable or noun.only_plural:
        raise UnfitError
    these = nominal(noun, "dies", plural=True)
    word = german.article("welch", noun.gender, "acc")
    return asked(maker, rest, (f"{word} von {these.german('dat')}", f"which of {these.object}"))


def since_when(maker: Maker) -> Pair:
    """Seit wann: Seit wann wohnst du hier?"""
    meaning = event(maker, formal=True, simple=True, verbs=maker.lexicon.lasting_verbs)
    if meaning.subject.refers == "ich":
        raise UnfitError
    return asked(maker, meaning.but(aspect=since_aspect(meaning)), ("seit wann", "how long"))


def asking_words(maker: Maker, meaning: ClauseMeaning) -> tuple[ClauseMeaning, Pair]:
    """What a question in a clause asks for: whether, when, why, where, whom, on what, with whom."""
    kind = maker.weighted((("ob", 1.5), ("wann", 1.0), ("warum", 1.5), ("what", 4.0), ("wen", 1.0)))
    if kind == "ob":
        return meaning, ("ob", "whether")
    if kind == "wann":
        meaning = meaning.but(denial="", time=None, frequency=None)
        if meaning.aspect == "perfect":
            meaning = meaning.but(aspect="past")
        return without_manner(maker, meaning), ("wann", "when")
    if kind == "warum":
        return meaning, ("warum", "why")
    marks = meaning.verb.frame.marks
    if kind == "wen":
        taken = {one.kind for one in meaning.complements} & {"prep", "dat"}
        if taken or meaning.verb.reflexive or "person" not in meaning.verb.frame.subjects:
            raise UnfitError
        if "state" in marks:
            raise UnfitError
        return meaning.but(company=Adverbial("", "with")), ("mit wem", "who")
    for place, one in enumerate(meaning.complements):
        if one.kind in {"place", "direction"}:
            words = ("wohin" if one.kind == "direction" else "wo", "where")
            return left_out(maker, meaning, place), words
        if one.kind == "prep" and meaning.verb.german in PLACED:
            raise UnfitError
        if one.kind in {"acc", "prep"} and one.phrase is not None and not one.phrase.is_pronoun:
            found = question_words(one)
            if found is not None and not marks & {"dat-subject", "bare"}:
                return left_out(maker, meaning, place), found
    raise UnfitError


def tagged(maker: Maker) -> Pair:
    """A statement that wants a yes: Du kommst morgen, oder? Das Haus ist alt, nicht wahr?"""
    if maker.chance(0.4):
        meaning = tensed(maker, so_it_is(maker))
    else:
        meaning = timed(maker, event(maker), negated=maker.chance(0.2))
    if meaning.subject.refers == "ich":
        raise UnfitError
    one, other = stated(maker, meaning)
    word = maker.one(("oder", "nicht wahr"))
    maker.note("tag", word, meaning.verb.german)
    return f"{one[:-1]}, {word}?", f"{other[:-1]}, right?"


def answer(maker: Maker) -> Pair:
    """Yes, no, and yes to a no: Ja, ich komme morgen. Nein, er ist nicht krank. Doch, …"""
    word, english = maker.weighted(
        ((("ja", "yes"), 2.0), (("nein", "no"), 2.5), (("doch", "yes"), 1.0))
    )
    negated = word == "nein"
    if maker.chance(0.4):
        meaning = tensed(maker, so_it_is(maker))
        predicate = meaning.complements[0].adverbial
        if negated and (meaning.frequency or (predicate and " " in predicate.german)):
            raise UnfitError
        meaning = meaning.but(negated=negated)
    else:
        meaning = timed(maker, event(maker, simple=True), negated=negated)
    if negated and meaning.subject.cases[0].startswith("alle "):
        raise UnfitError
    note_tense(maker, meaning)
    maker.note("answer", word, meaning.verb.german)
    return (
        f"{word}, {german_clause.main(meaning)}.",
        f"{english}, {english_clause.main(meaning)}.",
    )
