"""The tokenizer that comes in a GGUF file: its pieces, and how it cuts a text before merging.

Source: llama.cpp, src/llama-vocab.cpp: the pre-tokenizers by name, and the kinds of tokens.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import CheckpointError, ConfigError
from pellucid.gguf_header import read_gguf
from pellucid.text.bpe import BPE
from pellucid.text.sentence_pieces import SentencePieces, sentence_pieces
from pellucid.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tokenizers

MODELS = ("gpt2", "llama")
"""What llama.cpp calls a byte-level BPE, and SentencePiece."""

NORMAL, UNKNOWN, CONTROL, OWN, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens: of them CONTROL are special, and OWN whole words that somebody added."""

_ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

SPLITS: Mapping[str, tuple[str, ...]] = {
    "gpt-2": (),
    "smollm": (r"\p{N}",),
    "llama-bpe": (f"{_ENDINGS}|{_WORDS}|\\p{{N}}{{1,3}}|{_REST}",),
    "qwen2": (f"{_ENDINGS}|{_WORDS}|\\p{{N}}|{_REST}",),
}
"""By the name of a pre-tokenizer: what is cut out before GPT-2's own rule, or in its stead."""

INSTEAD = ("llama-bpe", "qwen2")
"""Pre-tokenizers in which GPT-2's own rule is not used."""

WHOLE_FIRST = ("llama-bpe",)
"""Pre-tokenizers that look a pre-token up whole before anything is merged."""


def gguf_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a GGUF file; `CheckpointError` where there is none that is known."""
    settings = read_gguf(path)[0].settings
    own = {
        name.removeprefix("tokenizer.ggml."): value
        for name, value in settings.items()
        if name.startswith("tokenizer.ggml.")
    }
    if own.get("model") not in MODELS:
        raise CheckpointError(
            f"{path}: a tokenizer must be of the model {' or '.join(MODELS)}; it is "
            f"{own.get('model')!r:.60}; give another by --tokenizer"
        )
    pieces: Any = own.get("tokens")
    kinds: Any = own.get("token_type")
    if not _texts(pieces) or len(set(pieces)) < len(pieces):
        raise _broken(path, "a list of different pieces as tokenizer.ggml.tokens")
    if kinds is None:
        kinds = [NORMAL] * len(pieces)
    if not isinstance(kinds, list) or len(kinds) != len(pieces):
        raise _broken(path, "a kind for each piece as tokenizer.ggml.token_type")
    used = len(kinds)
    while used and kinds[used - 1] == UNUSED:  # what fills a model's table up is no piece
        used -= 1
    pieces, kinds = pieces[:used], kinds[:used]
    try:
        if own["model"] == "gpt2":
            first = own.get("pre") in WHOLE_FIRST
            return BPE(_begun(_byte_level(path, own, pieces, kinds), path, own, usual=first))
        special = [p for p, kind in zip(pieces, kinds, strict=True) if kind == CONTROL]
        in_front = bool(own.get("add_space_prefix", True))
        scores = _scores(path, own, used)
        library = sentence_pieces(pieces, scores, special=special, in_front=in_front)
        return SentencePieces(_begun(library, path, own, usual=True))
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _byte_level(
    path: Path, own: Mapping[str, Any], pieces: list[str], kinds: list[int]
) -> "tokenizers.Tokenizer":
    from tokenizers import (  # noqa: PLC0415 - see byte_level.py
        AddedToken,
        Tokenizer,
        decoders,
        models,
    )

    rule = own.get("pre", "gpt-2")
    if rule not in SPLITS:
        raise CheckpointError(
            f"{path}: a text must be cut as one of {', '.join(SPLITS)} does; tokenizer.ggml.pre is "
            f"{rule!r:.60}; give another by --tokenizer"
        )
    if not _texts(own.get("merges")):
        raise _broken(path, "a list of merges as tokenizer.ggml.merges")
    merges = [tuple(line.split(" ")) for line in own["merges"]]
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    try:
        model = models.BPE(vocabulary, merges, ignore_merges=rule in WHOLE_FIRST)
    except Exception as error:  # the library raises nothing narrower
        raise _broken(path, f"merges of its own pieces ({error})") from error
    library = Tokenizer(model)
    library.pre_tokenizer = pre_tokenizer(rule)
    library.decoder = decoders.ByteLevel()
    marked = [piece for piece, kind in zip(pieces, kinds, strict=True) if kind == CONTROL]
    words = [piece for piece, kind in zip(pieces, kinds, strict=True) if kind == OWN]
    library.add_special_tokens(marked)
    library.add_tokens([AddedToken(word, normalized=False) for word in words])
    return library


def _begun(
    library: "tokenizers.Tokenizer", path: Path, own: Mapping[str, Any], *, usual: bool
) -> "tokenizers.Tokenizer":
    """The library's tokenizer, told what stands in front of every text; `usual` is llama.cpp's."""
    from tokenizers import processors  # noqa: PLC0415

    if own.get("add_bos_token", usual) and "bos_token_id" in own:
        token = own["bos_token_id"]
        piece = library.id_to_token(token) if type(token) is int and 0 <= token < 2**32 else None
        if piece is None:
            raise _broken(path, "one of its pieces as tokenizer.ggml.bos_token_id")
        library.post_processor = processors.TemplateProcessing(
            single=f"{piece}:0 $A:0", special_tokens=[(piece, token)]
        )
    return library


def pre_tokenizer(rule: str) -> "tokenizers.pre_tokenizers.PreTokenizer":
    """What cuts a text before its pieces are merged, by its name in llama.cpp."""
    from tokenizers import Regex, pre_tokenizers  # noqa: PLC0415 - see byte_level.py

    return pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(split), "isolated") for split in SPLITS[rule]),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=rule not in INSTEAD),
        ]
    )


def _scores(path: Path, own: Mapping[str, Any], count: int) -> list[float]:
    scores = own.get("scores")
    if not isinstance(scores, list) or len(scores) < count:
        raise _broken(path, "a score for each piece as tokenizer.ggml.scores")
    return scores[:count]


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _broken(path: Path, wanted: str) -> CheckpointError:
    return CheckpointError(
        f"{path} must have {wanted}; it has not; write the file again, or give a tokenizer by "
        "--tokenizer"
    )
