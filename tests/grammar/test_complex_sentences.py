"""Everyday sentences of more than one clause, questions and pronouns: the rules say their like.

In the table what stands in brackets may be other words; the rest of the sentence is its shape.
"""

import re
from functools import cache

import pytest

from pellucid.errors import TextError
from pellucid.grammar import scenes as scenes_module
from pellucid.grammar.lexicon import lexicon
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.meaning import SEIN, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import pronoun
from pellucid.grammar.relative_clauses import DescribedNoun, relative_word
from pellucid.grammar.rules_asking import going
from pellucid.grammar.rules_linking import two_things
from pellucid.grammar.rules_pronouns import own_alone, thing_pronoun
from pellucid.grammar.rules_reported import shifted
from pellucid.grammar.scenes import scenes
from pellucid.grammar.sentences import finished, rules
from tests.grammar.said import a, both, clause

DRAWN = 1500

EVERYDAY = """
relative | [Der Hund], den [ich] [gesehen] [habe], war [sehr groß].
    [The dog] that [I saw] was [very big].
relative | [Der Mann], der [hier] [arbeitet], hat [einen Kuchen gekauft].
    [The man] who [is working here] [bought a cake].
relative | [Ich] [habe] das [Buch] [gelesen], das [du] [gekauft] [hast].
    [I] [read] the [book] that [you] [bought].
relative | [Das] ist die [Frau], mit der [ich] [arbeite].
    [That] is the [woman] who [I] [work] with.
relative | [Das] ist das [Haus], in dem [wir] [wohnen].
    [That] is the [house] that [we] [live] in.
relative | Wo ist der [Schlüssel], den [du] [verloren] [hast]?
    Where is the [key] that [you] [lost]?
relative | [Hast] [du] [den Lehrer] [gesehen], der [lacht]?
    [Did] you [see] [the teacher] who [is laughing]?
relative | Wie heißt [die Frau], die [nebenan wohnt]?
    What is [the woman] who [lives next door] called?
relative | [Ich] [kenne] [den Mann], dessen [Auto] [neu] ist.
    [I know] [the man] whose [car] is [new].
relative | [Ich] [habe] mit [der Frau] [gesprochen], die [dort sitzt].
    [I] [spoke] to [the woman] who [sits there].
relative | [Der Film], über den [wir] [geredet haben], [ist] [langweilig].
    [The film] that [we talked] about [is] [boring].
anybody_who | Das ist alles, was [ich] [weiß].
    That is everything that [I know].
somebody_who | Ich suche jemanden, der [kochen] kann.
    I am looking for somebody who can [cook].
reason | [Ich bleibe] zu Hause, weil [ich] [krank bin].
    [I am staying] at home because [I] [am ill].
reason | Weil es [regnet], [bleiben] [wir] [zu Hause].
    Because it is [raining], [we] [are] [staying at home].
reason | [Er] war [müde], deshalb ist [er] [ins Bett] gegangen.
    [He] was [tired], so [he] went [to bed].
reason | [Sie] [ist krank], trotzdem [geht] [sie] [zur Arbeit].
    [She] [is ill], but [she] [is going to work] anyway.
reason | [Wir gehen nach Hause], denn es ist [spät].
    [We are going home] because it is [late].
reason | Wenn [ich] [müde] bin, [gehe] [ich] [ins Bett].
    When [I] am [tired], [I] [go to bed].
reason | [Er] [geht] [zu Fuß], obwohl es regnet.
    [He] [is going] [on foot], although it is raining.
reason | [Ich lerne Deutsch], weil [ich] [in Berlin arbeiten] möchte.
    [I am learning German] because [I] would like to [work in Berlin].
next_thing | [Ich] [stehe auf], dann [frühstücke] [ich].
    [I] [get up] and then [I] [have breakfast].
next_thing | [Er] hat [gefrühstückt], danach ist [er] [zur Arbeit] gegangen.
    [He] [had breakfast] and after that [he] went [to work].
next_thing | Bevor [sie] [frühstückt], [duscht] [sie].
    Before [she] [has breakfast], [she] [has a shower].
with_infinitive | [Er] [geht] [in die Stadt], um [ein Geschenk] zu kaufen.
    [He] is going [to town] to buy [a present].
with_infinitive | [Sie] ist [nach Hause] gegangen, ohne sich zu verabschieden.
    [She] went [home] without saying goodbye.
with_infinitive | Statt zu [lernen], [spielt] [er] [Karten].
    Instead of [studying], [he] is [playing cards].
paired | [Ich] [habe] sowohl [das Buch] als auch [die Zeitung] [gelesen].
    [I] [read] both [the book] and [the newspaper].
paired | [Das Haus] ist weder [alt] noch [teuer].
    [The house] is neither [old] nor [expensive].
paired | [Das Auto] ist nicht nur [alt], sondern auch [langsam].
    [The car] is not only [old] but also [slow].
paired | [Die Suppe] ist nicht [heiß], sondern [kalt].
    [The soup] is not [hot] but [cold].
paired | [Er] [kauft] entweder [ein Auto] oder [ein Fahrrad].
    [He] is [buying] either [a car] or [a bicycle].
thought | [Ich] dachte, dass [du] [krank] [bist].
    [I] thought that [you] were [ill].
thought | [Ich] [glaube], [er] [kommt].
    [I] [believe] [he] is [coming].
thought | [Sie] wusste nicht, dass [ich] [da] [bin].
    [She] did not know that [I] was [here].
judged | Es ist schade, dass [du] nicht [kommst].
    It is a pity that [you] [are] not [coming].
judged | Ich bin froh, dass [er] [gekommen] ist.
    I am glad that [he] [came].
it_is | Es ist schwer, Deutsch zu lernen.
    It is hard to learn German.
it_is | Es ist [schwer] für mich, [eine Wohnung] zu finden.
    It is [hard] for me to find [a flat].
it_is | Ist es gefährlich, hier zu schwimmen?
    Is it dangerous to swim here?
wondering | Ich weiß nicht, wer [das Auto] [hat].
    I do not know who [has] [the car].
wondering | Weißt du, wo [sie] [wohnt]?
    Do you know where [she] [lives]?
wondering | Er hat gefragt, ob [ich] [komme].
    He asked whether [I] was [coming].
preposition_question | Auf wen [wartest] [du]?
    Who [are] [you] waiting for?
preposition_question | Worüber [habt] [ihr] gesprochen?
    What did [you] talk about?
with_whom | Mit wem [fährst] [du] [ins Kino]?
    Who [are] [you] going [to the cinema] with?
with_whom | Für wen [kochst] [du] [die Suppe]?
    Who [are] [you] cooking [the soup] for?
what_kind | Was für [ein Auto] [hast] [du]?
    What kind of [car] [do] [you] [have]?
which_of | [Welches] von diesen [Büchern] [hast] [du] [gelesen]?
    Which of these [books] [did] [you] [read]?
since_when | Seit wann [wohnst] [du] [hier]?
    How long have you [lived] [here]?
tagged | [Das Haus] ist [alt], oder?
    [The house] is [old], right?
answer | Nein, [ich] [komme] [heute] nicht.
    No, [I] am not [coming] [today].
answer | Doch, [ich] [habe] [Zeit].
    Yes, [I] [have] [time].
two_pronouns | [Ich] [gebe] es ihm.
    [I] [am giving] it to him.
two_pronouns | [Er] hat sie mir [gezeigt].
    [He] [showed] it to me.
two_pronouns | [Zeig] es mir!
    [Show] it to me!
reason | [Ich bin] so [müde], dass [ich] [ins Bett gehe].
    [I am] so [tired] that [I] [am going to bed].
reason | Sobald [ich] [müde bin], [gehe] [ich] [ins Bett].
    As soon as [I] [am tired], [I] [go to bed].
until | Ich warte, bis [du kommst].
    I am waiting until [you come].
about_it | [Ich freue mich] darauf.
    [I am looking forward] to it.
about_it | [Hast] [du] dar[an] [gedacht]?
    [Did] [you] [think of] it?
mine | Das ist meins.
    That is mine.
mine | Dieser [Schlüssel] ist deiner.
    This [key] is yours.
mine | [Mein] [Auto] ist [schneller] als deins.
    [My] [car] is [faster] than yours.
one_does | [Hier] kann man [gut essen].
    [Here] you can [eat well].
everybody | Alle waren [müde].
    Everybody was [tired].
everybody | Nichts ist [einfach].
    Nothing is [simple].
to_somebody | [Ich] habe niemanden [gesehen].
    [I] [saw] nobody.
taken_up | [Das ist] [mein Hut]. Ich habe ihn [gekauft].
    [That is] [my hat]. I [bought] it.
around | Nach der Arbeit [gehe] [ich] [spazieren].
    After work [I] [go] [for a walk].
around | Nach dem Konzert [gehen] [wir] [nach Hause].
    After the concert [we] [are going] [home].
ask | Wie lange dauert [der Film]?
    How long does [the film] take?
ask | Seit wann bist du [krank]?
    How long have you been [ill]?
reply | Ja, das stimmt.
    Yes, that is right.
the_more | Je mehr [ich] [lese], desto mehr [weiß ich].
    The more [I] [read], the more [I know].
"""

