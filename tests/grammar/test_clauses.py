"""Clauses put together by hand: the order of words in every kind of clause, in both languages."""

from pellucid.grammar import english_clause, german_clause
from pellucid.grammar.meaning import SEIN, ClauseMeaning, Complement, is_predicate
from pellucid.grammar.phrases import name, pronoun
from tests.grammar.said import a, both, clause, verb, when

TODAY = when("heute", "today")


def test_tenses_of_a_strong_verb():
    meaning = clause("er", "lesen", a("Buch", "ein"))
    for tense, aspect, german, english in (
        ("present", "progressive", "er liest ein Buch", "he is reading a book"),
        ("present", "simple", "er liest ein Buch", "he reads a book"),
        ("past", "past", "er las ein Buch", "he read a book"),
        ("perfect", "past", "er hat ein Buch gelesen", "he read a book"),
        ("perfect", "perfect", "er hat ein Buch gelesen", "he has read a book"),
        ("pluperfect", "past perfect", "er hatte ein Buch gelesen", "he had read a book"),
        ("future", "will", "er wird ein Buch lesen", "he will read a book"),
        ("would", "would", "er würde ein Buch lesen", "he would read a book"),
        ("would have", "would have", "er hätte ein Buch gelesen", "he would have read a book"),
    ):
        assert both(meaning.but(tense=tense, aspect=aspect)) == (german, english)


def test_a_verb_of_motion_has_sein():
    meaning = clause("wir", "auf|stehen")
    assert both(meaning.but(tense="perfect", aspect="past"))[0] == "wir sind aufgestanden"
    assert both(meaning.but(tense="pluperfect", aspect="past"))[0] == "wir waren aufgestanden"


def test_a_separable_verb_in_every_position():
    meaning = clause("ich", "auf|machen", a("Fenster"), time=TODAY)
    assert both(meaning) == ("ich mache heute das Fenster auf", "I open the window today")
    assert german_clause.main(meaning.but(time=None), "heute") == "heute mache ich das Fenster auf"
    assert german_clause.main(meaning, "warum") == "warum mache ich heute das Fenster auf"
    assert german_clause.subordinate(meaning, "weil") == "weil ich heute das Fenster aufmache"
    assert german_clause.infinitive(meaning.but(time=None), "um") == "um das Fenster aufzumachen"
    assert both(meaning.but(modal="müssen"))[0] == "ich muss heute das Fenster aufmachen"
    done = meaning.but(tense="perfect")
    assert german_clause.subordinate(done, "ob") == "ob ich heute das Fenster aufgemacht habe"


def test_a_word_before_the_verb_stays_apart():
    meaning = clause("wir", "spazieren |gehen", time=TODAY)
    assert both(meaning)[0] == "wir gehen heute spazieren"
    assert german_clause.subordinate(meaning, "wenn") == "wenn wir heute spazieren gehen"
    assert german_clause.infinitive(meaning.but(time=None)) == "spazieren zu gehen"


def test_questions_turn_subject_and_verb_and_take_do():
    meaning = clause("du", "lesen", a("Buch", "ein"))
    assert german_clause.main(meaning, "") == "liest du ein Buch"
    assert english_clause.question(meaning) == "do you read a book"
    past = meaning.but(tense="perfect", aspect="past")
    assert english_clause.question(past) == "did you read a book"
    assert english_clause.question(meaning.but(aspect="perfect")) == "have you read a book"
    assert english_clause.question(meaning.but(modal="können")) == "can you read a book"
    asked = meaning.without(0)
    assert german_clause.main(asked, "was") == "was liest du"
    assert english_clause.question(asked, "what") == "what do you read"
    assert english_clause.subject_question(clause("er", "lesen"), "who") == "who reads"


def test_negation_by_nicht_and_by_kein():
    for meaning, german, english in (
        (clause("er", "lesen", a("Buch")), "er liest das Buch nicht", "he does not read the book"),
        (clause("er", "lesen", a("Buch", "ein")), "er liest kein Buch", "he does not read a book"),
        (clause("er", "lesen"), "er liest nicht", "he does not read"),
        (
            clause("er", "trinken", a("Milch", "")),
            "er trinkt keine Milch",
            "he does not drink any milk",
        ),
        (
            clause("er", "lesen", a("Buch")).but(tense="perfect", aspect="past"),
            "er hat das Buch nicht gelesen",
            "he did not read the book",
        ),
        (
            clause("er", "lesen", a("Buch")).but(tense="perfect", aspect="perfect", denial="yet"),
            "er hat das Buch noch nicht gelesen",
            "he has not read the book",
        ),
        (
            clause("er", "lesen").but(denial="more"),
            "er liest nicht mehr",
            "he does not read",
        ),
        (clause("er", "lesen").but(modal="können"), "er kann nicht lesen", "he cannot read"),
        (clause("er", "Hunger |haben"), "er hat keinen Hunger", "he is not hungry"),
    ):
        assert both(meaning.but(negated=True)) == (german, english)


def test_nicht_stands_before_a_predicate_and_a_place():
    red = ClauseMeaning(a("Auto"), SEIN, (is_predicate(("rot", "red")),), negated=True)
    assert both(red) == ("das Auto ist nicht rot", "the car is not red")
    here = ClauseMeaning(a("Kind"), SEIN, place=when("hier", "here"), negated=True)
    assert both(here) == ("das Kind ist nicht hier", "the child is not here")
    job = Complement("predicate", a("Lehrer", "ein"), "nom")
    assert both(ClauseMeaning(pronoun("er"), SEIN, (job,), negated=True)) == (
        "er ist kein Lehrer",
        "he is not a teacher",
    )


