"""Link the theorems to the code: each layer's Python, run on terms, is written out for Rocq.

    python formal/link.py DIR              writes a file for each layer into DIR
    python formal/link.py DIR --check      and has Rocq check them, beside the compiled theorems
    python formal/link.py DIR --check linear softmax      these layers alone

A layer's forward and backward are run on terms, numbers that remember how they were made. Each value
that the code shows becomes a line, an equation that says how the code made each of its numbers from
those before. What is proved is that numbers which obey these lines are those of the definitions in
formal/, of which the theorems are: so a formula that is changed in src/pellucid/layers is refused.

The widths are small and fixed; the numbers are any reals. Constants of the code are taken as the
fractions that their floats are, but for roots and π, which are read as the numbers they stand for.
A score of -∞ is worked out here: the maximum of a row ignores it, it stays when a number is taken
from it, and exp makes 0 of it. A choice that depends on a number that is not fixed is refused.
"""

import argparse
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pellucid import layers
from pellucid.layers import REFERENCE, Pair
from pellucid.numbers.term import Index, Term
from pellucid.numbers.term_array import TermArray
from pellucid.optim.adam import adamw_rule
from pellucid.tape import NullTape

FORMAL = Path(__file__).resolve().parent

PRELUDE = """\
(** Written by formal/link.py: how two ways to write a number are seen to be the same. *)

From Pellucid Require Import vector.

(** What stands in a denominator here: sums of exponentials, and numbers. *)
Ltac not_zero :=
  repeat split; repeat match goal with |- context [exp ?a] =>
    lazymatch goal with H : 0 < exp a |- _ => fail | _ => assert (0 < exp a) by apply exp_pos end end;
  try lra.

Ltac same :=
  solve [ reflexivity | ring | unfold Rdiv; ring | field; not_zero
        | unfold Rdiv; progress f_equal; same ].

(** The root of a number of places, which was unfolded to ones. *)
Ltac roots := try replace (sqrt (1 + 1)) with (sqrt 2) by (f_equal; lra).

(** A choice by the sign of a number. *)
Ltac by_sign :=
  repeat match goal with |- context [if ?d then _ else _] => destruct d end; same.
"""

ALWAYS = "sum mean INR fst snd dot add Nat.add Nat.mul Nat.sub Nat.eqb Nat.leb Nat.ltb Nat.div " \
    "Nat.modulo Nat.divmod andb negb"  # fmt: skip
"""What is unfolded everywhere: sums, numbers of places, and what is held together."""

HIDDEN = "-∞"


class Exact(float):
    """A float that the code computes from a root or from π, and the number it stands for."""

    rocq: str

    @classmethod
    def of(cls, value: float, rocq: str) -> "Exact":
        """The float under the number's name in Rocq."""
        made = cls(value)
        made.rocq = rocq
        return made

    def __rmul__(self, other: float) -> "Exact":
        return Exact.of(float(other) * float(self), f"({written(other)} * {self.rocq})")

    def __rtruediv__(self, other: float) -> "Exact":
        return Exact.of(float(other) / float(self), f"({written(other)} / {self.rocq})")


class ExactMath:
    """What a layer's module has for `math` while it is written out."""

    inf = math.inf
    pi = Exact.of(math.pi, "PI")

    @staticmethod
    def sqrt(value: float) -> Exact:
        """The root of a whole number, or of what is exact itself."""
        return Exact.of(math.sqrt(value), f"(sqrt {written(value)})")


class Stage(NamedTuple):
    """A value of the code and what it is in the theorem's words, place by place.

    `array` is the value or its name on the tape; `text` has {0}, {1} for its indices; `unfold` are
    the definitions that it takes to see the line; `by` is a proof of its own.
    """

    array: Any
    text: str
    unfold: str = ""
    by: str = ""


class Line(NamedTuple):
    """One number: its variable, how the code made it, and what it is by the definitions."""

    variable: str
    made: str
    general: str
    stage: Stage
    index: Index


