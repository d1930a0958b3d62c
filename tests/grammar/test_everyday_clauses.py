"""Everyday sentences in one clause: each has the shape of sentences that the grammar makes."""

import re
from functools import cache
from itertools import product

import pytest

from pellucid.grammar import rules, sentences
from pellucid.grammar.lexicon import lexicon
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.patterns import patterns
from pellucid.grammar.phrases import name, pronoun
from pellucid.grammar.rules_daily import company
from pellucid.grammar.rules_food import measured, with_something
from pellucid.grammar.sentences import GrammarSentence, finished
from pellucid.grammar.times import detailed, from_to, how_long, repeated, when

WITH = r"(mit \w+( \w+)?)"
ALONG = r"(with \w+( \w+)?)"

SHAPES = (
    # rule, German shape and English shape, then sentences that have them
    (
        "outing",
        rf"\w+ (bin|ist|bist|sind|seid) .*{WITH} (ins|in|zum|zur) .*\w+ gegangen\.",
        rf"\w+ went .*to .*{ALONG} \w+.*\.",
        "Ich bin gestern mit meinem Bruder ins Kino gegangen.",
        "I went to the cinema with my brother yesterday.",
        "Ich bin vorgestern mit Anna in den Zoo gegangen.",
        "I went to the zoo with Anna the day before yesterday.",
    ),
    (
        "outing",
        r"Wir (fahren|gehen) .*(nach|zu|ins|in) .*\.",
        r"We (are going|go) .*\.",
        "Wir fahren morgen mit unseren Kindern nach Berlin.",
        "We are going to Berlin with our children tomorrow.",
        "Wir gehen am Samstag um acht Uhr ins Theater.",
        "We are going to the theatre on Saturday at eight o'clock.",
    ),
    (
        "outing",
        r"Gehst du .*\?",
        r"Are you going .*\?",
        "Gehst du morgen mit uns ins Museum?",
        "Are you going to the museum with us tomorrow?",
    ),
    (
        "outing_wished",
        r"Ich (möchte|will|muss) .* (gehen|fahren)\.",
        r"I (would like|want|have) to go .*\.",
        "Ich möchte heute mit dir ins Kino gehen.",
        "I would like to go to the cinema with you today.",
        "Ich muss morgen zum Zahnarzt gehen.",
        "I have to go to the dentist's tomorrow.",
    ),
    (
        "home",
        r"Wann komm(st|t|en) \w+ (\w+ )?nach Hause\?",
        r"When (is|are) \w+ coming home( \w+)?\?",
        "Wann kommst du morgen nach Hause?",
        "When are you coming home tomorrow?",
        "Wann kommst du nach Hause?",
        "When are you coming home?",
    ),
    (
        "home",
        r"Er ist .*nach Hause gekommen\.",
        r"He came home .*\.",
        "Er ist um halb neun nach Hause gekommen.",
        "He came home at half past eight.",
        "Er ist spät nach Hause gekommen.",
        "He came home late.",
    ),
    (
        "home",
        r"Ich (muss|will|möchte) .*nach Hause (gehen|kommen|fahren)\.",
        r"I .*to (go|come) home.*\.",
        "Ich muss jetzt nach Hause gehen.",
        "I have to go home now.",
    ),
    (
        "at_home",
        r"(Bist|Ist|Sind|Seid) .* zu Hause\?",
        r"(Are|Is|Will) .* at home.*\?",
        "Bist du heute zu Hause?",
        "Are you at home today?",
        "Sind deine Eltern zu Hause?",
        "Are your parents at home?",
    ),
    (
        "at_home",
        r"Wir waren .*bei .*\w+\.",
        r"We were at \w+( \w+)?'s.*\.",
        "Wir waren gestern bei meiner Oma.",
        "We were at my grandma's yesterday.",
    ),
    (
        "at_home",
        r"\w+ bleibe? .*zu Hause\.|\w+ bleibt .*zu Hause\.",
        r".* (am|is|are) staying at home.*\.",
        "Er bleibt heute zu Hause.",
        "He is staying at home today.",
    ),
    (
        "together",
        rf"\w+ (habe|hat|haben) .*{WITH} .*gespielt\.",
        rf"\w+ played .*{ALONG}.*\.",
        "Sie hat gestern mit Anna im Park Fußball gespielt.",
        "She played football with Anna in the park yesterday.",
        "Wir haben am Montag mit ihm Karten gespielt.",
        "We played cards with him on Monday.",
    ),
    (
        "together",
        r".*\b(habe|hat|hast|habt|haben)\b.* von \w+ bis \w+( Uhr)? .*ge\w+\.",
        r".* from \w+ to \w+.*\.",
        "Ich habe von acht bis zehn mit Peter gelernt.",
        "I studied with Peter from eight to ten.",
    ),
    (
        "how_often",
        r"\w+ (geht|gehen|gehe|gehst) (fast nie|oft|manchmal|selten|nie) .*\.",
        r"\w+ (almost never|often|sometimes|rarely|never) go(es)? .*\.",
        "Wir gehen oft ins Restaurant.",
        "We often go to the restaurant.",
        "Er geht fast nie ins Theater.",
        "He almost never goes to the theatre.",
    ),
    (
        "how_often",
        r"(Manchmal|Meistens|Normalerweise) \w+ .*\.",
        r"(Sometimes|Usually|Normally) .*\.",
        "Manchmal koche ich mit meiner Freundin.",
        "Sometimes I cook with my friend.",
        "Meistens fahre ich nach Hause.",
        "Usually I go home.",
    ),
    (
        "how_often",
        r".* \w+mal (in der Woche|am Tag|im Monat|im Jahr)\b.*\.",
        r".* (once|twice|\w+ times) a \w+\.",
        "Sie schwimmt zweimal in der Woche.",
        "She swims twice a week.",
        "Ich gehe dreimal im Monat ins Kino.",
        "I go to the cinema three times a month.",
    ),
    (
        "request",
        r"(Kannst du|Können Sie) (\w+ )?bitte .*\?",
        r"Can you .*, please\?",
        "Kannst du mir bitte helfen?",
        "Can you help me, please?",
        "Können Sie bitte das Fenster aufmachen?",
        "Can you open the window, please?",
    ),
    (
        "request",
        r"(Könntest du|Könnten Sie) .*bitte .*\?",
        r"Could you .*, please\?",
        "Könnten Sie mir bitte Ihren Namen geben?",
        "Could you give me your name, please?",
    ),
    (
        "order",
        r"\w+ .*, bitte!",
        r"\w+ .*, please!",
        "Komm morgen um acht Uhr, bitte!",
        "Come tomorrow at eight o'clock, please!",
    ),
    (
        "order",
        r"\w+ (Sie )?bitte .*!",
        r"Please .*!",
        "Fahren Sie bitte zum Bahnhof!",
        "Please go to the station!",
        "Geh bitte mit deiner Schwester in die Schule!",
        "Please go to school with your sister!",
    ),
    (
        "guest",
        r"Ich möchte \w+ \w+ mit \w+, bitte\.",
        r"I would like an? \w+ with \w+, please\.",
        "Ich möchte einen Kaffee mit Milch, bitte.",
        "I would like a coffee with milk, please.",
        "Ich möchte einen Tee mit Zitrone, bitte.",
        "I would like a tea with lemon, please.",
    ),
    (
        "guest",
        r"Ich hätte gern \w+ \w+ \w+\.",
        r"I would like \w+ \w+ of \w+( \w+)?\.",
        "Ich hätte gern ein Glas Wasser.",
        "I would like a glass of water.",
        "Ich hätte gern zwei Kilo Äpfel.",
        "I would like two kilos of apples.",
    ),
    (
        "guest",
        r"Kann ich bitte .* haben\?",
        r"Can I have .*, please\?",
        "Kann ich bitte eine Tasse Tee haben?",
        "Can I have a cup of tea, please?",
    ),
    (
        "guest",
        r"Möchtest du .*\?",
        r"Would you like .*\?",
        "Möchtest du ein Stück Kuchen?",
        "Would you like a piece of cake?",
    ),
    (
        "meal",
        r"\w+ .*\b(habe|hat|haben|hast|habt)\b.* (gegessen|getrunken)\.",
        r".* (ate|drank) .*\.",
        "Ich habe heute ein Brötchen mit Käse gegessen.",
        "I ate a roll with cheese today.",
        "Wir haben gestern eine Flasche Wein getrunken.",
        "We drank a bottle of wine yesterday.",
    ),
    (
        "price",
        r"Was kostet (eine|ein) \w+ \w+\?",
        r"How much is an? \w+ of \w+( \w+)?\?",
        "Was kostet eine Flasche Wasser?",
        "How much is a bottle of water?",
    ),
    (
        "as_one_likes",
        r"Ich trinke .*ohne \w+\.",
        r"I .*drink .*without \w+\.",
        "Ich trinke meinen Tee ohne Zucker.",
        "I drink my tea without sugar.",
    ),
    (
        "how_much_so",
        r".* war (\w+ )?(ziemlich|sehr|zu) \w+\.",
        r".* was (quite|very|too) \w+.*\.",
        "Der Film war ziemlich langweilig.",
        "The film was quite boring.",
        "Das Essen war gestern sehr gut.",
        "The food was very good yesterday.",
    ),
    (
        "how_much_so",
        r".* (ist|war) nicht (so|sehr) \w+\.",
        r".* (is|was) not (so|very) \w+\.",
        "Das Hotel ist nicht so teuer.",
        "The hotel is not so expensive.",
    ),
    (
        "still_so",
        r".* (ist|war|bin) (immer noch|noch) \w+\.",
        r".* (is|was|am) still \w+\.",
        "Mein Bruder ist immer noch krank.",
        "My brother is still ill.",
    ),
    (
        "still_so",
        r".* (ist|war|bin|sind) nicht mehr \w+\.",
        r".* (is|was|am|are) not \w+ any more\.",
        "Ich bin nicht mehr müde.",
        "I am not tired any more.",
    ),
    (
        "a_very_good_one",
        r"Das (ist|war) (ein|eine) sehr \w+ \w+\.",
        r"That (is|was) a very \w+ \w+( \w+)?\.",
        "Das ist ein sehr schönes Haus.",
        "That is a very beautiful house.",
        "Das war ein sehr guter Film.",
        "That was a very good film.",
    ),
)

