"""The files of a development: a lemma a number, and a theorem about the run.

- `Prelude.v`: what an enclosure is, and what Interval is not told: tanh, and the larger of two.
- `Enclosures.v`: the enclosure of each number, as two fractions.
- `Calls_1.v` and so on: for each number that a call made, a lemma: for all real numbers within the
  enclosures of what it is made of, its equation's value is within its own.
- `Run.v`: the numbers of the run as definitions, from the floats that were given; each is within
  its enclosure; the theorem, and what it rests on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pellucid.prove.chained import chained
from pellucid.prove.checkable import around, fitting
from pellucid.prove.rocq.expression import quotient
from pellucid.prove.rocq.number import RealNumber
from pellucid.prove.rocq.run import RealRun
from pellucid.prove.watch import Watch
from pellucid.tape import Tape
from pellucid.train.record import part_of

ROOM = 32
"""Interval computes with so many bits more than the enclosures have."""

A_FILE = 250
"""So many lemmas are in a file, so that several can be checked at once."""

FOLDER = "Run"
"""What Rocq calls the development."""


@dataclass(frozen=True)
class Development:
    """The files by their names, how many lemmas there are, and which tensors the theorem states."""

    files: dict[str, str]
    lemmas: int
    stated: tuple[str, ...]


def rocq_files(
    tape: Tape, *, title: str, show: Iterable[str] = (), watch: Watch | None = None
) -> Development:
    """What a tape did, for Rocq: all that calls made.

    With `show`, patterns of names: these values alone, for all numbers within the enclosures of
    what they are made of. Raises `ProofError` where an operation is none that Interval can enclose,
    such as erf.
    """
    patterns = tuple(show)
    if patterns:
        fits = fitting(tape, patterns)
        outside = around(tape, fits) - fits
        run = RealRun(tape, fits, chained(tape, watch or Watch(), outside)[0])
    else:
        run = RealRun(tape)
    for name in run.arrays:
        run.tensor(name)
    stated = tuple(run.arrays if patterns else _stated(tape, list(run.arrays)))
    made = [number for number in run.numbers if number.text]
    groups = [made[start : start + A_FILE] for start in range(0, len(made), A_FILE)]
    calls = {f"Calls_{place}": _calls(group) for place, group in enumerate(groups, 1)}
    parts = {
        "Prelude": PRELUDE,
        "Enclosures": _enclosures(run.numbers),
        **calls,
        "Run": _run(run, stated, list(calls), title),
    }
    files = {f"{name}.v": text for name, text in parts.items()}
    project = "\n".join([f"-R . {FOLDER}", *files]) + "\n"
    files |= {"_CoqProject": project, "Makefile": MAKEFILE}
    return Development(files, len(made), stated)


def _stated(tape: Tape, made: Sequence[str]) -> Iterator[str]:
    """What the theorem is about: loss, gradients and new weights; without a loss, all."""
    if "loss" not in tape:
        yield from made
        return
    given = {name for name in tape if part_of(tape, name) == "given"}
    loss = tape.name_of(tape.value("loss"))
    gradients = {tape.name_of(tape.value(f"d{n}")) for n in given if f"d{n}" in tape}
    for name in made:
        if name == loss or name in gradients or part_of(tape, name) == "update":
            yield name


# -- files -----------------------------------------------------------------------------------------


def _enclosures(numbers: Iterable[RealNumber]) -> str:
    lines = [_requires("Prelude")]
    lines += [f"Definition {n.name}'in := within {_ends(n)}." for n in numbers]
    return "\n".join(lines) + "\n"


def _ends(number: RealNumber) -> str:
    return " ".join(f"({e})" if e.startswith("-") else e for e in number.enclosure.ends)


def _calls(numbers: Iterable[RealNumber]) -> str:
    head = f"{_requires('Prelude', 'Enclosures')}\nFrom Interval Require Import Tactic."
    return "\n\n".join([head, *map(_lemma, numbers)]) + "\n"


def _lemma(number: RealNumber) -> str:
    """That a number is within its enclosure, for all inputs within theirs."""
    names = [n.name for n in number.inputs]
    variables = f"forall {' '.join(names)} : R,\n  " if names else ""
    known = "".join(f"{name}'in {name} -> " for name in names)
    unfolded = ", ".join(f"{name}'in" for name in (*names, number.name))
    how = number.how
    if not how:
        bits = max(n.enclosure.bits for n in (number, *number.inputs)) + ROOM
        how = f"rewrite ?tanh_by_exp; interval with (i_prec {32 * -(-bits // 32)})"
    return (
        f"(* {number.label} *)\n"
        f"Lemma {number.name}'call : {variables}{known}{number.name}'in\n  {number.text}.\n"
        f"Proof. unfold {unfolded}, within; intros; {how}. Qed."
    )


def _run(run: RealRun, stated: Sequence[str], calls: Sequence[str], title: str) -> str:
    parts = [_requires("Prelude", "Enclosures", *calls)]
    parts += [f"(* {_comment(title)} *)", "Section Run."]
    parts += map(_definition, run.numbers)
    tensors = [run.tensor(name) for name in stated]
    statements = [" /\\\n    ".join(map(_statement, numbers)) for numbers in tensors if numbers]
    proofs = [_both([f"{n.name}'holds" for n in numbers]) for numbers in tensors if numbers]
    parts.append(
        "Theorem run :\n  ("
        + ") /\\\n  (".join(statements)
        + f").\nProof. exact {_both(proofs)}. Qed.\n\nEnd Run.\n\nPrint Assumptions run."
    )
    return "\n\n".join(parts) + "\n"


def _definition(number: RealNumber) -> str:
    name = number.name
    if number.open:
        return f"Variable {name} : R.\nHypothesis {name}'holds : {name}'in {name}."
    if not number.text:
        low, _, below = number.enclosure.ends
        how = f"exactly {_ends(number).split()[0]} {below}"
        text = f"{quotient(low, below)}" if below != "1" else f"({low}) / 1"
    else:
        held = [word for n in number.inputs for word in (n.name, f"{n.name}'holds")]
        own, proofs = held[::2], held[1::2]
        how, text = " ".join([f"{name}'call", *own, *proofs]), number.text
    return (
        f"Definition {name} : R := (* {number.label} *)\n  {text}.\n"
        f"Lemma {name}'holds : {name}'in {name}.\nProof. exact ({how}). Qed."
    )


def _statement(number: RealNumber) -> str:
    low, high, below = number.enclosure.ends
    return f"({low}) / {below} <= {number.name} <= ({high}) / {below}"


def _comment(text: str) -> str:
    """A text as it may stand in a comment of Rocq's."""
    return text.replace("(*", "( *").replace("*)", "* )").replace('"', "'")


