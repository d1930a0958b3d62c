"""Rules for one clause about what somebody does: statements, questions, commands, wishes."""

from pellucid.grammar import english_clause, german_clause, places, times
from pellucid.grammar.events import event, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import Adverbial, ClauseMeaning, Complement
from pellucid.grammar.phrases import pronoun

Pair = tuple[str, str]
"""A German sentence and its English, but for the first capital."""


def stated(maker: Maker, meaning: ClauseMeaning, *, front: float = 0.4) -> Pair:
    """A statement; its time or place may stand first, and must where the subject is Sie."""
    note_tense(maker, meaning)
    formal = meaning.subject.refers == "Sie"
    if meaning.time and meaning.time.german and (formal or maker.chance(front)):
        first, rest = meaning.time, meaning.but(time=None)
    elif meaning.place and (formal or maker.chance(front / 2)):
        first, rest = meaning.place, meaning.but(place=None)
    else:
        if formal:
            raise UnfitError
        return f"{german_clause.main(meaning)}.", f"{english_clause.main(meaning)}."
    return (
        f"{german_clause.main(rest, first.german)}.",
        f"{english_clause.main(rest, first.english)}.",
    )


def note_tense(maker: Maker, meaning: ClauseMeaning) -> None:
    """Note that a verb, a tense and a subject meet."""
    tense = f"{meaning.modal} {meaning.tense}".strip()
    maker.note("tense", meaning.verb.german, f"{tense} {meaning.subject.key}")


def asked(maker: Maker, meaning: ClauseMeaning, words: Pair = ("", "")) -> Pair:
    """A question, perhaps behind a question word."""
    note_tense(maker, meaning)
    return (
        f"{german_clause.main(meaning, words[0])}?",
        f"{english_clause.question(meaning, words[1])}?",
    )


def statement(maker: Maker) -> Pair:
    """Somebody does, did or will do something: Heute kauft Anna ein Buch."""
    return stated(maker, timed(maker, event(maker, formal=maker.chance(0.3))))


def negation(maker: Maker) -> Pair:
    """Somebody does not do something, with nicht or kein in its place."""
    meaning = event(maker)
    if meaning.subject.cases[0].startswith("alle "):
        raise UnfitError
    return stated(maker, timed(maker, meaning, negated=True))


def no_longer(maker: Maker) -> Pair:
    """Nicht mehr: Er arbeitet nicht mehr."""
    meaning = event(maker, simple=True).but(negated=True, denial="more")
    deniable = any(one.phrase and not one.phrase.definite for one in meaning.complements)
    marks = meaning.verb.frame.marks
    if deniable or marks & {"kein", "keine", "keinen"} or meaning.verb.german in at_once(maker):
        raise UnfitError
    lively = not {"state", "habit"} & marks and maker.chance(0.3)
    end = Adverbial("", "any more")
    return stated(maker, meaning.but(time=end, aspect="progressive" if lively else "simple"))


def at_once(maker: Maker) -> list[str]:
    """Verbs of what is over as soon as it happens."""
    return maker.lexicon.choices["at_once"]


def since_aspect(meaning: ClauseMeaning) -> str:
    """What English says of what began in the past and goes on."""
    return "perfect" if "state" in meaning.verb.frame.marks else "perfect progressive"


def modal_statement(maker: Maker) -> Pair:
    """Can, must, want to, may, should, would like to: Ich muss morgen früh aufstehen."""
    meaning = with_modal(maker, negated=maker.chance(0.2))
    return stated(maker, meaning)


def modal_question(maker: Maker) -> Pair:
    """The same asked: Kannst du mir helfen?"""
    meaning = with_modal(maker, negated=False, formal=True)
    return asked(maker, meaning)


def with_modal(maker: Maker, *, negated: bool, formal: bool = False) -> ClauseMeaning:
    """What somebody can, must, wants to do; of things, what they can do."""
    verbs = maker.lexicon.willed_verbs
    meaning = event(maker, formal=formal, verbs=verbs)
    if not meaning.subject.human:
        raise UnfitError
    weights = [("können", 4.0), ("müssen", 3.5), ("wollen", 3.0), ("möchten", 2.5)]
    modal = maker.weighted([*weights, ("dürfen", 1.5), ("sollen", 1.8)])
    maker.note("modal", meaning.verb.german, modal)
    past = maker.chance(0.2) and modal != "möchten"
    time = times.when(maker, "past" if past else maker.one(("future", "habit")))
    meaning = meaning.but(modal=modal, negated=negated, time=time if maker.chance(0.45) else None)
    if not past and modal == "können" and maker.chance(0.15):
        return meaning.but(tense="would", aspect="would")
    if past:
        return meaning.but(tense="past", aspect="past")
    return meaning


def gladly(maker: Maker) -> Pair:
    """What somebody likes to do: Meine Mutter kocht gern."""
    meaning = event(maker, formal=True, verbs=maker.lexicon.liked_verbs, simple=True)
    if not meaning.subject.human:
        raise UnfitError
    meaning = meaning.but(gern=True)
    if meaning.subject.refers != "ich" and (maker.chance(0.3) or meaning.subject.refers == "Sie"):
        return asked(maker, meaning)
    return stated(maker, meaning)


def imperative(maker: Maker) -> Pair:
    """What one tells du, ihr or Sie to do: Mach bitte die Tür zu!"""
    who = pronoun(maker.weighted((("du", 5.0), ("ihr", 2.0), ("Sie", 3.0))))
    meaning = event(maker, doer=who, verbs=maker.lexicon.willed_verbs, simple=True)
    deniable = any(one.phrase and one.phrase.denied for one in meaning.complements)
    meaning = meaning.but(negated=maker.chance(0.25) and not deniable)
    maker.note("tense", meaning.verb.german, f"imperative {who.key}")
    please = maker.chance(0.35)
    german = german_clause.imperative(meaning, please="bitte" if please else "")
    english = english_clause.imperative(meaning)
    return f"{german}!", f"please {english}!" if please else f"{english}!"


def lets(maker: Maker) -> Pair:
    """A proposal: Gehen wir heute ins Kino!"""
    meaning = event(maker, doer=pronoun("wir"), verbs=maker.lexicon.willed_verbs, simple=True)
    meaning = meaning.but(time=times.when(maker, "future") if maker.chance(0.4) else None)
    english = english_clause.imperative(meaning)
    return f"{german_clause.main(meaning, '')}!", f"let us {english}!"


def since(maker: Maker) -> Pair:
    """How long it has gone on: Ich wohne seit drei Jahren in Berlin."""
    meaning = event(maker, simple=True, verbs=maker.lexicon.lasting_verbs)
    if maker.chance(0.75):
        german, english = times.span(maker)
        time = Adverbial(f"seit {german}", f"for {english}")
    else:
        word, english = maker.one(list(maker.lexicon.words["months"].items()))
        time = Adverbial(f"seit {word}", f"since {english}")
    maker.note("since", meaning.verb.german, time.german)
    return stated(maker, meaning.but(aspect=since_aspect(meaning), time=time), front=0)


def whither_home(maker: Maker) -> Pair:
    """A way there: Wir fahren mit dem Zug nach Berlin."""
    verbs = [verb for verb in maker.lexicon.verbs_named["fahren"] if "bare" in verb.frame.marks]
    meaning = event(maker, verbs=verbs, simple=True)
    place = places.place(maker, places.WHITHER)
    maker.note("place", "fahren", place.key)
    there = Complement("direction", adverbial=place)
    english_first = (there, *meaning.complements)
    return stated(maker, timed(maker, meaning.but(complements=english_first)))
