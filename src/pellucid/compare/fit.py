"""How well a mistake explains a difference, and where it is made in the whole step."""

from typing import NamedTuple

from pellucid.compare.mistakes import Mistake
from pellucid.compare.mutation import Mutation, site
from pellucid.compare.step import Followed


class Fit(NamedTuple):
    """How well a mistake explains the first difference."""

    mistakes: tuple[Mistake, ...]
    excess: float  # the largest distance that is left, as a multiple of what is allowed
    left: float  # how much of the distance is left, 0 to 1 and more
    faults: int  # tensors made by the same call that still disagree
    breaks: tuple[str, ...] = ()  # tensors that agree without the mistake, and not with it

    @property
    def reproduces(self) -> bool:
        """Whether the other program's numbers are what this mistake makes."""
        return self.excess <= 1 and not self.breaks

    @property
    def rank(self) -> tuple[bool, int, float]:
        """What sorts the best fit to the front."""
        return (not self.reproduces, self.faults if self.reproduces else 0, self.left)


class Adoption(NamedTuple):
    """A mistake that the other program has made, in the whole step."""

    fit: Fit
    mutations: tuple[Mutation, ...]
    place: str  # where it is made: "" for everywhere, else a path of the tape
    after: Followed  # the step with it
    left: int  # how many tensors still disagree
    halved: bool = False  # whether it is made in the forward or in the backward alone

    @property
    def rank(self) -> tuple[bool, int, int]:
        """What tells the best: whole mistakes come first, made everywhere, that explain most."""
        scope = 2 if self.place and self.place != site(self.place) else int(bool(self.place))
        return self.halved, scope, self.left