WHOLE = (
    (
        "travel",
        "Wann fährt der nächste Zug nach Warschau?",
        "When does the next train to Warsaw leave?",
    ),
    (
        "travel",
        "Der letzte Bus nach Berlin fährt um halb neun.",
        "The last bus to Berlin leaves at half past eight.",
    ),
    (
        "travel",
        "Wie lange dauert die Fahrt nach Wien?",
        "How long does the journey to Vienna take?",
    ),
    (
        "shop",
        "Ich suche ein Geschenk für meine Mutter.",
        "I am looking for a present for my mother.",
    ),
    ("shop", "Der Supermarkt schließt um acht Uhr.", "The supermarket closes at eight o'clock."),
    ("restaurant", "Können wir bitte bezahlen?", "Can we pay, please?"),
    ("restaurant", "Möchten Sie lieber Kaffee oder Tee?", "Would you rather have coffee or tea?"),
    ("telephone", "Ruf mich bitte morgen an!", "Please call me tomorrow!"),
    ("telephone", "Kann ich bitte mit Frau Weber sprechen?", "Can I speak to Mrs Weber, please?"),
    ("doctor", "Ich muss morgen zum Arzt.", "I have to go to the doctor's tomorrow."),
    ("doctor", "Ich fühle mich heute nicht gut.", "I do not feel well today."),
    ("family", "Ich habe zwei Brüder.", "I have two brothers."),
    (
        "family",
        "Meine Großeltern wohnen seit zehn Jahren in Köln.",
        "My grandparents have lived in Cologne for ten years.",
    ),
    ("school", "Können Sie das bitte wiederholen?", "Can you repeat that, please?"),
    ("work", "Ich arbeite von acht bis fünf Uhr.", "I work from eight to five o'clock."),
    ("work", "Ich bin ab Montag wieder im Büro.", "I will be back in the office from Monday."),
    ("plans", "Hast du heute Abend Zeit?", "Do you have time this evening?"),
    ("plans", "Was machst du am Wochenende?", "What are you doing at the weekend?"),
    ("house", "Ich stehe jeden Tag um sieben Uhr auf.", "I get up at seven o'clock every day."),
    ("house", "Mach bitte die Tür zu!", "Please close the door!"),
)


