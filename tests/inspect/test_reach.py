"""Which head looks back where: on heads that are known, and recomputed for random ones."""

import math

import pytest
import torch

from pellucid.errors import PellucidError, TextError, TokenError, TraceError
from pellucid.examples import Example, find_example
from pellucid.inspect import Look, gradient_norms, reach
from pellucid.models import GPT, RANDOM_MODELS, GPTConfig
from pellucid.tape import Tape
from pellucid.text import Characters, Tokenizer, Words, gpt2
from pellucid.tree import flatten, unflatten
from tests.models.examples import random_params
from tests.tape.broken import (
    TARGETS,
    TOKENIZER,
    TOKENS,
    broken_model,
    given_nan,
    overflowing,
    set_to,
    times,
)

DAMIAN = (
    "Damian had a secret child, a girl, and he had written in his will that all his belongings, "
    "along with the magical orb, will belong to"
)


def hello_world() -> tuple[GPT, Tokenizer, str]:
    example = find_example("hello_world")
    assert isinstance(example, Example)
    return example.model, example.tokenizer, example.text


def places_of(look: Look) -> tuple[int, int, tuple[int, ...]]:
    return look.layer, look.head, look.places


# -- heads that are known --------------------------------------------------------------------------

TABLES = [
    [[1, 0, 0, 0], [0.7, 0.3, 0, 0], [0.2, 0.2, 0.6, 0], [0.2, 0.2, 0.2, 0.4]],
    [[1, 0, 0, 0], [1 / 2] * 2 + [0] * 2, [1 / 3] * 3 + [0], [1 / 4] * 4],
]


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("target", range(4))
def test_hello_world_s_heads_look_by_their_tables(start: int, target: int):
    if target > start:
        with pytest.raises(TextError, match="after"):
            reach(*hello_world(), start=str(start), target=str(target))
        return
    found = reach(*hello_world(), start=str(start), target=str(target))
    assert found.start == start
    weights = {look.head: look.weight for look in found.looks}
    for head, table in enumerate(TABLES):
        assert weights[head] == pytest.approx(table[start][target], abs=1e-15)
    # At the first position both are 1: of equals the first head comes first.
    order = [0, 1] if TABLES[0][start][target] >= TABLES[1][start][target] else [1, 0]
    assert [look.head for look in found.looks] == order
    for look in found.looks:
        assert found.even(look) == 1 / (start + 1)
        assert found.row(look) == pytest.approx(TABLES[look.head][start][: start + 1], abs=1e-15)


def test_by_default_the_last_token_looks_and_each_head_where_it_looks_most():
    found = reach(*hello_world())
    assert (found.start, found.pieces) == (3, ("He", "llo", "Wo", "rld"))
    first, second = found.looks
    assert places_of(first) == (0, 0, (3,))
    assert first.weight == pytest.approx(0.4, abs=1e-15)
    assert first.name == "h.0.attn.att[0]"
    assert (second.head, second.weight) == (1, pytest.approx(0.25, abs=1e-15))


def test_words_are_places_too():
    found = reach(*hello_world(), start="Wo", target="llo")
    assert found.start == 2
    assert {look.head: look.places for look in found.looks} == {0: (1,), 1: (1,)}
    assert found.looks[0].weight == pytest.approx(1 / 3, abs=1e-15)


def test_a_head_that_was_made_to_look_at_the_girl_is_found():
    """Layer 1's head 0: all queries are alike, and a key is the channel that only "girl" has."""
    words = Words.from_text(DAMIAN)
    config = GPTConfig(words.vocab_size, block_size=40, n_layer=2, n_head=2, n_embd=8)
    params = {name: torch.zeros(shape) for name, shape in config.parameter_shapes().items()}
    girl = words.encode("girl")[0]
    params["wte.weight"][:, 0], params["wte.weight"][:, 1] = -1, 1
    params["wte.weight"][girl] = torch.tensor([7.0, *[-1.0] * 7])
    params["h.1.ln_1.weight"] += 1
    params["h.1.attn.c_attn.bias"][0] = 4
    params["h.1.attn.c_attn.weight"][0, 8] = 1
    found = reach(GPT(config, unflatten(params)), words, DAMIAN, target="girl")
    best, *others = found.looks
    assert (best.layer, best.head) == (1, 0)
    assert found.pieces[best.places[0]] == "girl"
    assert best.weight > 0.99
    for look in others:
        assert look.weight == pytest.approx(found.even(look), abs=1e-6)


# -- random heads, recomputed ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gpt2_s_pieces_are_ranked_by_what_is_on_the_tape(dtype: torch.dtype):
    config = RANDOM_MODELS["gpt2-tiny"]
    model = GPT(config, unflatten({k: v.to(dtype) for k, v in flat(config).items()}))
    found = reach(model, gpt2(), DAMIAN, target="girl")
    tokens = gpt2().encode(DAMIAN)
    place = [gpt2().piece(token) for token in tokens].index(b" girl")
    _, tape = model.run_with_cache(tokens)
    expected = {
        (layer, head): float(tape[f"h.{layer}.attn.att"][head, -1, place])
        for layer in range(2)
        for head in range(2)
    }
    assert {(look.layer, look.head): look.weight for look in found.looks} == expected
    assert [look.weight for look in found.looks] == sorted(expected.values(), reverse=True)
    assert all(look.places == (place,) for look in found.looks)
    assert found.even(found.looks[0]) == 1 / len(tokens)
    assert len(set(expected.values())) == 4


def flat(config: GPTConfig) -> dict[str, torch.Tensor]:
    return flatten(random_params(config))


ALPHABET = Characters.from_text(DAMIAN)


