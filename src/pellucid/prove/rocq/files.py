"""The files of a development: a lemma a number, and a theorem about the run.

- `Prelude.v`: what an enclosure is, and what the equations have that Rocq's library lacks.
- `Tactics.v`: how a lemma is proved: by Interval, but for the larger of two and comparisons.
- `Erf.v`, where it is needed: erf as an integral, and the theorem about its series.
- `Enclosures.v`: the enclosure of each number, as two fractions.
- `Calls_1.v` and so on: for each number that a call made, a lemma: for all real numbers within the
  enclosures of what it is made of, its equation's value is within its own.
- `Run.v`: the numbers of the run as definitions, from the floats that were given; each is within
  its enclosure; the theorem.
- `Assumptions.v`, `Makefile`: what the theorem rests on; anything but Rocq's own is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from pellucid.prove.chained import chained
from pellucid.prove.checkable import around
from pellucid.prove.rocq.expression import quotient
from pellucid.prove.rocq.number import ERF, RealNumber
from pellucid.prove.rocq.part import rocq_parts
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

    With `show`, patterns of names, each with or without an index: these values alone, for all
    numbers within the enclosures of what they are made of. Raises `ProofError` where an operation
    is none that Interval can enclose, and where there are more numbers than Rocq could check.
    """
    patterns = tuple(show)
    asked = rocq_parts(tape, patterns)
    if asked:
        outside = around(tape, set(asked)) - set(asked)
        run = RealRun(tape, asked, chained(tape, watch or Watch(), outside, whole=False)[0])
    else:
        run = RealRun(tape)
    for name in run.arrays:
        run.tensor(name)
    stated = tuple(run.arrays if asked else _stated(tape, list(run.arrays)))
    made = [number for number in run.numbers if number.text]
    tactics = ["Tactics", *(["Erf"] if any(n.how.startswith(ERF) for n in made) else [])]
    groups = [made[start : start + A_FILE] for start in range(0, len(made), A_FILE)]
    calls = {f"Calls_{place}": _calls(group, tactics) for place, group in enumerate(groups, 1)}
    own = {name: _text(f"{name}.v") for name in ("Prelude", *tactics)}
    modules = {
        **own,
        "Enclosures": _enclosures(run.numbers),
        **calls,
        "Run": _run(run, stated, [*own, "Enclosures", *calls], title),
        "Assumptions": _text("Assumptions.v"),
    }
    project = "\n".join(
        [
            f"-R . {FOLDER}",
            "-arg -w -arg -ambiguous-paths",
            *(f"{n}.v" for n in modules if n != "Assumptions"),
        ]
    )
    written = {f"{name}.v": text for name, text in modules.items()}
    written |= {"_CoqProject": f"{project}\n", "Makefile": _text("run.mk")}
    return Development(written, len(made), stated)


def _text(name: str) -> str:
    """A file that is the same in every development."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


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


def _calls(numbers: Iterable[RealNumber], tactics: Sequence[str]) -> str:
    head = (
        "(* For all real numbers within the enclosures of what a number is made of, the value of\n"
        f"   its equation is within its own. *)\n{_requires(*tactics, 'Enclosures')}"
    )
    return "\n\n".join([head, *map(_lemma, numbers)]) + "\n"


def _lemma(number: RealNumber) -> str:
    """That a number is within its enclosure, for all inputs within theirs."""
    names = [n.name for n in number.inputs]
    variables = f"forall {' '.join(names)} : R,\n  " if names else ""
    known = "".join(f"{name}'in {name} -> " for name in names)
    bits = max(n.enclosure.bits for n in (number, *number.inputs)) + ROOM
    how = number.how.format(bits=f"(i_prec {32 * -(-bits // 32)})")
    return (
        f"(* {number.label} *)\n"
        f"Lemma {number.name}'call : {variables}{known}{number.name}'in\n  {number.text}.\n"
        f"Proof. {how}. Qed."
    )


def _run(run: RealRun, stated: Sequence[str], modules: Sequence[str], title: str) -> str:
    parted = any(number.open for number in run.numbers)
    parts = [_head(title, parted=parted), _requires(*modules)]
    parts += ["Section Run."] * parted
    parts += map(_definition, run.numbers)
    tensors = [(name, run.tensor(name)) for name in stated]
    statements = [
        f"(* {name} *)\n  (" + " /\\\n    ".join(map(_statement, numbers)) + ")"
        for name, numbers in tensors
        if numbers
    ]
    proofs = [_both([f"{n.name}'holds" for n in numbers]) for _, numbers in tensors if numbers]
    theorem = " /\\\n  ".join(statements)
    parts.append(f"Theorem run :\n  {theorem}.\nProof. exact {_both(proofs)}. Qed.")
    parts += ["End Run."] * parted
    return "\n\n".join(parts) + "\n"


def _head(title: str, *, parted: bool) -> str:
    """What is stated, and on what trust."""
    stated = (
        "for all real numbers within the enclosures that the hypotheses state,"
        if parted
        else "without a hypothesis,"
    )
    return f"""\
(* {_comment(title)}

   Stated: the theorem `run`, at the end: {stated}
   each number that it names lies between two fractions.
   Of what: of the definitions in this file. Each number has one: a fraction, which is the float
   that the run was given, or its equation, from the numbers before it. Its name on the tape, with
   its index, stands beside it. `.part` is a part that an equation uses several times, or that is
   long; `.erf`, `.largest` and `.decided` are what a lemma of their own proves.
   Checked by Rocq: that each number lies within its enclosure, lemma by lemma.
   On trust: that these definitions are the run that is meant, which Pellucid wrote; Rocq's kernel
   with its axioms and machine integers, which `make` lists. Nothing here says that a gradient is
   the derivative of the loss. *)"""


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
