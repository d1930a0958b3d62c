"""The tokenizer that a user names, and what a text begins and ends with under it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from pellucid.errors import ConfigError, TextError
from pellucid.text.bpe import END_OF_TEXT, train_bpe
from pellucid.text.byte_level import cut_gpt2
from pellucid.text.characters import Characters
from pellucid.text.load import load_tokenizer
from pellucid.text.tokenizer import Tokenizer
from pellucid.text.words import Words, cut_words


def choose_tokenizer(choice: str, text: str | Iterable[str], *, special: bool = False) -> Tokenizer:
    """The tokenizer that `choice` names, its vocabulary taken from `text` where it has none yet.

    `chars` and `words` take what the text holds, `bpe:N` learns N ids from it; anything else is a
    name or a path for `load_tokenizer`. A long text may come in parts, cut where `cut_for` says.
    With `special`, special tokens that are spelt in a text are read, there and later.
    """
    texts = [text] if isinstance(text, str) else text
    match wanted(choice):
        case "chars":
            return Characters.from_texts(texts)
        case "words":
            return Words.from_texts(texts, special=special)
        case int(size):
            return train_bpe(texts, size, special=special)
    loaded = load_tokenizer(choice)
    return loaded.with_special() if special else loaded


def wanted(choice: str) -> Literal["chars", "words"] | int | None:
    """What is to be learnt from a text: characters, words, a BPE of so many ids; None for nothing.

    Raises `ConfigError` for a BPE whose number of ids is missing.
    """
    if choice in {"chars", "words"}:
        return "chars" if choice == "chars" else "words"
    if choice == "bpe" or choice.startswith("bpe:"):
        size = choice.removeprefix("bpe").removeprefix(":")
        if not (size.isdecimal() and size.isascii() and len(size) < 20):
            raise ConfigError(
                f"a BPE to be trained needs the number of its ids, and {choice[:30]!r} names none: "
                "write for instance bpe:1024"
            )
        return int(size)
    return None


def cut_for(choice: str, *, special: bool = False) -> Callable[[str], int]:
    """Where a text may be cut before it is learnt from, as `Tokenizer.cut` says it afterwards."""
    return {"chars": len, "words": cut_words}.get(choice, partial(cut_gpt2, special=special))


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
    mark = {"bpe": END_OF_TEXT, "words": "<EOS>"}.get(tokenizer.kind, "")
    return tokenizer.special_tokens.get(mark)
