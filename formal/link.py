"""Link the theorems to the code: each layer's Python, run on terms, is written out for Rocq.

    python formal/link.py DIR              writes a file for each layer into DIR
    python formal/link.py DIR --check      and has Rocq check them, beside the compiled theorems
    python formal/link.py DIR --check linear softmax      these layers alone

A layer's forward and backward are run on terms, numbers that remember how they were made. Each
value that the code shows becomes a line, an equation that says how the code made each of its
numbers from those before. What is proved is that numbers which obey these lines are those of the
definitions in formal/, of which the theorems are: so a formula that is changed in
src/pellucid/layers is refused.

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
    lazymatch goal with
    | H : 0 < exp a |- _ => fail
    | _ => assert (0 < exp a) by apply exp_pos
    end end;
  try lra.

Ltac alike := lazymatch goal with |- ?a = ?a => reflexivity end.

Ltac same :=
  solve [ alike | ring | unfold Rdiv; ring | field; not_zero
        | unfold Rdiv; progress f_equal; same ].

(** The root of a number of places, which was unfolded to ones. *)
Ltac roots := try replace (sqrt (1 + 1)) with (sqrt 2) by (f_equal; lra).

(** The masks: where a query may look. *)
Definition one_of_two (t s : nat) : bool := Nat.leb s t.
Definition two_of_three (t s : nat) : bool := Nat.leb s (S t).

(** A choice by the sign of a number. *)
Ltac by_sign :=
  repeat match goal with |- context [if ?d then _ else _] => destruct d end; same.
"""

ALWAYS = (
    "sum mean INR fst snd dot add Nat.add Nat.mul Nat.sub Nat.eqb Nat.leb Nat.ltb Nat.div "
    "Nat.modulo Nat.divmod andb negb one_of_two two_of_three"
)
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


class Code:
    """The layers' functions, as one layer's writing runs them."""

    def __init__(self, writing: "Writing") -> None:
        self._writing = writing

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self._writing.running(getattr(layers, name))


def flat(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The gradients of a tree under the names that the tape has for them."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}d{name}", value


class Writing:
    """One layer at one width: its inputs, the run of its code, and the theorem that it makes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tape = Lines()
        self.code = Code(self)
        self.results: list[tuple[str, Any]] = []
        self.inputs: list[tuple[str, str]] = []
        self.leaves: dict[str, Callable[[Index], str]] = {}
        self.known: dict[int, str] = {}
        self.general: dict[str, str] = {}
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

    def running(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, of which it is noted what it hands back."""

        def run(*given: Any, **named: Any) -> Any:
            result, rest = function(*given, **named)
            back = function.__name__.endswith("_backward")
            names = ("dq", "dk", "dv") if isinstance(result, tuple) else ("",)
            arrays = result if isinstance(result, tuple) else (result,)
            self.results += zip(names, arrays, strict=True)
            if back and isinstance(rest, dict):
                self.results += [
                    (path, array) for path, array in flat(rest) if isinstance(array, TermArray)
                ]
            return result, rest

        return run

    def check_results(self, stages: Sequence[Stage]) -> None:
        """What the code hands back is what it shows, and each has its lines."""
        shown = [self.array(stage) for stage in stages]
        for name, array in self.results:
            if array is None:
                continue
            names = [key for key, value in self.tape.kept.items() if value is array]
            same = not name or any(key == name or key.endswith(f".{name}") for key in names)
            if not same or all(array is not one for one in shown):
                raise ValueError(
                    f"{self.name}: what is handed back as {name or 'the result'} "
                    "is not what was shown under this name"
                )

    def array(self, stage: Stage) -> TermArray:
        """The value of a stage."""
        return self.tape.kept[stage.array] if isinstance(stage.array, str) else stage.array

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
        self.check_results(stages)
        lines: list[Line] = []
        for stage in stages:
            array = self.array(stage)
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
                if term.tape_name is None:
                    self.known[id(term)] = variable
        given = "\n    ".join(f"({name} : {kind})" for name, kind in self.inputs)
        numbers = " ".join(variable for variable, *_ in lines)
        obeyed = "".join(f"  {variable} = {made} ->\n" for variable, made, *_ in lines)
        said = " /\\\n  ".join(f"{variable} = {general}" for variable, _, general, *_ in lines)
        *rest, last = (f"is_{line.variable}" for line in lines)
        shown = "".join(f"(conj {one} " for one in rest) + last + ")" * len(rest)
        lines_named = " ".join(f"l{at}" for at in range(len(lines)))
        self.general = {line.variable: line.general for line in lines}
        proof = "\n".join(self.step(at, lines) for at in range(len(lines)))
        return (
            f"(** {title} *)\nTheorem {self.name}\n    {given}\n    ({numbers} : R) :\n"
            f"{obeyed}  {said}.\nProof.\n  intros {lines_named}.\n{proof}\n"
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
        row = self.shift(index) if "{shift}" in stage.by else ""
        by = stage.by.format(*(f"{at}%nat" for at in index), unfold=unfold, shift=row)
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
                        row = self.text(term.operands[1])
                        return re.sub(r"\bc\d+_\w+", lambda at: f"({self.general[at[0]]})", row)
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
    """A number that stands in the code, or that comparisons of such make; else nothing."""
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
        _, cache = w.code.linear(x, weight=weight, **own, tape=w.tape)
        w.code.linear_backward(w.input("dout", 2, 2), cache, tape=w.tape)
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
    _, cache = w.code.softmax(w.input("x", 2, 3), tape=w.tape)
    w.code.softmax_backward(w.input("dout", 2, 3), cache, tape=w.tape)
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
    _, cache = w.code.layer_norm(x, weight=weight, bias=bias, eps=w.input("eps"), tape=w.tape)
    w.code.layer_norm_backward(w.input("dout", 2, 3), cache, tape=w.tape)
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
    _, cache = w.code.rms_norm(x, weight=weight, eps=w.input("eps"), tape=w.tape)
    w.code.rms_norm_backward(w.input("dout", 2, 3), cache, tape=w.tape)
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
    module: Any = sys.modules["pellucid.layers.gelu"]
    return f"{written(module.SQRT_2_OVER_PI)} {written(module.CUBIC)}"


def gelu() -> Iterator[str]:
    """Both forms."""
    w = Writing("gelu_tanh_code")
    _, cache = w.code.gelu_tanh(w.input("x", 2), tape=w.tape)
    w.code.gelu_tanh_backward(w.input("dout", 2), cache, tape=w.tape)
    kc = constants()
    yield w.theorem(
        "Tanh GELU, with the code's floats for √(2/π) and 0.044715.",
        Stage("tanh", f"tanh (gelu_inner {kc} (x {{0}}))", "gelu_inner"),
        Stage("out", f"gelu_tanh_of {kc} (x {{0}})", "gelu_tanh_of"),
        Stage("dx", f"gelu_tanh_of_dx {kc} (x {{0}}) (dout {{0}})", "gelu_tanh_of_dx"),
    )
    w = Writing("gelu_erf_code")
    _, cache = w.code.gelu_erf(w.input("x", 2), tape=w.tape)
    w.code.gelu_erf_backward(w.input("dout", 2), cache, tape=w.tape)
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
    _, cache = w.code.silu(w.input("x", 2), tape=w.tape)
    w.code.silu_backward(w.input("dout", 2), cache, tape=w.tape)
    yield w.theorem(
        "SiLU.",
        Stage("sigma", "sigma (x {0})", "sigma"),
        Stage("out", "silu (x {0})", "silu"),
        Stage("dx", "silu_dx (x {0}) (dout {0})", "silu_dx"),
    )


def relu() -> Iterator[str]:
    """Two numbers."""
    w = Writing("relu_code")
    _, cache = w.code.relu(w.input("x", 2), tape=w.tape)
    w.code.relu_backward(w.input("dout", 2), cache, tape=w.tape)
    yield w.theorem(
        "ReLU, at 0 too.",
        Stage("out", "relu (x {0})", "relu"),
        Stage("dx", "relu_dx (x {0}) (dout {0})", by="unfold relu_dx; by_sign"),
    )


def dropout() -> Iterator[str]:
    """With noise."""
    w = Writing("dropout_code")
    _, cache = w.code.dropout(w.input("x", 2, 2), noise=w.input("noise", 2, 2), tape=w.tape)
    w.code.dropout_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "Dropout with noise.",
        Stage("out", "dropout noise x {0} {1}", "dropout"),
        Stage("dx", "dropout_dx noise dout {0} {1}", "dropout_dx"),
    )


def scale() -> Iterator[str]:
    """By any factor."""
    w = Writing("scale_code")
    factor: Any = w.input("factor")
    _, cache = w.code.scale(w.input("x", 2, 2), factor=factor, tape=w.tape)
    w.code.scale_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "Scaling.",
        Stage("out", "scale factor x {0} {1}", "scale"),
        Stage("dx", "scale_dx factor dout {0} {1}", "scale_dx"),
    )


