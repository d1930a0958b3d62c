"""Rules of pronouns: es ihm, deins, and what is named taken up again: Das ist mein Hut. Er …"""

from pellucid.grammar import choosing, english_clause, german, german_clause
from pellucid.grammar.events import event, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, Adverbial, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import OWN, NounPhrase, nominal, pronoun
from pellucid.grammar.rules_asking import PLACED
from pellucid.grammar.rules_being import comparable
from pellucid.grammar.rules_questions import VOWELS
from pellucid.grammar.rules_simple import Pair, asked, stated

THINGS = ("er", "sie", "es")


def thing_pronoun(key: str) -> NounPhrase:
    """Er, sie or es for a thing: it."""
    return pronoun(key)._replace(object="it", subject="it", human=False)


GIVING = (
    *("geben", "zeigen", "bringen", "schenken", "schicken", "leihen", "verkaufen", "erklären"),
    *("an|bieten", "empfehlen", "zurück|geben", "versprechen", "vor|lesen", "schreiben"),
)


def two_pronouns(maker: Maker) -> Pair:
    """Two pronouns as objects: Ich gebe es ihm. Hat sie ihn dir gezeigt? Gib es mir!"""
    verbs = [
        one
        for one in maker.lexicon.plain_verbs
        if one.german in GIVING and {"acc", "dat"} == {slot.kind for slot in one.frame.slots}
    ]
    order = maker.chance(0.2)
    kinds = ("statement", "question", "modal")
    kind = "order" if order else maker.one(kinds)
    verb = maker.one(verbs)
    doer = pronoun(maker.one(("du", "ihr", "Sie"))) if order else None
    meaning = event(maker, verbs=[verb], doer=doer, simple=True, formal=kind == "question")
    if not meaning.subject.human:
        raise UnfitError
    thing = thing_pronoun(maker.one(THINGS))
    keys = [one for one in ("ich", "du", "er", "sie", "wir", "they")
            if not choosing.overlapping(one, meaning.subject.refers)]  # fmt: skip
    if order:
        keys = [one for one in keys if one != "du"]
    somebody = pronoun(maker.one(keys))
    filled = []
    for one in meaning.complements:
        if one.phrase is not None:
            maker.forget("object", verb.german, one.phrase.key)
            if any(each.kind == "adjective" and each.first == one.phrase.key for each in maker.met):
                raise UnfitError
        filled.append(one._replace(phrase=thing if one.kind == "acc" else somebody))
    meaning = meaning.but(complements=tuple(filled))
    maker.note("object", verb.german, f"{thing.key} {somebody.key}")
    if order:
        return f"{german_clause.imperative(meaning)}!", f"{english_clause.imperative(meaning)}!"
    if kind == "modal":
        modal = maker.one(("können", "wollen", "müssen", "möchten"))
        meaning = meaning.but(modal=modal)
        return asked(maker, meaning) if maker.chance(0.5) else stated(maker, meaning)
    meaning = timed(maker, meaning, negated=maker.chance(0.15))
    return asked(maker, meaning) if kind == "question" else stated(maker, meaning)


def about_it(maker: Maker) -> Pair:
    """A thing behind a preposition: Ich freue mich darauf. Hast du daran gedacht?"""
    verbs = [
        one
        for one in maker.lexicon.person_verbs
        if [slot.kind for slot in one.frame.slots] in (["prep"], ["acc", "prep"])
        and one.german not in PLACED
        and not one.frame.marks & {"bare", "kein", "keine", "keinen"}
        and one.frame.slots[-1].classes != ("person",)
    ]
    verb = maker.one(verbs)
    meaning = event(maker, verbs=[verb], simple=True, formal=True)
    one = meaning.complements[-1]
    if one.phrase is None or one.case == "gen" or one.german in {"ohne", "bis", "in"}:
        raise UnfitError
    if any(each.kind == "adjective" and each.first == one.phrase.key for each in maker.met):
        raise UnfitError
    maker.forget("object", verb.german, one.phrase.key)
    word = f"da{'r' if one.german[0] in VOWELS else ''}{one.german}"
    maker.note("object", verb.german, word)
    filled = one._replace(phrase=None, adverbial=Adverbial(word, f"{one.english} it".strip()))
    meaning = meaning.but(complements=(*meaning.complements[:-1], filled))
    meaning = timed(maker, meaning, negated=maker.chance(0.2))
    return asked(maker, meaning) if maker.chance(0.35) else stated(maker, meaning)


MINE = {
    "ich": "mine",
    "du": "yours",
    "er": "his",
    "sie": "hers",
    "wir": "ours",
    "ihr": "yours",
    "they": "theirs",
}
OWNERS = ("ich", "du", "er", "sie", "wir", "ihr")


def own_alone(owner: str, gender: str, case: str = "nom") -> str:
    """A possessive without its noun: meiner, deine, seins, unseres.

    >>> own_alone("ich", "m"), own_alone("du", "n"), own_alone("ihr", "n"), own_alone("er", "p")
    ('meiner', 'deins', 'eures', 'seine')
    """
    stem = german.PRONOUNS[owner].possessive
    if gender == "n" and case != "dat":
        return f"{'eur' if stem == 'euer' else stem}{'es' if owner in {'wir', 'ihr'} else 's'}"
    if gender == "m" and case == "nom":
        return f"{'eur' if stem == 'euer' else stem}er"
    return german.article(stem, gender, case)