@cache
def made(rule: str) -> list[GrammarSentence]:
    """Some sentences of a rule."""
    return list(sentences(450, seed=6, rule=rule))


@pytest.mark.parametrize("row", SHAPES, ids=lambda row: row[3])
def test_everyday_sentences_have_the_shape_of_what_a_rule_makes(row: tuple[str, ...]):
    rule, german, english, *examples = row
    own, other = re.compile(german), re.compile(english)
    for one, translation in zip(examples[::2], examples[1::2], strict=True):
        assert own.fullmatch(one), one
        assert other.fullmatch(translation), translation
    fitting = [one for one in made(rule) if own.fullmatch(one.german)]
    assert fitting, f"{rule} makes nothing like {german}"
    assert any(other.fullmatch(one.english) for one in fitting), fitting[:3]


GAP = re.compile(r"\\\{(\w+)(?::.*?)?\\\}")


def shape(text: str) -> re.Pattern[str]:
    """A pattern of the table as a regular expression."""
    return re.compile(GAP.sub(r"(.+)", re.escape(text)))


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row[1])
def test_everyday_sentences_are_of_a_pattern(row: tuple[str, str, str]):
    rule, german, english = row
    fitting = [
        one
        for one in patterns()[rule]
        if shape(one.german).fullmatch(german) and shape(one.english).fullmatch(english)
    ]
    assert fitting


