"""Rules for what one asks others to do: Könnten Sie mir bitte helfen? Komm bitte nach Hause!"""

from pellucid.grammar import english_clause, german_clause, times
from pellucid.grammar.events import event
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import Adverbial
from pellucid.grammar.phrases import pronoun
from pellucid.grammar.rules_daily import company, going
from pellucid.grammar.rules_simple import Pair, note_tense

REQUESTS = (
    *((("können", "present", "simple"), 5.0), (("können", "would", "would"), 3.0)),
    (("", "would", "would"), 1.5),
)


def request(maker: Maker) -> Pair:
    """Something that one asks for: Können Sie mir bitte helfen? Könntest du bitte kommen?"""
    who = pronoun(maker.weighted((("du", 4.0), ("ihr", 1.0), ("Sie", 4.0))))
    words = maker.lexicon
    verbs = words.asked_verbs if maker.chance(0.65) else words.willed_verbs
    meaning = event(maker, doer=who, verbs=verbs, simple=True)
    if meaning.verb.reflexive and maker.chance(0.7):
        raise UnfitError
    modal, tense, aspect = maker.weighted(REQUESTS)
    time = times.when(maker, "future") if maker.chance(0.2) else None
    meaning = meaning.but(modal=modal, tense=tense, aspect=aspect, time=time)
    maker.note("modal", meaning.verb.german, f"{modal} bitte")
    note_tense(maker, meaning)
    please = Adverbial("bitte", "", "bitte", ("early",))
    german = german_clause.main(meaning.but(frequency=please), "")
    return f"{german}?", f"{english_clause.question(meaning)}, please?"


def order(maker: Maker) -> Pair:
    """What one tells somebody, with a time or company: Komm bitte um acht nach Hause!"""
    who = pronoun(maker.weighted((("du", 5.0), ("ihr", 2.0), ("Sie", 3.0))))
    if maker.chance(0.4):
        meaning = going(maker, doer=who)
    else:
        meaning = event(maker, doer=who, verbs=maker.lexicon.willed_verbs, simple=True)
    if maker.chance(0.6):
        meaning = meaning.but(time=times.when(maker, "future"))
    elif meaning.find("direction") is not None:
        meaning = meaning.but(company=company(maker, meaning.verb.german, who))
    maker.note("tense", meaning.verb.german, f"imperative {who.key}")
    english = english_clause.imperative(meaning)
    kind = maker.weighted((("before", 4.0), ("behind", 3.0), ("", 3.0)))
    if kind == "behind":
        return f"{german_clause.imperative(meaning)}, bitte!", f"{english}, please!"
    german = german_clause.imperative(meaning, please="bitte" if kind else "")
    return f"{german}!", f"please {english}!" if kind else f"{english}!"
