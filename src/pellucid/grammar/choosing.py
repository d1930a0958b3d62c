"""Drawing noun phrases that make sense: who may do something, and what with which article."""

from pellucid.grammar.frames import Slot
from pellucid.grammar.lexicon import Adjective, Noun
from pellucid.grammar.making import Maker
from pellucid.grammar.phrases import OWN, NounPhrase, both, name, nominal, pronoun

SPEAKERS = (("ich", 5.0), ("du", 4.0), ("er", 3.0), ("sie", 3.0), ("wir", 3.0), ("ihr", 1.5))
OTHERS = (("they", 2.5), ("Sie", 2.0))
"""Pronouns as subjects, by how often."""

OBJECTS = (("ich", 3.0), ("du", 3.0), ("er", 3.0), ("sie", 2.5), ("wir", 2.0), ("ihr", 1.0))
"""Pronouns as objects. sie is always "her" and never "them": German has one word for both."""


def subject(
    maker: Maker, classes: tuple[str, ...], *, formal: bool = False, pronouns: bool = True
) -> NounPhrase:
    """Who does it. `formal` admits Sie for you, which must not begin a statement."""
    if "es" in classes:
        return pronoun("es")
    if "person" in classes and maker.chance(0.93):
        point = maker.random.random()
        if pronouns and point < 0.58:
            return pronoun(maker.weighted(SPEAKERS + (OTHERS if formal else OTHERS[:1])))
        if point < 0.72:
            return person_name(maker)
        if point < 0.75:
            return both(person_name(maker), person_name(maker, "m"))
    return described(maker, maker.noun(classes), role="subject")


def person_name(maker: Maker, gender: str = "") -> NounPhrase:
    """Somebody by name."""
    gender = gender or maker.one("fm")
    if maker.chance(0.08):
        surname = maker.one(maker.lexicon.words["surnames"]["all"])
        return titled(surname, gender)
    return name(maker.one(maker.lexicon.words["names"][gender]), gender)


def titled(surname: str, gender: str) -> NounPhrase:
    """Herr Weber, whom one calls Herrn Weber, or Frau Weber."""
    if gender == "f":
        return name(f"Frau {surname}", "f")._replace(
            subject=f"Mrs {surname}", object=f"Mrs {surname}"
        )
    cases = (f"Herr {surname}", *[f"Herrn {surname}"] * 3)
    text = f"Mr {surname}"
    return name(f"Herr {surname}", "m")._replace(cases=cases, subject=text, object=text)


def filling(maker: Maker, slot: Slot, doer: NounPhrase) -> NounPhrase:
    """What stands in a verb's slot."""
    if "person" in slot.classes and maker.chance(0.3):
        keys = tuple(pair for pair in OBJECTS if clear(pair[0], doer.refers))
        if slot.case == "dat":
            keys += (("they", 1.5),)
        elif "animal" not in slot.classes:
            keys += (("Sie", 1.0),)
        keys = tuple(pair for pair in keys if not overlapping(pair[0], doer.refers))
        return pronoun(maker.weighted(keys))
    if "person" in slot.classes and maker.chance(0.2):
        return person_name(maker)
    noun = maker.noun(slot.classes)
    if slot.german == "um" and noun.mass:
        return nominal(noun, "")
    return described(maker, noun, doer=doer)


def companion(maker: Maker, doer: NounPhrase) -> NounPhrase:
    """Somebody with whom one does something: one of the family, a friend, or by name."""
    if maker.chance(0.4):
        return person_name(maker)
    if maker.chance(0.5):
        return filling(maker, Slot("prep", "dat", "mit", "with", ("relative", "Freund")), doer)
    return filling(maker, Slot("prep", "dat", "mit", "with", ("person",)), doer)


def clear(key: str, doer: str) -> bool:
    """Whether an object sie is not taken for the subject themselves."""
    return not (key == "sie" and doer in {"they", "Sie"})


