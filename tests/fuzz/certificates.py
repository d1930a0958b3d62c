"""Certificates, changed, and the checker that shares no code with Pellucid."""

import contextlib
import io
import json
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from fractions import Fraction
from functools import cache
from hashlib import sha256
from pathlib import Path
from struct import unpack
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mutation import damaged, dumped, mutated
from tests.fuzz.running import bounded, control_characters, one_line
from tests.fuzz.target import Target
from tests.prove.certificates import CERTIFICATE, CHECK, write_certificate

EXAMPLES = ("ai_rocks", "llama_by_hand", "self_attention")
SETTINGS: list[Any] = [0, 1, 2, -1, 0.5, 1e-6, 1e-300, 1e300, 10**40, 10**400, True, "pre", "post"]
TINY = Fraction(1, 10**30)
"""What a number that was given may be off by, unseen: 0 and the smallest float are as one."""

Change = Callable[[st.DrawFn, Any], None]


@dataclass(frozen=True)
class Forged:
    """Which certificate was changed, and into what."""

    name: str
    content: bytes
    changes: tuple[str, ...]

    def __repr__(self) -> str:
        """The lines that are others, and not the whole of it."""
        told = [*map(str, self.changes)]
        with contextlib.suppress(ValueError):
            lines = (
                json.dumps(json.loads(text), indent=1).splitlines()
                for text in (original(self.name), self.content)
            )
            told += [x[:120] for x in unified_diff(*lines, n=0, lineterm="")][2:]
        return f"Forged({self.name}: {chr(10).join(told[:60])})"


@cache
def original(name: str) -> bytes:
    """The certificate of an example."""
    with tempfile.TemporaryDirectory() as folder:
        return write_certificate(Path(folder) / "c.json", name).read_bytes()


def one(draw: st.DrawFn, values: Any) -> Any:
    return draw(st.sampled_from(list(values)))


def enclosure(draw: st.DrawFn, run: Any) -> None:
    """A number, a radius or the unit of an enclosure is another."""
    own = run["enclosures"][one(draw, run["enclosures"])]
    key = one(draw, ["midpoints", "midpoints", "radii", "exponent"])
    if key == "exponent":
        own[key] += draw(st.integers(-3, 3))
        return
    words = own[key].split()
    place = draw(st.integers(0, len(words) - 1))
    if words[place] != "-inf":
        off = draw(st.integers(-(1 << 12), 1 << 12)) << draw(st.integers(0, 60))
        words[place] = one(draw, [f"{int(words[place], 16) + off:x}", "-inf", "0", "-0", "1_0"])
    own[key] = " ".join(words)


def bit(draw: st.DrawFn, run: Any) -> None:
    """A bit of a tensor, and perhaps the hash."""
    kind = run[one(draw, ["given", "floats"])]
    record = kind[one(draw, kind)] if kind else {}
    if data := bytearray(b64decode(record.get("bytes", ""))):
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
        record["bytes"] = b64encode(data).decode()
        if draw(st.integers(0, 3)):
            record["sha256"] = sha256(data).hexdigest()
            run["sha256"] = {}


def exchanged(draw: st.DrawFn, run: Any) -> None:
    """Two tensors have each other's place, of those that were given or of those that were made."""
    kind = run[one(draw, ["given", "floats", "enclosures", "tensors"])]
    if len(kind) > 1:
        a, b = one(draw, kind), one(draw, kind)
        kind[a], kind[b] = kind[b], kind[a]
        run["sha256"] = {}


def read(draw: st.DrawFn, run: Any) -> None:
    """A call reads another tensor, or one more, or not this one."""
    inputs = one(draw, run["calls"])["inputs"]
    argument = one(draw, [*inputs, "x", "bias", "mask", "attn", "kept"])
    if draw(st.booleans()):
        inputs[argument] = one(draw, [*run["tensors"], *run["given"]])
    else:
        inputs.pop(argument, None)


def called(draw: st.DrawFn, run: Any) -> None:
    """A name is of another tensor."""
    names = [name for tensor in run["tensors"].values() for name in tensor["also"]]
    name = one(draw, [*names, *run["tensors"], "h.0.attn", "h.0.attn.kept", "h.0.mlp"])
    for tensor in run["tensors"].values():
        tensor["also"] = [other for other in tensor["also"] if other != name]
    run["tensors"][one(draw, run["tensors"])]["also"].append(name)


def setting(draw: st.DrawFn, run: Any) -> None:
    settings = one(draw, run["calls"])["settings"]
    settings[one(draw, [*settings, "eps", "n_head", "dloss", "norm", "start"])] = one(
        draw, SETTINGS
    )


