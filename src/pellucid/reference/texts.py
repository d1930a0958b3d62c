"""Texts that tokenizers are got wrong on, with their ids: to try a port's own tokenizer on."""

from collections.abc import Iterator
from typing import Any

from pellucid.errors import TextError
from pellucid.text import Tokenizer

HARD = (
    "",
    " ",
    "   ",
    "a",
    "Hello, world!",
    "hello hello  hello   hello",
    " leading and trailing ",
    "tabs\tand\nlines\n\nand\r\nreturns",
    "indented\n    by four\n        by eight",
    "I'm, you're, he'll, we've, they'd, it's, don't: 'tis",
    "I'M, YOU'RE, IT'S",
    "typographic: it’s “quoted” – dashed…",
    "3.14159 and 1,000,000, 2024-01-01, 10x",
    "12345678901234567890",
    "f(x)[i] += {a: -1}; // !=, ==, ->, &&",
    "https://example.org/a_b?c=d&e=f#g",
    "snake_case CamelCase ALLCAPS",
    "naïve café, Ångström, Übermaß, ſ",
    "e\u0301 and \u00e9, n\u0303 and \u00f1",
    "Привет, мир. Γειά σου. שלום. مرحبا.",
    "你好，世界。こんにちは。안녕하세요",
    "😀👍🏽👩‍👩‍👧‍👦🇩🇪",
    "math: ∑ᵢ xᵢ² ≤ ½ ∞ ≠ √2",
    "no\u00a0break, thin\u2009space, zero\u200bwidth, line\u2028end, \ufeffmark",
    "control: \x00\x01\x1b[0m\x7f",
    "private \ue000, last \U0010ffff, musical \U0001d11e",
    "ﬁ ligature, Ⅷ roman, ① circled, ８ wide",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "                                                                ",
    "\n\n\n\n\n\n\n\n",
)
"""White space, contractions, digits, marks, scripts, joined emoji, controls, and long runs."""


SPECIAL = 8
"""So many special tokens are tried, the first."""


def tokenizer_vectors(tokenizer: Tokenizer, *more: str) -> list[dict[str, Any]]:
    """Each text with its ids; those that the pieces cannot spell are left out.

    Special tokens come twice: as plain text, and as themselves, which `special` marks.
    """
    some = list(tokenizer.special_tokens)[:SPECIAL]
    spelt = [text for one in some for text in (one, f"a {one} b{one}")]
    read = tokenizer.with_special()
    return [
        *_each(tokenizer, (*more, *HARD, *spelt)),
        *({**row, "special": True} for row in _each(read, spelt)),
    ]


def _each(tokenizer: Tokenizer, texts: Any) -> Iterator[dict[str, Any]]:
    for text in dict.fromkeys(texts):
        try:
            yield {"text": text, "ids": tokenizer.encode(text)}
        except TextError:
            continue
