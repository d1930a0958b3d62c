#!/usr/bin/env python3
"""Check a certificate of `pellucid prove … -o certificate.json`, by other means than made it.

    python formal/check.py certificate.json [--weights FILE] [--only PATTERN] [--sample N --seed S]

Plain Python: whole numbers, fractions, and its standard library; `checking/`, beside this file, is
what it is made of. What is checked:

- forward: each call's numbers, by the equation of its function, from the enclosures that it read;
- backward: no formula of it stands here. The gradient by a value is the sum, over all that read
  the value, of what comes back through each (the chain rule); and what comes back through a call
  follows from its equation, operation by operation;
- the optimizer's rule, and that it was given the gradient of the very weight that it changes;
- connections: that in a block and in a model each call reads what it has to;
- that each float of the run is as near to its enclosure as the certificate says (`error`);
- that nothing else is claimed: one call makes a tensor, or it is an input, with its SHA-256;
- where a next token is stated (`next`): that its logit is above all others at the last position,
  for all that the enclosures hold. With a box in place of one tensor (`within`) they hold what is
  made of every point of it; nothing is said of floats then;
- where it is stated (`length`): that the runs are those of all texts of so many tokens.

A number is an interval, (m ± r) · 2^e with whole m, r and one e for a tensor; what is rounded goes
to r. By induction over the calls, the true numbers of the run lie in the enclosures, for these
inputs; a constant of a formula is the float that is written for it: 0.044715, √(2/π), √d, 1 - β.

Exit code 0: all that was asked for holds. 1: something does not, and is named. 2: not readable.
"""

import argparse
import re
import sys
import time
from collections import Counter
from pathlib import Path

from checking.certificate import Files, read
from checking.checker import OWN, Checker
from checking.connections import PARAMETER
from checking.errors import Bad, Unseen, Wrong, say, title
from checking.run import is_backward
from checking.sets import all_texts


def report(number, checker, seconds):
    """What holds, what is on trust, and what was not checked or does not hold."""
    run = checker.run
    say(
        f"run {number}: {checker.numbers:,} numbers of {checker.calls:,} calls hold, of "
        f"{checker.asked:,} asked for and {len(run.calls):,} in all; {checker.floats:,} floats are "
        f"as near as stated; {seconds:.1f} s"
    )
    if checker.connected:
        say(f"  {checker.connected:,} connections are those of the equations")
    for what, names in trusted(checker):
        if names:
            say(f"  on trust, {what}: {alike(names)}")
    if run.part is not None or checker.asked < len(run.calls):
        say("  on trust: the enclosures that these calls read and none that is asked for makes")
    for name in run.trusted:
        say(f"  not checked: {name}, which no call here makes")
    if checker.shown and not checker.refused and not checker.unseen:
        say(f"  holds: {checker.shown}")
    for kind, lines in (("not checked", checker.unseen), ("REFUSED", checker.refused)):
        for line in lines[:20]:
            say(f"  {kind}: {line}")
        if len(lines) > 20:
            say(f"  {kind}: … and {len(lines) - 20} more")


def trusted(checker):
    """What the certificate alone says, each kind with its names; nothing is left out."""
    run = checker.run
    read = {name for call in run.calls for name in call["inputs"].values()}
    given = {name for name in run.given if name in read or not run.is_float(name)}
    parameters = {name for name in given if PARAMETER.search(name) and run.is_float(name)}
    moments = {n for n in given if n.endswith("_before") and not run.tensors.is_unseen(n)}
    zeros = {name for name in moments if not any(run.tensors.array(name).m)}
    known = f"{len(parameters)} parameters"
    known += f", {checker.parameters} of them as in the file" * bool(checker.parameters)
    others = [
        f"{name} (causal)" if run.tensors.is_causal(name) else name
        for name in run.given
        if name in given - parameters - zeros
    ]
    others += [f"{len(zeros)} moments that are 0"] * bool(zeros)
    yield "as their SHA-256 says", [known, *others]
    yield "the model and its settings", list(settings(run))
    yield "each number within the enclosure of", [n for n in run.given if n in run.tensors.stated]
    yield "what they are, as the certificate has it", sorted(checker.loose)
    yield "what they are called", sorted(checker.called)
    yield "that nothing has to read of the files", checker.unused


def settings(run):
    """How often each function was called, and with which settings and masks."""
    count, found = Counter(), {}
    for call in run.calls:
        known = {k: repr(v) for k, v in call["settings"].items() if not k.startswith("cache")}
        if is_backward(call):
            if known.get("dloss", "1.0") != "1.0":
                yield f"{title(call)} (dloss {known['dloss']})"
            continue
        if call["function"] == "scaled_dot_product":
            known["mask"] = call["inputs"].get("mask", "none")
        count[call["function"]] += 1
        for key, value in known.items():
            found.setdefault(call["function"], {}).setdefault(key, set()).add(value)
    for name, n in count.items():
        own = [f"{key} {' or '.join(sorted(seen))}" for key, seen in found.get(name, {}).items()]
        yield f"{n} {name}" + f" ({', '.join(own)})" * bool(own)


def alike(names):
    """Names that differ in numbers only stand once, with how many they are."""
    kinds = {}
    for name in names:
        kinds.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "*", name), []).append(name)
    return ", ".join(f"{len(n)} {kind}" if len(n) > 1 else n[0] for kind, n in kinds.items())


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check a certificate of pellucid prove.")
    parser.add_argument("certificate")
    parser.add_argument("--weights", action="append", default=[], help="a .safetensors; repeatable")
    parser.add_argument("--only", help="check only calls whose path or values fit this pattern")
    parser.add_argument("--sample", type=int, help="check so many calls, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="name each call")
    options = parser.parse_args(arguments)
    holds, runs = True, []
    partly = options.only is not None or options.sample is not None
    try:
        content = read(options.certificate)
        weights = [Path(path) for path in options.weights]
        own = Path(options.certificate).parent / Path(content.get("beside") or ".").name
        files = Files([*weights, *[own] * own.is_file()])
        for number, run in enumerate(content["runs"], 1):
            start = time.monotonic()
            try:
                checker = Checker(run, files)
                if weights:
                    checker.from_files(Files(weights))
                for call in checker.all(options):
                    if options.verbose:
                        say(f"  {title(call)}")
                if not partly:
                    checker.sets()
                report(number, checker, time.monotonic() - start)
            except (Wrong, Unseen) as wrong:
                say(f"run {number}: REFUSED: {wrong}")
                holds = False
            else:
                holds &= checker.asked > 0 and not checker.refused and not checker.unseen
                runs.append(checker.run)
        if holds and content.get("length") and not partly:
            try:
                say(all_texts(runs, content["length"]))
            except (Wrong, Unseen) as wrong:
                say(f"REFUSED: {wrong}")
                holds = False
    except Bad as bad:
        say(f"no certificate to check: {bad}", file=sys.stderr)
        return 2
    except (*OWN, OverflowError, RecursionError) as error:
        say(f"no certificate to check: it is not in its format ({error!r})", file=sys.stderr)
        return 2
    say("all that was asked for holds" if holds else "NOT all that was asked for holds")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
