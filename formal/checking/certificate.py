"""The file: its JSON, and the numbers of its tensors."""

import base64
import hashlib
import json
import math
import struct
from pathlib import Path

from checking.errors import Bad, Unseen, Wrong
from checking.functions import LIMIT
from checking.intervals import Array, constant, exact, plus

KINDS = {"float64": "d", "float32": "f", "float16": "e", "int64": "q", "int32": "i", "bool": "?"}

NUMBER, WORD, NAMES = (int, float), (str,), [(str,)]
RECORD = {"dtype": WORD, "shape": [(int,)], "sha256": WORD}
RUN = {
    "calls": [
        {
            "path": WORD,
            "function": WORD,
            "settings": {"*": (int, float, str, bool)},
            "inputs": {"*": WORD},
            "outputs": NAMES,
            "constants": NAMES,
        }
    ],
    "given": {"*": RECORD},
    "floats": {"*": RECORD},
    "enclosures": {"*": {"exponent": (int,), "midpoints": WORD, "radii": WORD}},
    "tensors": {"*": {"also": NAMES, "shape": [(int,)], "part": WORD, "error": (int, float, str)}},
    "sha256": {"*": WORD},
    "update": (dict, type(None)),
    "part": (list, type(None)),
}
"""The kinds of what stands in a run; "*" is any name."""

SET = {"within": {"of": WORD, "radius": (float,)}, "next": {"token": (int,)}}
"""The same of a statement over a set, which a run may have."""


def fits(value, form):
    if isinstance(form, list):
        return isinstance(value, list) and all(fits(one, form[0]) for one in value)
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return False
        own = dict.fromkeys(value, form["*"]) if "*" in form else form
        return all(name in value and fits(value[name], kind) for name, kind in own.items())
    return isinstance(value, form) and (not isinstance(value, bool) or bool in form)


def read(path):
    """The content of a certificate, whose runs have what `RUN` says."""

    def unique(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise Bad(f"{path} says {next(n for n in names if names.count(n) > 1)!r} twice")
        return found

    def finite(word):
        if not math.isfinite(number := float(word)):
            raise Bad(f"{path} has {word}, which is no number that is known here")
        return number

    try:
        content = json.loads(
            Path(path).read_text(encoding="utf-8"),
            parse_constant=finite,
            parse_float=finite,
            object_pairs_hook=unique,
        )
        if not isinstance(content, dict) or content.get("format") != 1 or not content["runs"]:
            raise Bad(f"{path} is no certificate of this format: make one with pellucid prove -o")
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise Bad(f"{path} cannot be read: {error}") from None
    for run in content["runs"]:
        if isinstance(run, dict) and "calls" not in run:
            raise Bad("a run has no calls and enclosures to check: it was too large; see --show")
        for key, form in RUN.items():
            if not isinstance(run, dict) or key not in run or not fits(run[key], form):
                raise Bad(f"{path} is not in the format of a certificate: see its {key}")
        for key, form in SET.items():
            if run.get(key) is not None and not fits(run[key], form):
                raise Bad(f"{path} is not in the format of a certificate: see its {key}")
        if run.get("within") and not run["within"]["radius"] > 0:
            radius = run["within"]["radius"]
            raise Bad(f"{path} has a box that must have a radius above 0, and not {radius!r}")
    return content


class Files:
    """The tensors of safetensors files, found by the SHA-256 of their bytes."""

    def __init__(self, paths):
        self.paths, self.places, self.names = paths, {}, {}
        for path in paths:
            self.read(path)

    def read(self, path):
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(length))
                header.pop("__metadata__", None)
                for name, entry in header.items():
                    start, stop = (8 + length + offset for offset in entry["data_offsets"])
                    file.seek(start)
                    digest = hashlib.sha256(file.read(stop - start)).hexdigest()
                    self.places[digest] = path, start, stop
                    self.names[name] = digest
        except (
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            OverflowError,
            MemoryError,
            struct.error,
        ) as error:
            raise Bad(f"{path} is no safetensors file that can be read: {error}") from None

    def find(self, digest):
        if digest not in self.places:
            return None
        path, start, stop = self.places[digest]
        with path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


