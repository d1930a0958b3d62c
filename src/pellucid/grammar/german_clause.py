"""A meaning as a German clause: the finite verb first, second or last, and what stands between.

The order between is: subject, pronouns (accusative before dative), dative, time, definite
accusative, gern, nicht, with whom, how, where, indefinite accusative, prepositional object, a place
or direction that the verb wants, predicate.
"""

from typing import NamedTuple

from pellucid.grammar import conjugation as forms
from pellucid.grammar import german
from pellucid.grammar.conjugation import with_zu
from pellucid.grammar.meaning import Adverbial, ClauseMeaning, Complement


class VerbComplex(NamedTuple):
    """The finite verb, its prefix where it has one apart, and what stands at the clause's end."""

    finite: str
    prefix: str
    end: str


def verb_complex(meaning: ClauseMeaning) -> VerbComplex:
    """The parts of the verb in the meaning's tense."""
    verb, form = meaning.verb, meaning.subject.form
    bare = verb.infinitive
    participle = verb.participle
    if meaning.modal:
        table = forms.MODALS if meaning.tense == "present" else forms.MODALS_PAST
        if meaning.tense == "would":
            table = forms.MODALS_WOULD
        finite = table[meaning.modal][forms.FORMS.index(form)]
        return VerbComplex(finite, "", f"{participle} werden" if meaning.passive else bare)
    place = forms.FORMS.index(form)
    if meaning.passive:
        return _passive(meaning.tense, participle, place)
    match meaning.tense:
        case "present":
            return VerbComplex(verb.parts.present(form), verb.prefix, "")
        case "past":
            return VerbComplex(verb.parts.preterite(form), verb.prefix, "")
        case "perfect":
            return VerbComplex(
                (forms.SEIN if verb.with_sein else forms.HABEN)[place], "", participle
            )
        case "pluperfect":
            return VerbComplex(
                (forms.WAR if verb.with_sein else forms.HATTE)[place], "", participle
            )
        case "future":
            return VerbComplex(forms.WERDEN[place], "", bare)
        case "would have":
            helper = forms.WAERE if verb.with_sein else forms.HAETTE
            return VerbComplex(helper[place], "", participle)
    if bare in {"sein", "haben"}:
        return VerbComplex((forms.WAERE if bare == "sein" else forms.HAETTE)[place], "", "")
    return VerbComplex(forms.WUERDE[place], "", bare)


def _passive(tense: str, participle: str, place: int) -> VerbComplex:
    if tense == "perfect":
        return VerbComplex(forms.SEIN[place], "", f"{participle} worden")
    if tense == "future":
        return VerbComplex(forms.WERDEN[place], "", f"{participle} werden")
    return VerbComplex((forms.WURDE if tense == "past" else forms.WERDEN)[place], "", participle)


def main(meaning: ClauseMeaning, front: str | None = None) -> str:
    """The verb in the second place, behind the subject or behind `front`.

    Behind what is no part of the clause, such as a clause before it, `front` is "".
    """
    complex_ = verb_complex(meaning)
    first = meaning.subject.german("nom") if front is None else front
    middle = middle_field(meaning, subject=front is not None)
    return _spaced(
        first, complex_.finite, *middle, complex_.end, complex_.prefix.strip()
    ) + _behind(meaning)


def subject_question(meaning: ClauseMeaning, word: str) -> str:
    """A question for the subject: the word stands for it."""
    complex_ = verb_complex(meaning)
    middle = middle_field(meaning, subject=False)
    return _spaced(word, complex_.finite, *middle, complex_.end, complex_.prefix.strip()) + _behind(
        meaning
    )


def subordinate(meaning: ClauseMeaning, word: str, *, subject: bool = True) -> str:
    """The verb last, behind a conjunction or a relative pronoun.

    A relative pronoun may be the subject itself: then there is no other.
    """
    finite, prefix, end = verb_complex(meaning)
    middle = middle_field(meaning, subject=subject)
    return _spaced(word, *middle, end, prefix + finite) + _behind(meaning)


def infinitive(meaning: ClauseMeaning, word: str = "") -> str:
    """The clause with zu and the infinitive, perhaps behind um."""
    verb = meaning.verb
    last = with_zu(verb.prefix, verb.parts.infinitive)
    return _spaced(word, *middle_field(meaning, subject=False), last) + _behind(meaning)


