"""What a GGUF file says of a tokenizer: the way there of `gguf_tokenizer`.

Source: llama.cpp, convert_hf_to_gguf.py (get_vocab_base) and src/llama-vocab.cpp.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from pellucid.errors import CheckpointError
from pellucid.text.chat_template import ChatTemplate
from pellucid.text.choose import ending
from pellucid.text.gguf_tokenizer import (
    BYTE,
    CONTROL,
    NORMAL,
    OWN,
    SPLITS,
    UNKNOWN,
    UNUSED,
    WHOLE_FIRST,
    pre_tokenizer,
)
from pellucid.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tokenizers

PREFIX = "tokenizer.ggml."
TEMPLATE = "tokenizer.chat_template"

USES = {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"}
"""Special tokens by the names that templates have for them, and what GGUF calls them."""

PROBE = (
    "I'M it's THEY'LL we'd  3 33 333 3333 a1b22c x=1,000.50;\n\n\n \n\t tabs\t\tand   spaces   \r\n"
    "naïve Ünïcödé 你好，世界。 안녕 مرحبا हिन्दी ½ Ⅷ ๑๒๓ 🦙🦙 e\u0301 ... !!?\n'tis _under_score_ "
    "(a)[b]{c}\u00a0end\u3000wide \n"
)
"""A text that each of llama.cpp's rules cuts in its own way."""

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


def gguf_settings(
    tokenizer: Tokenizer, vocab_size: int, template: ChatTemplate | None = None
) -> dict[str, Any]:
    """The settings under which llama.cpp has this tokenizer, for a model of so many tokens.

    A chat template comes along with the tokens that it has names for; without, a text begins and
    ends with the tokenizer's end of text, where it has one. Of a tokenizer by characters or words
    it is said that there is none: llama.cpp then takes and gives ids alone. Ids that the model has
    beyond the tokenizer are filled up.

    Raises `CheckpointError` for a tokenizer that llama.cpp has no form for.
    """
    match tokenizer.kind:
        case "bpe":
            own = _byte_level(tokenizer)
        case "sentencepiece":
            own = _sentence_pieces(tokenizer)
        case _:
            return {f"{PREFIX}model": "none"}
    missing = range(len(own["tokens"]), vocab_size)
    own["tokens"] += [f"[PAD{token}]" for token in missing]
    own["token_type"] += [UNUSED for _ in missing]
    if "scores" in own:
        own["scores"] += [-1e4 for _ in missing]
    last = ending(tokenizer)
    own |= {} if last is None else {"bos_token_id": last, "eos_token_id": last}
    marks, known = template.tokens if template else {}, tokenizer.special_tokens
    own |= {
        f"{use}_token_id": known[marks[name]]
        for name, use in USES.items()
        if marks.get(name) in known
    }
    own["add_bos_token"] = bool(tokenizer.beginning)
    if tokenizer.beginning:
        own["bos_token_id"] = tokenizer.beginning[0]
    settings = {f"{PREFIX}{name}": value for name, value in own.items()}
    return settings | ({TEMPLATE: template.source} if template else {})


def _byte_level(tokenizer: Tokenizer) -> dict[str, Any]:
    from tokenizers import Tokenizer as Library  # noqa: PLC0415 - see byte_level.py

    text = tokenizer.to_json()
    library, said = Library.from_str(text), json.loads(text)
    kinds = {
        one["id"]: (one["content"], CONTROL if one["special"] else OWN)
        for one in said["added_tokens"]
    }
    pieces = {token: piece for piece, token in said["model"]["vocab"].items()}
    pieces |= {token: content for token, (content, _) in kinds.items()}
    if not said["model"]["merges"]:
        raise CheckpointError(
            "a tokenizer of llama.cpp's must merge at least one pair of pieces, and this one has "
            "bytes alone; export --format huggingface writes it as it is"
        )
    order = range(tokenizer.vocab_size)
    return {
        "model": "gpt2",
        "pre": _rule(library),
        "tokens": [pieces[token] for token in order],
        "token_type": [kinds.get(token, ("", NORMAL))[1] for token in order],
        "merges": [" ".join(pair) for pair in said["model"]["merges"]],
        "add_space_prefix": False,
    }


def _rule(library: "tokenizers.Tokenizer") -> str:
    """The name of the rule that cuts a text as this tokenizer does."""
    own = library.pre_tokenizer
    how = own.pre_tokenize_str(PROBE) if own else None, bool(library.model.ignore_merges)
    for rule in SPLITS:
        whole_first = rule in WHOLE_FIRST
        if (pre_tokenizer(rule).pre_tokenize_str(PROBE), whole_first) == how:
            return rule
    raise CheckpointError(
        f"a tokenizer must cut a text as one of llama.cpp's rules does, {', '.join(SPLITS)}; this "
        "one has another; export --format huggingface writes it as it is"
    )


def _sentence_pieces(tokenizer: Tokenizer) -> dict[str, Any]:
    said = json.loads(tokenizer.to_json())
    special = {one["id"] for one in said["added_tokens"] if one["special"]}
    vocabulary: dict[str, int] = said["model"]["vocab"]
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    made = dict.fromkeys("".join(pair) for pair in said["model"]["merges"])
    ranks = {piece: rank for rank, piece in enumerate(made)}
    unknown = said["model"]["unk_token"]
    first = tokenizer.piece(tokenizer.encode("a")[0])

    def kind(token: int, piece: str) -> int:
        if piece in {unknown, "<unk>"}:
            return UNKNOWN
        if _BYTE.fullmatch(piece):
            return BYTE
        return CONTROL if token in special else NORMAL

    return {
        "model": "llama",
        "tokens": pieces,
        # What is merged first scores best; what no merge makes is never looked up by its score.
        "scores": [float(-ranks.get(piece, len(made))) for piece in pieces],
        "token_type": [kind(token, piece) for token, piece in enumerate(pieces)],
        "add_space_prefix": first.startswith(b" "),
    }