def call(draw: st.DrawFn, run: Any) -> None:
    """A call is not there, there twice, elsewhere, or of another function or path."""
    calls = run["calls"]
    own = calls.pop(draw(st.integers(0, len(calls) - 1)))
    place = draw(st.integers(0, len(calls)))
    match one(draw, ["gone", "gone with all", "twice", "moved", "function", "path", "claimed"]):
        case "gone with all":
            for name in own["outputs"]:
                for kind in ("enclosures", "floats", "tensors"):
                    run[kind].pop(name, None)
        case "claimed":
            for name in own["outputs"]:
                run["enclosures"].pop(name, None)
                run["given"][name] = run["floats"].pop(name)
        case "twice":
            calls[place:place] = [own, json.loads(json.dumps(own))]
        case "moved":
            calls.insert(place, own)
        case "function" | "path" as key if calls:
            calls.insert(place, own | {key: one(draw, calls)[key]})


def made(draw: st.DrawFn, run: Any) -> None:
    """A call says that it makes one tensor more, or one less."""
    names = one(draw, run["calls"])[one(draw, ["outputs", "constants"])]
    if names and draw(st.booleans()):
        names.pop(draw(st.integers(0, len(names) - 1)))
    else:
        names.append(one(draw, [*run["tensors"], *run["given"]]))


def anything(draw: st.DrawFn, run: Any) -> None:
    key = one(draw, run)
    run[key] = draw(mutated(run[key]))


CHANGES: list[Change] = [
    *(enclosure, enclosure, bit, bit, exchanged, read, read, called, setting, call, call, made),
    anything,
]


@st.composite
def forged(draw: st.DrawFn) -> Forged:
    """A certificate that is none any more, or is still one."""
    name = one(draw, EXAMPLES)
    if not draw(st.integers(0, 5)):
        return Forged(name, draw(damaged(original(name))), ("its bytes",))
    content, changes = json.loads(original(name)), []
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        for _ in range(draw(st.integers(1, 2))):  # the second change may find nothing to change
            change = one(draw, CHANGES)
            changes.append(change.__name__)
            change(draw, content["runs"][0])
    return Forged(name, dumped(content), tuple(changes))


def forgeries() -> st.SearchStrategy[Forged]:
    """They begin with certificates, which are made once."""
    for name in EXAMPLES:
        original(name)
    return forged()


def judged(came: Forged, folder: Path) -> str:
    """No traceback, a line for what is no certificate, and nothing false is taken for true."""
    (folder / "c.json").write_bytes(came.content)
    out, err = io.StringIO(), io.StringIO()
    with bounded(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = CHECK.main([str(folder / "c.json")])
    said, told = out.getvalue(), err.getvalue()
    assert not control_characters(said + told), repr(said + told)
    assert (code == 2) == bool(told), told
    if code == 2:
        one_line(told.rstrip("\n"))
        return "no certificate"
    if code == 1:
        assert "REFUSED: " in said or "not checked: " in said or " 0 asked for" in said, said
        return "refused"
    (run,) = CERTIFICATE.read(folder / "c.json")["runs"]
    (own,) = json.loads(original(came.name))["runs"]
    assert_true(run, own)
    return "accepted"


def assert_true(run: Any, own: Any) -> None:
    """What was accepted does not contradict the original, which is right."""
    assert set(run["enclosures"]) <= set(own["enclosures"])
    for name, stated in run["enclosures"].items():
        for (low, high), (least, most) in zip(
            ends(stated), ends(own["enclosures"][name]), strict=True
        ):
            assert low <= most, f"{name} lies above"
            assert least <= high, f"{name} lies below"
    for kind in ("given", "floats"):
        for name, record in run[kind].items():
            if kind == "given" and not read_by(own, name):
                continue
            known = own["given"].get(name) or own["floats"][name]
            off = 0 if kind == "given" else run["tensors"][name]["error"]
            assert off != "infinite", f"{name} may be anything"
            if record["sha256"] != known["sha256"] and record["dtype"] == "float64":
                for x, y in zip(floats(record), floats(known), strict=True):
                    same = x == y or abs(Fraction(x) - Fraction(y)) <= 2 * Fraction(off) + TINY
                    assert same, f"{name} is another"
            elif record["sha256"] != known["sha256"]:
                raise AssertionError(f"{name} is another")


def read_by(run: Any, name: str) -> bool:
    return any(name in call["inputs"].values() for call in run["calls"])


def ends(stated: Any) -> list[tuple[Any, Any]]:
    """Of each number, exactly."""
    unit = Fraction(2) ** stated["exponent"]
    middles, radii = stated["midpoints"].split(), stated["radii"].split()
    radii = radii * len(middles) if len(radii) == 1 else radii
    found: list[tuple[Any, Any]] = []
    for middle, radius in zip(middles, radii, strict=True):
        if middle == "-inf":
            found.append((float("-inf"), float("-inf")))
        else:
            m, r = int(middle, 16), int(radius, 16)
            found.append(((m - r) * unit, (m + r) * unit))
    return found


def floats(record: Any) -> tuple[float, ...]:
    data = b64decode(record["bytes"])
    return unpack(f"<{len(data) // 8}d", data)


TARGETS = [Target("check.py, a certificate", forgeries, judged)]