class Lines(NullTape):
    """A tape that keeps the values that a layer shows or notes, under their names."""

    def __init__(self, path: str = "", kept: dict[str, TermArray] | None = None) -> None:
        self.path = path
        self.kept: dict[str, TermArray] = {} if kept is None else kept

    def __call__(self, /, **values: Any) -> None:
        """Keep them; a name that is used again has its last value."""
        self.kept |= {self.path + name: value for name, value in values.items()}

    note = __call__

    def at(self, key: str) -> "Lines":
        """The same, one level down."""
        return Lines(f"{self.path}{key}.", self.kept)

    within = at


class Writing:
    """One layer at one width: its inputs, the run of its code, and the theorem that it makes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tape = Lines()
        self.inputs: list[tuple[str, str]] = []
        self.leaves: dict[str, Callable[[Index], str]] = {}
        self.known: dict[int, str] = {}
        self.kept: list[Term] = []  # an id is a term's as long as the term is there

    # -- inputs -------------------------------------------------------------------------------

    def input(self, name: str, *shape: int, as_: str | None = None) -> TermArray:
        """An array of any reals: a variable of the theorem, or what `as_` says of it."""
        if as_ is None:
            self.inputs.append((name, " -> ".join(["nat"] * len(shape) + ["R"])))
        self.leaves[name] = lambda index: applied(as_ or name, index)
        # The values decide nothing; ones that are not alike let no choice go unseen.
        count = math.prod(shape)
        values = torch.arange(1, count + 1, dtype=torch.float64).reshape(shape) / 7
        return TermArray.given(values, name)

    def also(self, name: str, kind: str) -> None:
        """A further variable of the theorem."""
        self.inputs.append((name, kind))

    # -- terms --------------------------------------------------------------------------------

    def text(self, term: Term) -> str:
        """The term in Rocq, down to values that stand on lines before, and to inputs."""
        known = self.known.get(id(term))
        return known if known is not None else self.made(term)

    def made(self, term: Term) -> str:
        """The same, of what the term was made from."""
        if term.tape_name is not None:
            return self.leaves[term.tape_name](term.place)
        fixed = constant(term)
        if fixed is not None:
            return HIDDEN if fixed == -math.inf else written(fixed)
        operands = term.operands
        if term.operation in {"at", "if", "unless"}:
            chosen, *by = operands
            if any(constant(one) is None for one in by):
                raise ValueError(f"{self.name}: a choice depends on a number that is not fixed")
            return self.text(chosen)
        texts = [self.text(one) for one in operands]
        if HIDDEN in texts:
            return hidden(term.operation, texts)
        if term.operation in {"max", "sum"}:
            return folded("Rmax {} {}" if term.operation == "max" else "{} + {}", texts)
        if term.operation == "pow":
            return f"({texts[0]} ^ {int(operands[1].value)})"
        return f"({FORMS[term.operation].format(*texts)})"

    # -- the theorem --------------------------------------------------------------------------

    def theorem(self, title: str, *stages: Stage) -> str:
        """The theorem that numbers which obey the code's lines are those of the definitions."""
        lines: list[Line] = []
        for stage in stages:
            array = self.tape.kept[stage.array] if isinstance(stage.array, str) else stage.array
            label = (
                stage.array if isinstance(stage.array, str) else stage.text.split()[0].strip("(")
            )
            label = label.replace(".", "_")
            cells = []
            for index in product(*map(range, array.shape)):
                term = array.term(index)
                made = self.text(term)
                if made == HIDDEN:
                    continue
                variable = "_".join([f"c{len(lines)}", label, *map(str, index)])
                general = stage.text.format(*(f"{at}%nat" for at in index))
                lines.append(Line(variable, made, general, stage, index))
                cells.append((term, variable))
            for term, variable in cells:  # numbers of one value are not made from each other
                self.kept.append(term)
                self.known[id(term)] = variable
        given = "\n    ".join(f"({name} : {kind})" for name, kind in self.inputs)
        numbers = " ".join(variable for variable, *_ in lines)
        obeyed = "".join(f"  {variable} = {made} ->\n" for variable, made, *_ in lines)
        said = " /\\\n  ".join(f"{variable} = {general}" for variable, _, general, *_ in lines)
        *rest, last = (f"is_{line.variable}" for line in lines)
        shown = "".join(f"(conj {one} " for one in rest) + last + ")" * len(rest)
        proof = "\n".join(self.step(at, lines) for at in range(len(lines)))
        return (
            f"(** {title} *)\nTheorem {self.name}\n    {given}\n    ({numbers} : R) :\n"
            f"{obeyed}  {said}.\nProof.\n  intros{''.join(f' l{at}' for at in range(len(lines)))}.\n{proof}\n"
            f"  exact {shown}.\nQed.\n"
        )

    def step(self, at: int, lines: Sequence[Line]) -> str:
        """One line of the code is one of the definitions; lines below it read so from then on."""
        line, variable = f"l{at}", lines[at].variable
        general, stage, index = lines[at].general, lines[at].stage, lines[at].index
        word = re.compile(rf"\b{variable}\b")
        users = [
            f"l{below}" for below in range(at + 1, len(lines)) if word.search(lines[below].made)
        ]
        known = f" rewrite is_{variable} in {', '.join(users)}." if users else ""
        unfold = f"cbv beta iota zeta delta [{ALWAYS} {stage.unfold}]"
        by = stage.by.format(*(f"{at}%nat" for at in index), unfold=unfold, shift=self.shift(index))
        by = by or f"{unfold}; roots; same"
        return (
            f"  assert (is_{variable} : {variable} = {general}) by\n"
            f"    (rewrite {line}; {by}).\n  clear {line}.{known}"
        )

    def shift(self, index: Index) -> str:
        """What the code subtracts from the row of this place before it takes exponentials."""
        for name, array in self.tape.kept.items():
            if name.split(".")[-1] == "shifted" and len(index) == len(array.shape):
                for column in range(array.shape[-1]):
                    term = array.term((*index[:-1], column))
                    if self.text(term) != HIDDEN:
                        return self.text(term.operands[1])
        return ""