def _both(proofs: Sequence[str]) -> str:
    """A proof of all, from one of each."""
    return (
        "".join(f"(conj {proof} " for proof in proofs[:-1]) + proofs[-1] + ")" * (len(proofs) - 1)
    )


def _requires(*files: str) -> str:
    return (
        "From Coq Require Import Reals Lra.\n"
        f"From {FOLDER} Require Import {' '.join(files)}.\nLocal Open Scope R_scope."
    )


PRELUDE = """\
From Coq Require Import Reals Lra.
Local Open Scope R_scope.

(* x lies from low to high, both divided by a whole number. *)
Definition within (low high below x : R) : Prop := low / below <= x <= high / below.

Lemma exactly : forall x below, within x x below (x / below).
Proof. intros. split; apply Rle_refl. Qed.

Lemma tanh_by_exp : forall x, tanh x = 1 - 2 / (exp (2 * x) + 1).
Proof.
  intro x. unfold tanh, sinh, cosh. pose proof (exp_pos x).
  replace (2 * x) with (x + x) by ring. rewrite exp_plus, exp_Ropp. field. split; nra.
Qed.

(* The larger of two numbers that are known to lie between fractions. *)
Ltac larger_of_two := unfold Rmax; destruct (Rle_dec _ _); lra.

Definition above (x y : R) : R := if Rlt_dec y x then 1 else 0.
Definition sign (x : R) : R := if Rlt_dec 0 x then 1 else if Rlt_dec x 0 then -1 else 0.

(* A comparison that the enclosures of its operands decide. *)
Ltac decided := unfold above, sign; repeat destruct (Rlt_dec _ _); lra.
"""

MAKEFILE = """\
all: Makefile.coq
\t$(MAKE) -f Makefile.coq

Makefile.coq: _CoqProject
\tcoq_makefile -f _CoqProject -o $@

clean:
\trm -f *.vo *.vok *.vos *.glob .*.aux Makefile.coq Makefile.coq.conf .Makefile.coq.d

.PHONY: all clean
"""
