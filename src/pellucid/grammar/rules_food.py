"""Rules for what is eaten and drunk: a glass of water, coffee with milk, and what a guest says."""

from pellucid.grammar import choosing
from pellucid.grammar.counting import english_number, german_number
from pellucid.grammar.english import indefinite
from pellucid.grammar.events import in_time
from pellucid.grammar.lexicon import Noun
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import Adverbial, ClauseMeaning, Complement
from pellucid.grammar.phrases import NounPhrase, nominal
from pellucid.grammar.rules_simple import Pair, asked, stated


def serving(maker: Maker, verb: str = "") -> NounPhrase:
    """Something to eat or drink, measured or with something; `verb` is eat, drink or ""."""
    kind = maker.weighted((("measured", 5.0), ("with", 5.0), ("two", 1.0)))
    if kind == "measured":
        return measured(maker, verb)
    if kind == "with":
        return with_something(maker, verb)
    first, second = maker.one(
        [pair for pair in maker.lexicon.words["go_together"]["all"] if verb in {"", pair[2]}]
    )[:2]
    names = maker.lexicon.by_name
    one, other = (nominal(names[word], "") for word in (first, second))
    maker.note("food", first, second)
    return _joined(one, f"und {second}", f"and {other.object}", f"{first} und {second}")


def measured(maker: Maker, verb: str = "") -> NounPhrase:
    """A measure of something: ein Glas Wasser, zwei Kilo Äpfel."""
    rows = maker.lexicon.words["measures"]
    fitting = [word for word, row in rows.items() if verb in row[4].split()] if verb else list(rows)
    word = maker.one(fitting)
    gender, many, english, english_many, _, *contents = rows[word]
    content = maker.one(contents)
    head = Noun(word, gender, many, english, english_many, frozenset())
    number = maker.weighted((("ein", 6.0), ("2", 3.0), ("3", 1.5), ("4", 0.5)))
    if word == "Gramm":
        number = maker.one(("100", "200", "250", "300", "500"))
    phrase = nominal(head, number)
    german, other = _stuff(maker, content, "nom")
    maker.note("food", word, content)
    return _joined(phrase, german, f"of {other}", f"{word} {content}")


def with_something(maker: Maker, verb: str = "") -> NounPhrase:
    """With or without something: einen Kaffee mit Milch, Brot ohne Butter, Fisch mit Reis."""
    rows = maker.lexicon.words["additions"]
    fitting = [word for word, row in rows.items() if verb in {"", row[0]}]
    word = maker.one(fitting)
    _, determiner, *others = rows[word]
    noun = maker.lexicon.by_name[word]
    one = maker.chance(0.65) if determiner == "ein/" else determiner == "ein"
    many = noun.countable and word not in maker.lexicon.choices["eaten_in_one"]
    base = nominal(noun, "ein") if one else nominal(noun, "", plural=many)
    if one and noun.mass:
        text = indefinite(noun.english)
        base = base._replace(subject=text, object=text, denied_english=text)
    addition = maker.one(others)
    maker.note("food", word, addition)
    without = maker.chance(0.25)
    case = "acc" if without else "dat"
    german, english = _stuff(maker, addition, case)
    if maker.chance(0.1):
        second = maker.one([one for one in others if one != addition] or [""])
        if not second:
            raise UnfitError
        maker.note("food", word, second)
        more, text = _stuff(maker, second, case)
        german, english = f"{german} und {more}", f"{english} {'or' if without else 'and'} {text}"
    one_, other = ("ohne", "without") if without else ("mit", "with")
    return _joined(base, f"{one_} {german}", f"{other} {english}", f"{word} {one_} {addition}")


def _stuff(maker: Maker, word: str, case: str) -> Pair:
    """What it is of or with, without an article; of most things that are counted, several."""
    noun = maker.lexicon.by_name[word]
    many = noun.countable and word not in maker.lexicon.choices["eaten_in_one"]
    phrase = nominal(noun, "", plural=many)
    return phrase.german(case), phrase.object


def _joined(phrase: NounPhrase, german: str, english: str, key: str) -> NounPhrase:
    """A phrase with what follows it in both languages."""
    denied = phrase.denied and tuple(f"{one} {german}" for one in phrase.denied)
    return phrase._replace(
        cases=tuple(f"{one} {german}" for one in phrase.cases),
        subject=f"{phrase.subject} {english}",
        object=f"{phrase.object} {english}",
        denied=denied,
        denied_english=f"{phrase.denied_english} {english}" if denied else "",
        key=key,
        human=False,
    )


def _note_objects(maker: Maker, verb: str, what: NounPhrase) -> None:
    """Note that a verb meets all nouns that are eaten, drunk or bought with it."""
    for word in what.key.split():
        if word in maker.lexicon.by_name:
            maker.note("object", verb, word)


KINDS = (("perfect", 4.0), ("now", 2.0), ("habit", 2.0), ("soon", 1.0), ("future", 1.0))
EATING = (("essen", 3.0), ("trinken", 3.0), ("bestellen", 2.0), ("kaufen", 2.0))