FORMS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "- {}",
    "exp": "exp {}",
    "log": "ln {}",
    "sqrt": "sqrt {}",
    "rsqrt": "/ sqrt {}",
    "square": "{} ^ 2",
    "tanh": "tanh {}",
    "erf": "erf {}",
    "abs": "Rabs {}",
    "sign": "sign {}",
    "above": "if Rlt_dec {1} {0} then 1 else 0",
}
"""How operations are written; what is not here has no place in a theorem."""

WHOLE = {"equal", "unequal", "above", "not", "and", "sum"}


def constant(term: Term) -> float | None:
    """The number that stands in the code, or that comparisons of such numbers make; else nothing."""
    if term.tape_name is not None:
        return None
    if not term.operation:
        return term.value
    if term.operation in {"at", "if", "unless"}:
        found = [constant(one) for one in term.operands]
        return None if None in found or not isinstance(term.value, (bool, int)) else term.value
    if term.operation in WHOLE and all(
        isinstance(constant(one), (bool, int)) for one in term.operands
    ):
        return int(term.value)
    return None


def written(value: float | Fraction) -> str:
    """A number of the code, digit for digit: a float is a fraction."""
    if isinstance(value, Exact):
        return value.rocq
    exact = Fraction(value)
    sign, size = ("- ", -exact) if exact < 0 else ("", exact)
    text = (
        str(size.numerator) if size.denominator == 1 else f"{size.numerator} / {size.denominator}"
    )
    return f"({sign}{text})" if sign or "/" in text else text


def hidden(operation: str, texts: list[str]) -> str:
    """What an operation makes of a score of -∞."""
    if operation == "max":
        rest = [text for text in texts if text != HIDDEN]
        return folded("Rmax {} {}", rest) if rest else HIDDEN
    if operation == "sub" and texts[1] != HIDDEN:
        return HIDDEN
    if operation == "exp":
        return "0"
    raise ValueError(f"{operation} of -∞")


def folded(form: str, texts: Sequence[str]) -> str:
    """One text of many, from the first on."""
    whole = texts[0]
    for text in texts[1:]:
        whole = f"({form.format(whole, text)})"
    return whole


def applied(name: str, index: Index) -> str:
    """An array at a place."""
    places = " ".join(f"{at}%nat" for at in index)
    return f"({name} {places})" if index else name