LINES = EVERYDAY.strip().splitlines()
ROWS = [
    (*map(str.strip, first.split("|")), second.strip())
    for first, second in zip(LINES[::2], LINES[1::2], strict=True)
]


@cache
def drawn(rule: str) -> list[tuple[str, str]]:
    maker, make, found = Maker(lexicon(), seed=11), rules()[rule][0], []
    while len(found) < DRAWN:
        maker.begin()
        try:
            german, english = make(maker)
        except UnfitError:
            continue
        found.append((finished(german), finished(english)))
    return found


def shape(text: str, between: str) -> re.Pattern[str]:
    """The pattern of all sentences that differ in what stands in brackets only."""
    parts = re.split(r"\[[^\]]*\]", text)
    return re.compile(between.join(map(re.escape, parts)))


@pytest.mark.thinned(2)
@pytest.mark.parametrize(("rule", "german", "english"), ROWS)
def test_a_rule_says_the_like_of_an_everyday_sentence(rule: str, german: str, english: str):
    first, second = shape(german, r"[^,.?!]+"), shape(english, r"[^,.?!]+")
    like = [pair for pair in drawn(rule) if first.fullmatch(pair[0])]
    assert like, german
    assert any(second.fullmatch(pair[1]) for pair in like), like[:5]


def test_there_are_sixty_of_them_and_each_fits_its_own_shape():
    assert len(ROWS) >= 60
    for _, *both_ in ROWS:
        for text in both_:
            plain = re.sub(r"[\[\]]", "", text)
            assert shape(text, r"[^,.?!]+").fullmatch(plain), text


