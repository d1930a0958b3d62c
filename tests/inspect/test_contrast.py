"""Two next tokens of one text: the words found, the heads ranked, and what a swap comes to."""

import pytest
import torch

from pellucid.errors import TextError, TraceError
from pellucid.inspect import Contrast, contrast, patched
from pellucid.inspect.places import replaced_word, token_after
from pellucid.models import GPT, RANDOM_MODELS, CausalModel, GPTConfig, Llama, LlamaConfig
from pellucid.text import Characters, Tokenizer, Words, gpt2
from tests.models.examples import random_params
from tests.tape.broken import TOKENIZER, broken_model, set_to

TEXT = "a girl has a will and all will belong to"
WORDS = Words.from_text(f"{TEXT} her his boy")
SIZES = {"vocab_size": WORDS.vocab_size, "block_size": 20, "n_layer": 2, "n_embd": 8}


def model_of(kind: str) -> CausalModel:
    if kind == "gpt":
        config = GPTConfig(**SIZES, n_head=4)
        return GPT(config, random_params(config))
    own = LlamaConfig(**SIZES, n_head=4, n_kv_head=2, n_inner=12)
    return Llama(own, random_params(own))


def found_by(kind: str = "llama", **choices: object) -> Contrast:
    given = {"swap": ("girl", "boy"), "top": 3} | choices
    return contrast(model_of(kind), WORDS, TEXT, (" her", " his"), **given)


@pytest.mark.parametrize("kind", ["gpt", "llama"])
def test_all_of_it_is_of_the_two_words_and_the_two_texts(kind: str):
    found, model = found_by(kind), model_of(kind)
    tokens, others = WORDS.encode(TEXT), WORDS.encode(TEXT.replace("girl", "boy"))
    (her,), (his,) = WORDS.encode("her"), WORDS.encode("his")
    logits, other = model.forward(tokens)[-1], model.forward(others)[-1]
    assert (found.attribution.first, found.attribution.second) == (her, his)
    assert found.patching is not None
    assert found.other_attribution is not None
    assert found.patching.before == found.attribution.difference == float(logits[her] - logits[his])
    assert found.patching.other == pytest.approx(float(other[her] - other[his]), abs=1e-15)
    assert found.other_attribution.total == pytest.approx(found.patching.other, abs=1e-12)
    for mine, row in ((found.probabilities, logits), (found.other_probabilities, other)):
        assert mine == pytest.approx([float(row.softmax(-1)[token]) for token in (her, his)])
    girl = tokens.index(WORDS.encode("girl")[0])
    for (layer, head), look in found.looks.items():
        assert look.places == (girl,)
        assert look.weight == float(found.reach.tape[f"h.{layer}.attn.att"][head, -1, girl])


def test_heads_are_ranked_by_what_their_patch_changes_either_way():
    found = found_by()
    assert found.patching is not None
    sizes = [abs(float(found.patching.changes[place])) for place in found.ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(found.ranked)) == 8
    assert float(found.patching.changes.min()) < 0 < float(found.patching.changes.max())


