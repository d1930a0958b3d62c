"""One call after the other: is what it states true?"""

import fnmatch
import functools
import math
import random
from fractions import Fraction

from checking.connections import PARAMETER, connections
from checking.chain_rule import graph
from checking.errors import Unseen, Wrong, joined, place, title
from checking.intervals import Precision
from checking.run import Run, is_backward, is_rule
from checking.sets import most_likely

BITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""How many the digits of a float have."""

OWN = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What Python raises where an equation is given what it is not made for."""


class Outside(Wrong):
    """A number that is not within what is stated."""

    def __init__(self, name, where, stated, found):
        self.apart = abs(stated[0] - found[0]) > stated[1]
        super().__init__(f"{name}{where}: stated {decimal(*stated)}, found {decimal(*found)}")


def decimal(m, r, e):
    """About (m ± r) · 2^e, with 25 digits, and 2 of the radius."""

    def about(x, digits):
        if not x:
            return "0"
        power = math.floor((abs(x).bit_length() + e) * 0.30103) - digits
        n = Fraction(x) * Fraction(2) ** e / Fraction(10) ** power
        text = str(abs(round(n)))
        return f"{'-' if x < 0 else ''}{text[0]}.{text[1:]}e{power + len(text) - 1:+d}"

    return f"{about(m, 25)} ± {about(r, 2)}"


def compare(name, found, stated):
    """Each number's interval must lie within the one that is stated."""
    if found is None:
        raise Wrong(f"{name}: nothing that a gradient begins with comes back to it")
    if found.shape != stated.shape:
        raise Wrong(f"{name} has the shape {stated.shape}, and should have {found.shape}")
    if found.hidden != stated.hidden:
        raise Wrong(f"{name} has other hidden scores than the mask")
    e = min(found.e, stated.e)
    a, b = found.at(-e), stated.at(-e)
    for i, (m, r, middle, radius) in enumerate(zip(a.m, a.r, b.m, b.r)):
        if abs(m - middle) + r > radius and i not in found.hidden:
            raise Outside(name, place(i, stated.shape), (middle, radius, e), (m, r, e))