def test_commas_close_each_relative_clause():
    for german, english in drawn("relative"):
        assert german.count(",") in {1, 2}, german
        assert "," not in english, english
        assert not re.search(r",[.?]", german), german


def test_relative_pronouns_by_gender_and_case():
    table = {
        "m": ("der", "den", "dem", "dessen"),
        "f": ("die", "die", "der", "deren"),
        "n": ("das", "das", "dem", "dessen"),
        "p": ("die", "die", "denen", "deren"),
    }
    for gender, forms in table.items():
        cases = ("nom", "acc", "dat", "gen")
        assert tuple(relative_word(gender, case) for case in cases) == forms


def test_a_noun_with_its_clause_before_the_verb_and_at_the_end():
    head = a("Hund")
    one = DescribedNoun(lexicon().by_name["Hund"], head, "den ich sehe", "that I see")
    big = ClauseMeaning(one.inside(), SEIN, (is_predicate(("groß", "big")),))
    past = big.but(tense="past", aspect="past")
    assert both(past) == ("der Hund, den ich sehe, war groß", "the dog that I see was big")
    seen = clause("er", "fotografieren", one.at_the_end(), tense="perfect", aspect="past")
    assert both(seen.but(behind=(", den ich sehe", ""))) == (
        "er hat den Hund fotografiert, den ich sehe",
        "he photographed the dog that I see",
    )


