"""The tree of errors: one for each kind of mistake that a user can make.

    PellucidError           any of the below; the command line prints it, one line, and exits with 2
    ├── TextError           a text or a table that cannot be read, or is too short for what is asked
    ├── TokenError          token ids out of range, or more of them than there are positions
    ├── ConfigError         a setting outside its range, or two settings that contradict each other
    ├── CheckpointError     a file that is missing, truncated, foreign, or of other shapes
    ├── WriteError          a file that cannot be written: no room, no permission, a directory
    ├── TraceError          a name that is not on the tape, or a run that cannot be traced or read
    ├── ProofError          a question about a real number that its ball leaves open
    ├── StoppedError        long work that was stopped from outside
    └── FormulaError        a printed equation that cannot be computed from the values given

A message is one line and has three parts: the invariant, what came instead, and the remedy.
Control characters in it, as of a foreign file's names, are escaped here, once for all.
"""

from pellucid.visible import visible


class PellucidError(Exception):
    """Base of all errors that Pellucid raises on purpose; its text is fit to show to a user."""

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


class ProofError(PellucidError):
    """A question about a real number that its ball, at this precision, leaves open."""


class StoppedError(PellucidError):
    """Work that takes long, such as a proof, and was stopped from outside before its end."""


class FormulaError(PellucidError):
    """An equation that cannot be computed: prose, an unknown name, shapes that do not fit."""