def imperative(meaning: ClauseMeaning, *, please: str = "") -> str:
    """What one tells du, ihr or Sie."""
    verb, key = meaning.verb, meaning.subject.refers
    first = verb.parts.imperative(key)
    who = "Sie" if key == "Sie" else ""
    middle = middle_field(meaning, subject=False)
    light = _light(meaning)
    rest = [first, who, *middle[:light], please, *middle[light:], verb.prefix.strip()]
    return _spaced(*rest) + _behind(meaning)


def _light(meaning: ClauseMeaning) -> int:
    """How many pronouns stand first, before "bitte"."""
    objects = [one.phrase for one in meaning.complements if one.kind in {"acc", "dat"}]
    return sum(one.is_pronoun for one in objects if one is not None) + meaning.verb.reflexive


def _behind(meaning: ClauseMeaning) -> str:
    return meaning.behind[0]


def _spaced(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def middle_field(meaning: ClauseMeaning, *, subject: bool) -> list[str]:
    """What stands between the verb's two parts, in its order."""
    accusative = [one for one in meaning.complements if one.kind == "acc" and one.phrase]
    dative = [one for one in meaning.complements if one.kind == "dat" and one.phrase]
    denies = next((one for one in accusative if _deniable(one)), None)
    if denies is None:
        denies = next((one for one in meaning.complements if one.kind == "predicate"), None)
        denies = denies if denies is not None and _deniable(denies) else None
    doer = [meaning.subject.german("nom")] if subject else []
    parts = _pronouns(meaning, accusative, dative)
    if doer and meaning.verb.reflexive and not meaning.subject.is_pronoun:
        parts = [*parts, *doer]
    else:
        parts = [*doer, *parts]
    parts += [_words(one) for one in dative if one.phrase and not one.phrase.is_pronoun]
    parts += _adverbial(meaning.frequency) if _early(meaning) else []
    parts += _adverbial(meaning.time)
    parts += [] if _early(meaning) else _adverbial(meaning.frequency)
    nominals = [one for one in accusative if one.phrase and not one.phrase.is_pronoun]
    parts += [_words(one) for one in nominals if one.phrase and one.phrase.definite]
    parts += ["gern"] if meaning.gern else []
    still = ["noch"] if meaning.denial == "yet" else []
    own = meaning.verb.frame.marks & {"kein", "keine", "keinen"}
    if meaning.negated and denies is None and not own:
        parts += [*still, "nicht", *(["mehr"] if meaning.denial == "more" else [])]
    for adverbial in (meaning.company, meaning.manner, meaning.place):
        parts += _adverbial(adverbial)
    for one in nominals:
        if one.phrase and not one.phrase.definite:
            if meaning.negated and one is denies:
                parts += [*still, _denied(one)]
            else:
                parts.append(_words(one))
    for kind in ("prep", "place", "direction", "predicate"):
        for one in meaning.complements:
            if one.kind == kind and (one.phrase or one.adverbial):
                parts.append(_denied(one) if meaning.negated and one is denies else _words(one))
    if meaning.negated and own:
        parts += [*still, *own]
    return parts


def _early(meaning: ClauseMeaning) -> bool:
    return False if meaning.frequency is None else "early" in meaning.frequency.tenses


def _pronouns(
    meaning: ClauseMeaning, accusative: list[Complement], dative: list[Complement]
) -> list[str]:
    parts = [_words(one) for one in accusative if one.phrase and one.phrase.is_pronoun]
    if meaning.verb.reflexive:
        wants = any(one.kind == "acc" for one in meaning.complements)
        wants = wants or "refl-dat" in meaning.verb.frame.marks
        refers = meaning.subject.refers
        parts.append(german.PRONOUNS[refers].reflexive[1 if wants else 0])
    return parts + [_words(one) for one in dative if one.phrase and one.phrase.is_pronoun]


def _deniable(one: Complement) -> bool:
    return one.phrase is not None and one.phrase.denied is not None


def _denied(one: Complement) -> str:
    assert one.phrase is not None
    return one.phrase.deny().german(one.case)


def _words(one: Complement) -> str:
    if one.adverbial is not None:
        return one.adverbial.german
    assert one.phrase is not None
    text = one.phrase.german(one.case)
    return german.joined(one.german, text) if one.german else text


def _adverbial(one: Adverbial | None) -> list[str]:
    return [one.german] if one is not None else []
