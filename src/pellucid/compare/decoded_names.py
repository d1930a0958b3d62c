"""The names of what decoding makes, and of the ids of a tokenizer's texts."""

from pellucid.reference import IDS, LOGITS, SAMPLED, UNIFORM

CACHE = "decode.h."
TABLE = "texts."


def is_decoded(name: str, layers: int) -> bool:
    """Whether this is one of them, for a model of so many layers.

    >>> [is_decoded(name, 2) for name in ("decode.h.1.k", "decode.h.2.k", "texts.7", "texts.x")]
    [True, False, True, False]
    """
    kind, _, last = name.rpartition(".")
    if f"{kind}." == TABLE:
        return last.isdecimal()
    layer = kind.removeprefix(CACHE)
    of_cache = kind.startswith(CACHE) and layer.isdecimal() and last in {"k", "v"}
    return name in {IDS, LOGITS, SAMPLED, UNIFORM} or (of_cache and int(layer) < layers)


def is_ids(name: str) -> bool:
    """Whether this is the name of token ids that decoding or a tokenizer has made."""
    return name in {IDS, SAMPLED} or name.startswith(TABLE)
