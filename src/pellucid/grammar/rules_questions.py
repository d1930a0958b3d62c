"""Rules for questions about what somebody does: yes or no, when, where, whom, which, how long."""

from pellucid.grammar import choosing, english_clause, german_clause, times
from pellucid.grammar.events import event, in_time, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import Adverbial, ClauseMeaning, Complement
from pellucid.grammar.phrases import NounPhrase, nominal
from pellucid.grammar.rules_simple import Pair, asked, since_aspect


def questionable(maker: Maker, *, negated: bool = False, **wanted: object) -> ClauseMeaning:
    """Something to ask about, seldom what oneself does."""
    meaning = event(maker, formal=True, **wanted)  # type: ignore[arg-type]
    if meaning.subject.refers == "ich" and maker.chance(0.85):
        raise UnfitError
    return timed(maker, meaning, negated=negated)


def yes_no_question(maker: Maker) -> Pair:
    """A question that is answered by yes or no: Hast du das Buch gelesen?"""
    return asked(maker, questionable(maker, negated=maker.chance(0.12)))


def when_question(maker: Maker) -> Pair:
    """When and why: Wann kommst du? Warum weint das Kind?"""
    words = maker.weighted(((("wann", "when"), 2.0), (("warum", "why"), 2.0)))
    meaning = questionable(maker, negated=words[0] == "warum" and maker.chance(0.3))
    if words[0] == "wann":
        meaning = without_manner(maker, meaning)
        if meaning.aspect in {"simple", "perfect"}:
            meaning = meaning.but(tense="perfect", aspect="past", frequency=None)
        meaning = meaning.but(time=None, frequency=None)
    return asked(maker, meaning, words)


def where_question(maker: Maker) -> Pair:
    """Where, where to, where from: Wo wohnen deine Eltern? Wohin geht ihr?"""
    kind = maker.weighted((("place", 3.0), ("direction", 1.5), ("whence", 0.6)))
    if kind == "whence":
        verbs = maker.lexicon.verbs_named["kommen"][:1]
        meaning = ClauseMeaning(_doer(maker), verbs[0])
        maker.note("subject", "kommen", meaning.subject.key)
        if maker.chance(0.3):
            meaning = meaning.but(tense="perfect", aspect="past", time=times.when(maker, "past"))
        return asked(maker, meaning.but(complements=(_from(),)), ("woher", "where"))
    verbs = [verb for verb in maker.lexicon.ending_in[kind] if verb in maker.lexicon.plain_verbs]
    meaning = questionable(maker, verbs=verbs, simple=True)
    place = meaning.find(kind)
    assert place is not None
    word = "wohin" if kind == "direction" else "wo"
    return asked(maker, left_out(maker, meaning, place), (word, "where"))


def left_out(maker: Maker, meaning: ClauseMeaning, place: int) -> ClauseMeaning:
    """The meaning without a complement, of which the combination is not met then."""
    one, verb = meaning.complements[place], meaning.verb.german
    if one.phrase is not None:
        maker.forget("object", verb, one.phrase.key)
        for each in [each for each in maker.met if each.kind == "adjective"]:
            if each.first == one.phrase.key:
                maker.met.remove(each)
    elif one.adverbial is not None:
        maker.forget("place", verb, one.adverbial.key)
    return meaning.without(place)