def test_pronouns_come_first_and_the_accusative_before_the_dative():
    it, him = pronoun("es"), pronoun("er")
    for objects, german, english in (
        ((a("Kind"), a("Ball")), "ich schenke dem Kind den Ball", "I give the child the ball"),
        ((him, a("Ball")), "ich schenke ihm den Ball", "I give him the ball"),
        ((a("Kind"), it), "ich schenke es dem Kind", "I give it to the child"),
        ((him, it), "ich schenke es ihm", "I give it to him"),
    ):
        assert both(clause("ich", "schenken", *objects)) == (german, english)


def test_a_pronoun_goes_between_verb_and_particle():
    meaning = clause("ich", "ein|schalten", a("Lampe"))
    assert both(meaning)[1] == "I switch on the lamp"
    assert both(clause("ich", "ein|schalten", pronoun("es")))[1] == "I switch it on"


def test_reflexive_pronouns_go_by_the_subject():
    for who, german in (
        ("ich", "mich"),
        ("du", "dich"),
        ("wir", "uns"),
        ("ihr", "euch"),
        ("sie", "sich"),
    ):
        assert both(clause(who, "sich an|ziehen"))[0].split()[2] == german
    anna = clause(name("Anna", "f"), "sich an|ziehen")
    assert german_clause.main(anna, "") == "zieht sich Anna an"
    assert german_clause.subordinate(anna, "weil") == "weil sich Anna anzieht"


def test_imperatives():
    for who, german in (
        ("du", "lies bitte das Buch"),
        ("ihr", "lest bitte das Buch"),
        ("Sie", "lesen Sie bitte das Buch"),
    ):
        meaning = clause(who, "lesen", a("Buch"))
        assert german_clause.imperative(meaning, please="bitte") == german
        assert english_clause.imperative(meaning) == "read the book"
    dressed = clause("du", "sich an|ziehen")
    assert german_clause.imperative(dressed, please="bitte") == "zieh dich bitte an"
    polite = clause("Sie", "sich an|ziehen", negated=True)
    assert german_clause.imperative(polite) == "ziehen Sie sich nicht an"
    assert english_clause.imperative(polite) == "do not get dressed"


def test_modals_in_both_tenses():
    meaning = clause("sie", "lesen", a("Buch"))
    for modal, now, past in (
        ("können", "can read", "could read"),
        ("müssen", "has to read", "had to read"),
        ("wollen", "wants to read", "wanted to read"),
        ("dürfen", "is allowed to read", "was allowed to read"),
        ("sollen", "should read", "was supposed to read"),
    ):
        chosen = meaning.but(modal=modal)
        assert both(chosen)[1] == f"she {now} the book"
        assert both(chosen.but(tense="past", aspect="past"))[1] == f"she {past} the book"
    must = meaning.but(modal="müssen", negated=True)
    assert both(must) == ("sie muss das Buch nicht lesen", "she does not have to read the book")
    assert english_clause.question(meaning.but(modal="wollen")) == "does she want to read the book"


def test_the_passive():
    meaning = ClauseMeaning(a("Haus"), verb("bauen", "acc"), passive=True)
    for tense, aspect, german, english in (
        ("present", "simple", "das Haus wird gebaut", "the house is built"),
        ("past", "past", "das Haus wurde gebaut", "the house was built"),
        ("perfect", "perfect", "das Haus ist gebaut worden", "the house has been built"),
    ):
        assert both(meaning.but(tense=tense, aspect=aspect)) == (german, english)
    assert both(meaning.but(modal="müssen"))[0] == "das Haus muss gebaut werden"
    assert german_clause.subordinate(meaning, "dass") == "dass das Haus gebaut wird"


def test_conditions_have_were():
    ill = ClauseMeaning(pronoun("ich"), SEIN, (is_predicate(("krank", "ill")),))
    ill = ill.but(tense="would", aspect="past")
    assert german_clause.subordinate(ill, "wenn") == "wenn ich krank wäre"
    assert english_clause.subordinate(ill, "if") == "if I were ill"


def test_what_pleases_somebody_is_what_he_likes():
    found = ClauseMeaning(
        a("Buch"), verb("gefallen", "dat"), (Complement("dat", pronoun("er"), "dat"),)
    )
    assert both(found) == ("das Buch gefällt ihm", "he likes the book")
    assert both(found.but(negated=True)) == (
        "das Buch gefällt ihm nicht",
        "he does not like the book",
    )
    assert english_clause.question(found) == "does he like the book"


def test_how_stands_before_a_place_and_behind_an_object():
    quickly, here = when("schnell", "quickly"), when("hier", "here")
    assert both(clause("er", "lesen", a("Buch"), manner=quickly, place=here, time=TODAY)) == (
        "er liest heute das Buch schnell hier",
        "he reads the book quickly here today",
    )


def test_a_word_of_frequency_stands_before_the_verb_and_behind_be():
    often = when("oft", "often")
    assert both(clause("er", "lesen", frequency=often)) == ("er liest oft", "he often reads")
    ill = ClauseMeaning(pronoun("er"), SEIN, (is_predicate(("krank", "ill")),), frequency=often)
    assert both(ill) == ("er ist oft krank", "he is often ill")
    assert english_clause.question(clause("er", "lesen", frequency=often)) == "does he often read"


def test_gern_stands_before_something_and_behind_the_thing():
    assert both(clause("er", "lesen", gern=True)) == ("er liest gern", "he likes to read")
    assert both(clause("er", "lesen", a("Buch"), gern=True))[0] == "er liest das Buch gern"
    milk = clause("er", "trinken", a("Milch", ""), gern=True)
    assert both(milk) == ("er trinkt gern Milch", "he likes to drink milk")