class Checker:
    """Checks the calls of a run, and remembers what it found."""

    def __init__(self, content, files):
        self.run = Run(content, files)
        self.asked = self.calls = self.numbers = self.floats = self.connected = 0
        self.parameters, self.unused, self.refused, self.unseen = 0, [], [], []
        self.shown = None
        self.connect()
        for name, record in self.run.given.items():
            if "bytes" in record:
                self.run.tensors.bytes_of(name, record)
            if content["sha256"].get(name, record["sha256"]) != record["sha256"]:
                raise Wrong(f"{name}: two different SHA-256 of it are stated")
            if self.run.stated.get(name, record)["shape"] != record["shape"]:
                raise Wrong(f"{name}: two different shapes of it are stated")
            if name in self.run.tensors.stated:
                compare(name, self.run.tensors.as_given(name), self.run.tensors.array(name))

    def connect(self):
        """What the architecture says that is read; the rest is loose, and on trust."""
        run, ruled = self.run, set()
        for reader, name, source in connections(run):
            if name != source:
                raise Wrong(
                    f"{reader} is {name}, and by the equations of the block or model it is {source}"
                )
            ruled.add(reader)
            self.connected += 1
        forward = [unit for unit in run.units if not is_rule(unit.call)]
        arguments = {(joined(u.path, a), name) for u in forward for a, name in u.reads.items()}
        shown = {joined(unit.path, key): n for unit in forward for key, n in unit.reads.items()}
        for known, name in shown.items():
            if known not in run.makers and run.alias.get(known, name) != name:
                raise Wrong(f"{known} is {run.alias[known]}, and by the equations it is {name}")
        made = {name for call in run.calls for name in (*call["outputs"], *call["constants"])}
        direct = {reader for reader, name in arguments if name in run.arguments.get(reader, ())}
        self.loose = {r for r, name in arguments if r in direct and name in made} - ruled
        self.called = {
            f"{other} of {name}"
            for name, tensor in run.stated.items()
            for other in tensor["also"]
            if not (name in run.makers and is_backward(run.makers[name]))
            and other not in ruled | shown.keys()
            and name not in run.arguments.get(other, ())
        }

    def from_files(self, files):
        """Each parameter is one of the files' tensors; of the same name, where they have it."""
        given = self.run.given
        for name in given:
            of_a_value = name.startswith("d") and name[1:] in self.run.alias
            if PARAMETER.search(name) and not of_a_value and name in self.run.readers:
                digest = given[name]["sha256"]
                named = [d for own, d in files.names.items() if f".{own}".endswith(f".{name}")]
                if digest not in (named or files.places):
                    raise Wrong(f"{name}: it is not in {', '.join(map(str, files.paths))}")
                self.parameters += 1
        used = {record["sha256"] for record in given.values()}
        self.unused = [name for name, digest in files.names.items() if digest not in used]

    def all(self, options):
        """Check all calls, or those that are asked for."""
        run = self.run
        calls = [call for call in run.calls if call not in run.unknown]
        if options.only is None:
            self.refused += [
                f"{title(call)}: its equation is not known here: not checked"
                for call in run.unknown
            ]
            self.refused += [f"{name}: no gradient of it is stated" for name in self.without()]
        else:
            calls = [
                call
                for call in calls
                if any(
                    fnmatch.fnmatchcase(n, options.only) for n in (call["path"], *call["outputs"])
                )
            ]
        if run.part is not None:
            calls = [call for call in calls if any(name in run.part for name in call["outputs"])]
        if options.sample is not None:
            count = min(options.sample, len(calls))
            chosen = set(random.Random(options.seed).sample(range(len(calls)), count))
            calls = [call for i, call in enumerate(calls) if i in chosen]
        self.asked = len(calls)
        for call in calls:
            yield call
            outputs = [name for name in call["outputs"] if run.part is None or name in run.part]
            self.attempt(call, lambda call=call, outputs=outputs: self.check(call, outputs))
            for name in outputs:
                self.attempt(call, lambda name=name: self.check_floats(name))

    def sets(self):
        """What is stated of the next token, once all that it follows from was checked."""
        if self.run.next:
            try:
                self.shown = most_likely(self.run)
            except Wrong as wrong:
                self.refused.append(str(wrong))

    def attempt(self, call, check):
        try:
            check()
        except Unseen as missing:
            self.unseen.append(f"{title(call)}: {missing}")
        except Wrong as wrong:
            self.refused.append(f"{title(call)}: {wrong}")
        except OWN as error:
            self.refused.append(f"{title(call)}: it cannot be computed: {error!r}"[:500])

    def without(self):
        """The parameters of a step without a gradient."""
        run = self.run
        if not any(map(is_rule, run.calls)) or run.part is not None:
            return
        for name in run.given:
            read = PARAMETER.search(name) and run.is_float(name) and name in run.readers
            if read and run.gradient_name(name) is None:
                yield name

    def check(self, call, outputs):
        if call["constants"]:
            self.constants(call)
        stated = [
            self.run.tensors.stated[n]["exponent"] for n in outputs if n in self.run.tensors.stated
        ]
        for more in (64, 192, 512):
            Precision.bits = max(64, more - min(stated, default=0))
            try:
                self.by_equations(call, outputs)
                break
            except Outside as wrong:  # it may be this program's own rounding
                if wrong.apart or more == 512:
                    raise
        self.calls += 1
        self.numbers += sum(len(self.run.tensors.array(name).m) for name in outputs)

    def by_equations(self, call, outputs):
        run = self.run
        if is_backward(call):
            for name in outputs:
                for known in run.names(name):  # each says what it is: all must be true
                    found = run.gradient_called(known, call, first=known == name)
                    compare(known, found, run.tensors.array(name))
            return
        if is_rule(call):
            self.right_gradient(call)
        done, of = set(), run.tensors.box_of
        for unit in run.units:
            if unit.call is call and outputs:
                inner = {x for node in graph(unit.made().values()) for x, _ in node.back}
                for known, result in unit.made().items():
                    name = run.alias.get(known)
                    if name in outputs or (
                        name in run.makers and known != name and run.part is None
                    ):
                        if name == of and result in inner:
                            raise Wrong(
                                f"{name}: the call that makes it reads it, and reads no box"
                            )
                        found = run.tensors.boxed(name, result.array)
                        compare(known, found, run.tensors.array(name))
                        done.add(name)
        for name in outputs:
            if name not in done:
                raise Wrong(f"{name}: there is no equation for it here")

    def right_gradient(self, call):
        """A rule changes the weight of its path, by the gradient of that weight and its moments."""
        run, path = self.run, call["path"]
        for argument, name in call["inputs"].items():
            if argument.endswith("_before") and name != joined(path, argument):
                raise Wrong(f"its {argument} is {name}, and its path is {path}")
        weight, slope = call["inputs"].get("weight"), call["inputs"].get("dweight")
        if run.alias.get(path) != weight:
            raise Wrong(f"it changes {weight}, and its path is {path}")
        if run.gradient_name(weight) != slope:
            raise Wrong(f"it was given {slope}, which is not the gradient of {weight}")
        if len(run.readers.get(weight, ())) > 1:
            compare(slope, run.read_back(weight), run.tensors.array(slope))

    def constants(self, call):
        """Cosines and sines that were made as floats, of float64's angles, for the run's dtype.

        An angle is off by 2^-53 of it, and by as much its cosine; then comes one rounding more.
        """
        run, Precision.bits = self.run, 128
        if call["function"] != "rotary_angles":
            return
        (unit,) = (unit for unit in run.units if unit.call is call)
        angles = unit.made()[joined(call["path"], "angles")].array
        most = max(map(abs, angles.m), default=0) * Fraction(2) ** angles.e
        for name in call["constants"]:
            found, given = unit.made()[name].array.at(128), run.tensors.as_given(name).fine()
            digits = BITS.get(run.given[name]["dtype"], 8)
            off = (
                Fraction(1 + most) / 2**52
                + Fraction(max(1, most) if "angles" in name else 1) / 2**digits
            )
            if found.shape != given.shape:
                raise Wrong(f"{name} has the shape {given.shape}, and should have {found.shape}")
            for i, (m, r, own) in enumerate(zip(found.m, found.r, given.m)):
                if abs(m - own) + r > off * 2**128:
                    raise Wrong(f"{name}{place(i, found.shape)} is not what its angle makes")

    def check_floats(self, name):
        """Each float of the run is within `error` of a number in its enclosure."""
        run, error = self.run, self.run.stated[name]["error"]
        if error == "infinite":
            return
        if isinstance(error, str) or error < 0:
            raise Wrong(f"{name}: its error is {error}, which is no distance")
        record = run.tensors.floats.get(name)
        if record is None:
            raise Unseen(f"{name}: the certificate has no floats of it")
        array, floats = run.tensors.array(name), run.tensors.numbers(name, record)
        if tuple(record["shape"]) != array.shape or not record["dtype"].startswith(
            ("float", "bfloat")
        ):
            raise Wrong(f"{name}: its floats are {record['dtype']} of shape {record['shape']}")
        scaled = array.at(max(0, -array.e))

        @functools.cache
        def most(r, d):
            return math.floor((Fraction(error) * 2**-scaled.e + r) * d)

        for i, (x, m, r) in enumerate(zip(floats, scaled.m, scaled.r)):
            if x == -math.inf and i in array.hidden:
                continue
            n, d = x.as_integer_ratio() if math.isfinite(x) else (0, 0)
            if not d or i in array.hidden or abs((n << -scaled.e) - m * d) > most(r, d):
                raise Wrong(
                    f"{name}{place(i, array.shape)}: the run has {x!r}, which is farther than the "
                    f"error {error} from {decimal(m, r, scaled.e)}"
                )
        self.floats += len(floats)
