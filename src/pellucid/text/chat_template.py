"""A conversation as one text of tokens, by the template that came with a model.

A template is a Jinja2 program. What it writes between the messages may be special tokens; what
people write in them is plain text whatever it spells: who types `<|im_end|>` ends no turn.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pellucid.errors import CheckpointError, ConfigError, PellucidError, TextError
from pellucid.text.bpe import END_OF_TEXT
from pellucid.text.rendering import BROKEN, REFUSES, SECONDS
from pellucid.text.tokenizer import Tokenizer, check_unicode

Message = Mapping[str, str]
"""`{"role": "user", "content": "Hello"}`; the roles are system, user and assistant."""

ANSWER = "An answer."

WAIT = 30.0
"""Seconds until a template that is still not done is ended, on a machine however busy."""

_COMMAND = (
    *(sys.executable, "-P", "-c"),
    "from pellucid.text.rendering import render_for_parent; render_for_parent()",
)


@dataclass(frozen=True)
class ChatTemplate:
    """A template: its source, and the special tokens by the names that it has for them.

    `tokens` are such as `{"bos_token": "<s>", "eos_token": "</s>"}`, and `ends` the tokens that end
    an answer.
    """

    source: str = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict)
    ends: tuple[str, ...] = ()

    def render(self, messages: Sequence[Message], *, answer: bool = True) -> str:
        """The text of a conversation; with `answer`, up to where the model's answer begins.

        Raises `ConfigError` for a conversation that the template refuses, `CheckpointError` for a
        template that cannot be filled in, or not within its bounds.
        """
        for message in messages:
            check_unicode(message["content"])
        told: Any = {"messages": [dict(message) for message in messages], "tools": None}
        values = {**self.tokens, **told, "add_generation_prompt": answer}
        said = _rendered(json.dumps({"source": self.source, "values": values}))
        if refusal := said.get(REFUSES):
            raise ConfigError(
                f"a conversation must be one that the model's chat template takes, and it says: "
                f"{refusal[:200]!r}; write another, such as one without --system"
            )
        if broken := said.get(BROKEN):
            raise _broken(broken)
        return said["text"]

    def encode(
        self, tokenizer: Tokenizer, messages: Sequence[Message], *, answer: bool = True
    ) -> list[int]:
        """The ids of `render(…)`, with the special tokens that the template itself writes."""
        # A mark of one character could not be told apart where it is typed.
        marks = sorted((mark for mark in tokenizer.special_tokens if len(mark) > 1), key=len)[::-1]
        wedge = _wedge([self.source, *(message["content"] for message in messages)])
        apart = [{**one, "content": _parted(one["content"], marks, wedge)} for one in messages]
        text = self.render(apart, answer=answer)
        ids: list[int] = []
        for piece in re.split(f"({'|'.join(map(re.escape, marks))})", text) if marks else [text]:
            if piece in tokenizer.special_tokens:
                ids.append(tokenizer.special_tokens[piece])
            elif plain := piece.replace(wedge, ""):
                ids += tokenizer.encode(plain)
        return ids

    def stops(self, tokenizer: Tokenizer) -> frozenset[int]:
        """The tokens that end an answer: what its file says, and what the template writes there."""
        known = tokenizer.special_tokens
        spoken = [{"role": "user", "content": "a"}, {"role": "assistant", "content": ANSWER}]
        with suppress(PellucidError):  # some templates take no conversation that ends so
            behind = self.render(spoken, answer=False).partition(ANSWER)[2].lstrip()
            ends = [mark for mark in known if behind.startswith(mark)]
            return frozenset(known[mark] for mark in [*self._ends(known), *ends])
        return frozenset(known[mark] for mark in self._ends(known))

    def _ends(self, known: Mapping[str, int]) -> list[str]:
        return [mark for mark in (*self.ends, END_OF_TEXT) if mark in known]


def _rendered(asked: str) -> Mapping[str, str]:
    """What the process answers; `CheckpointError` where it was ended."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            _COMMAND,
            input=asked.encode(),
            capture_output=True,
            check=False,
            timeout=WAIT,
            env=environment,
        )
        said: Mapping[str, str] = json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        raise _broken(f"it is not done after {SECONDS} seconds of computing") from None
    return said


def _broken(why: str) -> CheckpointError:
    line = " ".join(why.split())
    return CheckpointError(
        f"a chat template must be one that can be filled in, and the model's cannot: {line:.200}; "
        "use pellucid generate, or another model"
    )


def _wedge(texts: Iterable[str]) -> str:
    """A character that none of the texts has, of those that Unicode leaves to everybody."""
    used = set().union(*texts)
    found = next((chr(one) for one in range(0xE000, 0xF8FF) if chr(one) not in used), None)
    if found is None:
        raise TextError("a message must leave one private character of Unicode unused: shorten it")
    return found


def _parted(text: str, marks: Collection[str], wedge: str) -> str:
    """The text with a wedge in all that spells a special token, or the beginning or end of one."""
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    places: set[int] = set()
    for mark in marks:
        places |= {found.start() + 1 for found in re.finditer(f"(?={re.escape(mark)})", text)}
        places |= {end for cut in range(1, len(mark)) if text[begin:end].endswith(mark[:cut])}
        places |= {begin for cut in range(1, len(mark)) if text[begin:].startswith(mark[cut:])}
    cuts = [0, *sorted(places), len(text)]
    return wedge.join(text[one:other] for one, other in pairwise(cuts))