def mine(maker: Maker) -> Pair:
    """Possessives alone: Dieser Hut ist meiner. Ist das deins? Dein Auto ist alt, aber …"""
    who = maker.one(OWNERS)
    kind = maker.weighted(
        (("that", 0.3), ("this", 3.0), ("than", 2.0), ("but", 1.5), ("where", 1.5))
    )
    if kind == "that":
        maker.note("mine", "das", who)
        question, own = maker.chance(0.4), own_alone(who, "n")
        if question:
            return f"ist das {own}?", f"is that {MINE[who]}?"
        return f"das ist {own}.", f"that is {MINE[who]}."
    if kind in {"than", "but"}:
        noun, chosen = comparable(maker)
        if "person" in noun.classes or not noun.classes & set(maker.lexicon.choices["owned"]):
            raise UnfitError
        first = maker.one([one for one in OWNERS if not choosing.overlapping(one, who)])
        if {first, who} <= {"er", "sie"}:
            raise UnfitError
        thing = nominal(noun, OWN, owner=first)
        maker.note("adjective", noun.german, chosen.german)
        maker.note("mine", noun.german, who)
        own = own_alone(who, noun.gender)
        if kind == "than":
            words = (
                f"{chosen.comparative} als {own}",
                f"{chosen.english_comparative} than {MINE[who]}",
            )
            meaning = ClauseMeaning(thing, SEIN, (is_predicate(words),))
            return asked(maker, meaning) if maker.chance(0.25) else stated(maker, meaning)
        groups = [one for one in maker.lexicon.choices["opposites"] if chosen.german in one]
        others = [
            one
            for one in maker.lexicon.predicates_for[noun.german]
            if groups and one.german in groups[0] and one != chosen
        ]
        if not others:
            raise UnfitError
        contrary = maker.one(others)
        maker.note("adjective", noun.german, contrary.german)
        return (
            f"{thing.german('nom')} ist {chosen.german}, aber {own} ist {contrary.german}.",
            f"{thing.subject} is {chosen.english}, but {MINE[who]} is {contrary.english}.",
        )
    noun = maker.noun(("thing", "clothing", "device", "vehicle", "furniture"))
    if not noun.countable:
        raise UnfitError
    maker.note("mine", noun.german, who)
    many = maker.chance(0.2)
    gender = "p" if many else noun.gender
    own = own_alone(who, gender)
    verb, be = ("sind", "are") if many else ("ist", "is")
    if kind == "where":
        first = maker.one([one for one in ("ich", "du", "er", "wir") if one != who])
        if first == "du" and who == "ihr":
            raise UnfitError
        thing = nominal(noun, OWN, plural=many, owner=first)
        return (
            f"hier {verb} {thing.german('nom')}, aber wo {verb} {own}?",
            f"here {be} {thing.subject}, but where {be} {MINE[who]}?",
        )
    thing = nominal(noun, "dies", plural=many)
    if maker.chance(0.35):
        return f"{verb} {thing.german('nom')} {own}?", f"{be} {thing.subject} {MINE[who]}?"
    negated, other = (" nicht", " not") if maker.chance(0.25) else ("", "")
    return (
        f"{thing.german('nom')} {verb}{negated} {own}.",
        f"{thing.subject} {be}{other} {MINE[who]}.",
    )


CONCRETE = {
    *(
        "thing",
        "clothing",
        "device",
        "furniture",
        "vehicle",
        "text",
        "building",
        "animal",
        "person",
    ),
    *("food", "drink", "tool", "plant"),
}
KNOWN = {"person", "media", "text", "building", "place"}

STARTS = (
    ("das ist", "that is", ".", "nom"),
    ("hier ist", "here is", ".", "nom"),
    ("wo ist", "where is", "?", "nom"),
    ("siehst du", "do you see", "?", "acc"),
    ("kennst du", "do you know", "?", "acc"),
)


def taken_up(maker: Maker) -> Pair:
    """What is named is taken up by a pronoun: Das ist mein Hut. Ich habe ihn gestern gekauft."""
    verbs = [
        one
        for one in maker.lexicon.person_verbs
        if [slot.kind for slot in one.frame.slots] == ["acc"]
        and not one.frame.slots[0].english
        and not one.frame.marks & {"bare", "kein", "keine", "keinen"}
    ]
    start, english, end, case = maker.one(STARTS)
    meaning = event(maker, simple=True, verbs=[maker.one(verbs)], formal=True)
    one = meaning.complements[0]
    noun = maker.lexicon.by_name.get(one.phrase.key) if one.phrase is not None else None
    if noun is None or not noun.countable or noun.only_plural or "single" in noun.classes:
        raise UnfitError
    if any(each.kind == "adjective" and each.first == noun.german for each in maker.met):
        raise UnfitError
    human = "person" in noun.classes
    if not noun.classes & (KNOWN if "kenn" in start else CONCRETE) and start != "das ist":
        raise UnfitError
    owner = choosing.owner(maker, None)
    determiner = OWN if noun.classes & set(maker.lexicon.choices["owned"]) else "der"
    thing = nominal(noun, determiner, owner=owner)
    key = thing.refers
    again = pronoun(key) if human else thing_pronoun(key)
    if choosing.overlapping(key, meaning.subject.refers) or meaning.subject.refers == "Sie":
        raise UnfitError
    meaning = timed(maker, meaning.but(complements=(one._replace(phrase=again),)))
    question = maker.chance(0.4) and meaning.subject.refers != "ich"
    one_, other = asked(maker, meaning) if question else stated(maker, meaning, front=0.1)
    capital = one_[:1].upper() + one_[1:], other[:1].upper() + other[1:]
    return (
        f"{start} {thing.german(case)}{end} {capital[0]}",
        f"{english} {thing.subject if case == 'nom' else thing.object}{end} {capital[1]}",
    )
