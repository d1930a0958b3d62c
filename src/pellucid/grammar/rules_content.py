"""Rules for clauses in clauses: dass, ob, infinitives, relative clauses; and the passive."""

from pellucid.grammar import choosing, english_clause, german_clause, times
from pellucid.grammar.events import event, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import Adverbial, ClauseMeaning, Complement
from pellucid.grammar.phrases import NounPhrase, pronoun
from pellucid.grammar.rules_being import so_it_is
from pellucid.grammar.rules_complex import past
from pellucid.grammar.rules_questions import left_out, question_words, questionable
from pellucid.grammar.rules_simple import Pair, stated


def that_clause(maker: Maker) -> Pair:
    """What somebody knows, thinks, says: Ich glaube, dass er krank ist."""
    verb = maker.one(maker.lexicon.ending_in["dass"])
    doer = choosing.subject(maker, ("person",))
    maker.note("subject", verb.german, doer.key)
    others = tuple(
        Complement(slot.kind, choosing.filling(maker, slot, doer), slot.case, "", slot.english)
        for slot in verb.frame.slots[:-1]
    )
    first = ClauseMeaning(doer, verb, others)
    if "state" not in verb.frame.marks or maker.chance(0.25):
        first = first.but(tense="perfect", aspect="past")
    second = content(maker, doer)
    if first.aspect == "past":
        second = past(second)
    behind = (
        f", {german_clause.subordinate(second, 'dass')}",
        f" {english_clause.subordinate(second, 'that')}",
    )
    return stated(maker, first.but(behind=behind))


def content(maker: Maker, doer: NounPhrase | None = None) -> ClauseMeaning:
    """What can be known or said: somebody is so, or does something."""
    if maker.chance(0.4):
        return so_it_is(maker)
    who = pronoun(doer.refers) if doer is not None and doer.human and maker.chance(0.4) else None
    meaning = event(maker, simple=True, doer=who)
    return timed(maker, meaning, negated=maker.chance(0.15)).but(frequency=None)


def whether(maker: Maker) -> Pair:
    """What somebody does not know: Ich weiß nicht, ob er kommt. Weißt du, wo sie wohnt?"""
    start = maker.one(
        (
            ("ich weiß nicht", "I do not know", "."),
            ("weißt du", "do you know", "?"),
            ("wissen Sie", "do you know", "?"),
            ("können Sie mir sagen", "can you tell me", "?"),
            ("er fragt", "he asks", "."),
            ("sie möchte wissen", "she would like to know", "."),
            ("wir wissen nicht", "we do not know", "."),
            ("ich frage mich", "I wonder", "."),
        )
    )
    meaning = questionable(maker, simple=True)
    words: Pair = ("ob", "whether")
    choices = [
        index
        for index, one in enumerate(meaning.complements)
        if one.phrase is not None or one.kind in {"place", "direction"}
    ]
    if maker.chance(0.6):
        which = maker.one(("wann", "warum", "object"))
        if which == "wann":
            meaning = meaning.but(time=None, frequency=None)
            if meaning.aspect == "perfect":
                meaning = meaning.but(aspect="past", denial="")
            words = ("wann", "when")
        elif which == "warum":
            words = ("warum", "why")
        elif choices and not meaning.verb.frame.marks & {"dat-subject", "bare"}:
            index = maker.one(choices)
            one = meaning.complements[index]
            if one.phrase is None:
                words = ("wohin" if one.kind == "direction" else "wo", "where")
                meaning = left_out(maker, meaning, index)
            elif (found := question_words(one)) and one.kind != "dat":
                words, meaning = found, left_out(maker, meaning, index)
    return (
        f"{start[0]}, {german_clause.subordinate(meaning, words[0])}{start[2]}",
        f"{start[1]} {english_clause.subordinate(meaning, words[1])}{start[2]}",
    )


def to_infinitive(maker: Maker) -> Pair:
    """Um zu and zu: Sie versucht, das Fenster zu öffnen. Er lernt, um Arzt zu werden."""
    if maker.chance(0.45):
        first = timed(maker, event(maker, simple=True, verbs=maker.lexicon.willed_verbs))
        if not first.subject.human or first.denial:
            raise UnfitError
        second = event(maker, simple=True, doer=first.subject, verbs=maker.lexicon.willed_verbs)
        maker.note("purpose", first.verb.german, second.verb.german)
        behind = (
            f", {german_clause.infinitive(second, 'um')}",
            f" {english_clause.infinitive(second)}",
        )
        return stated(maker, first.but(frequency=None, time=None, behind=behind))
    verb = maker.one(maker.lexicon.ending_in["zu"])
    doer = choosing.subject(maker, ("person",))
    maker.note("subject", verb.german, doer.key)
    others = tuple(
        Complement(slot.kind, choosing.filling(maker, slot, doer), slot.case, "", slot.english)
        for slot in verb.frame.slots[:-1]
    )
    agent = others[0].phrase if others and others[0].phrase else doer
    second = event(maker, simple=True, doer=agent, verbs=maker.lexicon.willed_verbs)
    maker.note("infinitive", verb.german, second.verb.german)
    english = english_clause.infinitive(second)
    if verb.frame.slots[-1].english == "ing":
        english = english_clause.gerund(second)
    behind = (f", {german_clause.infinitive(second)}", f" {english}")
    first = timed(maker, ClauseMeaning(doer, verb, others))
    return stated(maker, first.but(frequency=None, time=None, denial="", behind=behind))


def passive(maker: Maker) -> Pair:
    """The passive: Das Haus wurde letztes Jahr gebaut. Das Brot wird gebacken."""
    verbs = maker.lexicon.passive_verbs
    verb = maker.one(verbs)
    slot = verb.frame.slots[0]
    noun = maker.noun(slot.classes)
    doer = choosing.described(maker, noun, role="subject")
    maker.note("object", verb.german, noun.german)
    meaning = ClauseMeaning(doer, verb, passive=True)
    kind = maker.weighted((("present", 2.0), ("past", 4.0), ("perfect", 1.0), ("modal", 1.5)))
    negated = maker.chance(0.15)
    if kind == "present":
        meaning = meaning.but(
            time=times.when(maker, "habit") if maker.chance(0.5) and not negated else None
        )
    elif kind == "past":
        meaning = meaning.but(tense="past", aspect="past", time=times.when(maker, "past"))
    elif kind == "perfect":
        meaning = meaning.but(
            tense="perfect", aspect="perfect", frequency=Adverbial("schon", "already")
        )
        negated = False
    else:
        modal = maker.one(("müssen", "können"))
        meaning = meaning.but(modal=modal)
    maker.note("passive", verb.german, kind)
    return stated(maker, meaning.but(negated=negated))