def overlapping(key: str, doer: str) -> bool:
    """Whether somebody would do it to themselves, which takes a reflexive pronoun."""
    first, second, third = {"ich", "wir"}, {"du", "ihr", "Sie", "man"}, {"er", "sie", "they", "es"}
    if doer in third:
        return key == doer or (doer == "they" and key in third)
    return any({key, doer} <= group for group in (first, second))


def owner(maker: Maker, doer: NounPhrase | None) -> str:
    """Whose it is: ihr is "her", but "their" where they do it themselves; Ihr begins nothing."""
    keys = [("ich", 5.0), ("du", 3.0), ("er", 2.0), ("sie", 2.0), ("wir", 2.0), ("ihr", 0.7)]
    if doer is None:
        return maker.weighted(keys)
    if doer.refers == "they":
        keys = [pair for pair in keys if pair[0] != "sie"]
    if doer.refers in {"they", "Sie"} or doer.refers in dict(keys):
        keys.append((doer.refers, 12.0))
    return maker.weighted(keys)


def described(
    maker: Maker, noun: Noun, *, doer: NounPhrase | None = None, role: str = "object"
) -> NounPhrase:
    """A noun with the article that suits it, and now and then an adjective."""
    determiner, plural = _determiner(maker, noun, role)
    chosen = None
    if determiner != "welch" and maker.chance(0.1 if "person" in noun.classes else 0.22):
        chosen = fitting_adjective(maker, noun, own=determiner == OWN)
    whose = owner(maker, doer) if determiner == OWN else "ich"
    return nominal(noun, determiner, plural=plural, adjective=chosen, owner=whose)


def fitting_adjective(maker: Maker, noun: Noun, *, own: bool = False) -> Adjective | None:
    """An adjective that can be said of the noun, or None; "eigen" only of what somebody owns."""
    choices = maker.lexicon.adjectives_for[noun.german]
    chosen = maker.one(choices) if choices else None
    if chosen is None or (chosen.german == "eigen" and not own):
        return None
    maker.note("adjective", noun.german, chosen.german)
    return chosen


def _owning(maker: Maker, noun: Noun) -> float:
    """How often it is somebody's: often a thing or a friend, never a king or a thief."""
    choices = maker.lexicon.choices
    if "person" in noun.classes:
        return 4.0 if noun.german in choices["owned_people"] else 0.0
    return 3.0 if noun.classes & set(choices["owned"]) else 0.4


def _determiner(maker: Maker, noun: Noun, role: str) -> tuple[str, bool]:
    classes, is_subject = noun.classes, role == "subject"
    if "subject" in classes:
        return "", False
    if "single" in classes:
        return "der", False
    if noun.only_plural or noun.mass:
        mine = OWN if noun.only_plural else "der"
        stuff = classes & {"food", "drink", "material", "money", "abstract"}
        bare = ("" if stuff and not is_subject else "der", 4.0)
        return maker.weighted([bare, ("der", 3.0), (mine, 3.0), ("dies", 1.0)]), noun.only_plural
    if "relative" in classes:
        weights = [(OWN, 8.0), ("der", 1.0)]
        many = noun.countable and "one" not in classes and maker.chance(0.15)
        return maker.weighted(weights), many
    own = _owning(maker, noun)
    if not noun.countable:
        return maker.weighted([("der", 4.0), (OWN, own), ("dies", 1.0)]), False
    if maker.chance(0.13 if "person" in classes else 0.22):
        weights = [("der", 4.0), (OWN, own), ("dies", 1.0), ("viele", 1.0)]
        weights += [("einige", 0.7), (str(maker.one((2, 2, 3, 3, 4, 5, 6, 10))), 2.0)]
        weights += [("alle", 0.7)] if is_subject else [("", 1.5), ("alle", 0.3)]
        return maker.weighted(weights), True
    weights = [("der", 4.0), (OWN, own), ("dies", 1.2), ("ein", 0.8 if is_subject else 4.0)]
    return maker.weighted(weights), False
