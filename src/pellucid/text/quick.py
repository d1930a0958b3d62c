"""GPT-2's ids by `tiktoken` where it is installed: the same as the library's, in half the time.

Only for GPT-2's own tables, of which it is known that both ways of merging come to the same pieces:
`tiktoken` merges any two neighbours that spell a piece, `tokenizers` the pairs of the list.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import local

from pellucid.text.tokenizer import Ids

PIECES = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
"""As GPT-2 cuts a text, written for tiktoken's engine: what is possessive needs no way back."""


def quick(ranks: Mapping[bytes, int]) -> Callable[[Sequence[str]], Iterator[Ids]] | None:
    """What encodes texts in threads, which go on while the first ids are taken; or nothing.

    `ranks` are the pieces and their ids, in the order of the merges.
    """
    try:
        from tiktoken import Encoding  # noqa: PLC0415 - who has it not does without
    except ImportError:
        return None
    if not hasattr(Encoding, "encode_to_numpy"):
        return None
    # The mark is not read, but without any the search for one stops at every character.
    mark = {"<|endoftext|>": len(ranks)}
    own = local()

    def begin() -> None:
        """Of one that they share, threads wait for each other's regular expressions."""
        own.library = Encoding(
            "gpt2", pat_str=PIECES, mergeable_ranks=dict(ranks), special_tokens=mark
        )

    def encode(text: str) -> Ids:
        ids: Ids = own.library.encode_to_numpy(text, disallowed_special=())
        return ids

    pool = ThreadPoolExecutor(_threads(), initializer=begin)

    def encoded(texts: Sequence[str]) -> Iterator[Ids]:
        return pool.map(encode, texts)

    return encoded


def _threads() -> int:
    """As many as the other library takes."""
    asked = os.environ.get("RAYON_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    allowed = getattr(os, "sched_getaffinity", None)  # not every system has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1
