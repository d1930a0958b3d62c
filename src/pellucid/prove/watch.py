"""Who watches a proof as it goes."""

from collections.abc import Mapping

from pellucid.numbers import Ball


class Watch:
    """Receives the progress of a proof, and does nothing unless a method is overridden."""

    def begins(self, what: str, costs: Mapping[str, float]) -> None:
        """A pass through the tape begins; it will be about so much work for each name."""

    def done(self, name: str) -> None:
        """The pass has finished a name."""

    def enclosed(self, name: str, true: Ball) -> None:
        """The true numbers of a name; once more where more bits were needed."""
