import pytest

from pellucid.errors import CheckpointError, ConfigError
from pellucid.text import (
    BPE,
    Characters,
    Tokenizer,
    Words,
    beginning,
    choose_tokenizer,
    ending,
    gpt2,
    train_bpe,
)


def test_a_vocabulary_is_taken_from_the_text():
    assert choose_tokenizer("chars", "abba") == Characters("ab")
    assert choose_tokenizer("words", "AI rocks!") == Words(("AI", "rocks", "!"))
    learnt = choose_tokenizer("bpe:258", "abab")
    assert isinstance(learnt, BPE)
    assert learnt.piece(256) == b"ab"
    assert choose_tokenizer("gpt2", "") is gpt2()


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("choice", ["words", "bpe:300", "gpt2", "english-1M"])
def test_special_tokens_are_read_where_it_is_asked(choice: str, special: bool):
    text = "a b <EOS> <|endoftext|>"
    tokenizer = choose_tokenizer(choice, text + "ab <EOS>" * 9, special=special)
    mark = "<EOS>" if choice == "words" else "<|endoftext|>"
    assert mark in tokenizer.special_tokens or not special
    assert (tokenizer.special_tokens.get(mark) in tokenizer.encode(f"a b {mark}")) is special


@pytest.mark.parametrize(
    "choice", ["bpe", "bpe:", "bpe:x", "bpe:-5", "bpe:٣٠٠", "bpe:" + "9" * 5000]
)
def test_a_bpe_needs_its_size(choice: str):
    with pytest.raises(ConfigError, match="bpe:1024") as error:
        choose_tokenizer(choice, "text")
    assert len(str(error.value)) < 300


def test_anything_else_is_a_path():
    with pytest.raises(CheckpointError, match="no/such"):
        choose_tokenizer("no/such", "text")


@pytest.mark.parametrize(
    ("tokenizer", "first", "last"),
    [
        (gpt2(), "\n", 50256),
        (train_bpe("abab", 258), "\n", 257),
        (Characters("\nab"), "\n", None),
        (Characters("ab"), "a", None),
        (Words(("AI", "rocks", "<EOS>")), "AI", 2),
        (Words(("AI", "rocks")), "AI", None),
    ],
)
def test_a_text_has_a_beginning_and_perhaps_an_end(
    tokenizer: Tokenizer, first: str, last: int | None
):
    assert beginning(tokenizer) == first
    assert ending(tokenizer) == last