def standardize() -> Iterator[str]:
    """Two rows of two columns."""
    w = Writing("standardize_code")
    x, mean, std = w.input("x", 2, 2), w.input("means", 2), w.input("std", 2)
    _, cache = w.code.standardize(x, mean=mean, std=std, tape=w.tape)
    w.code.standardize_backward(w.input("dout", 2, 2), cache, tape=w.tape)
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
    _, cache = w.code.intervened(x, where=where, value=value, tape=w.tape)
    w.code.intervened_backward(w.input("dout", 2, 2), cache, tape=w.tape)
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
    _, cache = w.code.embedding(given(ids), weight=w.input("weight", 4, 2), tape=w.tape)
    w.code.embedding_backward(w.input("dout", 3, 2), cache, tape=w.tape)
    tokens = table([f"{one}%nat" for one in ids])
    yield w.theorem(
        "The embedding of the tokens 2, 0, 2.",
        Stage("out", f"embedding {tokens} weight {{0}} {{1}}", "embedding"),
        Stage("dweight", f"embedding_dweight 3 {tokens} dout {{0}} {{1}}", "embedding_dweight"),
    )
    w = Writing("unembedding_code")
    x, weight = w.input("x", 2, 2), w.input("weight", 3, 2)
    _, cache = w.code.unembedding(x, weight=weight, tape=w.tape)
    w.code.unembedding_backward(w.input("dout", 2, 3), cache, tape=w.tape)
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
        _, cache = w.code.position(x, weight=weight, start=start, tape=w.tape)
        dx, _ = w.code.position_backward(w.input("dout", 2, 2), cache, tape=w.tape)
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
    _, cache = w.code.lora_linear(x, weight=weight, bias=bias, lora_a=a, lora_b=b, tape=w.tape)
    w.code.lora_linear_backward(w.input("dout", 2, 3), cache, tape=w.tape)
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
    _, cache = w.code.rotary(w.input("x", 2, 4), cos=cos, sin=sin, tape=w.tape)
    w.code.rotary_backward(w.input("dout", 2, 4), cache, tape=w.tape)
    yield w.theorem(
        "Rotary positions, whatever the tables.",
        Stage("out", "rotary 2 cosines sines x {0} {1}", "rotary"),
        Stage("dx", "rotary_dx 2 cosines sines dout {0} {1}", "rotary_dx"),
    )


def repeat_heads() -> Iterator[str]:
    """Two heads, each for two."""
    w = Writing("repeat_heads_code")
    _, cache = w.code.repeat_heads(w.input("x", 2, 2, 1), group=2, tape=w.tape)
    w.code.repeat_heads_backward(w.input("dout", 4, 2, 1), cache, tape=w.tape)
    yield w.theorem(
        "Shared heads.",
        Stage("out", "repeat_heads 2 x {0} {1} {2}", "repeat_heads"),
        Stage("dx", "repeat_heads_dx 2 dout {0} {1} {2}", "repeat_heads_dx"),
    )


