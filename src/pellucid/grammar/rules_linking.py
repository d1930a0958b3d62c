"""Rules for clauses that go together: deshalb, trotzdem, denn, statt zu, ohne zu, weder noch."""

from collections.abc import Callable

from pellucid.grammar import choosing, english_clause, german_clause, times
from pellucid.grammar.events import event, timed
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import NounPhrase, pronoun
from pellucid.grammar.rules_asking import going
from pellucid.grammar.rules_being import one_of, quality_noun
from pellucid.grammar.rules_complex import joined, past
from pellucid.grammar.rules_simple import Pair, note_tense, stated
from pellucid.grammar.scenes import Deed, scenes

SUBORDINATING = (
    (("weil", "because"), 5.0),
    (("wenn", "when"), 3.0),
    (("sobald", "as soon as"), 0.7),
    (("so", "so"), 1.0),
    (("obwohl", "although"), 2.0),
    (("da", "as"), 0.5),
)


def said_of(maker: Maker, deed: Deed, doer: NounPhrase) -> ClauseMeaning:
    """A deed with its subject, which is noted."""
    meaning = deed.by(doer)
    maker.note("subject", deed.verb.german, meaning.subject.key)
    if deed.text[0]:
        maker.note("scene", deed.verb.german, deed.text[0])
    return meaning


def _past(meaning: ClauseMeaning) -> ClauseMeaning:
    """In the past; what the weather was like went on."""
    lively = meaning.aspect == "progressive" and meaning.subject.refers == "es"
    meaning = past(meaning)
    return meaning.but(aspect="past progressive") if lively else meaning


def reason(maker: Maker) -> Pair:
    """Cause and effect: Er schläft, weil er müde ist. Sie ist krank, trotzdem arbeitet sie."""
    words = maker.weighted(
        (*SUBORDINATING, (("denn", "because"), 1.5), (("deshalb", "so"), 3.0),
         (("trotzdem", "but"), 2.0))
    )  # fmt: skip
    scene = maker.one(scenes("why"))
    all_the_same = words[0] in {"obwohl", "trotzdem"}
    effect = scene.against if all_the_same else scene.second
    if effect is None or (words[0] == "sobald" and scene.first.modal):
        raise UnfitError
    doer = choosing.subject(maker, ("person",))
    again = pronoun(doer.refers)
    effect_first = words[0] not in {"deshalb", "trotzdem"} or scene.first.weather
    first = said_of(maker, scene.first, again if words[0] not in {"deshalb", "trotzdem"} else doer)
    second = said_of(maker, effect, doer if effect_first else again)
    if words[0] in {"wenn", "sobald"}:
        first, second = first.but(aspect="simple"), second.but(aspect="simple")
    elif maker.chance(0.4):
        first, second = _past(first), _past(second)
    if words[0] == "so":
        return _so_that_it_follows(maker, scene.first.by(doer), second, again)
    if words[0] in dict(pair for pair, _ in SUBORDINATING):
        return joined(maker, second, words, first, swap=0.5 if words[0] == "wenn" else 0.35)
    note_tense(maker, first)
    if words[0] == "denn":
        one, other = stated(maker, second)
        return (
            f"{one[:-1]}, denn {german_clause.main(first)}.",
            f"{other[:-1]} because {english_clause.main(first)}.",
        )
    one, other = stated(maker, _timed(maker, first), front=1.0)
    note_tense(maker, second)
    anyway = " anyway" if words[0] == "trotzdem" else ""
    return (
        f"{one[:-1]}, {german_clause.main(second, words[0])}.",
        f"{other[:-1]}, {words[1]} {english_clause.main(second)}{anyway}.",
    )


def _so_that_it_follows(
    maker: Maker, cause: ClauseMeaning, effect: ClauseMeaning, again: NounPhrase
) -> Pair:
    """Er ist so müde, dass er ins Bett geht."""
    words = cause.complements[0].adverbial if cause.complements else None
    if cause.verb != SEIN or words is None or words.german in {"fertig", "allein"}:
        raise UnfitError
    if " " in words.german:
        raise UnfitError
    so = is_predicate((f"so {words.german}", f"so {words.english}"))
    effect = effect.but(subject=again) if cause.subject.refers != "es" else effect
    behind = (
        f", {german_clause.subordinate(effect, 'dass')}",
        f" {english_clause.subordinate(effect, 'that')}",
    )
    cause = _past(cause) if effect.tense != "present" or effect.aspect == "past" else cause
    note_tense(maker, effect)
    return stated(maker, cause.but(complements=(so,), behind=behind))


def _timed(maker: Maker, meaning: ClauseMeaning) -> ClauseMeaning:
    """Perhaps with a day on which it was so."""
    if meaning.tense == "present" or maker.chance(0.6):
        return meaning
    return meaning.but(time=times.when(maker, "past", exact=False))