def without_manner(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    """The meaning without how it is done."""
    if meaning.manner is not None:
        maker.forget("manner", meaning.verb.german, meaning.manner.key)
    return meaning.but(manner=None)


def _from() -> Complement:
    return Complement("prep", None, "dat", "", "from")


def _doer(maker: Maker) -> NounPhrase:
    return choosing.subject(maker, ("person", "relative"), formal=True)


def object_question(maker: Maker) -> Pair:
    """Whom, what, to whom, with whom: Wen besuchst du? Was liest er? Wem hilft sie?"""
    meaning = questionable(maker, simple=True)
    places_ = [
        place
        for place, one in enumerate(meaning.complements)
        if one.phrase is not None and one.kind in {"acc", "dat", "prep"}
    ]
    if not places_ or "dat-subject" in meaning.verb.frame.marks:
        raise UnfitError
    place = maker.one(places_)
    asked_for = meaning.complements[place]
    words = question_words(asked_for)
    if words is None or "bare" in meaning.verb.frame.marks:
        raise UnfitError
    rest = left_out(maker, meaning, place)
    if asked_for.kind == "dat" and not asked_for.english and meaning.find("acc") is not None:
        gone = rest.complements[place]._replace(english="to")
        others = [one for index, one in enumerate(rest.complements) if index != place]
        rest = rest.but(complements=(*others, gone))
    return asked(maker, rest, words)


VOWELS = "aeiouäöü"


def question_words(one: Complement) -> Pair | None:
    """What asks for a complement: wen, was, wem, auf wen, worauf."""
    assert one.phrase is not None
    human = one.phrase.human
    if one.kind == "acc":
        return ("wen", "who") if human else ("was", "what")
    if one.kind == "dat":
        return ("wem", "who") if human else None
    if human:
        return f"{one.german} {'wen' if one.case == 'acc' else 'wem'}", "who"
    if one.case == "gen" or one.german in {"ohne", "bis", "in"}:
        return None
    return f"wo{'r' if one.german[0] in VOWELS else ''}{one.german}", "what"


def subject_question(maker: Maker) -> Pair:
    """Who: Wer hat das Brot gekauft?"""
    meaning = event(maker, simple=True, doer=NOBODY)
    if "person" not in meaning.verb.frame.subjects or meaning.verb.frame.marks & {"dat-subject"}:
        raise UnfitError
    meaning = timed(maker, meaning)
    return (
        f"{german_clause.subject_question(meaning, 'wer')}?",
        f"{english_clause.subject_question(meaning, 'who')}?",
    )


NOBODY = NounPhrase(("wer", "wen", "wem", "wessen"), "who", "who", "er", 3, False, "er", "wer")


def which_question(maker: Maker) -> Pair:
    """Which, and how many: Welches Buch liest du? Wie viele Äpfel hast du gekauft?"""
    meaning = questionable(maker, simple=True)
    verb = meaning.verb
    places_ = [place for place, slot in enumerate(verb.frame.slots) if slot.kind == "acc"]
    if not places_ or "dat-subject" in verb.frame.marks:
        raise UnfitError
    slot = verb.frame.slots[places_[0]]
    nouns = [noun for one in slot.classes for noun in maker.lexicon.nouns_of(one)]
    nouns = [noun for noun in nouns if noun.countable and "single" not in noun.classes]
    if not nouns:
        raise UnfitError
    rest = left_out(maker, meaning, places_[0])
    noun, many = maker.one(nouns), maker.chance(0.4)
    maker.note("object", verb.german, noun.german)
    if many:
        phrase = nominal(noun, "", plural=True)
        words = f"wie viele {phrase.german('acc')}", f"how many {phrase.object}"
    else:
        phrase = nominal(noun, "welch", plural=maker.chance(0.25))
        words = phrase.german("acc"), phrase.object
    if slot.english:
        raise UnfitError
    return asked(maker, rest, words)


def how_long_question(maker: Maker) -> Pair:
    """How long, how often, with whom: Wie lange wartest du schon? Wie oft kochst du?"""
    verbs = maker.lexicon.lasting_verbs
    kind = maker.weighted((("long", 2.0), ("since", 1.0), ("often", 2.0)))
    meaning = event(maker, formal=True, simple=True, verbs=verbs)
    if meaning.subject.refers == "ich":
        raise UnfitError
    if kind == "long":
        return asked(
            maker, in_time(maker, meaning, "perfect").but(time=None), ("wie lange", "how long")
        )
    if kind == "often" and "state" not in meaning.verb.frame.marks:
        return asked(maker, meaning, ("wie oft", "how often"))
    since = meaning.but(aspect=since_aspect(meaning), time=Adverbial("schon", ""))
    return asked(maker, since, ("wie lange", "how long"))