def binary_logits() -> Iterator[str]:
    """Two rows."""
    w = Writing("binary_logits_code")
    _, cache = w.code.binary_logits(w.input("x", 2, 1), tape=w.tape)
    w.code.binary_logits_backward(w.input("dout", 2, 2), cache, tape=w.tape)
    yield w.theorem(
        "One number for two classes.",
        Stage("out", "binary_logits x {0} {1}", "binary_logits"),
        Stage("dx", "binary_logits_dx dout {0} {1}", "binary_logits_dx"),
    )


def absolute_error() -> Iterator[str]:
    """Two examples of two numbers."""
    w = Writing("absolute_error_code")
    _, cache = w.code.absolute_error(
        w.input("x", 2, 2), wanted=w.input("wanted", 2, 2), tape=w.tape
    )
    w.code.absolute_error_backward(w.input("dloss"), cache, tape=w.tape)
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


# Of attention, the feed-forward networks and the blocks: what is composed of other layers.

MASK = "two_of_three"
"""Two queries and three keys: the first query does not see the last key."""

ATTEND = "attend_dq attend_dk attend_dv unembedding_dx unembedding_dweight linear_dweight scale_dx"


class Attention(NamedTuple):
    """Scaled dot-product attention in the theorem's words: sizes, inputs, and what dz is."""

    T: int
    S: int
    d: int
    mask: str
    noise: str
    q: str
    k: str
    v: str
    dz: str
    prefix: str = ""
    also: str = ""

    def forward(self) -> list[Stage]:
        """The lines from the scores to z; T and S are of the mask."""
        d, S, mask, noise = self.d, self.S, self.mask, self.noise
        q, k = f"({self.q} {{0}})", f"({self.k} {{0}})"
        seen = shifted(S, f"({mask} {{1}})", f"(scores {d} {q} {k} {{1}})", "")
        return [
            Stage(
                f"{self.prefix}scores",
                f"scores {d} {q} {k} {{1}} {{2}}",
                f"scores unembedding {self.also}",
            ),
            Stage(
                f"{self.prefix}att",
                f"att {S} {d} {mask} {q} {k} {{1}} {{2}}",
                by=seen.replace("softmax;", "att;"),
            ),
            Stage(
                f"{self.prefix}kept",
                f"kept {S} {d} {mask} ({noise} {{0}}) {q} {k} {{1}} {{2}}",
                "kept dropout",
            ),
            Stage(
                f"{self.prefix}z",
                f"scaled_dot_product {S} {d} {mask} {noise} {self.q} {self.k} {self.v} "
                "{0} {1} {2}",
                f"scaled_dot_product attend linear_map {self.also}",
            ),
        ]

    def backward(self) -> list[Stage]:
        """The lines from dv to dq and dk."""
        T, S, d, mask, noise = self.T, self.S, self.d, self.mask, self.noise
        q, k, v, dz = self.q, self.k, self.v, self.dz
        dkept = f"(linear_dx {d} ({v} {{0}}) ({dz} {{0}}))"
        inner = f"{mask} ({noise} {{0}}) ({q} {{0}}) ({k} {{0}}) ({v} {{0}}) ({dz} {{0}})"
        whole = f"{mask} {noise} {q} {k} {v} {dz} {{0}} {{1}} {{2}}"
        name = "scaled_dot_product"
        return [
            Stage(
                f"{self.prefix}dv",
                f"{name}_dv {T} {S} {d} {mask} {noise} {q} {k} {dz} {{0}} {{1}} {{2}}",
                f"{name}_dv {ATTEND}",
            ),
            Stage(f"{self.prefix}dkept", f"{dkept} {{1}} {{2}}", f"linear_dx {self.also}"),
            Stage(
                f"{self.prefix}datt",
                f"dropout_dx ({noise} {{0}}) {dkept} {{1}} {{2}}",
                "dropout_dx",
            ),
            Stage(
                f"{self.prefix}dscores",
                f"attend_dscores {S} {d} {inner} {{1}} {{2}}",
                "attend_dscores softmax_dx dropout_dx",
            ),
            Stage(
                f"{self.prefix}dq", f"{name}_dq {S} {d} {whole}", f"{name}_dq {ATTEND} {self.also}"
            ),
            Stage(f"{self.prefix}dk", f"{name}_dk {T} {S} {d} {whole}", f"{name}_dk {ATTEND}"),
        ]


def scaled_dot_product() -> Iterator[str]:
    """Two heads of width 2, two queries, three keys, of which one is hidden from the first."""
    w = Writing("scaled_dot_product_code")
    q, k, v = w.input("q", 2, 2, 2), w.input("k", 2, 3, 2), w.input("v", 2, 3, 2)
    noise, mask = w.input("noise", 2, 2, 3), given([[True, True, False], [True, True, True]])
    _, cache = w.code.scaled_dot_product(q, k, v, mask=mask, noise=noise, tape=w.tape)
    w.code.scaled_dot_product_backward(w.input("dz", 2, 2, 2), cache, tape=w.tape)
    at = Attention(2, 3, 2, MASK, "noise", "q", "k", "v", "dz")
    yield w.theorem(
        "Attention in each head; the code's float for √2 is read as the root.",
        *at.forward(),
        *at.backward(),
    )


def losses(prefix: str, V: int, y: str, logits: str) -> list[Stage]:
    """The lines of the cross-entropy up to its losses."""
    shift = (
        f"rewrite <- (log_probs_shift {V} ({logits} {{0}}) {{shift}}) by lia; "
        f"cbv beta iota zeta delta [log_probs {ALWAYS}]; same"
    )
    return [
        Stage(f"{prefix}log_probs", f"log_probs {V} ({logits} {{0}}) {{1}}", by=shift),
        Stage(
            f"{prefix}probs",
            f"softmax {V} ({logits} {{0}}) {{1}}",
            by="rewrite exp_log_probs by lia; reflexivity",
        ),
        Stage(f"{prefix}losses", f"losses {V} {y} {logits} {{0}}", "losses"),
    ]