CHOSEN = (
    ("body", "Sie hat blaue Augen und lange Haare.", "She has blue eyes and long hair."),
    ("body", "Er hat sich das Bein gebrochen.", "He broke his leg."),
    ("body", "Meiner Mutter tut der Kopf immer noch weh.", "My mother's head still hurts."),
    ("this_that", "Das gefällt mir nicht.", "I do not like that."),
    ("this_that", "Kein Problem.", "No problem."),
    ("this_that", "Welche Farbe hat dein neues Auto?", "What colour is your new car?"),
    ("without", "Ohne Wasser können wir nicht leben.", "Without water we cannot live."),
    (
        "and_then",
        "Ich bin müde und gehe jetzt ins Bett.",
        "I am tired and am going to bed now.",
    ),
    ("the_way", "Gehen Sie geradeaus und dann links.", "Go straight on and then left."),
    ("profession", "Mein Bruder arbeitet als Koch.", "My brother works as a cook."),
    ("forget", "Vergiss nicht, mich anzurufen!", "Do not forget to call me!"),
    (
        "each_other",
        "Wir haben uns lange nicht gesehen.",
        "We have not seen each other for a long time.",
    ),
    (
        "long_ago",
        "Das Haus wurde vor hundert Jahren gebaut.",
        "The house was built a hundred years ago.",
    ),
)


