"""GPT-2's alphabet of bytes and its settings of the `tokenizers` library.

The library is imported inside the functions that need it: a short command should not wait for it.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from pellucid.errors import ConfigError
from pellucid.text.tokenizer import last_match

if TYPE_CHECKING:
    import tokenizers

_BORDER = re.compile(r"(?<=[^\s\u180e\u200b\ufeff])[ \t\n\r]|(?<=[\u4e00-\u9fa5])[，、。]")
"""Where a pre-token of GPT-2's certainly ends, whatever stands before and after.

Before the first white space after anything else: no pre-token holds white space but at its
beginning, and what is left of the border is not looked at any more. (Three characters that some
version of Unicode took for white space are taken for it here.) Between a Chinese character and a
mark, since such a text may have no spaces: a pre-token with letters in it ends with a letter.
"""

_INNER = re.compile(
    r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Za-z0-9])(?=[!-/:-@\[-`{-~])"
)
"""And where there is no white space: letters end at a digit or a mark, and digits so too."""

_KINDS = (r"[^\W\d_]", r"\d", r"\s", r"[^\w\s]", "_")
"""Letters, digits, white space and marks, of which pre-tokens are runs."""

RUN = 1 << 13
"""A longer run of one kind is cut into parts of so many characters, each encoded by itself.

GPT-2 has no such limit, and no text that was written has such a run; a pre-token of millions of
letters would take gigabytes. Llama 3's own tokenizer cuts after 25,000 characters.
"""


@cache
def byte_symbols() -> dict[str, int]:
    """The printable symbol that stands for each byte in files of merges, in the order of the ids.

    188 printable bytes stand for themselves, the other 68 are chr(256), chr(257), ... in order: a
    space is "Ġ". Source: GPT-2's encoder.py, `bytes_to_unicode`.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    shifted = {chr(256 + number): byte for number, byte in enumerate(hidden)}
    return {chr(byte): byte for byte in printable} | shifted


def spell(symbols: str) -> bytes:
    """The bytes of a piece; one that is not made of byte symbols stands for itself."""
    values = byte_symbols()
    try:
        return bytes([values[symbol] for symbol in symbols])
    except KeyError:
        return symbols.encode()


def read_merges(text: str) -> list[tuple[str, str]]:
    """The pairs of a `merges.txt` or `vocab.bpe`, one a line; `ValueError` for any other line."""
    first, *rest = text.removesuffix("\n").split("\n")
    lines = rest if first.startswith("#version") else [first, *rest]
    pairs = [tuple(line.split(" ")) for line in lines]
    if odd := [place for place, pair in enumerate(pairs, 1) if len(pair) != 2 or not all(pair)]:
        raise ValueError(f"merge {odd[0]} of {len(pairs)} is not two pieces with a space between")
    return [(left, right) for left, right in pairs]


def make_library(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], special: Sequence[str]
) -> "tokenizers.Tokenizer":
    """The library's tokenizer with GPT-2's settings; `special` tokens are cut out of a text first.

    The library raises a bare `Exception` if a merge is not in the vocabulary.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415

    library = Tokenizer(models.BPE(dict(vocabulary), list(merges)))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    library.decoder = decoders.ByteLevel()
    library.add_special_tokens(list(special))
    return library


@cache
def _long_run(longest: int, *, marks: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A run of one kind that is longer, from its first character on; and the half of one."""
    kinds = _KINDS if marks else _KINDS[:-2]
    whole = (f"(?<!{kind}){kind}{{{longest}}}{kind}++" for kind in kinds)
    half = (f"{kind}{{{longest // 2}}}" for kind in kinds)
    return re.compile("|".join(whole)), re.compile("|".join(half))


def short_runs(text: str, longest: int = RUN, *, marks: bool = True) -> Iterator[str]:
    """The text in parts: a run of one kind of characters is cut after each `longest`.

    Without `marks`, runs of marks stay whole, since special tokens have some.
    """
    begin, (whole, half) = 0, _long_run(longest, marks=marks)
    # A long run covers one of these places and half of its length behind it: others cost nothing.
    places = range(0, len(text) - longest // 2, longest // 2)
    if len(text) > longest and any(half.match(text, place) for place in places):
        for run in whole.finditer(text):
            for place in range(run.start() + longest, run.end(), longest):
                yield text[begin:place]
                begin = place
    yield text[begin:] if begin else text


def cut_gpt2(text: str, *, special: bool = False) -> int:
    """The last place where a text that begins with `text` may be cut under GPT-2's settings.

    It begins where a run of one kind of characters may. With `special`, special tokens are read,
    which white space does not part, but what has no white space may hold.
    """
    place = last_match(_BORDER, text) or (0 if special else last_match(_INNER, text))
    if place or len(text) <= RUN:
        return place
    *_, last = short_runs(text, marks=not special)
    return len(text) - len(last)


def cuts_like_gpt2(library: "tokenizers.Tokenizer") -> bool:
    """Whether the library's tokenizer cuts at least where `cut_gpt2` says.

    So it is with GPT-2's own settings and added tokens that hold no such place and eat no spaces
    behind them; of other settings nothing is known.
    """
    plain_tokens = library.encode_special_tokens
    settings = json.loads(library.to_str())
    pretokens = settings["pre_tokenizer"] or {}
    plain = (
        settings["normalizer"] is None
        and pretokens.get("type") == "ByteLevel"
        and pretokens.get("use_regex", True)
        and not pretokens["add_prefix_space"]
    )
    return plain and not any(
        token["rstrip"]
        or _BORDER.search(token["content"])
        or (plain_tokens and _INNER.search(token["content"]))
        for token in settings["added_tokens"]
        if not (plain_tokens and token["special"])
    )


def check_settings(library: "tokenizers.Tokenizer") -> None:
    """Raise `ConfigError` unless pieces are byte symbols and nothing else, merged as GPT-2 does."""
    from tokenizers import decoders, models  # noqa: PLC0415

    model, decoder = library.model, library.decoder
    if not isinstance(model, models.BPE) or not isinstance(decoder, decoders.ByteLevel):
        raise ConfigError(
            "a tokenizer must be a byte-level BPE, like GPT-2's; this one is "
            f"{type(model).__name__} decoded by {type(decoder).__name__}; use its own project"
        )
    if odd := [
        name
        for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
        if getattr(model, name)
    ]:
        raise ConfigError(
            "a byte-level BPE always merges the same bytes to the same pieces; this one sets "
            f"{', '.join(odd)}; use its own project"
        )


def missing_bytes(pieces: Collection[bytes]) -> frozenset[int]:
    """The bytes that are no piece of their own; `ConfigError` if a printable one of ASCII is.

    A few vocabularies lack control characters and bytes that no common character begins with.
    """
    known = frozenset(pieces)
    missing = {byte for byte in range(256) if bytes([byte]) not in known}
    if not missing.isdisjoint(range(0x20, 0x7F)):
        raise ConfigError(
            "a byte-level BPE must have all 256 bytes among its pieces, or it would drop what it "
            f"cannot spell; {len(missing)} are missing; train it with the full initial alphabet"
        )
    return frozenset(missing)
