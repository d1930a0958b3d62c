"""An exercise: what is asked, where the true answer is, and which mistakes have names.

It holds all that grading needs, so it can be graded where no model is: in a class's file of
answers, or in a browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pellucid.lessons.ends import Ends

Kind = Literal["number", "choice", "shape"]


class Slip(NamedTuple):
    """A known slip: what is done wrong, in words that follow "a known slip:", and what it gives."""

    name: str
    says: str
    ends: Ends


@dataclass(frozen=True)
class Exercise:
    """One question about one run.

    Of a number, `ends` is the ball of the true value and `decimals` how many decimals are asked
    for; of a choice or a shape, `answers` are the texts that are right, the first as it is shown.
    `value` is the name of what is asked for, with its index; `given` names the values to show with
    the question, and `settings` has those of the formula, such as a learning rate. `slips` are the
    mistakes that have names, and `way` the numbers on the way to the answer, first to last, each an
    exercise by itself. `formula` is what makes the number, in the code's names, and `arithmetic`
    the same in one line with its figures and what they come to.
    """

    name: str
    question: str
    kind: Kind = "number"
    value: str = ""
    decimals: int = 0
    ends: Ends | None = None
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    hint: str = ""
    given: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    slips: Sequence[Slip] = field(default=(), repr=False)
    way: Sequence["Exercise"] = field(default=(), repr=False)
    formula: str = ""
    arithmetic: str = ""

    @property
    def answer(self) -> str:
        """The right answer, as it is shown to who has given up; of a number, rounded half up."""
        if self.ends is None:
            return self.answers[0]
        return self.ends.rounded(self.decimals)

    @property
    def asked_for(self) -> str:
        """What is to be typed, in words."""
        if self.kind == "choice":
            numbered = [f"{place} {one}" for place, one in enumerate(self.choices, start=1)]
            return " or ".join((", ".join(numbered[:-1]), numbered[-1]))
        if self.kind == "shape":
            return "a shape, such as 2, 3"
        places = {0: "a whole number", 1: "1 decimal"}
        return places.get(self.decimals, f"{self.decimals} decimals")

    def as_data(self) -> dict[str, Any]:
        """The exercise as JSON: what a page or a notebook needs to ask it and to grade it.

        Ends of balls are decimals in texts, rounded outwards; what is empty is left out.
        """
        found: dict[str, Any] = {
            "name": self.name,
            "question": self.question,
            "kind": self.kind,
            "value": self.value,
            "asked_for": self.asked_for,
            "answer": self.answer,
            "hint": self.hint,
            "given": list(self.given),
            "settings": dict(self.settings),
            "formula": self.formula,
            "arithmetic": self.arithmetic,
            "choices": list(self.choices),
            "answers": list(self.answers),
            "slips": [
                {"name": slip.name, "says": slip.says, "ends": slip.ends.as_data()}
                for slip in self.slips
            ],
            "way": [step.as_data() for step in self.way],
        }
        if self.ends is not None:
            found |= {"decimals": self.decimals, "ends": self.ends.as_data()}
        return {key: value for key, value in found.items() if value not in ("", [], {})}
