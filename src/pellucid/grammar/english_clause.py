"""A meaning as an English clause: statement, question, imperative, infinitive.

The order is: subject, verb, objects, predicate, direction, with whom, how, where, when. Questions
and negations take do unless there is be, have (with a participle), or another auxiliary.
"""

from typing import NamedTuple

from pellucid.grammar import english
from pellucid.grammar.english import EnglishVerb
from pellucid.grammar.meaning import ClauseMeaning, Complement


class Chain(NamedTuple):
    """An auxiliary and what follows it; or no auxiliary, a finite form, and the base for do."""

    auxiliary: str
    rest: str
    base: str = ""
    past: bool = False


UNMOVED = {
    "progressive": "simple",
    "past progressive": "past",
    "perfect progressive": "perfect",
}
"""What be has in place of the progressive."""

MODAL_VERBS = {
    "müssen": ("have to", "has to", "had to", "had to", "having to"),
    "wollen": ("want to", "wants to", "wanted to", "wanted to", "wanting to"),
    "dürfen": ("be allowed to", "is", "was", "been allowed to", "being allowed to"),
}


def verb_of(meaning: ClauseMeaning) -> EnglishVerb:
    """The verb with "oneself" and "one's" filled in, in the passive, or behind like to."""
    own = english.PRONOUNS[meaning.subject.refers]
    forms = [_filled(form, own) for form in meaning.verb.english]
    verb = EnglishVerb(*forms)
    if meaning.passive:
        done = verb.participle
        verb = EnglishVerb(f"be {done}", "is", "was", f"been {done}", f"being {done}")
    if meaning.gern:
        verb = _before(("like to", "likes to", "liked to", "liked to", "liking to"), verb)
    if meaning.modal in MODAL_VERBS:
        verb = _before(MODAL_VERBS[meaning.modal], verb)
    elif meaning.modal == "sollen" and meaning.tense == "past":
        verb = _before(("be supposed to", "is", "was", "been supposed to", "being"), verb)
    elif meaning.modal == "möchten" and meaning.tense == "past":
        verb = _before(MODAL_VERBS["wollen"], verb)
    return verb


def _filled(form: str, own: english.EnglishPronoun) -> str:
    return form.replace("oneself", own.reflexive).replace("one's", own.possessive)


def _before(words: tuple[str, ...], verb: EnglishVerb) -> EnglishVerb:
    return EnglishVerb(*(f"{word} {verb.base}" for word in words))


def chain(meaning: ClauseMeaning, person: int, *, plural: bool) -> Chain:
    """The verb in its tense, split where a question or "not" splits it."""
    verb, aspect = verb_of(meaning), meaning.aspect
    if verb.is_be and not meaning.passive:
        aspect = UNMOVED.get(aspect, aspect)
    if meaning.modal == "können":
        return Chain("could" if aspect in {"past", "would"} else "can", verb.base)
    if meaning.modal == "sollen" and aspect == "simple":
        return Chain("should", verb.base)
    if meaning.modal == "möchten" and aspect == "simple":
        return Chain("would", f"like to {verb.base}")
    match aspect:
        case "simple" | "past":
            past = aspect == "past"
            if verb.is_be and past and meaning.tense == "would":
                return Chain("were", verb.base[3:])
            if verb.is_be:
                form = english.be(person, plural=plural, past=past)
                return Chain(form, verb.base[3:])
            finite = verb.past if past else verb.present(person, plural=plural)
            return Chain("", finite, verb.base, past)
        case "progressive" | "past progressive":
            past = aspect == "past progressive"
            return Chain(english.be(person, plural=plural, past=past), verb.ing)
        case "perfect":
            return Chain(english.have(person, plural=plural), verb.participle)
        case "perfect progressive":
            return Chain(english.have(person, plural=plural), f"been {verb.ing}")
        case "past perfect":
            return Chain("had", verb.participle)
        case "would have":
            return Chain("would", f"have {verb.participle}")
    return Chain(aspect, verb.base)  # will, would


def main(meaning: ClauseMeaning, front: str = "") -> str:
    """A statement, perhaps behind a time or place that stands first."""
    meaning = meaning.turned()
    subject = meaning.subject
    verb = _stated(meaning, chain(meaning, subject.person, plural=subject.plural))
    first = f"{front} {subject.subject}" if front else subject.subject
    return _whole(meaning, [first], verb)


