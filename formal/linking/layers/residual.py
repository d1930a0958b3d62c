"""The residual connection, whatever its norm and its part are."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from linking.writing import Stage, Writing
from pellucid.layers import Pair, ResidualNames
from pellucid.numbers.term_array import TermArray


def asked(w: Writing, name: str, answer: str) -> Callable[..., Any]:
    """A norm or a part that keeps what it is asked, and answers as the theorem has it."""

    def function(value: TermArray, *_: Any, **__: Any) -> tuple[TermArray, None]:
        w.code.tape.kept[name] = value
        return w.input(f"{name}_answer", 2, 2, as_=answer), None

    return function


def theorems() -> Iterator[str]:
    """Both places of the norm."""
    code: Any = sys.modules["pellucid.layers.residual"]
    for place in ("pre", "post"):
        w = Writing(f"{place}_code")
        for name, kind in (
            ("N P", "space"),
            ("norm", "module 2 2 N"),
            ("part", "module 2 2 P"),
            ("p", "point N * point P"),
        ):
            w.also(name, kind)
        x, dout = w.input("x", 2, 2), w.input("dout", 2, 2)
        into = {
            "pre": ("x", "(run norm x (fst p))"),
            "post": ("(post_sum part x p)", "x"),
        }[place]
        dpart = "(run_dx norm (post_sum part x p) (fst p) dout)" if place == "post" else "dout"
        dnorm = f"(run_dx part {into[1]} (snd p) dout)" if place == "pre" else "dout"
        normalize = Pair(
            asked(w, "norm_in", f"run norm {into[0]} (fst p)"),
            asked(w, "dnorm_in", f"run_dx norm {into[0]} (fst p) {dnorm}"),
        )
        part = asked(w, "part_in", f"run part {into[1]} (snd p)")
        dpart_of = asked(w, "dpart_in", f"run_dx part {into[1]} (snd p) {dpart}")
        names = ResidualNames("x", "ln", "sum", "out")
        shared: Any = {"norm": place, "names": names, "normalize": normalize}
        _, cache = w.code.running(code.residual, "out")(x, part=part, ln={}, eps=1.0, **shared)
        w.code.running(code.residual_backward, "dx")(dout, cache, part=dpart_of, **shared)
        yield w.theorem(
            f"The {place}-norm residual connection, of any norm and part.",
            Stage("norm_in", into[0], "post_sum plus"),
            Stage("part_in", into[1]),
            Stage("out", f"{place} norm part x p", f"{place} plus"),
            Stage("dpart_in", dpart),
            Stage("dnorm_in", dnorm),
            Stage("dx", f"{place}_dx norm part x p dout", f"{place}_dx"),
        )