@contextmanager
def exact_roots() -> Iterator[None]:
    """Roots and π under their names, and no branch of the code by the value of a number."""
    inside = [one for name, one in sys.modules.items() if name.startswith("pellucid.layers.")]
    modules: list[Any] = [one for one in inside if hasattr(one, "math")]
    found = [module.math for module in modules]
    truth = TermArray.__bool__

    def refuse(_: TermArray) -> bool:
        raise ValueError("the code branches by the value of a number")

    try:
        TermArray.__bool__ = refuse  # type: ignore[method-assign]
        for module in modules:
            module.math = ExactMath
        yield
    finally:
        TermArray.__bool__ = truth  # type: ignore[method-assign]
        for module, before in zip(modules, found, strict=True):
            module.math = before


# -- the layers ---------------------------------------------------------------------------------


def linear() -> Iterator[str]:
    """With a bias, and without."""
    for bias in (True, False):
        w = Writing("linear_code" if bias else "linear_map_code")
        x, weight = w.input("x", 2, 3), w.input("weight", 3, 2)
        own = {"bias": w.input("bias", 2)} if bias else {}
        _, cache = layers.linear(x, weight=weight, **own, tape=w.tape)
        layers.linear_backward(w.input("dout", 2, 2), cache, tape=w.tape)
        out = "linear 3 x weight bias {0} {1}" if bias else "linear_map 3 x weight {0} {1}"
        yield w.theorem(
            f"The linear map {'with' if bias else 'without'} a bias.",
            Stage("out", out, "linear linear_map"),
            Stage("dweight", "linear_dweight 2 x dout {0} {1}", "linear_dweight"),
            *([Stage("dbias", "linear_dbias 2 dout {0}", "linear_dbias")] if bias else []),
            Stage("dx", "linear_dx 2 weight dout {0} {1}", "linear_dx"),
        )


SHIFTED = (
    "unfold softmax; rewrite <- (masked_softmax_shift {n} {visible} {x} {{shift}}) by ({seen}); "
    "cbv beta iota zeta delta [masked_softmax exps " + ALWAYS + " {also}]; same"
)
"""Softmax as the code has it, with the row's maximum taken away."""


def shifted(n: int, visible: str, x: str, also: str, seen: int = 0) -> str:
    """How a place of softmax is seen to be the code's; `seen` is a place that is visible."""
    witness = f"exists {seen}%nat; split; [lia | reflexivity]"
    return SHIFTED.format(n=n, visible=visible, x=x, also=also, seen=witness)


def softmax() -> Iterator[str]:
    """Rows of three."""
    w = Writing("softmax_code")
    _, cache = layers.softmax(w.input("x", 2, 3), tape=w.tape)
    layers.softmax_backward(w.input("dout", 2, 3), cache, tape=w.tape)
    yield w.theorem(
        "Softmax, row by row.",
        Stage(
            "out", "softmax 3 (x {0}) {1}", by=shifted(3, "all_visible", "(x {0})", "all_visible")
        ),
        Stage("dx", "softmax_dx 3 (softmax 3 (x {0})) (dout {0}) {1}", "softmax_dx"),
    )


def layer_norm() -> Iterator[str]:
    """Two rows of three."""
    w = Writing("layer_norm_code")
    x, weight, bias = w.input("x", 2, 3), w.input("weight", 3), w.input("bias", 3)
    _, cache = layers.layer_norm(x, weight=weight, bias=bias, eps=w.input("eps"), tape=w.tape)
    layers.layer_norm_backward(w.input("dout", 2, 3), cache, tape=w.tape)
    yield w.theorem(
        "Layer norm.",
        Stage("variance", "variance 3 (x {0})", "variance centered"),
        Stage("rstd", "rstd 3 eps (x {0})", "rstd"),
        Stage("xhat", "xhat 3 eps (x {0}) {1}", "xhat centered"),
        Stage("out", "layer_norm 3 eps x weight bias {0} {1}", "layer_norm"),
        Stage("dweight", "layer_norm_dweight 2 3 eps x dout {0}", "layer_norm_dweight"),
        Stage("dbias", "layer_norm_dbias 2 dout {0}", "layer_norm_dbias"),
        Stage("dx", "layer_norm_dx 3 eps x weight dout {0} {1}", "layer_norm_dx"),
    )