def written_out(rule: str) -> set[tuple[str, str]]:
    """All sentences of a rule's patterns whose gaps have only pairs to choose from."""
    found = set()
    for one in patterns()[rule]:
        gaps = re.findall(r"\{(\w+):=([^}]*)\}", one.german)
        choices = [[pair.split("~") for pair in pairs.split("/")] for _, pairs in gaps]
        for chosen in product(*choices):
            german, english = one.german, one.english
            for (gap, pairs), (own, other) in zip(gaps, chosen, strict=True):
                german = german.replace(f"{{{gap}:={pairs}}}", own)
                english = english.replace(f"{{{gap}}}", other)
            if "{" not in german:
                found.add((finished(german), finished(english)))
    return found


@pytest.mark.parametrize("row", CHOSEN, ids=lambda row: row[1])
def test_pairs_that_are_chosen_together_say_the_same(row: tuple[str, str, str]):
    rule, german, english = row
    assert {other for own, other in written_out(rule) if own == german} == {english}


def test_no_sentence_of_chosen_pairs_is_torn():
    rules = sorted({rule for rule, *_ in CHOSEN})
    for text in {text for rule in rules for pair in written_out(rule) for text in pair}:
        assert re.fullmatch(r"[A-ZÄÖÜ]\S*( \S+)*[.!?]", text), text
        assert not re.search(r" [.!?,]|\.[.!?]|~|/", text), text


ASKS = re.compile(r"(Do|Does|Did|Are|Is|Was|Were|Can|May|Will|Would|Have|Has) (you|he|she|we|I)\b")


def test_what_asks_ends_with_a_question_mark():
    for german, english in (pair for rule in patterns() for pair in written_out(rule)):
        assert not ASKS.match(english) or (german[-1], english[-1]) == ("?", "?"), german


