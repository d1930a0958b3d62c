"""What an activation is in a theorem: of its own, and inside a feed-forward network."""

from typing import NamedTuple

from linking.writing import Stage, Writing
from pellucid.layers import REFERENCE, Pair


class Activation(NamedTuple):
    """An activation by its layer's name, and its definitions, which are told `told`.

    `forward` and `backward` are what its code shows before out and before dx, with X for the
    number that comes in; `by` is how its dx is seen once all is unfolded, where it
    takes more than arithmetic.
    """

    layer: str
    told: str = ""
    forward: tuple[Stage, ...] = ()
    backward: tuple[Stage, ...] = ()
    definition: str = ""
    by: str = ""

    @property
    def pair(self) -> Pair:
        """The code."""
        pair: Pair = getattr(REFERENCE, self.layer)
        return pair

    @property
    def name(self) -> str:
        """What the definition is called."""
        return self.definition or self.layer

    @property
    def run(self) -> str:
        """The function."""
        return f"{self.name} {self.told}".strip()

    @property
    def run_dx(self) -> str:
        """Its backward."""
        return f"{self.name}_dx {self.told}".strip()

    @property
    def rocq(self) -> str:
        """Both, as the theorems have an activation."""
        return f"(Build_activation {bracketed(self.run)} {bracketed(self.run_dx)})"

    def opening(self, x: str) -> list[Stage]:
        """What the forward shows before out."""
        return [stage._replace(text=stage.text.replace("X", x)) for stage in self.forward]

    def closing(self, x: str) -> list[Stage]:
        """What the backward shows before dx."""
        return [stage._replace(text=stage.text.replace("X", x)) for stage in self.backward]

    @property
    def seen(self) -> str:
        """How its dx is seen."""
        return f"{{unfold}}; {self.by}" if self.by else ""

    def theorem(self, title: str) -> str:
        """The theorem of it alone, of two numbers."""
        w = Writing(f"{self.layer}_code")
        w.pair(self.layer, w.input("x", 2), gradient=("dout", 2))
        x = "(x {0})"
        return w.theorem(
            title,
            *self.opening(x),
            Stage("out", f"{self.run} {x}", self.name),
            *self.closing(x),
            Stage("dx", f"{self.run_dx} {x} (dout {{0}})", f"{self.name}_dx", self.seen),
        )


def bracketed(text: str) -> str:
    """A function that is given something, as an argument."""
    return f"({text})" if " " in text else text
