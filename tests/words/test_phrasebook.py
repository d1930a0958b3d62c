"""The words as data: a sentence without its figures is left out, and a translation is complete."""

import pytest

from pellucid.errors import ConfigError
from pellucid.words import (
    ENGLISH,
    Phrasebook,
    figure,
    filled,
    languages,
    missing,
    phrasebook,
    placeholders,
    share,
)
from pellucid.words.phrasebook import referred

BOOK = Phrasebook("en", {"a.first": ("One {x}.", "Two.", "{y} and {x}."), "a.again": ()})


def test_a_sentence_is_said_where_all_of_it_can_be_filled_in():
    assert BOOK.said("a.first", {"x": "1"}) == "One 1. Two."
    assert BOOK.said("a.first", {"x": "1", "y": "2", "z": "3"}) == "One 1. Two. 2 and 1."
    assert BOOK.said("a.first", {}) == "Two."
    assert BOOK.said("a.again", {"x": "1"}) == BOOK.said("nothing", {}) == ""


def test_a_sentence_that_stands_elsewhere_is_that_one():
    sentences = phrasebook().sentences
    assert sentences["tour.tokens.says"][:3] == sentences["tokens.forward.first"]
    assert not any(one.startswith("@") for own in sentences.values() for one in own)
    with pytest.raises(ConfigError, match=r"must stand where it is said to, and @b\.1 does not"):
        referred({"a": ("@b.1",), "b": ("One.",)})


def test_what_is_filled_in_is_not_read_again():
    assert filled("{a} and {b}", {"a": "{b}", "b": "{a}"}) == "{b} and {a}"


@pytest.mark.parametrize("language", languages())
def test_every_language_is_complete(language: str):
    assert missing(phrasebook(language), phrasebook(ENGLISH)) == []


def test_what_a_translation_lacks_is_listed():
    def of(**sentences: tuple[str, ...]) -> Phrasebook:
        return Phrasebook("xx", {key.replace("__", "."): own for key, own in sentences.items()})

    right = of(a__first=("Eins {x}.", "Zwei.", "{x} und {y}."), a__again=())
    assert missing(right, BOOK) == []
    assert missing(of(a__first=right.of("a.first")), BOOK) == ["a.again: not translated"]
    more = Phrasebook("xx", {**right.sentences, "b": ("Mehr.",)})
    assert missing(more, BOOK) == ["b: not in the original"]
    short = of(a__first=("Eins {x}.",), a__again=())
    assert missing(short, BOOK) == ["a.first: 1 sentences, and the original has 3"]
    swapped = of(a__first=("Eins {y}.", "Zwei {x}.", "{x} und {y}."), a__again=())
    assert missing(swapped, BOOK) == [
        "a.first: {y} for {x}",
        "a.first: {x} for no placeholder",
    ]


def test_a_language_without_a_file_is_refused():
    with pytest.raises(ConfigError, match=r"one of en.*'english' is not"):
        phrasebook("english")


def test_no_brace_is_left_that_is_no_placeholder():
    for key, sentences in phrasebook().sentences.items():
        for sentence in sentences:
            rest = filled(sentence, dict.fromkeys(placeholders(sentence), ""))
            assert rest is not None
            assert not set(rest) & set("{}"), key
            label = key == "language" or key.endswith((".title", ".label"))
            assert label or sentence[-1] in ".:?", key


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.42928, "0.429"), (-0.0, "0"), (-1e-9, "-1e-09"), (1234.5, "1230"), (999.9, "1000")],
)
def test_a_figure_has_three_digits(number: float, text: str):
    assert figure(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0.7498, "75%"), (1, "100%"), (1.2e-7, "0.000012%"), (0, "0%")]
)
def test_a_share_is_in_percent(number: float, text: str):
    assert share(number) == text
