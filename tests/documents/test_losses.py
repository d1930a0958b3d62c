"""The page of losses: the whole text, each loss in a title, a legend, the highest in a table."""

import math
import re

import pytest
import torch

from pellucid.documents import losses as module
from pellucid.documents.losses import BITS, loss_lines, losses_page, spots
from pellucid.evaluate import Evaluation
from pellucid.text import Characters, Tokenizer, Words, gpt2
from tests.documents.example_documents import evaluation
from tests.documents.page import Element, Page

TEXT = "A <b>fine</b>\n day & so\x01 😀!"


def page_of(found: Evaluation, tokenizer: Tokenizer, text: str) -> Page:
    made = losses_page(found, tokenizer, text, title="a <text>", colophon=("Pellucid", "made so"))
    assert "<script" not in made
    assert "http" not in made.replace("http-equiv", "")
    return Page(made)


def tokens_of(page: Page) -> list[Element]:
    (text,) = page.root.all("div", **{"class": "text"})
    return list(text.all("span"))


@pytest.mark.parametrize("tokenizer", [gpt2(), Characters.from_text(TEXT)], ids=["gpt2", "chars"])
def test_the_whole_text_is_there_with_every_loss(tokenizer: Tokenizer):
    found = evaluation(tokenizer, TEXT)
    assert "".join(spot.text for spot in spots(found, tokenizer)) == TEXT
    shown = tokens_of(page_of(found, tokenizer, TEXT))
    assert "".join(element.text for element in shown) == TEXT.replace("\n", "↵\n").replace(
        "\x01", "␁"
    )
    titles = "; ".join(element.attributes["title"] for element in shown)
    assert [int(token) for token in re.findall(r"token (\d+):", titles)] == list(found.tokens)
    nats = [float(number) for number in re.findall(r"([\d.]+) nats", titles)]
    assert nats == pytest.approx(found.losses.tolist(), abs=5e-5)
    assert sum(nats) == pytest.approx(found.total, abs=5e-5 * len(nats))
    assert titles.count("not scored") == found.skipped
    chances = [float(number) for number in re.findall(r"p = ([\d.e-]+)", titles)]
    assert chances == pytest.approx([math.exp(-loss) for loss in found.losses.tolist()], rel=1e-3)


def test_tokens_that_spell_a_character_together_are_one_piece():
    found = evaluation(gpt2(), "a 😀")
    assert len(found.tokens) == 3
    first, face = spots(found, gpt2())
    assert (first.text, face.text, face.place) == ("a", " 😀", 1)
    assert face.loss == pytest.approx(float(found.losses[1:].sum()))
    cut = Evaluation(found.tokens[:2], found.sizes[:2], found.losses[:2], 50256, 8, 4, exact=True)
    assert [spot.text for spot in spots(cut, gpt2())] == ["a", " \ufffd"]


def test_what_cannot_be_seen_or_turns_a_line_around_has_a_sign():
    text = "a\x00\x1f\x7f\x85\u00ad\u200d\u2028\u202e\ufeff é\t漢\u0301"
    characters = Characters.from_text(text)
    shown = "".join(spot.shown for spot in spots(evaluation(characters, text), characters))
    assert shown == ("a␀␟␡‹U+0085›‹U+00AD›‹U+200D›‹U+2028›‹U+202E›‹U+FEFF› é\t漢\u0301")
    page = page_of(evaluation(characters, text), characters, text)
    assert not set("\x00\x7f\x85\u202e") & set(page.root.text)


def test_levels_follow_the_bits_and_the_legend_counts_them():
    bits = [0.0, 1.0, 1.01, 2.0, 2.01, 4.01, 8.01, 12.0, 12.01, 70.0]
    characters = Characters("ab")
    found = evaluation(characters, "a" + "ab" * 5, [number * math.log(2) for number in bits])
    assert [spot.level for spot in spots(found, characters)] == [
        *(None, 0, 0, 1, 1, 2, 3, 4, 4, 5, 5)
    ]
    page = page_of(found, characters, "a" + "ab" * 5)
    classes = [element.attributes["class"] for element in tokens_of(page)]
    assert classes[:3] == ["none", "t l0", "t l0"]
    (legend,) = page.root.all("ul")
    entries = [item.text for item in legend.all("li")]
    assert len(entries) == len(BITS) + 2
    counts = [int(re.findall(r"\((\d+)\)", entry)[0]) for entry in entries[:-1]]
    assert counts == [2, 2, 1, 1, 2, 2]
    assert "p ≥ 1/4" in entries[1]
    assert "1/4,096" in entries[-2]


def test_the_highest_losses_are_in_a_table_and_linked():
    characters = Characters.from_text("abcdefghijklmnopqrstuvwxyz\n")
    text = "abcdefghijklm\nopqrstuvwxyz"
    page = page_of(evaluation(characters, text), characters, text)
    rows = list(page.root.all("tr"))[1:]
    assert len(rows) == 20
    cells = [cell.text for cell in rows[0].all("td")]
    assert cells[0] == "25"
    assert float(cells[1]) == pytest.approx(0.25 * 25)
    assert float(cells[2]) == pytest.approx(0.25 * 25 / math.log(2), abs=5e-3)
    assert float(cells[3]) == pytest.approx(math.exp(-0.25 * 25), rel=5e-3)
    assert cells[4] == text.replace("\n", "↵")
    ids = {element.attributes.get("id") for element in tokens_of(page)}
    assert {link.attributes["href"].removeprefix("#") for link in page.root.all("a")} <= ids


def test_a_long_text_is_shown_as_far_as_a_page_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST", 5)
    characters = Characters("ab")
    page = page_of(evaluation(characters, "abbaabab"), characters, "abbaabab")
    assert "".join(element.text for element in tokens_of(page)) == "abbaa"
    assert "the last 3 are not on this page" in page.root.text


def test_the_lines_say_what_was_done():
    found = evaluation(gpt2(), TEXT)
    first = list(loss_lines(found, TEXT))
    assert first[0].split() == ["loss", f"{found.loss:.4f}", "nats", "a", "token"]
    assert first[1].split() == ["perplexity", f"{found.perplexity:.6g}"]
    assert first[2].split()[-1] == f"{found.bits_per_byte:.4f}"
    assert first[3].split() == ["scored", str(len(found.losses)), "tokens,", "30", "bytes"]
    assert "every 4: after the first, each token is predicted from at least 5" in first[4]
    assert "50256, was put in front" in first[5]
    assert len(first) == 6
    words = Words(("one", "two"))
    lossy = Evaluation((0, 1), (3, 4), torch.ones(1).double(), None, 8, 4, exact=False)
    said = list(loss_lines(lossy, "one \n two"))
    assert "its 3 bytes are not counted" in said[5]
    assert "they have 7 bytes for its 9" in said[6]
    assert "".join(spot.text for spot in spots(lossy, words)) == "one two"