def subordinate(meaning: ClauseMeaning, word: str, *, subject: bool = True) -> str:
    """A clause behind a conjunction or a relative pronoun, which may be its subject."""
    meaning = meaning.turned()
    doer = meaning.subject
    verb = _stated(meaning, chain(meaning, doer.person, plural=doer.plural))
    return _whole(meaning, [word, doer.subject] if subject else [word], verb)


def question(meaning: ClauseMeaning, word: str = "") -> str:
    """A question with the subject behind an auxiliary, perhaps behind a question word."""
    meaning = meaning.turned()
    subject = meaning.subject
    parts = chain(meaning, subject.person, plural=subject.plural)
    finite, rest = parts.auxiliary, parts.rest
    if not finite:
        helper = "did" if parts.past else english.do(subject.person, plural=subject.plural)
        finite, rest = helper, parts.base
    negation = ["not"] if meaning.negated else []
    first = [word, finite, subject.subject, *negation, *_frequency(meaning)]
    return _whole(meaning, first, rest)


def subject_question(meaning: ClauseMeaning, word: str) -> str:
    """A question for the subject: who, what."""
    verb = _stated(meaning, chain(meaning, 3, plural=False))
    return _whole(meaning, [word], verb)


def infinitive(meaning: ClauseMeaning) -> str:
    """To do something."""
    return _whole(meaning, ["not to" if meaning.negated else "to"], verb_of(meaning).base)


def gerund(meaning: ClauseMeaning) -> str:
    """Doing something."""
    return _whole(meaning, ["not"] if meaning.negated else [], verb_of(meaning).ing)


def imperative(meaning: ClauseMeaning) -> str:
    """What one tells somebody to do."""
    return _whole(meaning, ["do not"] if meaning.negated else [], verb_of(meaning).base)


def _stated(meaning: ClauseMeaning, parts: Chain) -> str:
    often = " ".join(_frequency(meaning))
    if parts.auxiliary:
        negation = "not" if meaning.negated else ""
        middle = [parts.auxiliary, negation, often, parts.rest]
        if meaning.negated and parts.auxiliary == "can":
            middle = ["cannot", often, parts.rest]
    elif meaning.negated:
        doer = meaning.subject
        helper = "did" if parts.past else english.do(doer.person, plural=doer.plural)
        middle = [helper, "not", often, parts.base]
    else:
        middle = [often, parts.rest]
    return " ".join(part for part in middle if part)


def _frequency(meaning: ClauseMeaning) -> list[str]:
    return [meaning.frequency.english] if meaning.frequency else []


def _whole(meaning: ClauseMeaning, first: list[str], verb: str) -> str:
    near, far = _objects(meaning, verb)
    how = [meaning.manner.english] if meaning.manner is not None else []
    parts = [*first, *near, *how, *far] if len(near) == 1 else [*first, *near, *far, *how]
    for one in (meaning.company, meaning.place, meaning.time):
        parts += [one.english] if one is not None else []
    return " ".join(part for part in parts if part) + meaning.behind[1]


def _objects(meaning: ClauseMeaning, verb: str) -> tuple[list[str], list[str]]:
    """The verb with its objects, and what stands behind prepositions, and predicates.

    A pronoun goes before a particle, and before "to" somebody.
    """
    complements = list(meaning.complements)
    accusative = next((one for one in complements if one.kind == "acc"), None)
    if accusative is not None and accusative.phrase is not None and accusative.phrase.is_pronoun:
        for dative in complements:
            if dative.kind == "dat" and dative.phrase is not None and not dative.english:
                complements.remove(dative)
                after = complements.index(accusative) + 1
                complements.insert(after, dative._replace(english="to"))
                break
        if "particle" in meaning.verb.frame.marks and not accusative.english:
            complements.remove(accusative)
            before, _, particle = verb.rpartition(" ")
            verb = f"{before} {_words(meaning, accusative)} {particle}"
    near = [one for one in complements if one.kind in {"acc", "dat"} or one.kind == "predicate"]
    far = [one for one in complements if one not in near]
    words = [text for one in near if (text := _words(meaning, one))]
    return [verb, *words], [_words(meaning, one) for one in far]


def _words(meaning: ClauseMeaning, one: Complement) -> str:
    if one.adverbial is not None:
        return one.adverbial.english
    if one.phrase is None:
        return one.english if one.kind in {"acc", "dat", "prep"} else ""
    phrase = one.phrase
    if meaning.negated and one.kind in {"acc", "predicate"}:
        phrase = phrase.deny()
    return f"{one.english} {phrase.object}".strip()
