"""Clauses put together by hand, of the words that come along."""

from pellucid.grammar import english_clause, german_clause
from pellucid.grammar.lexicon import Verb, lexicon
from pellucid.grammar.meaning import Adverbial, ClauseMeaning, Complement
from pellucid.grammar.phrases import NounPhrase, nominal, pronoun


def a(word: str, determiner: str = "der", **how: object) -> NounPhrase:
    """A noun phrase by its German noun."""
    return nominal(lexicon().by_name[word], determiner, **how)  # type: ignore[arg-type]


def verb(german: str, *kinds: str) -> Verb:
    """The first line of a verb whose slots are of these kinds."""
    for one in lexicon().verbs_named[german]:
        if tuple(slot.kind for slot in one.frame.slots) == kinds:
            return one
    raise AssertionError(f"no line of {german} with {kinds}")


def clause(
    who: str | NounPhrase, german: str, *objects: NounPhrase, **how: object
) -> ClauseMeaning:
    """Somebody does something to these: dative before accusative, as the frames have them."""
    doer = pronoun(who) if isinstance(who, str) else who
    kinds = {0: (), 1: ("acc",), 2: ("dat", "acc")}[len(objects)]
    chosen = verb(german, *kinds)
    filled = [
        Complement(slot.kind, phrase, slot.case, slot.german, slot.english)
        for slot, phrase in zip(chosen.frame.slots, objects, strict=True)
    ]
    return ClauseMeaning(doer, chosen, tuple(filled)).but(**how)


def when(german: str, english: str) -> Adverbial:
    """A time, a place, a way."""
    return Adverbial(german, english)


def both(meaning: ClauseMeaning) -> tuple[str, str]:
    """The meaning as a statement in both languages."""
    return german_clause.main(meaning), english_clause.main(meaning)