def rms_norm() -> Iterator[str]:
    """Two rows of three."""
    w = Writing("rms_norm_code")
    x, weight = w.input("x", 2, 3), w.input("weight", 3)
    _, cache = layers.rms_norm(x, weight=weight, eps=w.input("eps"), tape=w.tape)
    layers.rms_norm_backward(w.input("dout", 2, 3), cache, tape=w.tape)
    yield w.theorem(
        "RMS norm.",
        Stage("rstd", "rms_rstd 3 eps (x {0})", "rms_rstd"),
        Stage("xhat", "rms_xhat 3 eps (x {0}) {1}", "rms_xhat"),
        Stage("out", "rms_norm 3 eps x weight {0} {1}", "rms_norm"),
        Stage("dweight", "rms_norm_dweight 2 3 eps x dout {0}", "rms_norm_dweight"),
        Stage("dx", "rms_norm_dx 3 eps x weight dout {0} {1}", "rms_norm_dx"),
    )


def constants() -> str:
    """The float constants of tanh GELU, as fractions."""
    from pellucid.layers import gelu as module

    return f"{written(module.SQRT_2_OVER_PI)} {written(module.CUBIC)}"


def gelu() -> Iterator[str]:
    """Both forms."""
    w = Writing("gelu_tanh_code")
    _, cache = layers.gelu_tanh(w.input("x", 2), tape=w.tape)
    layers.gelu_tanh_backward(w.input("dout", 2), cache, tape=w.tape)
    kc = constants()
    yield w.theorem(
        "Tanh GELU, with the code's floats for √(2/π) and 0.044715.",
        Stage("tanh", f"tanh (gelu_inner {kc} (x {{0}}))", "gelu_inner"),
        Stage("out", f"gelu_tanh_of {kc} (x {{0}})", "gelu_tanh_of"),
        Stage("dx", f"gelu_tanh_of_dx {kc} (x {{0}}) (dout {{0}})", "gelu_tanh_of_dx"),
    )
    w = Writing("gelu_erf_code")
    _, cache = layers.gelu_erf(w.input("x", 2), tape=w.tape)
    layers.gelu_erf_backward(w.input("dout", 2), cache, tape=w.tape)
    yield w.theorem(
        "Erf GELU; the code's floats for √2 and √(2π) are read as these roots.",
        Stage("phi", "gelu_phi (x {0})", "gelu_phi"),
        Stage("out", "gelu_erf (x {0})", "gelu_erf"),
        Stage("density", "exp (- / 2 * (x {0}) ^ 2) / sqrt (2 * PI)"),
        Stage("dx", "gelu_erf_dx (x {0}) (dout {0})", "gelu_erf_dx"),
    )


def silu() -> Iterator[str]:
    """Two numbers."""
    w = Writing("silu_code")
    _, cache = layers.silu(w.input("x", 2), tape=w.tape)
    layers.silu_backward(w.input("dout", 2), cache, tape=w.tape)
    yield w.theorem(
        "SiLU.",
        Stage("sigma", "sigma (x {0})", "sigma"),
        Stage("out", "silu (x {0})", "silu"),
        Stage("dx", "silu_dx (x {0}) (dout {0})", "silu_dx"),
    )


def relu() -> Iterator[str]:
    """Two numbers."""
    w = Writing("relu_code")
    _, cache = layers.relu(w.input("x", 2), tape=w.tape)
    layers.relu_backward(w.input("dout", 2), cache, tape=w.tape)
    yield w.theorem(
        "ReLU, at 0 too.",
        Stage("out", "relu (x {0})", "relu"),
        Stage("dx", "relu_dx (x {0}) (dout {0})", by="unfold relu_dx; by_sign"),
    )


def dropout() -> Iterator[str]:
    """With noise."""
    w = Writing("dropout_code")
    _, cache = layers.dropout(w.input("x", 2, 2), noise=w.input("noise", 2, 2), tape=w.tape)
    layers.dropout_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "Dropout with noise.",
        Stage("out", "dropout noise x {0} {1}", "dropout"),
        Stage("dx", "dropout_dx noise dout {0} {1}", "dropout_dx"),
    )