def test_there_are_enough_everyday_sentences():
    assert sum((len(row) - 3) // 2 for row in SHAPES) + len(WHOLE) >= 60


def test_who_goes_along_is_never_who_goes():
    maker = Maker(lexicon(), seed=1)
    for who in ("ich", "du", "wir", "ihr", "they", "er"):
        key = pronoun(who)
        for _ in range(60):
            maker.begin()
            one = company(maker, "gehen", key)
            assert one.german.startswith("mit ")
            assert one.english.startswith("with ")
            assert one.english.split()[1] != key.object, one
            assert maker.met[-1] == ("company", "gehen", one.key)


def test_nobody_goes_with_the_one_that_goes():
    maker = Maker(lexicon(), seed=4)
    anna = name("Anna", "f")
    for _ in range(1500):
        try:
            assert company(maker, "gehen", anna).english != "with Anna"
        except UnfitError:
            continue


def test_measures_and_what_comes_to_a_dish():
    maker = Maker(lexicon(), seed=2)
    seen: dict[str, str] = {}
    for _ in range(1200):
        for one in (measured(maker), with_something(maker, "drink")):
            seen[one.german("acc")] = one.object
    for german, english in (
        ("ein Glas Wasser", "a glass of water"),
        ("zwei Gläser Milch", "two glasses of milk"),
        ("zwei Stück Kuchen", "two pieces of cake"),
        ("ein Kilo Äpfel", "a kilo of apples"),
        ("eine Tasse Tee", "a cup of tea"),
        ("einen Kaffee mit Milch", "a coffee with milk"),
        ("Kaffee ohne Zucker", "coffee without sugar"),
    ):
        assert seen[german] == english
    two = [(one, other) for one, other in seen.items() if " und " in one]
    assert two
    for one, other in two:
        assert (" or " in other) == ("ohne" in one), one
        assert (" and " in other) == ("mit" in one), one
    dishes = {one.german("acc") for one in (with_something(maker, "eat") for _ in range(900))}
    assert "eine Suppe ohne Nudeln" in dishes
    assert any(one.endswith("mit Kartoffeln") for one in dishes)
    assert any(one.endswith("mit Äpfeln") for one in dishes)
    assert any(one.endswith("ohne Pilze") for one in dishes)
    assert not any(one.endswith("ohne Pilzen") for one in dishes)
    denied = with_something(maker, "drink")
    while denied.denied is None or not denied.german("acc").startswith("einen"):
        denied = with_something(maker, "drink")
    assert denied.deny().german("acc").startswith("keinen ")


def test_hours_and_spans_of_time():
    maker = Maker(lexicon(), seed=3)
    days = dict(tuple(detailed(maker, "past")[:2]) for _ in range(900))
    assert days["gestern um acht Uhr"] == "yesterday at eight o'clock"
    assert days["gestern Abend um neun Uhr"] == "yesterday evening at nine o'clock"
    hours = r"um (halb (sieben|acht|neun|zehn|elf)|(sechs|sieben|acht|neun|zehn) Uhr)"
    evenings = [one for one in days if one.startswith("gestern Abend")]
    assert all(re.fullmatch(f"gestern Abend {hours}", one) for one in evenings)
    spans = dict(tuple(from_to(maker, past=True)[:2]) for _ in range(900))
    assert spans["von acht bis zehn"] == "from eight to ten"
    assert spans["von Montag bis Freitag"] == "from Monday to Friday"
    assert spans["bis Freitag"] == "until Friday"
    assert not any(one.startswith("ab ") for one in spans)  # that has not happened
    longs = dict(tuple(how_long(maker)[:2]) for _ in range(300))
    assert longs["zwei Tage lang"] == "for two days"
    assert longs["eine Stunde lang"] == "for an hour"
    often = dict(tuple(repeated(maker)[:2]) for _ in range(600))
    assert often["zweimal in der Woche"] == "twice a week"
    assert often["jeden Montag"] == "every Monday"
    assert often["montags"] == "on Mondays"


def test_the_tense_of_the_present_can_be_told_from_the_time():
    maker = Maker(lexicon(), seed=6)
    once = {when(maker, "future", once=True).german for _ in range(1500)}
    habits = {when(maker, "habit").german for _ in range(1500)}
    assert not once & habits
    assert "morgen" in once
    assert any(one.startswith("um ") for one in once)
    assert {"am Abend", "im Sommer", "im Mai"} <= habits


def test_words_for_what_goes_on_or_is_over():
    for one in sentences(300, seed=3, rule="still_so"):
        assert ("nicht mehr" in one.german) == ("any more" in one.english), one
        assert ("gar nicht" in one.german) == ("at all" in one.english), one
        assert ("schon wieder" in one.german) == ("again" in one.english), one


PLURAL = r"\b(trousers|jeans|glasses|lessons|vegetables)"


def test_nothing_is_at_odds_with_itself_in_a_pattern():
    for rule in ("shop", "restaurant", "school"):
        for one in sentences(250, seed=8, rule=rule):
            assert not re.search(rf"{PLURAL} (costs|is|begins)\b", one.english), one
            assert not re.search(rf"\bdoes the {PLURAL}", one.english), one


def test_what_is_held_out_of_a_verb_is_held_out_of_every_rule():
    known, maker = rules(), Maker(lexicon(), seed=5)
    for rule, kinds in (
        ("home", {("subject", "kommen"), ("subject", "gehen"), ("subject", "fahren")}),
        ("at_home", {("subject", "sein"), ("subject", "bleiben")}),
        ("outing", {("subject", "gehen"), ("subject", "fahren")}),
        ("meal", {("object", "essen"), ("object", "trinken"), ("subject", "essen")}),
        ("as_one_likes", {("object", "trinken"), ("subject", "trinken")}),
    ):
        met = set()
        for _ in range(80):
            maker.begin()
            try:
                known[rule][0](maker)
            except UnfitError:
                continue
            met |= {(one.kind, one.first) for one in maker.met}
        assert kinds <= met, (rule, kinds - met)


def test_people_are_tall_and_houses_are_big():
    words = lexicon()
    for noun, english in (("Bruder", "tall"), ("Haus", "big"), ("Hund", "big"), ("Familie", "big")):
        found = [one.english for one in words.adjectives_for[noun] if one.german == "groß"]
        assert found == [english]