def next_thing(maker: Maker) -> Pair:
    """One thing and the next: Ich dusche, danach frühstücke ich. Bevor er frühstückt, duscht er."""
    scene = maker.one(scenes("then"))
    doer = choosing.subject(maker, ("person",))
    assert scene.second is not None
    tense, aspect = maker.weighted(
        (
            (("present", "simple"), 2.0),
            (("perfect", "past"), 3.0),
            (("future", "will"), 1.0),
        )
    )
    again = pronoun(doer.refers)
    words = maker.one(
        (("dann", "then"), ("danach", "after that"), ("und dann", "then"), ("bevor", "before"))
    )
    first, second = (
        said_of(maker, deed, who).but(tense=tense, aspect=aspect)
        for deed, who in ((scene.first, doer), (scene.second, again))
    )
    if words[0] == "bevor":
        if tense == "future":
            raise UnfitError
        return joined(maker, first, words, second, swap=0.4)
    note_tense(maker, first)
    note_tense(maker, second)
    comma, link = (" und", "dann") if words[0] == "und dann" else (",", words[0])
    return (
        f"{german_clause.main(first)}{comma} {german_clause.main(second, link)}.",
        f"{english_clause.main(first)} and {words[1]} {english_clause.main(second)}.",
    )


Gerund = Callable[[ClauseMeaning], str]

INFINITIVES: tuple[tuple[str, str, str, Gerund], ...] = (
    ("instead", "statt", "instead of ", english_clause.gerund),
    ("without", "ohne", "without ", english_clause.gerund),
    ("purpose", "um", "", english_clause.infinitive),
)


def with_infinitive(maker: Maker) -> Pair:
    """Statt zu, ohne zu, um zu: Er ging aus dem Haus, ohne das Fenster zuzumachen."""
    kind, word, english_word, form = maker.one(INFINITIVES)
    scene = maker.one(scenes(kind))
    doer = choosing.subject(maker, ("person",))
    assert scene.second is not None
    main, other = said_of(maker, scene.second, doer), scene.first.by(doer)
    maker.note("infinitive", scene.second.key, scene.first.key)
    how = maker.weighted((("now", 2.0), ("past", 3.0), ("modal", 1.0)))
    if how == "past":
        main = past(main)
    elif how == "modal":
        modals = ("wollen", "müssen") if kind == "purpose" else ("wollen",)
        main = main.but(modal=maker.one(modals), aspect="simple")
    german = german_clause.infinitive(other, word)
    english = f"{english_word}{form(other)}"
    if maker.chance(0.3):
        note_tense(maker, main)
        if kind == "purpose":
            english = f"in order {english}"
        return (
            f"{german}, {german_clause.main(main, '')}.",
            f"{english}, {english_clause.main(main)}.",
        )
    return stated(maker, main.but(behind=(f", {german}", f" {english}")))


PAIRED = (
    ("sowohl {} als auch {}", "both {} and {}"),
    ("weder {} noch {}", "neither {} nor {}"),
    ("nicht nur {}, sondern auch {}", "not only {} but also {}"),
    ("entweder {} oder {}", "either {} or {}"),
    ("nicht {}, sondern {}", "not {} but {}"),
)


def paired(maker: Maker) -> Pair:
    """Both, neither, not only, either, not but: Er spricht weder Deutsch noch Englisch."""
    german, english = maker.one(PAIRED)
    if maker.chance(0.4):
        return _two_qualities(maker, german, english)
    verbs = maker.lexicon.person_verbs
    meaning = event(maker, simple=True, verbs=verbs)
    place = meaning.find("acc")
    if place is None:
        raise UnfitError
    one, slot = meaning.complements[place], meaning.verb.frame.slots[place]
    first = one.phrase
    second = event(maker, simple=True, verbs=[meaning.verb], doer=meaning.subject)
    other = second.complements[place].phrase
    if first is None or other is None or slot.english:
        raise UnfitError
    if first.is_pronoun or other.is_pronoun or first.key == other.key or first.plural:
        raise UnfitError
    if "particle" in meaning.verb.frame.marks or len(meaning.complements) > 1:
        raise UnfitError
    both = two_things(german, english, first, other)
    whole = meaning.but(complements=(one._replace(phrase=both),))
    maker.note("paired", german.split()[0], meaning.verb.german)
    tense = maker.weighted((("now", 3.0), ("perfect", 3.0)))
    whole = past(whole) if tense == "perfect" else timed(maker, whole)
    return stated(maker, going(whole.but(frequency=None, time=None, denial="")))


def two_things(german: str, english: str, first: NounPhrase, other: NounPhrase) -> NounPhrase:
    """Two noun phrases in one, by these words; nicht ein is kein."""
    own = first.cases
    if german.startswith("nicht {}") and first.denied is not None:
        german, own = german.removeprefix("nicht "), first.denied
    return first._replace(
        cases=tuple(german.format(*pair) for pair in zip(own, other.cases, strict=True)),
        subject=english.format(first.subject, other.subject),
        object=english.format(first.object, other.object),
        definite=True,
        denied=None,
    )


def _two_qualities(maker: Maker, german: str, english: str) -> Pair:
    noun = quality_noun(maker)
    fitting = maker.lexicon.predicates_for[noun.german]
    if "person" in noun.classes:
        fitting = [one for one in fitting if "person" in one.classes]
    if not fitting:
        raise UnfitError
    first, second = maker.one(fitting), maker.one(fitting)
    groups = maker.lexicon.choices["opposites"]
    against = any({first.german, second.german} <= set(group) for group in groups)
    wanted = german.startswith(("nicht {}", "entweder"))
    if first == second or against is not wanted:
        raise UnfitError
    doer = one_of(maker, noun)
    for each in (first, second):
        maker.note("adjective", doer.key, each.german)
    words = (
        german.format(first.german, second.german),
        english.format(first.english, second.english),
    )
    meaning = ClauseMeaning(doer, SEIN, (is_predicate(words),))
    return stated(maker, past(meaning) if maker.chance(0.3) else meaning)
