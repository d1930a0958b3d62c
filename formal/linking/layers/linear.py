"""The linear map, and what those who are made of linear maps say of theirs."""

from collections.abc import Iterator

from linking.writing import Stage, Writing
from pellucid.numbers.term_array import TermArray


def theorems() -> Iterator[str]:
    """With a bias, and without."""
    for bias in (True, False):
        w = Writing("linear_code" if bias else "linear_map_code")
        x, weight = w.input("x", 2, 3), w.input("weight", 3, 2)
        own = {"bias": w.input("bias", 2)} if bias else {}
        w.pair("linear", x, weight=weight, **own, gradient=("dout", 2, 2))
        yield w.theorem(
            f"The linear map {'with' if bias else 'without'} a bias.",
            Stage(
                "out",
                "linear 3 x weight bias" if bias else "linear_map 3 x weight",
                "linear linear_map",
            ),
            Stage("dweight", "linear_dweight 2 x dout", "linear_dweight"),
            *([Stage("dbias", "linear_dbias 2 dout", "linear_dbias")] if bias else []),
            Stage("dx", "linear_dx 2 weight dout", "linear_dx"),
        )


MAP = "linear_of linear linear_map"
"""What a map with its parameters held together is made of."""


NO_BIAS = "(fun _ : nat => 0)"
"""The bias of a layer that has none."""


def a_map(
    w: Writing, name: str, into: int, out: int, *, bias: bool = True
) -> tuple[dict[str, TermArray], str]:
    """The parameters of a linear map, and what they are called together; without a bias it is 0."""
    own = {"weight": w.input(f"{name}_w", into, out)}
    if not bias:
        return own, f"({name}_w, {NO_BIAS})"
    return own | {"bias": w.input(f"{name}_b", out)}, f"({name}_w, {name}_b)"


def gradients(path: str, pair: str, unfold: str, *, bias: bool = True) -> list[Stage]:
    """The gradients of a linear map: of its weight, and of its bias where it has one."""
    unfold += " linear_dparams dropout_dx"
    both = [
        Stage(f"{path}.dweight", f"fst {pair}", f"{unfold} linear_dweight"),
        Stage(f"{path}.dbias", f"snd {pair}", f"{unfold} linear_dbias"),
    ]
    return both if bias else both[:1]
