"""The reader of the words: sentences by a key, with placeholders that a run fills in.

A file holds tables in tables, and at their ends a sentence or a list of sentences. A key is the way
there: `attention.forward.first`. A sentence may hold placeholders, `{share}`. One whose
placeholders cannot all be filled is left out, so that what does not hold for a run is not said.
What is said in two places stands in one of them: `@loss.forward.first.1` is the second of those.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from pellucid.errors import ConfigError, did_you_mean

ENGLISH = "en"
"""The language that the others are translated from."""

SUFFIX = ".toml"

REFERENCE = re.compile(r"@(.+)\.(\d+)")
"""A sentence that stands elsewhere: its key, and which of that key's it is."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Phrasebook(NamedTuple):
    """The sentences of one language by their keys."""

    language: str
    sentences: Mapping[str, tuple[str, ...]]

    def of(self, key: str) -> tuple[str, ...]:
        """The sentences of a key; none where the file has nothing to say."""
        return self.sentences.get(key, ())

    def said(self, key: str, figures: Mapping[str, str]) -> str:
        """The sentences of a key in one paragraph, filled in; those that cannot be are left out.

        >>> book = Phrasebook("en", {"loss": ("It is {loss}.", "It was {before}.", "Mind it.")})
        >>> book.said("loss", {"loss": "0.5"})
        'It is 0.5. Mind it.'
        """
        return " ".join(self.sentences_said(key, figures))

    def sentences_said(self, key: str, figures: Mapping[str, str]) -> tuple[str, ...]:
        """The same, one by one."""
        told = (filled(sentence, figures) for sentence in self.of(key))
        return tuple(sentence for sentence in told if sentence)

    def first(self, key: str, figures: Mapping[str, str]) -> str:
        """The first sentence of a key that can be filled in; "" where there is none.

        >>> book = Phrasebook("en", {"look": ("{token} looks at itself.", "Somebody looks.")})
        >>> book.first("look", {})
        'Somebody looks.'
        """
        told = (filled(sentence, figures) for sentence in self.of(key))
        return next((sentence for sentence in told if sentence), "")


def placeholders(sentence: str) -> frozenset[str]:
    """The names of what a sentence leaves to be filled in.

    >>> sorted(placeholders("{token} looks {share} at {token}"))
    ['share', 'token']
    """
    return frozenset(_PLACEHOLDER.findall(sentence))


def filled(sentence: str, figures: Mapping[str, str]) -> str | None:
    """The sentence with its figures; None where one is missing."""
    if not placeholders(sentence) <= figures.keys():
        return None
    return _PLACEHOLDER.sub(lambda match: figures[match[1]], sentence)


def languages() -> list[str]:
    """The languages that there is a file of; lessons.en.toml has the words of something else."""
    here = (file.name for file in files(__package__).iterdir())
    ending = re.compile(rf"(\w+){re.escape(SUFFIX)}")
    return sorted(match[1] for name in here if (match := ending.fullmatch(name)))


@cache
def phrasebook(language: str = ENGLISH, kind: str = "") -> Phrasebook:
    """The words of a language; raises `ConfigError` where there is no file of it.

    Those of walks, or of another `kind`: "why" has the sentences of single numbers.
    """
    if language not in languages():
        raise ConfigError(
            f"a language must be one of {', '.join(languages())}, and {language!r} is not"
            f"{did_you_mean(language, languages())}"
        )
    text = (
        files(__package__)
        .joinpath(f"{kind}." * bool(kind) + language + SUFFIX)
        .read_text(encoding="utf-8")
    )
    return Phrasebook(language, referred(dict(_flat(tomllib.loads(text)))))


def missing(book: Phrasebook, original: Phrasebook) -> list[str]:
    """What a translation lacks, a line each; nothing where it is complete.

    It must have the keys of the original and no others, and of each key as many sentences, with the
    same placeholders one by one.
    """
    lines = [f"{key}: not translated" for key in original.sentences if key not in book.sentences]
    lines += [
        f"{key}: not in the original" for key in book.sentences if key not in original.sentences
    ]
    for key, sentences in original.sentences.items():
        other = book.of(key)
        if key in book.sentences and len(other) != len(sentences):
            lines.append(f"{key}: {len(other)} sentences, and the original has {len(sentences)}")
            continue
        for one, own in zip(sentences, other, strict=False):
            if placeholders(one) != placeholders(own):
                lines.append(
                    f"{key}: {_listed(placeholders(own))} for {_listed(placeholders(one))}"
                )
    return lines


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "no placeholder"


def referred(sentences: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The sentences, those that stand elsewhere put in; `ConfigError` where they do not."""

    def found(sentence: str) -> str:
        match = REFERENCE.fullmatch(sentence)
        if match is None:
            return sentence
        others, place = sentences.get(match[1], ()), int(match[2])
        if place >= len(others):
            raise ConfigError(f"a sentence must stand where it is said to, and {sentence} does not")
        return others[place]

    return {key: tuple(map(found, own)) for key, own in sentences.items()}


def _flat(table: Mapping[str, Any], way: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, value in table.items():
        key = f"{way}.{name}" if way else name
        if isinstance(value, Mapping):
            yield from _flat(value, key)
        else:
            yield key, (value,) if isinstance(value, str) else tuple(value)
