"""The files that are written, a layer each, and what Rocq has against them."""

import re
import subprocess
from pathlib import Path

from linking.exact import exact_roots
from linking.layers import LAYERS

FORMAL = Path(__file__).resolve().parents[1]
SAME = Path(__file__).with_name("same.v")

COMPOSED = ("feed_forward", "gated_feed_forward", "block", "gated_block", "decoder_block")
"""What holds an activation, which its own theorem leaves open."""


def write_same(folder: Path) -> Path:
    """Put beside the layers' files the one that they all need; returns where it is."""
    path = folder / SAME.name
    path.write_text(SAME.read_text(encoding="utf-8"), encoding="utf-8")
    return path


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
    found = {"gelu", "relu", "silu"} if name in COMPOSED else set()
    waiting = [name]
    while waiting:
        found.add(file := waiting.pop())
        text = (FORMAL / f"{file}.v").read_text(encoding="utf-8")
        imported = re.findall(r"^From Pellucid Require Import (.*)\.$", text, re.MULTILINE)
        waiting += set(" ".join(imported).split()) - found
    built = (FORMAL / "_CoqProject").read_text(encoding="utf-8").split()
    return [file[:-2] for file in built if file[:-2] in found]


def accepted(path: Path) -> str:
    """What Rocq has against a file, and the number that it refuses; nothing where it accepts it."""
    quiet = ["-w", "-ambiguous-paths,-overriding-logical-loadpath"]
    known = ["-Q", str(FORMAL), "Pellucid", "-Q", str(path.parent), "Link"]
    command = ["coqc", *quiet, *known, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{path.name}: {refused(path, done.stderr)}{done.stderr}" if done.returncode else ""


def refused(path: Path, said: str) -> str:
    """The number whose lemma Rocq speaks of."""
    found = re.search(r", line (\d+), ", said)
    above = path.read_text(encoding="utf-8").splitlines()[: int(found[1])] if found else []
    lemmas = [line.split()[1] for line in above if line.startswith("Lemma ")]
    return (
        f"{lemmas[-1].removeprefix('is_')} is not what the theorems say it is\n" if lemmas else ""
    )
