"""Rules for clauses in clauses: weil, dass, wenn, relative clauses, um zu, conditions, passives."""

from pellucid.grammar import choosing, english_clause, german_clause
from pellucid.grammar.events import event, in_time, is_helper, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import HABEN, SEIN, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import NounPhrase, pronoun
from pellucid.grammar.rules_simple import (
    Pair,
    stated,
    with_modal,
)


def situation(maker: Maker, doer: NounPhrase | None = None) -> ClauseMeaning:
    """Why or when something is done: somebody is tired, it rains, somebody has no time."""
    kind = maker.weighted(
        (("mood", 4.0), ("weather", 1.5), ("has", 2.0), ("do", 0.8), ("modal", 0.8))
    )
    who = doer if doer is not None and doer.human and maker.chance(0.6) else None
    if kind == "weather":
        verb = maker.one(maker.lexicon.weather_verbs)
        return ClauseMeaning(pronoun("es"), verb, aspect="progressive")
    if kind == "mood":
        who = who or choosing.subject(maker, ("person",))
        mood = maker.one(maker.lexicon.moods)
        maker.note("adjective", who.key, mood.german)
        return ClauseMeaning(who, SEIN, (is_predicate((mood.german, mood.english)),))
    if kind == "has":
        verb = maker.one(maker.lexicon.states_had)
        who = who or choosing.subject(maker, ("person",))
        maker.note("subject", verb.german, who.key)
        return ClauseMeaning(who, verb, negated="Zeit" in verb.german and maker.chance(0.8))
    if kind == "modal":
        meaning = with_modal(maker, negated=False).but(time=None)
        return meaning if meaning.tense == "present" else situation(maker, doer)
    meaning = event(maker, simple=True, doer=who)
    return in_time(maker, meaning, maker.one((going_on(maker, meaning), "perfect"))).but(
        time=None, frequency=None
    )


def going_on(maker: Maker, meaning: ClauseMeaning) -> str:
    """How the meaning stands in the present: it goes on now, or is a state or habit."""
    if meaning.verb.german in maker.lexicon.choices["at_once"]:
        return "perfect"
    return "state" if {"state", "habit"} & meaning.verb.frame.marks else "now"


def because(maker: Maker) -> Pair:
    """A reason: Ich bleibe zu Hause, weil ich krank bin."""
    first = timed(maker, event(maker, simple=True), negated=maker.chance(0.2)).but(frequency=None)
    if first.tense in {"future", "pluperfect"}:
        first = first.but(tense="present", aspect="simple", time=None, denial="")
    reason = situation(maker, _again(first.subject))
    if first.aspect == "past" and reason.tense == "present" and reason.modal == "":
        reason = past(reason)
    if not reason.negated and maker.chance(0.12):
        reason = reason.but(negated=True)
    words = maker.weighted(
        ((("weil", "because"), 4.0), (("obwohl", "although"), 1.0), (("da", "as"), 0.5))
    )
    return joined(maker, first, words, reason)


def past(meaning: ClauseMeaning) -> ClauseMeaning:
    """The meaning in the past: the preterite of sein, haben and modals, else the perfect."""
    if meaning.modal or is_helper(meaning.verb):
        return meaning.but(tense="past", aspect="past")
    return meaning.but(tense="perfect", aspect="past")


def _again(doer: NounPhrase) -> NounPhrase:
    """The pronoun by which somebody is taken up again."""
    if doer.human and doer.refers != "es":
        return pronoun(doer.refers)
    return doer


def joined(
    maker: Maker, first: ClauseMeaning, words: Pair, second: ClauseMeaning, *, swap: float = 0.3
) -> Pair:
    """A main clause and another that begins with a conjunction; either may come first."""
    swapped = maker.chance(swap)
    if swapped:
        named = _named_first(first, second)
        third = first.subject.is_pronoun and first.subject.person == 3
        if named == (first, second) and third and not second.subject.is_pronoun:
            raise UnfitError
        first, second = named
    behind = german_clause.subordinate(second, words[0])
    other = english_clause.subordinate(second, words[1])
    if swapped:
        return (
            f"{behind}, {german_clause.main(first, '')}.",
            f"{other}, {english_clause.main(first)}.",
        )
    german_first, english_first = stated(maker, first)
    comma = "," if words[1] in {"although", "as"} else ""
    return (
        f"{german_first[:-1]}, {behind}.",
        f"{english_first[:-1]}{comma} {other}.",
    )


def _named_first(
    first: ClauseMeaning, second: ClauseMeaning
) -> tuple[ClauseMeaning, ClauseMeaning]:
    """The clauses with a shared subject named in the second, which is said first."""
    doer = first.subject
    if doer.is_pronoun or second.subject != _again(doer):
        return first, second
    return first.but(subject=_again(doer)), second.but(subject=doer)


def when_clause(maker: Maker) -> Pair:
    """Whenever and if: Wenn es regnet, bleibe ich zu Hause."""
    first = event(maker, simple=True)
    doer = _again(first.subject)
    second = situation(maker, doer)
    if second.tense != "present":
        second = second.but(tense="present", aspect="simple", denial="")
    if second.aspect == "progressive":
        second = second.but(aspect="simple")
    maker.note("tense", first.verb.german, f"wenn {first.subject.key}")
    if maker.chance(0.5):
        return joined(maker, first, ("wenn", "when"), second, swap=0.6)
    return joined(maker, first.but(tense="future", aspect="will"), ("wenn", "if"), second, swap=0.6)


