"""The models that a page may ask for: those named when it was started, each loaded once."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pellucid.checkpoint import open_model
from pellucid.errors import ConfigError, PellucidError, TextError
from pellucid.models import CausalModel, LanguageModel, Model, Transformer
from pellucid.shipped import DESCRIBED, SHIPPED, shelf_model
from pellucid.text import Tokenizer, load_tokenizer


@dataclass(frozen=True)
class Opened:
    """A model, its tokenizer, and what a page says of it."""

    model: Any  # of any kind that reads text
    tokenizer: Tokenizer
    title: str
    text: str  # to begin with
    source: str = ""  # of a model that reads two texts, the first


FIRST = "In the beginning God created the heaven and the earth."
"""A text to begin with, for models of English."""


KINDS: tuple[type[Model], ...] = (LanguageModel, Transformer)
"""What can be opened: models that read text."""


class Library:
    """Models by the names that a page knows; nobody changes one, so all sessions share them.

    `names` gives for each what `open_model` takes, or the model and its tokenizer themselves, and
    `how` the other arguments of `open_model`. What is not named cannot be opened: a page never says
    a path. The first is what a page opens on. `text` is what it begins with; by default a model's
    own, or a sentence, or as much of it as the model reads.
    """

    def __init__(
        self,
        names: Mapping[str, str | tuple[CausalModel, Tokenizer]],
        *,
        text: str | None = None,
        **how: Any,
    ) -> None:
        self._sources = dict(names)
        self._text = text
        self._how = how
        self._opened: dict[str, Opened] = {}
        self._lock = Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """What a page may ask for."""
        return tuple(self._sources)

    def path(self, name: str) -> str | None:
        """What `open_model` takes for that name; None where the model itself was given."""
        source = self._sources[name]
        return source if isinstance(source, str) else None

    def about(self, name: str) -> str:
        """A line on a model: what it learnt, where that is known, else what it is made of."""
        known = DESCRIBED.get(self.path(name) or "")
        return str(self.open(name).model) if known is None else known.line

    def text(self, name: str) -> str:
        """What a page begins with; a model that is known need not be opened for it."""
        path = self.path(name) or ""
        if path not in DESCRIBED:
            return self.open(name).text
        if path in SHIPPED and shelf_model(path).architecture == Transformer.architecture:
            return ""  # what it is described with is a source, and nothing is written for it yet
        return self._said(name, path)

    def _said(self, name: str, path: str) -> str:
        """The text for a model that is known: its own where it cannot read what was given.

        The page opens on the first, and there what cannot be read is to be told.
        """
        own = DESCRIBED[path].text
        if self._text is None or name == self.names[0] or path not in SHIPPED:
            return self._text or own
        try:
            load_tokenizer(path).encode(self._text)
        except TextError:
            return own
        return self._text

    def open(self, name: str) -> Opened:
        """The model of that name; `ConfigError` where it was not named at the start."""
        if name not in self._sources:
            raise ConfigError(
                f"a model must be one of {', '.join(self._sources)}, and {name[:40]!r} is none: "
                "start the page with --model DIR to have another"
            )
        with self._lock:
            if name not in self._opened:
                source = self._sources[name]
                model, tokenizer = (
                    open_model(source, kinds=KINDS, **self._how)
                    if isinstance(source, str)
                    else source
                )
                path = self.path(name) or ""
                known = self._said(name, path) if path in DESCRIBED else self._text
                said = known or _begin(model, tokenizer)
                tokenizer.encode(said)  # a text that it cannot read is told at the start
                text, read = model.begin_with(said)
                self._opened[name] = Opened(model, tokenizer, name, text, read)
            return self._opened[name]


def _begin(model: Any, tokenizer: Tokenizer) -> str:
    """A text to begin with; the first tokens that there are where no English can be read."""
    try:
        tokens = tokenizer.prompt(FIRST)
    except PellucidError:
        tokens = list(range(min(16, tokenizer.vocab_size)))
    # A source has a mark behind it, and a space in front may be a token more.
    room = model.config.block_size - (2 if model.streams else 0)
    return tokenizer.decode(tokens[:room])