def scale() -> Iterator[str]:
    """By any factor."""
    w = Writing("scale_code")
    factor: Any = w.input("factor")
    _, cache = layers.scale(w.input("x", 2, 2), factor=factor, tape=w.tape)
    layers.scale_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "Scaling.",
        Stage("out", "scale factor x {0} {1}", "scale"),
        Stage("dx", "scale_dx factor dout {0} {1}", "scale_dx"),
    )


def standardize() -> Iterator[str]:
    """Two rows of two columns."""
    w = Writing("standardize_code")
    x, mean, std = w.input("x", 2, 2), w.input("means", 2), w.input("std", 2)
    _, cache = layers.standardize(x, mean=mean, std=std, tape=w.tape)
    layers.standardize_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "Standardization.",
        Stage("out", "standardize means std x {0} {1}", "standardize"),
        Stage("dx", "standardize_dx std dout {0} {1}", "standardize_dx"),
    )


def intervened() -> Iterator[str]:
    """Two of four numbers set by hand."""
    w = Writing("intervened_code")
    by_hand = [[True, False], [False, True]]
    where = given(by_hand)
    x, value = w.input("x", 2, 2), w.input("value", 2, 2)
    _, cache = layers.intervened(x, where=where, value=value, tape=w.tape)
    layers.intervened_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    set_ = table([[str(one).lower() for one in row] for row in by_hand])
    yield w.theorem(
        "Numbers set by hand.",
        Stage("out", f"intervened {set_} value x {{0}} {{1}}", "intervened"),
        Stage("dx", f"intervened_dx {set_} dout {{0}} {{1}}", "intervened_dx"),
    )


def given(values: Any) -> TermArray:
    """An array of numbers that are fixed: tokens, a mask, places."""
    return TermArray.given(torch.tensor(values), None)


def table(values: Sequence[Any], depth: int = 0) -> str:
    """A function from places to what stands there, in Rocq."""
    texts = [one if isinstance(one, str) else table(one, depth + 1) for one in values]
    cases = " | ".join(f"{at}%nat => {text}" for at, text in enumerate(texts[:-1]))
    return f"(fun t{depth} => match t{depth} with {cases} | _ => {texts[-1]} end)"


def embedding() -> Iterator[str]:
    """Three tokens of four, one of them twice; and the head."""
    w = Writing("embedding_code")
    ids = [2, 0, 2]
    _, cache = layers.embedding(given(ids), weight=w.input("weight", 4, 2), tape=w.tape)
    layers.embedding_backward(w.input("dout", 3, 2), cache, tape=w.tape)
    tokens = table([f"{one}%nat" for one in ids])
    yield w.theorem(
        "The embedding of the tokens 2, 0, 2.",
        Stage("out", f"embedding {tokens} weight {{0}} {{1}}", "embedding"),
        Stage("dweight", f"embedding_dweight 3 {tokens} dout {{0}} {{1}}", "embedding_dweight"),
    )
    w = Writing("unembedding_code")
    x, weight = w.input("x", 2, 2), w.input("weight", 3, 2)
    _, cache = layers.unembedding(x, weight=weight, tape=w.tape)
    layers.unembedding_backward(w.input("dout", 2, 3), cache, tape=w.tape)
    yield w.theorem(
        "The unembedding.",
        Stage("out", "unembedding 2 x weight {0} {1}", "unembedding"),
        Stage("dweight", "unembedding_dweight 2 x dout {0} {1}", "unembedding_dweight"),
        Stage("dx", "unembedding_dx 3 weight dout {0} {1}", "unembedding_dx"),
    )


def position() -> Iterator[str]:
    """From the start, and from later on."""
    for start in (0, 1):
        w = Writing(f"position_code_from_{start}")
        x, weight = w.input("x", 2, 2), w.input("weight", 4, 2)
        _, cache = layers.position(x, weight=weight, start=start, tape=w.tape)
        dx, _ = layers.position_backward(w.input("dout", 2, 2), cache, tape=w.tape)
        yield w.theorem(
            f"Learned positions from {start} on.",
            Stage("out", f"position {start} x weight {{0}} {{1}}", "position"),
            Stage("dweight", f"position_dweight 2 {start} dout {{0}} {{1}}", "position_dweight"),
            Stage(dx, "dout {0} {1}"),
        )