TARGETS = table(["Some 1%nat", "None", "Some 0%nat"])
COUNT = f"(sum 3 (counted {TARGETS}))"


def targets() -> TermArray:
    """A token, a position that is skipped, and another token."""
    return given([1, layers.IGNORE, 0])


def cross_entropy() -> Iterator[str]:
    """Three positions, the second skipped; alone, and with the head."""
    w = Writing("cross_entropy_code")
    _, cache = w.code.cross_entropy(w.input("logits", 3, 3), targets(), tape=w.tape)
    w.code.cross_entropy_backward(w.input("dloss"), cache, tape=w.tape)
    y = TARGETS
    yield w.theorem(
        "The mean loss of the targets 1, none, 0.",
        *losses("", 3, y, "logits"),
        Stage("loss", f"cross_entropy 3 3 {y} logits", "cross_entropy loss_over counted"),
        Stage(
            "dlogits",
            f"cross_entropy_dlogits 3 3 {y} logits dloss {{0}} {{1}}",
            "cross_entropy_dlogits loss_over_dlogits counted one_hot",
        ),
    )
    w = Writing("linear_cross_entropy_code")
    x, weight = w.input("x", 3, 2), w.input("weight", 3, 2)
    _, cache = w.code.linear_cross_entropy(x, targets(), weight=weight, tape=w.tape)
    w.code.linear_cross_entropy_backward(w.input("dloss"), cache, tape=w.tape)
    logits = "(unembedding 2 x weight)"
    dlogits = f"(loss_over_dlogits {COUNT} 3 {y} {logits} dloss)"
    yield w.theorem(
        "The same with the head.",
        Stage("logits", f"{logits} {{0}} {{1}}", "unembedding"),
        *losses("", 3, y, logits),
        Stage(
            "loss",
            f"linear_cross_entropy {COUNT} 3 2 3 {y} x weight",
            "linear_cross_entropy loss_over counted",
        ),
        Stage("dlogits", f"{dlogits} {{0}} {{1}}", "loss_over_dlogits counted one_hot"),
        Stage(
            "lm_head.dweight",
            f"unembedding_dweight 3 x {dlogits} {{0}} {{1}}",
            "unembedding_dweight",
        ),
        Stage("lm_head.dx", f"unembedding_dx 3 weight {dlogits} {{0}} {{1}}", "unembedding_dx"),
    )


def smooth_cross_entropy() -> Iterator[str]:
    """Three positions, the second skipped."""
    w = Writing("smooth_cross_entropy_code")
    logits, smoothing = w.input("logits", 3, 3), w.input("smoothing")
    _, cache = w.code.smooth_cross_entropy(
        logits,
        targets(),
        smoothing=smoothing,  # type: ignore[arg-type]
        tape=w.tape,
    )
    w.code.smooth_cross_entropy_backward(w.input("dloss"), cache, tape=w.tape)
    y = TARGETS
    inner = "cross_entropy."
    yield w.theorem(
        "The smoothed loss of the targets 1, none, 0.",
        *losses(inner, 3, y, "logits"),
        Stage("sharp", f"loss_over {COUNT} 3 3 {y} logits", "loss_over counted"),
        Stage(
            "loss",
            f"smooth_cross_entropy smoothing 3 3 {y} logits",
            "smooth_cross_entropy smooth_loss_over leads counted",
        ),
        Stage(
            "dsharp",
            f"loss_over_dlogits {COUNT} 3 {y} logits dloss {{0}} {{1}}",
            "loss_over_dlogits counted one_hot",
        ),
        Stage(
            "dlogits",
            f"smooth_cross_entropy_dlogits smoothing 3 3 {y} logits dloss {{0}} {{1}}",
            "smooth_cross_entropy_dlogits smooth_loss_over_dlogits counted one_hot",
        ),
    )


class MultiHead(NamedTuple):
    """Multi-head attention in the theorem's words, on its core: c_proj, noise behind it, dout."""

    H: int
    core: Attention
    noise: str
    c_proj: str
    dout: str
    own: str

    def forward(self) -> list[Stage]:
        """The lines up to the heads side by side; what is made of them depends on who asks."""
        c = self.core
        merged = f"merged {c.S} {c.d} {c.mask} {c.noise} {c.q} {c.k} {c.v} {{0}} {{1}}"
        return [*c.forward(), Stage(f"{c.prefix}merged", merged, "merged merge_heads")]

    def backward(self, width: int) -> list[Stage]:
        """The lines from the last map to q, k and v."""
        c = self.core
        back = f"linear_dx_of {width} {self.c_proj} (dropout_dx {self.noise} {self.dout})"
        return [
            Stage(
                f"{c.prefix}dmerged",
                f"{back} {{0}} {{1}}",
                f"linear_dx_of linear_dx dropout_dx {self.own}",
            ),
            Stage(
                f"{c.prefix}dz",
                f"{c.dz} {{0}} {{1}} {{2}}",
                f"multi_head_dz split_heads {self.own}",
            ),
            *c.backward(),
        ]

    @property
    def dc_proj(self) -> str:
        """The gradients of the last map, weight and bias."""
        c = self.core
        inputs = f"{c.mask} {c.noise} {self.noise} {c.q} {c.k} {c.v} {self.dout}"
        return f"(multi_head_dc_proj {c.T} {c.S} {c.d} {inputs})"


OUT = "dropout linear_of linear linear_map"
"""What a last map with dropout behind it is made of."""


def gradients(path: str, pair: str, unfold: str) -> list[Stage]:
    """The gradients of a linear map: of its weight and of its bias."""
    unfold += " linear_dparams dropout_dx"
    return [
        Stage(f"{path}.dweight", f"fst {pair} {{0}} {{1}}", f"{unfold} linear_dweight"),
        Stage(f"{path}.dbias", f"snd {pair} {{0}}", f"{unfold} linear_dbias"),
    ]


