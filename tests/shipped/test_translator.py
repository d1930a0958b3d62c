"""The translator that comes along: right where a test can tell, and unsure where it should be."""

import pytest

from pellucid.checkpoint import open_model
from pellucid.generate import translate
from pellucid.grammar import sentences
from pellucid.models import Transformer
from pellucid.shipped import TRANSLATOR

STRANGE = (
    "Quantenmechanik beschreibt Elementarteilchen.",
    "Die Bundesregierung verabschiedete gestern ein Konjunkturpaket.",
    "Der Bundestag beschloss gestern das Haushaltsgesetz.",
    "asdf qwer zxcv uiop",
    "The weather is nice today.",
    "你好吗",
)
"""Nothing of these is in its words."""


@pytest.fixture(scope="module")
def opened():
    return open_model(TRANSLATOR, kinds=(Transformer,))


BEGINNERS = {
    "Wo wohnst du?": "Where do you live?",
    "Ich heiße Anna und komme aus Berlin.": "My name is Anna and I come from Berlin.",
    "Hast du Hunger?": "Are you hungry?",
    "Er hat mir einen Brief geschrieben.": "He wrote me a letter.",
    "Wir müssen morgen früh aufstehen.": "We have to get up tomorrow morning.",
    "Am Montag fahre ich mit dem Zug nach München.": "On Monday I am going to Munich by train.",
    "Auf Wiedersehen!": "Goodbye!",
    "Ich gehe heute Abend mit meinem Bruder ins Kino.": (
        "I am going to the cinema with my brother this evening."
    ),
    "Ich möchte einen Kaffee mit Milch, bitte.": "I would like a coffee with milk, please.",
    "Weil es regnet, bleiben wir heute zu Hause.": (
        "Because it is raining, we are staying at home today."
    ),
    "Der Hund ist größer als die Katze.": "The dog is bigger than the cat.",
    "Ich freue mich auf die Ferien.": "I am looking forward to the holidays.",
    "Sie hat blaue Augen und lange Haare.": "She has blue eyes and long hair.",
    "Wenn ich Geld hätte, würde ich ein Haus kaufen.": "If I had money, I would buy a house.",
    # Of few words, and so seldom drawn where each sentence comes once.
    "Das gefällt mir.": "I like that.",
    "Kein Problem.": "No problem.",
    "Keine Ahnung.": "No idea.",
    "Er hat sich das Bein gebrochen.": "He broke his leg.",
}


@pytest.mark.parametrize(("german", "english"), BEGINNERS.items())
def test_it_says_what_beginners_say(opened, german: str, english: str):
    (found,) = translate(*opened, [german])
    assert found.text == english
    assert not found.unsure


def test_it_has_never_seen_parents_live(opened):
    assert not any("Eltern" in one.german and "wohn" in one.german for one in sentences(3000))
    (found,) = translate(*opened, ["Wo wohnen deine Eltern?"])
    assert found.text == "Where do your parents live?"


def test_it_puts_words_together_as_it_has_never_seen_them(opened):
    held_out = [(one[0], one[1]) for one in sentences(100, seed=3, held_out=True)]
    found = translate(*opened, [german for german, _ in held_out], width=1)
    right = sum(one.text == english for one, (_, english) in zip(found, held_out, strict=True))
    assert right >= 80, f"{right} of 100"


def test_it_is_sure_of_what_is_made_of_its_words(opened):
    texts = [one[0] for one in sentences(100, seed=4, held_out=True)]
    unsure = sum(one.unsure for one in translate(*opened, texts, width=1))
    assert unsure <= 8, f"{unsure} of 100"


@pytest.mark.parametrize("text", STRANGE)
def test_it_is_unsure_of_what_is_not(opened, text: str):
    (found,) = translate(*opened, [text])
    assert found.unsure, f"{found.confidence:.2f}: {found.text}"
