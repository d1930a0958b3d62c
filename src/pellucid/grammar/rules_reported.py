"""Rules for what is thought, said, asked, judged: dachte, dass; Weißt du, wer; Es ist schwer …"""

from pellucid.grammar import choosing, english_clause, german_clause
from pellucid.grammar.events import event, in_time
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import ClauseMeaning
from pellucid.grammar.phrases import pronoun
from pellucid.grammar.rules_asking import asking_words, going
from pellucid.grammar.rules_being import so_it_is
from pellucid.grammar.rules_complex import going_on
from pellucid.grammar.rules_questions import NOBODY, questionable
from pellucid.grammar.rules_simple import Pair, note_tense, with_modal
from pellucid.grammar.scenes import scenes

SHIFTED = {
    "simple": "past",
    "progressive": "past progressive",
    "perfect": "past perfect",
    "past": "past perfect",
    "will": "would",
}
"""English's aspect behind a past: I thought that he was coming, where German has the present."""


def shifted(meaning: ClauseMeaning) -> ClauseMeaning:
    """The same as English says it behind "he said"."""
    if meaning.modal in {"sollen", "möchten"} and meaning.tense == "present":
        return meaning
    return meaning.but(aspect=SHIFTED.get(meaning.aspect, meaning.aspect))


def matter(maker: Maker) -> ClauseMeaning:
    """What is the case now, was before, or will be: nothing that says when."""
    kind = maker.weighted(
        (("so", 3.0), ("now", 2.0), ("perfect", 2.0), ("can", 1.5), ("will", 1.0))
    )
    if kind == "so":
        return so_it_is(maker)
    if kind == "can":
        meaning = with_modal(maker, negated=maker.chance(0.15))
        if meaning.tense != "present":
            raise UnfitError
        return meaning.but(time=None)
    meaning = event(maker, simple=True)
    tense = {"now": going_on(maker, meaning), "will": "future"}.get(kind, kind)
    if tense == "perfect" and "state" in meaning.verb.frame.marks:
        raise UnfitError
    meaning = in_time(maker, meaning, tense)
    return meaning.but(time=None, frequency=None, negated=maker.chance(0.15))


THINKING = ("glauben", "denken", "meinen", "hoffen", "wissen", "sagen", "hören", "merken")
BY_ITSELF = {"glauben", "denken", "meinen", "hoffen", "sagen"}
"""Verbs with a clause that has no dass."""

PRETERITE = {"denken", "wissen", "glauben", "meinen"}


def thought(maker: Maker) -> Pair:
    """What somebody thought, with English's tenses: Ich dachte, dass er krank ist. Ich glaube, …"""
    german = maker.one(THINKING)
    verb = next(
        one
        for one in maker.lexicon.ending_in["dass"]
        if one.german == german and len(one.frame.slots) == 1
    )
    doer = choosing.subject(maker, ("person",))
    maker.note("subject", verb.german, doer.key)
    second = matter(maker)
    before = (maker.chance(0.5) and german != "hoffen") or german in {"hören", "merken"}
    first = ClauseMeaning(doer, verb, negated=german == "wissen" and maker.chance(0.6))
    if before:
        spoken = german not in PRETERITE or doer.form in {"du", "ihr"}
        first = first.but(tense="perfect" if spoken else "past", aspect="past")
        second = shifted(second)
    for meaning in (first, second):
        note_tense(maker, meaning)
    start, other = german_clause.main(first), english_clause.main(first)
    if german in BY_ITSELF and maker.chance(0.35):
        maker.note("reported", german, second.verb.german)
        return (
            f"{start}, {german_clause.main(second)}.",
            f"{other} {english_clause.main(second)}.",
        )
    return (
        f"{start}, {german_clause.subordinate(second, 'dass')}.",
        f"{other} {english_clause.subordinate(second, 'that')}.",
    )


JUDGED = (
    *(
        ("es ist gut", "it is good"),
        ("es ist schön", "it is nice"),
        ("es ist schade", "it is a pity"),
    ),
    *(("es ist möglich", "it is possible"), ("es ist wahr", "it is true")),
    *(("es ist wichtig", "it is important"), ("es ist klar", "it is clear")),
    *(("es tut mir leid", "I am sorry"), ("ich freue mich", "I am happy")),
    *(
        ("ich bin froh", "I am glad"),
        ("ich bin sicher", "I am sure"),
        ("es kann sein", "it may be"),
    ),
    *(
        ("ich habe Angst", "I am afraid"),
        ("es stimmt", "it is true"),
        ("ist es wahr", "is it true"),
    ),
)