def test_without_a_swap_they_are_ranked_by_their_own_terms():
    found = found_by(swap=None)
    assert (found.patching, found.other_attribution, found.together) == (None, None, None)
    assert found.other_probabilities is None
    sizes = [abs(float(found.attribution.heads[place])) for place in found.ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert all(len(look.places) == 1 for look in found.looks.values())


@pytest.mark.parametrize("at", [None, "has", "5"])
def test_the_first_heads_are_patched_together_too(at: str | None):
    found, model = found_by(at=at), model_of("llama")
    tokens, others = WORDS.encode(TEXT), WORDS.encode(TEXT.replace("girl", "boy"))
    both = model.run_with_cache(tokens)[1], model.run_with_cache(others)[1]
    place = {None: None, "has": 2, "5": 5}[at]
    logits = patched(model, *both, found.ranked[:3], position=place).forward(tokens)[-1]
    first, second = found.attribution.first, found.attribution.second
    assert found.together == pytest.approx(float(logits[first] - logits[second]), abs=1e-12)
    (one,) = {found_by(at=at, top=1).ranked[0]}
    alone = found_by(at=at, top=1)
    assert alone.patching is not None
    assert alone.together == pytest.approx(float(alone.patching.differences[one]), abs=1e-12)


def test_an_earlier_place_is_read_as_if_the_text_ended_there():
    found = found_by(start="and")
    cut = "a girl has a will and"
    other = contrast(model_of("llama"), WORDS, cut, (" her", " his"), swap=("girl", "boy"), top=3)
    assert found.patching is not None
    assert other.patching is not None
    assert torch.allclose(found.patching.differences, other.patching.differences, atol=1e-12)
    assert torch.allclose(found.attribution.heads, other.attribution.heads, atol=1e-12)
    assert found.probabilities == pytest.approx(other.probabilities)
    assert found.together == pytest.approx(other.together)


def test_another_target_can_be_looked_at():
    places = {look.places for look in found_by(target="will").looks.values()}
    assert places == {(7,)}


class Begun(Words):
    """Words with a token in front of every text."""

    @property
    def beginning(self) -> tuple[int, ...]:
        return (0,)


def test_what_a_model_expects_before_a_text_is_in_front_of_both():
    begun = Begun(WORDS.vocabulary)
    found = contrast(model_of("gpt"), begun, TEXT, (" her", " his"), swap=("girl", "boy"))
    assert found.patching is not None
    for tape, word in ((found.patching.tape, "girl"), (found.patching.other_tape, "boy")):
        tokens = tape["tokens"].tolist()
        assert tokens == [0, *WORDS.encode(TEXT.replace("girl", word))]
    start = contrast(model_of("gpt"), begun, TEXT, (" her", " his"), start="and").reach.start
    assert start == 6


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "old", "new", "wanted"),
    [
        ("a girl, her girls", "girl", "boy", "a boy, her girls"),
        ("a girl, a girl", "girl", "boy", "a boy, a boy"),
        ("girls", "girl", "boy", "boys"),
        ("one (or two)", "(or", "", "one  two)"),
        ("日本語", "本", "x", "日x語"),
    ],
)
def test_a_word_is_replaced_where_it_is_a_whole_one(text: str, old: str, new: str, wanted: str):
    assert replaced_word(text, old, new) == wanted


@pytest.mark.parametrize(
    ("tokenizer", "text", "word", "piece"),
    [
        (gpt2(), "will belong to", " her", b" her"),
        (gpt2(), "", "Her", b"Her"),
        (Characters.from_text("abc"), "ab", "c", b"c"),
    ],
)
def test_a_next_token_is_what_the_word_is_after_the_text(
    tokenizer: Tokenizer, text: str, word: str, piece: bytes
):
    assert tokenizer.piece(token_after(tokenizer, text, word)) == piece


@pytest.mark.parametrize(
    ("word", "words"),
    [
        (" Damianic", "' Damian', 'ic'"),
        ("", "is none"),
        ("ward", "'ward' after this text is ' toward'"),
        ("wardly", "'wardly' after this text is ' toward', 'ly'"),
    ],
)
def test_a_word_of_no_or_several_tokens_is_one_line(word: str, words: str):
    """GPT-2 has "toward" as one token, so that "ward" would change the "to" before it."""
    with pytest.raises(TextError, match=words) as caught:
        token_after(gpt2(), "will belong to", word)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"swap": ("king", "boy")}, "'king' is neither"),
        ({"swap": ("king", "boy"), "target": "girl"}, "'king' is not in it"),
        ({"swap": ("girl", "girl")}, "'girl' stays as it is"),
        ({"swap": ("girl", "boy boy")}, "10 and 11 tokens"),
        ({"swap": ("belong", "boy"), "start": "and", "target": "girl"}, "texts that differ"),
        ({"swap": ("belong", "boy"), "start": "and"}, "after 5"),
        ({"at": "king"}, "'king' is neither"),
        ({"at": "7", "start": "and"}, "after 5"),
        ({"start": "99"}, "0 to 9"),
    ],
)
def test_a_place_or_a_swap_that_cannot_be_is_one_line(choices: dict[str, object], words: str):
    with pytest.raises(TextError, match=words) as caught:
        found_by(**choices)
    assert "\n" not in str(caught.value)


def test_the_same_token_twice_is_one_line():
    with pytest.raises(TextError, match="the same one"):
        contrast(model_of("gpt"), WORDS, TEXT, (" her", " her"))


def test_logits_that_are_nan_are_one_line():
    with pytest.raises(TraceError, match="logits must be numbers"):
        contrast(
            broken_model("h.1.mlp.c_fc.weight", set_to(torch.nan)), TOKENIZER, "abc", ("a", "b")
        )


def test_gpt2_s_own_pieces_are_contrasted():
    model = GPT.init(RANDOM_MODELS["gpt2-tiny"])
    text = "Damian had a secret child, a girl, and all will belong to"
    found = contrast(model, gpt2(), text, (" her", " his"), swap=("girl", "boy"))
    assert found.patching is not None
    assert found.looks[0, 0].places == (8,)
