"""Rules for relative clauses in any clause: Der Hund, den ich gesehen habe, war sehr groß."""

from pellucid.grammar import choosing, english_clause, german_clause
from pellucid.grammar.events import event, timed
from pellucid.grammar.frames import Slot
from pellucid.grammar.lexicon import Verb
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, ClauseMeaning, Complement, is_predicate
from pellucid.grammar.phrases import pronoun
from pellucid.grammar.relative_clauses import described_by, plain
from pellucid.grammar.rules_asking import PLACED, going
from pellucid.grammar.rules_being import tensed
from pellucid.grammar.rules_complex import past
from pellucid.grammar.rules_questions import left_out
from pellucid.grammar.rules_simple import Pair, asked, note_tense, stated


def relative(maker: Maker) -> Pair:
    """A noun with its relative clause: Der Mann, der dort sitzt, war krank. Das ist das Buch, …"""
    return maker.weighted(
        ((_is_so, 4.0), (_does, 2.0), (_object_of, 4.0), (_behind_preposition, 1.5), (_this, 2.0))
    )(maker)


def _is_so(maker: Maker) -> Pair:
    """Der Hund, den ich gesehen habe, war sehr groß."""
    one = described_by(maker)
    fitting = maker.lexicon.predicates_for.get(one.head.key) or maker.lexicon.moods
    if "person" in one.noun.classes:
        fitting = [each for each in fitting if "person" in each.classes] or maker.lexicon.moods
    chosen = maker.one(fitting)
    maker.note("adjective", one.head.key, chosen.german)
    words = chosen.german, chosen.english
    if chosen.comparative != "-" and maker.chance(0.4):
        word, (english, *_) = maker.one(
            [pair for pair in maker.lexicon.words["degree"].items() if "nicht" not in pair[0]]
        )
        words = f"{word} {words[0]}", f"{english} {words[1]}"
    meaning = ClauseMeaning(one.inside(), SEIN, (is_predicate(words),))
    meaning = tensed(maker, meaning).but(time=None, frequency=None)
    negated = maker.chance(0.12) and " " not in words[0]
    return stated(maker, meaning.but(negated=negated))


def _does(maker: Maker) -> Pair:
    """Die Frau, die nebenan wohnt, hat gestern einen Kuchen gebacken."""
    one = described_by(maker, ("person",))
    meaning = event(maker, simple=True, doer=one.head)
    meaning = timed(maker, meaning, negated=maker.chance(0.12))
    if meaning.verb.reflexive and maker.chance(0.5):
        raise UnfitError
    return stated(maker, meaning.but(subject=one.inside()), front=0.0)


def _object_of(maker: Maker) -> Pair:
    """Ich habe das Buch gelesen, das du mir geschenkt hast. Kennst du den Mann, der dort steht?"""
    verbs = [
        one
        for one in maker.lexicon.person_verbs
        if one.frame.slots
        and one.frame.slots[-1].kind == "acc"
        and len(one.frame.slots) == 1
        and not one.frame.slots[0].english
        and not one.frame.marks & {"bare", "kein", "keine", "keinen", "particle"}
    ]
    return _filled(maker, maker.one(verbs))


def _behind_preposition(maker: Maker) -> Pair:
    """Wir warten auf den Bus, der nach Hause fährt; ich habe mit der Frau gesprochen, die …"""
    verbs = [
        one
        for one in maker.lexicon.person_verbs
        if len(one.frame.slots) == 1
        and one.frame.slots[0].kind == "prep"
        and one.german not in PLACED
        and "bare" not in one.frame.marks
    ]
    return _filled(maker, maker.one(verbs))