def lora() -> Iterator[str]:
    """Width 2 to 3 at rank 2, with a bias."""
    w = Writing("lora_code")
    x, weight, bias = w.input("x", 2, 2), w.input("weight", 2, 3), w.input("bias", 3)
    a, b = w.input("lora_a", 2, 2), w.input("lora_b", 2, 3)
    _, cache = layers.lora_linear(x, weight=weight, bias=bias, lora_a=a, lora_b=b, tape=w.tape)
    layers.lora_linear_backward(w.input("dout", 2, 3), cache, tape=w.tape)
    yield w.theorem(
        "A linear map with LoRA's pair.",
        Stage("low", "linear_map 2 x lora_a {0} {1}", "linear_map"),
        Stage(
            "out",
            "lora_linear 2 2 3 x weight bias lora_a lora_b {0} {1}",
            "lora_linear linear linear_map",
        ),
        Stage("dlora_b", "lora_dlora_b 2 2 x lora_a dout {0} {1}", "lora_dlora_b linear_dweight"),
        Stage("dlow", "linear_dx 3 lora_b dout {0} {1}", "linear_dx"),
        Stage("dlora_a", "lora_dlora_a 2 3 x lora_b dout {0} {1}", "lora_dlora_a linear_dweight"),
        Stage("dweight", "linear_dweight 2 x dout {0} {1}", "linear_dweight"),
        Stage("dbias", "linear_dbias 2 dout {0}", "linear_dbias"),
        Stage("dx", "lora_dx 2 3 weight lora_a lora_b dout {0} {1}", "lora_dx linear_dx"),
    )


def rotary() -> Iterator[str]:
    """Two positions, width 4."""
    w = Writing("rotary_code")
    cos, sin = w.input("cosines", 2, 2), w.input("sines", 2, 2)
    _, cache = layers.rotary(w.input("x", 2, 4), cos=cos, sin=sin, tape=w.tape)
    layers.rotary_backward(w.input("dout", 2, 4), cache, tape=w.tape)
    yield w.theorem(
        "Rotary positions, whatever the tables.",
        Stage("out", "rotary 2 cosines sines x {0} {1}", "rotary"),
        Stage("dx", "rotary_dx 2 cosines sines dout {0} {1}", "rotary_dx"),
    )


def repeat_heads() -> Iterator[str]:
    """Two heads, each for two."""
    w = Writing("repeat_heads_code")
    _, cache = layers.repeat_heads(w.input("x", 2, 2, 1), group=2, tape=w.tape)
    layers.repeat_heads_backward(w.input("dout", 4, 2, 1), cache, tape=w.tape)
    yield w.theorem(
        "Shared heads.",
        Stage("out", "repeat_heads 2 x {0} {1} {2}", "repeat_heads"),
        Stage("dx", "repeat_heads_dx 2 dout {0} {1} {2}", "repeat_heads_dx"),
    )


def binary_logits() -> Iterator[str]:
    """Two rows."""
    w = Writing("binary_logits_code")
    _, cache = layers.binary_logits(w.input("x", 2, 1), tape=w.tape)
    layers.binary_logits_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "One number for two classes.",
        Stage("out", "binary_logits x {0} {1}", "binary_logits"),
        Stage("dx", "binary_logits_dx dout {0} {1}", "binary_logits_dx"),
    )


def absolute_error() -> Iterator[str]:
    """Two examples of two numbers."""
    w = Writing("absolute_error_code")
    _, cache = layers.absolute_error(
        w.input("x", 2, 2), wanted=w.input("wanted", 2, 2), tape=w.tape
    )
    layers.absolute_error_backward(w.input("dloss"), cache, tape=w.tape)
    yield w.theorem(
        "The absolute error.",
        Stage("loss", "absolute_error 2 2 wanted x", "absolute_error"),
        Stage("derrors", "absolute_error_dx 2 wanted x dloss {0} {1}", "absolute_error_dx"),
    )