def judged(maker: Maker) -> Pair:
    """What one thinks of it: Es ist schade, dass du nicht kommst. Ich bin froh, dass es regnet."""
    start, english = maker.one(JUDGED)
    second = matter(maker)
    if "wichtig" in start and second.tense == "future":
        raise UnfitError
    maker.note("judged", start, second.verb.german)
    note_tense(maker, second)
    end = "?" if start.startswith("ist") else "."
    return (
        f"{start}, {german_clause.subordinate(second, 'dass')}{end}",
        f"{english} {english_clause.subordinate(second, 'that')}{end}",
    )


FOR_WHOM = ("ich", "du", "er", "sie", "wir", "they")


def it_is(maker: Maker) -> Pair:
    """How it is to do something: Es ist schwer, Deutsch zu lernen. War es teuer?"""
    kind = maker.weighted((("easy", 3.0), ("good", 2.0), ("bad", 2.0)))
    scene = maker.one(scenes(kind))
    how, what = scene.first, (scene if kind == "bad" else maker.one(scenes(kind))).second
    assert what is not None
    maker.note("judged", how.text[0], what.key)
    done, own = what.by(pronoun("man")), how.by(pronoun("es"))
    inner, english = german_clause.infinitive(done), english_clause.infinitive(done)
    if kind == "easy" and "möglich" not in how.text[0] and maker.chance(0.4):
        who = pronoun(maker.one(FOR_WHOM))
        maker.note("judged", how.text[0], who.key)
        inner = f" für {who.german('acc')}, {inner}"
        english = f" for {who.object} {english}"
    else:
        inner, english = f", {inner}", f" {english}"
    own = own.but(behind=(inner, english))
    if maker.chance(0.25):
        own = own.but(tense="past", aspect="past")
    if maker.chance(0.25):
        return f"{german_clause.main(own, '')}?", f"{english_clause.question(own)}?"
    return f"{german_clause.main(own)}.", f"{english_clause.main(own)}."


WONDERING = (
    *(("ich weiß nicht", "I do not know", "."), ("er weiß nicht", "he does not know", ".")),
    *(("weißt du", "do you know", "?"), ("wisst ihr", "do you know", "?")),
    *(("niemand weiß", "nobody knows", "."), ("ich möchte wissen", "I would like to know", ".")),
    *(("kannst du mir sagen", "can you tell me", "?"), ("hast du gehört", "have you heard", "?")),
    *(("er fragt mich", "he is asking me", "."), ("sag mir bitte", "please tell me", "!")),
    *(
        ("ich habe vergessen", "I have forgotten", "."),
        ("ich verstehe nicht", "I do not understand", "."),
    ),
)
WONDERED = (
    *(("ich wusste nicht", "I did not know", "."), ("er hat gefragt", "he asked", ".")),
    *(
        ("sie hat mich gefragt", "she asked me", "."),
        ("wir wollten wissen", "we wanted to know", "."),
    ),
    *(("niemand wusste", "nobody knew", "."), ("sie hat vergessen", "she forgot", ".")),
)


def wondering(maker: Maker) -> Pair:
    """A question in a clause: Ich weiß nicht, wer singt. Er hat gefragt, wo ich bin."""
    before = maker.chance(0.35)
    start, english, end = maker.one(WONDERED if before else WONDERING)
    if maker.chance(0.2):
        meaning = event(maker, simple=True, doer=NOBODY)
        meaning = in_time(maker, meaning, maker.one((going_on(maker, meaning), "perfect")))
        words, subject = ("wer", "who"), False
    else:
        meaning, words = asking_words(maker, questionable(maker, simple=True))
        subject = True
    meaning = going(meaning.but(time=None, frequency=None, denial=""))
    note_tense(maker, meaning)
    maker.note("wondering", start, words[0])
    meaning = shifted(meaning) if before else meaning
    return (
        f"{start}, {german_clause.subordinate(meaning, words[0], subject=subject)}{end}",
        f"{english} {english_clause.subordinate(meaning, words[1], subject=subject)}{end}",
    )