def of_characters(text: str, **places: str) -> tuple[GPT, object]:
    config = GPTConfig(ALPHABET.vocab_size, block_size=200, n_layer=3, n_head=2, n_embd=8)
    model = GPT(config, random_params(config))
    return model, reach(model, ALPHABET, text, **places)


def test_a_word_of_several_characters_is_their_sum():
    model, found = of_characters(DAMIAN, target="girl")
    place = DAMIAN.index("girl")
    _, tape = model.run_with_cache(ALPHABET.encode(DAMIAN))
    for look in found.looks:
        row = tape[f"h.{look.layer}.attn.att"][look.head, -1]
        assert look.places == tuple(range(place, place + 4))
        assert look.weight == pytest.approx(float(row[place : place + 4].sum()), abs=1e-15)
        assert found.even(look) == 4 / len(DAMIAN)
        assert found.row(look) == row.tolist()
    weights = [look.weight for look in found.looks]
    assert weights == sorted(weights, reverse=True)
    assert len({(look.layer, look.head) for look in found.looks}) == len(weights) == 6


def test_each_head_s_own_place_is_its_row_s_largest():
    model, found = of_characters(DAMIAN, start="orb")
    end = DAMIAN.index("orb") + 2
    _, tape = model.run_with_cache(ALPHABET.encode(DAMIAN))
    assert found.start == end
    for look in found.looks:
        row = tape[f"h.{look.layer}.attn.att"][look.head, end, : end + 1]
        assert look.weight == float(row.max())
        assert look.places == (int(row.argmax()),)


# -- which places a word has -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word", "start"),
    [
        ("a girl, a girl, that", "girl", 12 - 2),
        ("that is his will", "is", 5),  # not in "his", which comes later
        ("the orb, the magical", "the", 9),
        ("a child, a girl", ",", 7),
        ("a child, a girl", " a ", 8),
        ("a child, a girl", "child, a", 2),
        ("his will, his girl", "irl", 15),
        ("will, all", "ll", 7),
    ],
)
def test_a_word_is_a_whole_one_where_it_stands_last(text: str, word: str, start: int):
    _, found = of_characters(text, target=word)
    assert found.looks[0].places == tuple(range(start, start + len(word)))


def test_a_word_that_comes_again_behind_the_start_is_the_one_before_it():
    text = "a girl, a child, a girl"
    _, found = of_characters(text, start="child", target="girl")
    assert found.start == text.index("child") + 4
    assert found.looks[0].places == (2, 3, 4, 5)
    _, found = of_characters(text, target="girl")
    assert found.looks[0].places == (19, 20, 21, 22)


@pytest.mark.parametrize(
    ("text", "word", "pieces"),
    [
        ("a girl, a boy", "girl", [b" girl"]),
        ("Damian had one", "Damian", [b"Dam", b"ian"]),
        ("größer als Öl", "Öl", None),
        ("日本語 text", "語", None),
        ("naïve 🤖 robot", "🤖", None),
    ],
)
def test_pieces_of_bytes_are_found_by_the_bytes_they_share(
    text: str, word: str, pieces: list[bytes] | None
):
    model = GPT.init(RANDOM_MODELS["gpt2-tiny"])
    places = reach(model, gpt2(), text, target=word).looks[0].places
    found = [gpt2().piece(gpt2().encode(text)[place]) for place in places]
    assert word.encode() in b"".join(found)
    assert places == tuple(range(places[0], places[-1] + 1))
    assert word.encode() not in b"".join(found[1:])
    assert word.encode() not in b"".join(found[:-1])
    if pieces is not None:
        assert found == pieces


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({"target": "boy"}, "'boy'"),
        ({"target": "gil"}, "'gil'"),
        ({"target": "Girl"}, "'Girl'"),
        ({"target": ""}, "''"),
        ({"target": "-1"}, "'-1'"),
        ({"start": "boy"}, "'boy'"),
        ({"target": "200"}, "200"),
        ({"start": "7"}, "0 to 6"),
        ({"start": "0", "target": "girl"}, "after 0"),
        ({"start": "0", "target": "5"}, "after 0"),
    ],
)
def test_a_place_that_is_not_there_is_one_line(places: dict[str, str], words: str):
    with pytest.raises(TextError) as error:
        of_characters("a girl,", **places)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_text_beyond_the_context_is_one_line():
    with pytest.raises(TokenError) as error:
        of_characters("a " * 101, target="a")
    assert "\n" not in str(error.value)


def test_an_unknown_character_is_one_line():
    with pytest.raises(PellucidError) as error:
        of_characters("a girl Ω")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("start", [None, "1"])
def test_over_attention_that_is_nan_no_head_is_ranked(start: str | None):
    with pytest.raises(
        TraceError, match=r"attention must be numbers.*linear at h\.0\.mlp"
    ) as caught:
        reach(overflowing(), TOKENIZER, "abc", start=start)
    assert "\n" not in str(caught.value)


def test_behind_the_last_attention_nan_does_not_matter():
    model = broken_model("h.1.mlp.c_fc.weight", set_to(torch.nan))
    assert reach(model, TOKENIZER, "abc").looks


def test_gradients_that_are_nan_have_no_norms_and_large_ones_have():
    tape = Tape()
    given_nan().loss_and_grads(TOKENS, TARGETS, tape)
    with pytest.raises(TraceError, match=r"gradients must be numbers.*c_fc\.weight"):
        gradient_norms(given_nan(), tape)
    large, tape = broken_model("ln_f.weight", times(1e25)), Tape()
    large.loss_and_grads(TOKENS, TARGETS, tape)
    assert all(map(math.isfinite, gradient_norms(large, tape).before.values()))
    assert max(gradient_norms(large, tape).before.values()) > 1e20