class Tensors:
    """The numbers of a run: of what was given its floats, of what a call made its enclosures.

    What was given may also be known by an enclosure: then all that is stated holds for every
    number within it.
    """

    def __init__(self, content, files):
        self.given, self.stated = content["given"], content["enclosures"]
        self.floats, self.tensors = content["floats"], content["tensors"]
        self.within = content.get("within")
        self.files, self.arrays, self.wholes = files, {}, {}

    def is_float(self, name):
        return name not in self.given or self.given[name]["dtype"].startswith(("float", "bfloat"))

    def shape(self, name):
        shape = tuple(self.given.get(name, self.tensors.get(name))["shape"])
        if min(shape, default=0) < 0:
            raise Wrong(f"{name} has the shape {shape}")
        return shape

    def count(self, name):
        """How many numbers there are of a tensor, whatever its shape says."""
        if name in self.given:
            return len(self.numbers(name, self.given[name]))
        return len(self.stated.get(name, {"midpoints": ""})["midpoints"].split())

    def bytes_of(self, name, record):
        data = record.get("bytes")
        try:
            found = base64.b64decode(data, validate=True) if data is not None else None
        except (ValueError, TypeError):
            raise Wrong(f"{name}: its bytes are not in base64") from None
        found = self.files.find(record["sha256"]) if data is None else found
        if found is None:
            raise Unseen(f"{name}: only its SHA-256 is known; give its file with --weights")
        if hashlib.sha256(found).hexdigest() != record["sha256"]:
            raise Wrong(f"{name}: its bytes have not the SHA-256 that is stated")
        return found

    def numbers(self, name, record):
        data, kind, count = self.bytes_of(name, record), record["dtype"], math.prod(record["shape"])
        if kind == "bfloat16":  # the first half of a float32
            data = b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2))
            kind = "float32"
        if kind not in KINDS or len(data) != count * struct.calcsize("<" + KINDS[kind]):
            raise Wrong(f"{name}: its bytes are no {record['dtype']} of shape {record['shape']}")
        return struct.unpack(f"<{count}{KINDS[kind]}", data)

    def is_unseen(self, name):
        """Whether only the hash is known of a tensor that was given."""
        record = self.given[name]
        return "bytes" not in record and record["sha256"] not in self.files.places

    def whole(self, name):
        if name not in self.wholes:
            if name not in self.given or self.is_float(name):
                raise Wrong(f"{name} are no whole numbers")
            self.wholes[name] = self.numbers(name, self.given[name])
        return self.wholes[name]

    def is_causal(self, name):
        """Whether a mask shows to each position itself and what is before it."""
        shape = self.given[name]["shape"]
        if self.given[name]["dtype"] != "bool" or len(shape) != 2 or shape[0] != shape[1]:
            return False
        n, seen = shape[1], () if self.is_unseen(name) else self.whole(name)
        return bool(seen) and all(own == (i % n <= i // n) for i, own in enumerate(seen))

    def array(self, name):
        """The enclosures of a tensor as they are stated; else what was given, which is exact."""
        if name not in self.arrays:
            boxed = name in self.given and name == self.box_of
            enclosed = name in self.stated or name not in self.given
            self.arrays[name] = (
                self.boxed(name, self.as_given(name))
                if boxed
                else self.enclosures(name)
                if enclosed
                else self.as_given(name)
            )
        return self.arrays[name]

    @property
    def box_of(self):
        """The tensor of which every number within a radius is meant, where there is one."""
        return self.within and self.within["of"]

    def boxed(self, name, array):
        """All that is within the radius of a tensor, where it is the one that a box is given of."""
        if name != self.box_of:
            return array
        box = constant(array.shape, self.within["radius"])
        return plus(array, Array(array.shape, [0] * len(box.m), box.m, box.e))

    def as_given(self, name):
        floats = self.numbers(name, self.given[name])
        if not all(map(math.isfinite, floats)):
            raise Wrong(f"{name} holds what is no number")
        ratios = [x.as_integer_ratio() for x in map(float, floats)]
        top = max((d.bit_length() for _, d in ratios), default=1)
        return exact(self.shape(name), [n << top - d.bit_length() for n, d in ratios], 1 - top)

    def enclosures(self, name):
        if name not in self.stated:
            raise Unseen(f"{name}: the certificate has no enclosure of it")
        shape, e = self.shape(name), self.stated[name]["exponent"]
        words, widths = (self.stated[name][key].split() for key in ("midpoints", "radii"))
        widths = widths * len(words) if len(widths) == 1 else widths
        if not len(words) == len(widths) == math.prod(shape):
            raise Wrong(f"{name} has not the numbers that its shape asks for")
        if abs(e) > LIMIT or any(len(word) > LIMIT // 4 for word in (*words, *widths)):
            raise Wrong(f"{name} has a number of more than {LIMIT} bits")
        try:
            m = [0 if word == "-inf" else int(word, 16) for word in words]
            r = [int(width, 16) for width in widths]
        except ValueError as error:
            raise Wrong(f"{name} has what is no hexadecimal number: {error}") from None
        if any(x < 0 for x in r):
            raise Wrong(f"{name} has a radius that is negative")
        return Array(shape, m, r, e, frozenset(i for i, word in enumerate(words) if word == "-inf"))