def _filled(maker: Maker, verb: Verb) -> Pair:
    slot: Slot = verb.frame.slots[0]
    one = described_by(maker, tuple(slot.classes))
    doer = choosing.subject(maker, ("person",), formal=False)
    if doer.key == one.head.key:
        raise UnfitError
    maker.note("subject", verb.german, doer.key)
    maker.note("object", verb.german, one.head.key)
    english = "" if slot.english == "-" else slot.english
    filled = Complement(slot.kind, one.at_the_end(), slot.case, slot.german, english)
    meaning = ClauseMeaning(doer, verb, (filled,), behind=(f", {one.german}", ""))
    meaning = timed(maker, meaning).but(frequency=None, denial="")
    front = maker.chance(0.4) and meaning.time is not None and bool(meaning.time.german)
    if not front:
        meaning = going(meaning.but(time=None))
        if doer.refers in {"du", "ihr"} or maker.chance(0.2):
            return asked(maker, meaning)
    return stated(maker, meaning, front=1.0)


PRESENTED = (
    ("das ist", "das sind", "that is", "those are", "."),
    ("hier ist", "hier sind", "here is", "here are", "."),
    ("wo ist", "wo sind", "where is", "where are", "?"),
    ("ist das", "sind das", "is that", "are those", "?"),
    ("wie heißt", "wie heißen", "what is", "what are", "?"),
)


def _this(maker: Maker) -> Pair:
    """Das ist die Frau, mit der ich arbeite. Wo sind die Kinder, die hier gespielt haben?"""
    one = described_by(maker)
    start, many, english, others, end = maker.one(PRESENTED)
    called = ""
    if start.startswith("wie"):
        if not one.head.human:
            raise UnfitError
        called = " called"
    maker.note("this", start, one.head.key)
    plural = one.head.form == "they"
    first = many if plural else start
    other = others if one.head.plural else english
    return (
        f"{first} {one.head.german('nom')}, {one.german}{end}",
        f"{other} {one.head.subject} {one.english}{called}{end}",
    )


def anybody_who(maker: Maker) -> Pair:
    """Alles, was; etwas, das; jemand, der: Das ist alles, was ich gekauft habe."""
    verbs = [
        one
        for one in maker.lexicon.thing_verbs
        if [slot.kind for slot in one.frame.slots] == ["acc"] and one.german != "hören"
    ]
    doer = choosing.subject(maker, ("person",))
    meaning = event(maker, simple=True, verbs=[maker.one(verbs)], doer=doer)
    place = meaning.find("acc")
    if place is None:
        raise UnfitError
    meaning = left_out(maker, plain(maker, meaning), place)
    note_tense(maker, meaning)
    start = maker.one(
        (
            ("das ist alles, was", "that is everything that"),
            ("ist das alles, was", "is that everything that"),
            ("das ist nicht das, was", "that is not what"),
            ("ich weiß nicht, was", "I do not know what"),
            ("ich verstehe alles, was", "I understand everything that"),
            ("hier ist etwas, was", "here is something that"),
            ("es gibt nichts, was", "there is nothing that"),
        )
    )
    maker.note("anything", start[0], meaning.verb.german)
    end = "?" if start[0].startswith("ist") else "."
    return (
        f"{german_clause.subordinate(meaning, start[0])}{end}",
        f"{english_clause.subordinate(meaning, start[1])}{end}",
    )


def somebody_who(maker: Maker) -> Pair:
    """Jemand, der: Ich suche jemanden, der Deutsch spricht. Es gibt niemanden, der das weiß."""
    word, english = maker.one(
        (
            ("ich suche jemanden, der", "I am looking for somebody who"),
            ("kennst du jemanden, der", "do you know anybody who"),
            ("ich kenne niemanden, der", "I do not know anybody who"),
            ("es gibt niemanden, der", "there is nobody who"),
            ("wir brauchen jemanden, der", "we need somebody who"),
        )
    )
    meaning = event(maker, simple=True, doer=pronoun("er"), verbs=maker.lexicon.willed_verbs)
    wanted = word.startswith(("ich suche", "wir"))
    can = wanted or maker.chance(0.4)
    meaning = meaning.but(modal="können") if can else past(meaning)
    maker.forget("subject", meaning.verb.german, "er")
    maker.note("somebody", word, meaning.verb.german)
    end = "?" if word.startswith("kennst") else "."
    return (
        f"{german_clause.subordinate(meaning, word, subject=False)}{end}",
        f"{english_clause.subordinate(meaning, english, subject=False)}{end}",
    )