def as_it_was(maker: Maker) -> Pair:
    """When in the past, while, before, after: Als ich jung war, wohnte ich in Wien."""
    first = event(maker, simple=True)
    doer = _again(first.subject)
    second = event(
        maker, simple=True, doer=doer if maker.chance(0.5) and first.subject.human else None
    )
    maker.note("tense", first.verb.german, f"als {first.subject.key}")
    maker.note("tense", second.verb.german, f"als {second.subject.key}")
    lively = not {"state", "habit"} & second.verb.frame.marks
    first = first.but(tense="perfect", aspect="past")
    kind = maker.weighted(
        (("als", 2.0), ("während", 1.5), ("bevor", 1.2), ("nachdem", 1.2), ("young", 0.7))
    )
    states = "state" in first.verb.frame.marks or "state" in second.verb.frame.marks
    if states and kind != "young":
        raise UnfitError
    if kind == "young":
        who = doer if first.subject.human else pronoun("ich")
        predicate = maker.one((("jung", "young"), ("ein Kind", "a child"), ("krank", "ill")))
        if who.plural and predicate[0] == "ein Kind" and who.form in {"wir", "ihr", "they"}:
            predicate = ("Kinder", "children")
        second = ClauseMeaning(who, SEIN, (is_predicate(predicate),), tense="past", aspect="past")
        return joined(maker, first, ("als", "when"), second, swap=0.7)
    if kind == "während":
        aspect = "past progressive" if lively else "past"
        tense = "past" if second.subject.form not in {"du", "ihr"} else "perfect"
        second = second.but(tense=tense, aspect=aspect)
        return joined(maker, first, ("während", "while"), second, swap=0.4)
    if kind == "nachdem":
        second = second.but(tense="pluperfect", aspect="past perfect")
        return joined(maker, first, ("nachdem", "after"), second, swap=0.6)
    second = second.but(tense="perfect", aspect="past")
    if kind == "bevor":
        return joined(maker, first, ("bevor", "before"), second, swap=0.4)
    tense = "past" if second.subject.form not in {"du", "ihr"} else "perfect"
    return joined(maker, first, ("als", "when"), second.but(tense=tense), swap=0.5)


def so_that(maker: Maker) -> Pair:
    """A purpose: Ich lerne Deutsch, damit ich in Wien arbeiten kann."""
    first = timed(maker, event(maker, simple=True, verbs=maker.lexicon.willed_verbs))
    first = first.but(tense="present", aspect="simple", frequency=None, denial="", time=None)
    if not first.subject.human:
        raise UnfitError
    lively = not {"state", "habit"} & first.verb.frame.marks
    first = first.but(aspect="progressive" if lively else "simple")
    second = event(maker, simple=True, verbs=maker.lexicon.willed_verbs)
    if not second.subject.human:
        raise UnfitError
    second = second.but(modal="können")
    maker.note("modal", second.verb.german, f"damit {second.subject.key}")
    return joined(maker, first, ("damit", "so that"), second, swap=0.0)


def condition(maker: Maker) -> Pair:
    """What would be: Wenn ich Zeit hätte, würde ich ein Buch lesen."""
    first = event(maker, simple=True, verbs=maker.lexicon.willed_verbs)
    if not (first.subject.human and first.subject.refers != "es"):
        raise UnfitError
    first = first.but(tense="would", aspect="would")
    doer = _again(first.subject)
    kind = maker.weighted((("mood", 3.0), ("have", 3.0), ("can", 2.0)))
    maker.note("tense", first.verb.german, f"would {first.subject.key}")
    if kind == "mood":
        mood = maker.one(maker.lexicon.moods)
        maker.note("adjective", doer.key, mood.german)
        second = ClauseMeaning(doer, SEIN, (is_predicate((mood.german, mood.english)),))
    elif kind == "have":
        german_word, english_word = maker.one(
            (
                ("mehr Zeit", "more time"),
                ("mehr Geld", "more money"),
                ("Zeit", "time"),
                ("ein Auto", "a car"),
                ("einen Hund", "a dog"),
                ("einen Garten", "a garden"),
                ("Ferien", "holidays"),
            )
        )
        maker.note("wish", first.verb.german, german_word)
        second = ClauseMeaning(doer, HABEN, (is_predicate((german_word, english_word)),))
    else:
        second = event(maker, simple=True, doer=doer, verbs=maker.lexicon.willed_verbs)
        second = second.but(modal="können", tense="would", aspect="would")
        return joined(maker, first, ("wenn", "if"), second, swap=0.7)
    return joined(maker, first, ("wenn", "if"), second.but(tense="would", aspect="past"), swap=0.7)


def two_clauses(maker: Maker) -> Pair:
    """Two clauses side by side: Anna liest, und Peter kocht."""
    first = timed(maker, event(maker, simple=True))
    second = event(maker, simple=True)
    if first.subject.key == second.subject.key or first.subject.refers == "es":
        raise UnfitError
    kinds = {"perfect": "perfect", "future": "future"}
    second = in_time(maker, second, kinds.get(first.tense, going_on(maker, second)))
    second = second.but(time=None, frequency=None, negated=maker.chance(0.2))
    words = maker.weighted(((("und", "and"), 3.0), (("aber", "but"), 3.0)))
    one, other = stated(maker, first), (german_clause.main(second), english_clause.main(second))
    comma = "," if words[0] == "aber" else ""
    return (
        f"{one[0][:-1]}{comma} {words[0]} {other[0]}.",
        f"{one[1][:-1]}{comma} {words[1]} {other[1]}.",
    )