def test_possessives_alone_by_gender_and_case():
    table = {
        "ich": ("meiner", "meine", "meins", "meine", "meinen"),
        "du": ("deiner", "deine", "deins", "deine", "deinen"),
        "er": ("seiner", "seine", "seins", "seine", "seinen"),
        "sie": ("ihrer", "ihre", "ihrs", "ihre", "ihren"),
        "wir": ("unserer", "unsere", "unseres", "unsere", "unseren"),
        "ihr": ("eurer", "eure", "eures", "eure", "euren"),
    }
    for owner, forms in table.items():
        said = [own_alone(owner, gender) for gender in "mfnp"]
        assert (*said, own_alone(owner, "m", "acc")) == forms


def test_two_pronouns_stand_accusative_first_and_english_has_to():
    meaning = clause("ich", "geben", pronoun("er"), thing_pronoun("es"))
    assert both(meaning) == ("ich gebe es ihm", "I give it to him")
    shown = clause("er", "zeigen", pronoun("ich"), thing_pronoun("sie"))
    shown = shown.but(tense="perfect", aspect="past")
    assert both(shown) == ("er hat sie mir gezeigt", "he showed it to me")


def test_english_goes_a_tense_back_and_german_does_not():
    ill = ClauseMeaning(pronoun("du"), SEIN, (is_predicate(("krank", "ill")),))
    assert both(shifted(ill)) == ("du bist krank", "you were ill")
    comes = clause("er", "auf|stehen", aspect="progressive")
    assert both(shifted(comes))[1] == "he was getting up"
    assert both(shifted(comes.but(tense="perfect", aspect="past")))[1] == "he had got up"
    assert both(shifted(comes.but(tense="future", aspect="will")))[1] == "he would get up"
    assert both(shifted(comes.but(modal="müssen", aspect="simple")))[1] == "he had to get up"
    assert both(shifted(comes.but(modal="sollen", aspect="simple")))[1] == "he should get up"


def test_what_loses_its_time_goes_on_now_or_is_past():
    reads = clause("er", "lesen", a("Buch"))
    assert going(reads).aspect == "progressive"
    assert going(reads.but(tense="perfect", aspect="perfect")).aspect == "past"
    assert going(reads.but(tense="perfect", aspect="perfect", denial="yet")).aspect == "perfect"
    assert going(reads.but(modal="können")).aspect == "simple"


def test_not_one_but_the_other_is_kein():
    words = ("nicht {}, sondern {}", "not {} but {}")
    thing = two_things(*words, a("Hund", "ein"), a("Katze", "ein"))
    assert thing.german("acc") == "keinen Hund, sondern eine Katze"
    assert thing.object == "not a dog but a cat"
    assert two_things(*words, a("Hund"), a("Katze")).german("dat") == (
        "nicht dem Hund, sondern der Katze"
    )


def test_every_scene_is_read_and_causes_have_effects():
    kinds = ("why", "then", "instead", "without", "purpose", "easy", "good", "bad")
    assert all(len(scenes(kind)) >= 6 for kind in kinds)
    assert all(one.second or one.against for one in scenes("why"))
    rain = next(one for one in scenes("why") if one.first.weather)
    assert both(rain.first.by(pronoun("ich"))) == ("es regnet", "it is raining")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("why\tgehen: ins Bett ~ to bed\t-\t-", "must look like gehen=go"),
        ("why\tgehen=fly: ins Bett ~ to bed\t-\t-", "verbs.tsv with this English"),
        ("why\t-\tgehen=go\t-", "must have a first clause"),
    ],
)
def test_a_wrong_scene_is_said_with_its_line(
    line: str, message: str, monkeypatch: pytest.MonkeyPatch
):
    rows = [(7, line.split("\t"))]
    monkeypatch.setattr(scenes_module, "table", lambda *_: iter(rows))
    with pytest.raises(TextError, match=message) as caught:
        scenes_module.scenes.__wrapped__("why")
    assert "line 7" in str(caught.value)


def test_the_present_of_every_day_is_simple_and_of_one_occasion_progressive():
    for german, english in drawn("around"):
        if german.startswith("Nach der Arbeit ") and " haben " not in german:
            assert not re.search(r" (am|is|are) \w+ing\b", english), english