def meal(maker: Maker) -> Pair:
    """What somebody eats, drinks, orders: Ich habe heute ein Stück Kuchen gegessen."""
    name = maker.weighted(EATING)
    verb = next(one for one in maker.lexicon.verbs_named[name] if one.frame.slots)
    which = {"essen": "eat", "trinken": "drink", "kaufen": "buy"}.get(name, "")
    which = which or maker.one(("eat", "drink"))
    what = measured(maker, "buy") if which == "buy" else serving(maker, which)
    doer = choosing.subject(maker, ("person",), formal=maker.chance(0.3))
    maker.note("subject", name, doer.key)
    _note_objects(maker, name, what)
    meaning = ClauseMeaning(doer, verb, (Complement("acc", what, "acc"),))
    modal = maker.one(("möchten", "möchten", "wollen", "können"))
    if maker.chance(0.25):
        meaning = meaning.but(modal=modal)
        maker.note("modal", name, modal)
    else:
        meaning = in_time(maker, meaning, maker.weighted(KINDS))
    if doer.refers not in {"ich", "wir"} and maker.chance(0.3):
        return asked(maker, meaning)
    return stated(maker, meaning)


WISHES = (
    ("ich möchte {}, bitte.", "I would like {}, please."),
    ("ich möchte bitte {}.", "I would like {}, please."),
    ("ich hätte gern {}.", "I would like {}."),
    ("ich hätte gern {}, bitte.", "I would like {}, please."),
    ("wir möchten {}, bitte.", "we would like {}, please."),
    ("wir hätten gern {}.", "we would like {}."),
    ("ich nehme {}.", "I will have {}."),
    ("ich nehme {}, bitte.", "I will have {}, please."),
    ("für mich {}, bitte.", "{} for me, please."),
    ("{}, bitte.", "{}, please."),
    ("{}, bitte!", "{}, please!"),
    ("bringen Sie mir bitte {}!", "please bring me {}!"),
    ("bringen Sie uns bitte {}!", "please bring us {}!"),
    ("bring mir bitte {} mit!", "please bring me {}!"),
    ("kann ich bitte {} haben?", "can I have {}, please?"),
    ("könnte ich bitte {} haben?", "could I have {}, please?"),
    ("könnten wir bitte {} bekommen?", "could we have {}, please?"),
    ("möchtest du {}?", "would you like {}?"),
    ("möchten Sie {}?", "would you like {}?"),
    ("möchtet ihr {}?", "would you like {}?"),
    ("willst du {}?", "do you want {}?"),
    ("nimmst du {}?", "are you having {}?"),
    ("brauchen wir noch {}?", "do we still need {}?"),
    ("wir brauchen noch {}.", "we still need {}."),
    ("haben Sie {}?", "do you have {}?"),
    ("gibst du mir bitte {}?", "can you give me {}, please?"),
    ("zum Frühstück esse ich {}.", "for breakfast I eat {}."),
    ("zum Mittagessen gibt es heute {}.", "for lunch there is {} today."),
)
"""What a guest or a host says of what there is to eat and drink."""


def guest(maker: Maker) -> Pair:
    """Ordering and offering: Ich möchte einen Kaffee mit Milch, bitte."""
    german, english = maker.one(WISHES)
    eaten = "esse ich" in german or "gibt es" in german
    what = serving(maker, "eat" if eaten else "")
    if what.plural and "there is" in english:
        english = english.replace("there is", "there are")
    maker.note("guest", german, what.key)
    if "esse ich" in german:
        _note_objects(maker, "essen", what)
    return german.format(what.german("acc")), english.format(what.object)


def price(maker: Maker) -> Pair:
    """What it costs: Was kostet ein Glas Wein? Zwei Kilo Äpfel kosten vier Euro."""
    what = measured(maker) if maker.chance(0.6) else with_something(maker)
    maker.note("guest", "kosten", what.key)
    costs = maker.lexicon.verbs_named["kosten"][0].parts.present(what.form)
    if maker.chance(0.5):
        return f"was {costs} {what.german('nom')}?", (
            f"how much {'are' if what.plural else 'is'} {what.subject}?"
        )
    number = 2 + int(maker.random.random() * 30)
    return (
        f"{what.german('nom')} {costs} {german_number(number)} Euro.",
        f"{what.subject} {'cost' if what.plural else 'costs'} {english_number(number)} euros.",
    )


def as_one_likes(maker: Maker) -> Pair:
    """How one takes it: Ich trinke meinen Kaffee ohne Zucker. Mit Milch oder ohne?"""
    rows = maker.lexicon.words["additions"]
    word = maker.one([word for word, row in rows.items() if row[1] == "ein/" and row[0] == "drink"])
    noun = maker.lexicon.by_name[word]
    addition = maker.one(rows[word][2:])
    without = maker.chance(0.5)
    german, english = _stuff(maker, addition, "acc" if without else "dat")
    german = f"{'ohne' if without else 'mit'} {german}"
    english = f"{'without' if without else 'with'} {english}"
    maker.note("food", word, addition)
    who = choosing.subject(maker, ("person",), formal=maker.chance(0.3))
    own = nominal(noun, "mein", owner=who.refers)
    if maker.chance(0.3):
        own = nominal(noun, "")
    maker.note("subject", "trinken", who.key)
    maker.note("object", "trinken", word)
    verb = next(v for v in maker.lexicon.verbs_named["trinken"] if "person" in v.frame.subjects)
    what = _joined(own, german, english, f"{word} {german}")
    meaning = ClauseMeaning(who, verb, (Complement("acc", what, "acc"),))
    if who.refers != "ich" and maker.chance(0.4):
        return asked(maker, meaning)
    if maker.chance(0.5) and own.denied is None:
        return stated(maker, meaning)
    often = maker.one((("immer", "always"), ("meistens", "usually"), ("nie", "never")))
    return stated(maker, meaning.but(frequency=Adverbial(*often)))