def a_map(w: Writing, name: str, into: int, out: int) -> tuple[dict[str, TermArray], str]:
    """The parameters of a linear map with a bias, and what they are called together."""
    own = {"weight": w.input(f"{name}_w", into, out), "bias": w.input(f"{name}_b", out)}
    return own, f"({name}_w, {name}_b)"


CAUSAL = "one_of_two"
"""Two positions: the first does not see the second."""


def causal() -> TermArray:
    """The mask of two positions."""
    return given([[True, False], [True, True]])


def multi_head() -> Iterator[str]:
    """Two heads of width 2, two queries, three keys."""
    w = Writing("multi_head_code")
    q, k, v = w.input("q", 2, 2, 2), w.input("k", 2, 3, 2), w.input("v", 2, 3, 2)
    attn_noise, noise = w.input("attn_noise", 2, 2, 3), w.input("noise", 2, 3)
    mask = given([[True, True, False], [True, True, True]])
    c_proj, p = a_map(w, "proj", 4, 3)
    noises = {"attn_noise": attn_noise, "resid_noise": noise}
    _, cache = w.code.multi_head(
        q, k, v, c_proj=c_proj, mask=mask, ops=REFERENCE, **noises, tape=w.tape
    )
    w.code.multi_head_backward(w.input("dout", 2, 3), cache, ops=REFERENCE, tape=w.tape)
    dz = f"(multi_head_dz 3 2 noise {p} dout)"
    core = Attention(2, 3, 2, MASK, "attn_noise", "q", "k", "v", dz)
    heads = MultiHead(2, core, "noise", p, "dout", "")
    out = f"multi_head 2 3 2 {MASK} attn_noise noise q k v {p} {{0}} {{1}}"
    yield w.theorem(
        "Multi-head attention.",
        *heads.forward(),
        Stage("resid_dropout.out", out, f"multi_head {OUT}"),
        *heads.backward(3),
        *gradients("c_proj", heads.dc_proj, "multi_head_dc_proj"),
    )