def adam() -> Iterator[str]:
    """The third step of one weight."""
    w = Writing("adam_code")
    names = ("rate", "beta1", "beta2", "eps", "decay", "weight")
    rate, beta1, beta2, eps, decay, weight = (w.input(name) for name in names)
    w.also("g", "nat -> R")
    settings: Any = {"learning_rate": rate, "betas": (beta1, beta2), "weight_decay": decay}
    new, _ = adamw_rule(
        weight,
        w.input("dweight", as_="(g 3%nat)"),
        m_before=w.input("m_before", as_="(moment beta1 g 2)"),
        v_before=w.input("v_before", as_="(second_moment beta2 g 2)"),
        t=3,
        eps=eps,  # type: ignore[arg-type]
        tape=w.tape,
        **settings,
    )
    yield w.theorem(
        "AdamW's third step, from the moments of two gradients before.",
        Stage("m", "moment beta1 g 3", "moment"),
        Stage("v", "second_moment beta2 g 3", "second_moment moment"),
        Stage("m_hat", "corrected beta1 (moment beta1 g 3) 3", "corrected"),
        Stage("v_hat", "corrected beta2 (second_moment beta2 g 3) 3", "corrected"),
        Stage("update", "update rate beta1 beta2 eps decay weight g 3", "update"),
        Stage(new, "weight + update rate beta1 beta2 eps decay weight g 3"),
    )


LAYERS: dict[str, Callable[[], Iterator[str]]] = {
    "linear": linear,
    "embedding": embedding,
    "position": position,
    "softmax": softmax,
    "rms_norm": rms_norm,
    "layer_norm": layer_norm,
    "gelu": gelu,
    "silu": silu,
    "relu": relu,
    "dropout": dropout,
    "scale": scale,
    "standardize": standardize,
    "intervened": intervened,
    "lora": lora,
    "rotary": rotary,
    "repeat_heads": repeat_heads,
    "binary_logits": binary_logits,
    "absolute_error": absolute_error,
    "adam": adam,
}
"""The file of theorems that each is linked to."""


def write(name: str, folder: Path) -> Path:
    """Write a layer's file; returns where it is."""
    with exact_roots():
        theorems = "\n".join(LAYERS[name]())
    path = folder / f"{name}_code.v"
    path.write_text(
        f"(** Written by formal/link.py: what the code of {name} computes. *)\n\n"
        f"From Pellucid Require Import {' '.join(needed(name))}.\nFrom Link Require Import same.\n\n{theorems}",
        encoding="utf-8",
    )
    return path


def needed(name: str) -> list[str]:
    """A file of theorems, behind those that it imports itself."""
    text = (FORMAL / f"{name}.v").read_text(encoding="utf-8")
    imported = re.findall(r"^From Pellucid Require Import (.*)\.$", text, re.MULTILINE)
    return [*" ".join(imported).split(), name]


def accepted(path: Path) -> str:
    """What Rocq has against a file; nothing where it accepts it."""
    command = [
        "coqc",
        "-w",
        "-ambiguous-paths,-overriding-logical-loadpath",
        "-Q",
        str(FORMAL),
        "Pellucid",
    ]
    done = subprocess.run(
        [*command, "-Q", str(path.parent), "Link", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{path.name}: {done.stdout}{done.stderr}" if done.returncode else ""


def main() -> None:
    """Write the files, and have them checked where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("layers", nargs="*", help=f"which: {', '.join(LAYERS)}; all without")
    parser.add_argument("--check", action="store_true", help="have Rocq check them")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    prelude = asked.folder / "same.v"
    prelude.write_text(PRELUDE, encoding="utf-8")
    paths = [write(name, asked.folder) for name in asked.layers or LAYERS]
    refused: list[str] = []
    for path in [prelude, *paths] if asked.check else []:
        begun = time.perf_counter()
        if said := accepted(path):
            refused.append(said)
        print(f"{path.name:24} {time.perf_counter() - begun:6.1f}", flush=True)
    if refused:
        sys.exit("Rocq refuses " + "\n".join(refused))


if __name__ == "__main__":
    main()
