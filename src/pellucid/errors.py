"""The tree of errors: one for each kind of mistake that a user can make.

    PellucidError           any of the below; the command line prints it, one line, and exits with 2
    ├── TextError           a text or a table that cannot be read, or is too short for what is asked
    ├── TokenError          token ids out of range, or more of them than there are positions
    ├── ConfigError         a setting outside its range, or two settings that contradict each other
    ├── CheckpointError     a file that is missing, truncated, foreign, or of other shapes
    ├── WriteError          a file that cannot be written: no room, no permission, a directory
    ├── TraceError          a name that is not on the tape, or a run that cannot be traced or read
    │   └── TooLittleError  tensors of which a comparison can judge none; the exit code is 3
    ├── DifferenceError     a module that is watched computes something else than the model
    ├── ProofError          a question about a real number that its ball leaves open
    ├── StoppedError        long work that was stopped from outside
    ├── FormulaError        a printed equation that cannot be computed from the values given
    ├── AnswerError         an answer to an exercise that is none: a decimal comma, a word
    └── SheetError          a handout's sheet, or a class's answers to it, that cannot be read

A message is one line and has three parts: the invariant, what came instead, and the remedy.
Control characters in it, as of a foreign file's names, are escaped here, once for all.
"""

from typing import TYPE_CHECKING

from pellucid.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


class PellucidError(Exception):
    """Base of all errors that Pellucid raises on purpose; its text is fit to show to a user."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class TextError(PellucidError):
    """A text that cannot be tokenized, a table that cannot be read, or either too short."""


class TokenError(PellucidError):
    """Token ids that are out of range, or more of them than the model has positions."""


class ConfigError(PellucidError):
    """A setting outside its range, or two settings that contradict each other."""


class CheckpointError(PellucidError):
    """A checkpoint that is missing, truncated, of a foreign format, or of other shapes."""


class WriteError(PellucidError):
    """A file that cannot be written: no room, no permission, a parent that is a file."""


class TraceError(PellucidError):
    """A name that is not on the tape, or a run that cannot be traced or whose numbers are none."""


class TooLittleError(TraceError):
    """Tensors of another program, of which none can be judged: nothing is wrong in what is there.

    A script can tell it from a file that cannot be used.
    """

    exit_code = 3


class DifferenceError(PellucidError):
    """A value of a module that is watched (`pellucid.compare.watch`) is not what it should be.

    `finding` is what was found, None where sizes or what was read differ. The text has a line for
    each of `lines`, unlike that of all others.
    """

    def __init__(self, lines: "Iterable[str]", finding: "Any" = None) -> None:
        self.lines, self.finding = tuple(map(visible, lines)), finding
        super().__init__(self.lines[0])

    def __str__(self) -> str:
        return "\n   ".join(self.lines)


class ProofError(PellucidError):
    """A question about a real number that its ball, at this precision, leaves open."""


class StoppedError(PellucidError):
    """Work that takes long, such as a proof, and was stopped from outside before its end."""


class FormulaError(PellucidError):
    """An equation that cannot be computed: prose, an unknown name, shapes that do not fit."""


class AnswerError(PellucidError):
    """An answer to an exercise that cannot be read: it is neither right nor wrong."""


class SheetError(PellucidError):
    """A handout's sheet, or a file of a class's answers to it, that cannot be read."""


def did_you_mean(word: str, known: "Iterable[str]", also: "Mapping[str, str] | None" = None) -> str:
    """A question behind what is none of the known words, where one of them is near it.

    Capitals, spaces, hyphens and underscores make no difference. `also` gives for other words that
    somebody might write the known ones that are meant.

    >>> did_you_mean("AI Rocks", ["ai_rocks", "softmax"])
    " (did you mean 'ai_rocks'?)"
    >>> did_you_mean("x", ["ai_rocks", "softmax"])
    ''
    """
    from difflib import get_close_matches  # noqa: PLC0415 (of use where something went wrong)

    meant = {**(also or {}), **{str(one): str(one) for one in known}}
    plain = {_plain(one): name for one, name in meant.items()}
    near = get_close_matches(_plain(word), list(plain), n=1, cutoff=0.7)
    return f" (did you mean {plain[near[0]]!r}?)" if near else ""


def _plain(word: str) -> str:
    return "".join(sign for sign in word.casefold() if sign not in " -_")