class SelfAttention(NamedTuple):
    """GPT-2's attention in the theorem's words: two heads of width 1 or more, two positions."""

    H: int
    d: int
    noises: tuple[str, str]
    x: str
    p: str
    dout: str
    prefix: str = ""

    @property
    def told(self) -> str:
        """Sizes, mask, noises, input and parameters, as all definitions have them."""
        return f"{self.H} 2 {self.d} {CAUSAL} {' '.join(self.noises)} {self.x} {self.p}"

    @property
    def heads(self) -> MultiHead:
        """What it is made of."""
        q, k, v = (f"(heads_of {self.H} {self.d} {i} {self.x} {self.p})" for i in range(3))
        width, (attn_noise, noise) = self.H * self.d, self.noises
        c_proj = f"(attn_c_proj {self.p})"
        dz = f"(multi_head_dz {width} {self.d} {noise} {c_proj} {self.dout})"
        core = Attention(2, 2, self.d, CAUSAL, attn_noise, q, k, v, dz, self.prefix)
        return MultiHead(self.H, core, noise, c_proj, self.dout, "attn_c_proj")

    def forward(self) -> list[Stage]:
        """Its lines up to the heads side by side."""
        at = self.prefix
        qkv = f"qkv {self.H} {self.d} {self.x} {self.p} {{0}} {{1}}"
        views = [
            Stage(f"{at}{name}", f"{text} {{0}} {{1}} {{2}}", "heads_of split_heads")
            for name, text in zip("qkv", self.heads.core[5:8], strict=True)
        ]
        return [
            Stage(f"{at}c_attn.out", qkv, "qkv c_attn linear_of linear linear_map"),
            *views,
            *self.heads.forward(),
            Stage(
                f"{at}resid_dropout.out",
                f"attention {self.told} {{0}} {{1}}",
                f"attention multi_head {OUT} attn_c_proj",
            ),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of both maps."""
        at, heads = self.prefix, self.heads
        grads = f"(attention_dparams {self.told} {self.dout})"
        return [
            *heads.backward(self.H * self.d),
            *gradients(
                f"{at}c_proj", f"(snd {grads})", "attention_dparams multi_head_dc_proj attn_c_proj"
            ),
            Stage(
                f"{at}dqkv",
                f"attention_dqkv {self.told} {self.dout} {{0}} {{1}}",
                "attention_dqkv merge_heads three attn_c_proj",
            ),
            *gradients(f"{at}c_attn", f"(fst {grads})", "attention_dparams c_attn"),
            Stage(
                f"{at}c_attn.dx",
                f"attention_dx {self.told} {self.dout} {{0}} {{1}}",
                "attention_dx linear_dx_of linear_dx c_attn",
            ),
        ]


def attention() -> Iterator[str]:
    """Two heads of width 2, two positions, causal, with noise."""
    w = Writing("attention_code")
    x, (c_attn, a), (c_proj, b) = (
        w.input("x", 2, 4),
        a_map(w, "attn", 4, 12),
        a_map(w, "proj", 4, 4),
    )
    noises = {"attn_noise": w.input("attn_noise", 2, 2, 2), "resid_noise": w.input("noise", 2, 4)}
    _, cache = w.code.attention(
        x,
        c_attn=c_attn,
        c_proj=c_proj,
        n_head=2,
        mask=causal(),
        ops=REFERENCE,
        **noises,
        tape=w.tape,
    )
    w.code.attention_backward(w.input("dout", 2, 4), cache, ops=REFERENCE, tape=w.tape)
    at = SelfAttention(2, 2, ("attn_noise", "noise"), "x", f"({a}, {b})", "dout")
    yield w.theorem("GPT-2's self-attention.", *at.forward(), *at.backward())


class Mlp(NamedTuple):
    """GPT-2's feed-forward network in the theorem's words, with tanh GELU."""

    C: int
    F: int
    noise: str
    x: str
    p: str
    dout: str
    prefix: str = ""

    def forward(self) -> list[Stage]:
        """Its lines."""
        inner = f"(inner {self.C} {self.x} {self.p})"
        told = f"{self.noise} {self.x} {self.p}"
        return [
            Stage(
                f"{self.prefix}c_fc.out",
                f"{inner} {{0}} {{1}}",
                "inner c_fc linear_of linear linear_map",
            ),
            Stage(
                f"{self.prefix}act.tanh",
                f"tanh (gelu_inner {constants()} ({inner} {{0}} {{1}}))",
                "gelu_inner",
            ),
            Stage(
                f"{self.prefix}act.out",
                f"activate {gelu_activation()} {inner} {{0}} {{1}}",
                "activate bend gelu_tanh_of",
            ),
            Stage(
                f"{self.prefix}dropout.out",
                f"feed_forward {self.C} {self.F} {gelu_activation()} {told} {{0}} {{1}}",
                f"feed_forward {OUT} mlp_c_proj",
            ),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of both maps."""
        told = f"{self.C} {gelu_activation()} {self.noise} {self.x} {self.p} {self.dout}"
        grads = f"(feed_forward_dparams 2 {told})"
        dbent = (
            f"(linear_dx_of {self.C} (mlp_c_proj {self.p}) (dropout_dx {self.noise} {self.dout}))"
        )
        return [
            *gradients(f"{self.prefix}c_proj", f"(snd {grads})", "feed_forward_dparams"),
            Stage(
                f"{self.prefix}c_proj.dx",
                f"{dbent} {{0}} {{1}}",
                "linear_dx_of linear_dx mlp_c_proj dropout_dx",
            ),
            Stage(
                f"{self.prefix}act.dx",
                f"feed_forward_dinner {told} {{0}} {{1}}",
                "feed_forward_dinner activate_dx bend_dx gelu_tanh_of_dx mlp_c_proj",
            ),
            *gradients(f"{self.prefix}c_fc", f"(fst {grads})", "feed_forward_dparams"),
            Stage(
                f"{self.prefix}c_fc.dx",
                f"feed_forward_dx {self.C} {self.F} {told.split(' ', 1)[1]} {{0}} {{1}}",
                "feed_forward_dx linear_dx_of linear_dx c_fc",
            ),
        ]


def gelu_activation() -> str:
    """Tanh GELU with the code's constants, as the theorems have an activation."""
    return f"(Build_activation (gelu_tanh_of {constants()}) (gelu_tanh_of_dx {constants()}))"


def feed_forward() -> Iterator[str]:
    """Two positions, width 2, inner width 3, with tanh GELU and noise."""
    w = Writing("feed_forward_code")
    x, (c_fc, a), (c_proj, b) = w.input("x", 2, 2), a_map(w, "fc", 2, 3), a_map(w, "proj", 3, 2)
    act = REFERENCE.gelu_tanh
    _, cache = w.code.feed_forward(
        x,
        c_fc=c_fc,
        c_proj=c_proj,
        activation=act,
        ops=REFERENCE,
        noise=w.input("noise", 2, 2),
        tape=w.tape,
    )
    dout = w.input("dout", 2, 2)
    w.code.feed_forward_backward(dout, cache, activation=act, ops=REFERENCE, tape=w.tape)
    mlp = Mlp(2, 3, "noise", "x", f"({a}, {b})", "dout")
    yield w.theorem("GPT-2's feed-forward network.", *mlp.forward(), *mlp.backward())


SILU = "(Build_activation silu silu_dx)"


class GatedMlp(NamedTuple):
    """Llama's feed-forward network in the theorem's words, with SiLU."""

    C: int
    F: int
    noise: str
    x: str
    p: str
    dout: str
    prefix: str = ""

    def forward(self) -> list[Stage]:
        """Its lines."""
        at, into = self.prefix, f"{self.C} {self.x} {self.p}"
        a_map = "linear_of linear linear_map"
        told = f"{self.C} {self.F} {SILU} {self.noise} {self.x} {self.p}"
        return [
            Stage(f"{at}gate_proj.out", f"gate {into} {{0}} {{1}}", f"gate gate_proj {a_map}"),
            Stage(f"{at}up_proj.out", f"up {into} {{0}} {{1}}", f"up up_proj {a_map}"),
            Stage(f"{at}act.sigma", f"sigma (gate {into} {{0}} {{1}})", "sigma"),
            Stage(
                f"{at}act.out", f"activate {SILU} (gate {into}) {{0}} {{1}}", "activate bend silu"
            ),
            Stage(
                f"{at}gated",
                f"gated {self.C} {SILU} {self.x} {self.p} {{0}} {{1}}",
                "gated times",
            ),
            Stage(
                f"{at}dropout.out",
                f"gated_feed_forward {told} {{0}} {{1}}",
                f"gated_feed_forward {OUT} down_proj",
            ),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of its maps."""
        at = self.prefix
        told = f"{self.C} {SILU} {self.noise} {self.x} {self.p} {self.dout}"
        grads = f"(gated_feed_forward_dparams 2 {told})"
        whole = f"2 {self.C} {self.F} {told.split(' ', 1)[1]}"
        return [
            *gradients(f"{at}c_proj", f"(snd {grads})", "gated_feed_forward_dparams"),
            Stage(
                f"{at}dgated",
                f"dgated {self.C} {self.noise} {self.p} {self.dout} {{0}} {{1}}",
                "dgated linear_dx_of linear_dx dropout_dx down_proj",
            ),
            Stage(f"{at}dup", f"dup {told} {{0}} {{1}}", "dup times"),
            Stage(
                f"{at}act.dx",
                f"dgate {told} {{0}} {{1}}",
                "dgate activate_dx bend_dx silu_dx times",
            ),
            *gradients(f"{at}gate_proj", f"(fst (fst {grads}))", "gated_feed_forward_dparams"),
            *gradients(f"{at}up_proj", f"(snd (fst {grads}))", "gated_feed_forward_dparams"),
            Stage(
                f"{at}dx",
                f"gated_feed_forward_dx {whole} {{0}} {{1}}",
                "gated_feed_forward_dx linear_dx_of linear_dx gate_proj up_proj",
            ),
        ]


def gated_feed_forward() -> Iterator[str]:
    """Two positions, width 2, inner width 3, with SiLU and noise."""
    w = Writing("gated_feed_forward_code")
    x, (gate, a) = w.input("x", 2, 2), a_map(w, "gate", 2, 3)
    (up, b), (c_proj, c) = a_map(w, "up", 2, 3), a_map(w, "proj", 3, 2)
    act = REFERENCE.silu
    _, cache = w.code.gated_feed_forward(
        x,
        gate_proj=gate,
        up_proj=up,
        c_proj=c_proj,
        activation=act,
        ops=REFERENCE,
        noise=w.input("noise", 2, 2),
        tape=w.tape,
    )
    dout = w.input("dout", 2, 2)
    w.code.gated_feed_forward_backward(dout, cache, activation=act, ops=REFERENCE, tape=w.tape)
    mlp = GatedMlp(2, 3, "noise", "x", f"(({a}, {b}), {c})", "dout")
    yield w.theorem("Llama's feed-forward network.", *mlp.forward(), *mlp.backward())


PREPARED = "(Prod (Vector 2) (Vector 0))"


class GroupedAttention(NamedTuple):
    """Llama's attention in the theorem's words: heads of width 2, normed and turned; width 2."""

    x: str
    maps: tuple[str, str, str, str]
    gains: tuple[str, str]
    dout: str
    prefix: str = ""

    @property
    def p(self) -> str:
        """All parameters. Turning has none, which Rocq holds as a vector of width 0."""
        q, k, v, c_proj = self.maps
        gains = ", ".join(f"({gain}, nothing)" for gain in self.gains)
        return f"((({q}, {k}), ({v}, {c_proj})), ({gains}))"

    def of(self, heads: int) -> str:
        """What is done to queries or keys before they are compared."""
        return f"(prepared_twice (normed {heads} 2 2 eps) (turned {heads} 2 1 cosines sines))"

    def lines(self) -> tuple[list[Stage], list[Stage]]:
        """Its lines, forward and backward."""
        at, x, p, dout = self.prefix, self.x, self.p, self.dout
        kinds = f"{PREPARED} {PREPARED}"
        heads = {name: f"(@{name}_heads 2 2 {kinds} {x} {p})" for name in "qkv"}
        q = f"(@q_of 1 2 2 2 2 {kinds} {self.of(2)} {x} {p})"
        k = f"(@k_of 1 2 2 2 2 {kinds} {self.of(1)} {x} {p})"
        v = f"(@v_of 2 2 2 {kinds} {x} {p})"
        dz = f"(@grouped_dz 2 2 noise {kinds} {p} {dout})"
        told = f"1 2 2 2 2 {CAUSAL} attn_noise noise {self.of(2)} {self.of(1)} {x} {p}"
        shared = "k_of v_of repeat_heads of_k_params"
        core = Attention(2, 2, 2, CAUSAL, "attn_noise", q, k, v, dz, at, shared)
        many = MultiHead(2, core, "noise", self.maps[3], dout, "grouped_dz grouped_c_proj")
        prepare = "prepare prepare_dx prepare_dparams prepared_twice normed turned"
        a_map = "split_heads linear_of linear linear_map"
        forward = [
            Stage(f"{at}{n}_heads", f"{heads[n]} {{0}} {{1}} {{2}}", f"{n}_heads {n}_proj {a_map}")
            for n in "qkv"
        ]
        for n, gain in zip("qk", self.gains, strict=True):
            row = f"({heads[n]} {{0}} {{1}})"
            forward += [
                Stage(f"{at}{n}_norm.rstd", f"rms_rstd 2 eps {row}", "rms_rstd"),
                Stage(f"{at}{n}_norm.xhat", f"rms_xhat 2 eps {row} {{2}}", "rms_xhat"),
                Stage(
                    f"{at}{n}_norm.out",
                    f"rms_norm 2 eps ({heads[n]} {{0}}) {gain} {{1}} {{2}}",
                    "rms_norm",
                ),
            ]
        forward += [
            Stage(f"{at}q", f"{q} {{0}} {{1}} {{2}}", f"q_of of_q_params rotary {prepare}"),
            Stage(
                f"{at}k_rope.out",
                f"prepare {self.of(1)} {heads['k']} ({self.gains[1]}, nothing) {{0}} {{1}} {{2}}",
                f"rotary {prepare}",
            ),
            *many.forward(),
            Stage(
                f"{at}resid_dropout.out",
                f"grouped_attention {told} {{0}} {{1}}",
                f"grouped_attention multi_head {OUT} grouped_c_proj",
            ),
        ]
        grads = f"(grouped_attention_dparams {told} {dout})"
        own = "grouped_attention_dparams"
        arrays = {"q": "dq", "k": "k_repeat.dx", "v": "v_repeat.dx"}
        backward = [
            *many.backward(2),
            *gradients(f"{at}c_proj", f"(snd (snd (fst {grads})))", f"{own} multi_head_dc_proj"),
        ]
        back = {n: f"(grouped_d{n} {told} {dout})" for n in "qkv"}
        for n in "qkv":
            text = f"{back[n]} {{0}} {{1}} {{2}}"
            backward.append(Stage(f"{at}{arrays[n]}", text, f"grouped_d{n} repeat_heads_dx"))
        for n, gain, place in zip("qk", self.gains, ("fst", "snd"), strict=True):
            turned = f"(rotary_dx 1 cosines sines ({back[n]} {{0}}))"
            backward += [
                Stage(f"{at}{n}_rope.dx", f"{turned} {{1}} {{2}}", "rotary_dx"),
                Stage(
                    f"{at}{n}_norm.dweight",
                    f"fst ({place} (snd {grads})) {{0}}",
                    f"{own} {prepare} heads_dweight rms_norm_dweight",
                ),
                Stage(
                    f"{at}{n}_norm.dx",
                    f"rms_norm_dx 2 eps ({heads[n]} {{0}}) {gain} {turned} {{1}} {{2}}",
                    "rms_norm_dx",
                ),
            ]
        for n, place in (("q", "fst (fst"), ("k", "snd (fst"), ("v", "fst (snd")):
            rows = f"d{n}_rows {told} {dout} {{0}} {{1}}"
            backward += [
                Stage(
                    f"{at}d{n}_rows",
                    rows,
                    f"d{n}_rows merge_heads of_q_params of_k_params {prepare}",
                ),
                *gradients(f"{at}{n}_proj", f"({place} (fst {grads})))", own),
            ]
        dx = f"grouped_attention_dx {told} {dout} {{0}} {{1}}"
        unfold = "grouped_attention_dx linear_dx_of linear_dx q_proj k_proj v_proj"
        return forward, [*backward, Stage(f"{at}dx", dx, unfold)]


def grouped_attention() -> Iterator[str]:
    """Two heads of queries share one of keys; two positions, width 2; normed and turned."""
    w = Writing("grouped_attention_code")
    x = w.input("x", 2, 2)
    q_proj, a = a_map(w, "query", 2, 4)
    k_proj, b = a_map(w, "key", 2, 2)
    v_proj, c = a_map(w, "value", 2, 2)
    c_proj, d = a_map(w, "proj", 4, 2)
    w.also("nothing", "nat -> R")
    eps: Any = w.input("eps")
    _, cache = w.code.grouped_attention(
        x,
        q_proj=q_proj,
        k_proj=k_proj,
        v_proj=v_proj,
        c_proj=c_proj,
        q_norm={"weight": w.input("q_gain", 2)},
        k_norm={"weight": w.input("k_gain", 2)},
        n_head=2,
        n_kv_head=1,
        cos=w.input("cosines", 2, 1),
        sin=w.input("sines", 2, 1),
        mask=causal(),
        eps=eps,
        ops=REFERENCE,
        attn_noise=w.input("attn_noise", 2, 2, 2),
        resid_noise=w.input("noise", 2, 2),
        tape=w.tape,
    )
    w.code.grouped_attention_backward(w.input("dout", 2, 2), cache, ops=REFERENCE, tape=w.tape)
    at = GroupedAttention("x", (a, b, c, d), ("q_gain", "k_gain"), "dout")
    forward, backward = at.lines()
    yield w.theorem("Llama's self-attention, as in Qwen3.", *forward, *backward)


def residual() -> Iterator[str]:
    """Both places of the norm, whatever the norm and the part are."""
    pair: Any = sys.modules["pellucid.layers.residual"]
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

        def asked(name: str, answer: str, w: Writing = w) -> Callable[..., Any]:
            """A norm or a part that keeps what it is asked, and answers as the theorem has it."""

            def function(value: TermArray, *_: Any, **__: Any) -> tuple[TermArray, None]:
                w.tape.kept[name] = value
                return w.input(f"{name}_answer", 2, 2, as_=answer), None

            return function

        normalize = Pair(
            asked("norm_in", f"run norm {into[0]} (fst p)"),
            asked("dnorm_in", f"run_dx norm {into[0]} (fst p) {dnorm}"),
        )
        part = asked("part_in", f"run part {into[1]} (snd p)")
        dpart_of = asked("dpart_in", f"run_dx part {into[1]} (snd p) {dpart}")
        names = layers.ResidualNames("x", "ln", "sum", "out")
        shared: Any = {"norm": place, "names": names, "normalize": normalize, "tape": w.tape}
        _, cache = w.running(pair.residual)(x, part=part, ln={}, eps=1.0, **shared)
        w.running(pair.residual_backward)(dout, cache, part=dpart_of, **shared)
        asked_in_order = [
            Stage("norm_in", f"{into[0]} {{0}} {{1}}", "post_sum plus"),
            Stage("part_in", f"{into[1]} {{0}} {{1}}"),
            Stage("out", f"{place} norm part x p {{0}} {{1}}", f"{place} plus"),
            Stage("dpart_in", f"{dpart} {{0}} {{1}}"),
            Stage("dnorm_in", f"{dnorm} {{0}} {{1}}"),
            Stage("dx", f"{place}_dx norm part x p dout {{0}} {{1}}", f"{place}_dx"),
        ]
        yield w.theorem(
            f"The {place}-norm residual connection, of any norm and part.", *asked_in_order
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
    "scaled_dot_product": scaled_dot_product,
    "multi_head": multi_head,
    "attention": attention,
    "grouped_attention": grouped_attention,
    "feed_forward": feed_forward,
    "gated_feed_forward": gated_feed_forward,
    "residual": residual,
    "cross_entropy": cross_entropy,
    "smooth_cross_entropy": smooth_cross_entropy,
}
"""The file of theorems that each is linked to."""


COMPOSED = ("feed_forward", "gated_feed_forward", "block", "gated_block", "decoder_block")
"""What holds an activation, which its own theorem leaves open."""


def write(name: str, folder: Path) -> Path:
    """Write a layer's file; returns where it is."""
    with exact_roots():
        theorems = "\n".join(LAYERS[name]())
    path = folder / f"{name}_code.v"
    path.write_text(
        f"(** Written by formal/link.py: what the code of {name} computes. *)\n\n"
        f"From Pellucid Require Import {' '.join(needed(name))}.\n"
        f"From Link Require Import same.\n\n{theorems}",
        encoding="utf-8",
    )
    return path


def needed(name: str) -> list[str]:
    """A file of theorems behind those that it rests on, in the order that they are built in."""
    found = {"gelu", "silu"} if name in COMPOSED else set()
    waiting = [name]
    while waiting:
        found.add(file := waiting.pop())
        text = (FORMAL / f"{file}.v").read_text(encoding="utf-8")
        imported = re.findall(r"^From Pellucid Require Import (.*)\.$", text, re.MULTILINE)
        waiting += set(" ".join(imported).split()) - found
    built = (FORMAL / "_CoqProject").read_text(encoding="utf-8").split()
    return [file[:-2] for file in built if file[:-2] in found]


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
    asked = parser.parse_intermixed_args()
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
