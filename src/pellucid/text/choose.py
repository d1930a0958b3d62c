"""The tokenizer that a user names, and what a text begins and ends with under it."""

from pellucid.errors import ConfigError, TextError
from pellucid.text.bpe import END_OF_TEXT, train_bpe
from pellucid.text.characters import Characters
from pellucid.text.load import load_tokenizer
from pellucid.text.tokenizer import Tokenizer
from pellucid.text.words import Words


def choose_tokenizer(choice: str, text: str) -> Tokenizer:
    """The tokenizer that `choice` names, its vocabulary taken from `text` where it has none yet.

    `chars` and `words` take what the text holds, `bpe:N` learns N ids from it; anything else is a
    name or a path for `load_tokenizer`.
    """
    if choice == "chars":
        return Characters.from_text(text)
    if choice == "words":
        return Words.from_text(text)
    if choice == "bpe" or choice.startswith("bpe:"):
        size = choice.removeprefix("bpe").removeprefix(":")
        if not size.isdecimal():
            raise ConfigError(
                f"a BPE to be trained needs the number of its ids, and {choice!r} names none: "
                "write for instance bpe:1024"
            )
        return train_bpe(text, int(size))
    return load_tokenizer(choice)


def beginning(tokenizer: Tokenizer) -> str:
    """What to begin a text with where no prompt is given: a line break, or the first token of all.

    Words know no line breaks; their first token is the first word of the text they come from.
    """
    try:
        spelled = tokenizer.encode("\n")
    except TextError:
        spelled = []
    return tokenizer.decode(spelled or [0])


def ending(tokenizer: Tokenizer) -> int | None:
    """The token that ends a text: `<|endoftext|>` of a BPE, `<EOS>` of words; None without one."""
    mark = {"bpe": END_OF_TEXT, "words": "<EOS>"}.get(tokenizer.kind)
    try:
        tokens = tokenizer.encode(mark) if mark else []
    except TextError:
        tokens = []
    return tokens[0] if len(tokens) == 1 else None
