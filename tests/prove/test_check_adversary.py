"""Certificates that somebody has made to deceive: each is refused in a line, or what it rests on
is printed.
"""

import json
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest

from pellucid.checkpoint.write import write_tensors
from pellucid.examples import Example, find_example
from pellucid.tree import flatten
from tests.prove.certificates import changed, checked, write_certificate

HOLDS = "\nall that was asked for holds\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("made")
    names = ("ai_rocks", "llama_by_hand", "layer_norm_residual")
    return {name: write_certificate(folder / f"{name}.json", name) for name in names}


def call_of(run: Any, path: str, function: str) -> Any:
    (found,) = [c for c in run["calls"] if (c["path"], c["function"]) == (path, function)]
    return found


def record(data: bytes, dtype: str, shape: list[int]) -> dict[str, Any]:
    return {
        "dtype": dtype,
        "shape": shape,
        "sha256": sha256(data).hexdigest(),
        "bytes": b64encode(data).decode(),
    }


def read(run: Any, path: str, function: str, argument: str, name: str) -> None:
    call_of(run, path, function)["inputs"][argument] = name


def called(run: Any, name: str, other: str) -> None:
    for tensor in run["tensors"].values():
        tensor["also"] = [known for known in tensor["also"] if known != other]
    run["tensors"][name]["also"].append(other)


def rule(run: Any, path: str, argument: str, name: str) -> None:
    for call in run["calls"]:
        if call["path"] == path and "dweight" in call["inputs"]:
            call["inputs"][argument] = name


def begun_by_nothing(run: Any) -> None:
    """Where no gradient begins, all of them are 0."""
    for call in run["calls"]:
        call["settings"].pop("dloss", None)
        for name in call["outputs"] if call["function"].endswith("_backward") else ():
            own = run["enclosures"][name]
            own["midpoints"] = " ".join("0" for _ in own["midpoints"].split())


def begun_twice(run: Any) -> None:
    """Another gradient comes to the table of tokens, by a call that nobody needs."""
    run["calls"].append(
        {
            "path": "zz",
            "function": "scale",
            "settings": {"factor": 1.0},
            "inputs": {"x": "wte.weight"},
            "outputs": ["zz.out"],
            "constants": [],
        }
    )
    given = run["given"]["wte.weight"]
    for key, own in run["tensors"]["wte.weight"].items():
        run["tensors"].setdefault("zz.out", {})[key] = own
    run["tensors"]["zz.out"]["also"] = []
    run["enclosures"]["zz.out"] = run["enclosures"]["dwte.weight"]
    run["floats"]["zz.out"] = given
    run["given"]["dzz.out"] = given


def few_floats(run: Any) -> None:
    data = b64decode(run["floats"]["h.0.ln_1.out"]["bytes"])[:8]
    run["floats"]["h.0.ln_1.out"] = record(data, "float64", [1])


def float_of(run: Any, kind: str, name: str, value: float) -> None:
    old = run[kind][name]
    data = bytearray(b64decode(old["bytes"]))
    data[:8] = pack("<d", value)
    run[kind][name] = record(bytes(data), "float64", old["shape"])
    run["sha256"].pop(name, None)


def mask_of_numbers(run: Any) -> None:
    """A key that counts twice."""
    run["given"]["mask"] = record(pack("<4q", 1, 0, 2, 1), "int64", [2, 2])
    run["sha256"].pop("mask", None)


def by_another_call(run: Any) -> None:
    """Cosines as a constant of a call that makes none, so that nobody looks at them."""
    call_of(run, "rope", "rotary_angles")["constants"].remove("rope.cos")
    call_of(run, "embed", "embedding")["constants"].append("rope.cos")


def added(run: Any) -> None:
    """A block whose first half adds what a norm made, and calls it attention."""
    call_of(run, "h.0", "block")["inputs"]["attn"] = "h.0.ln_1.out"
    called(run, "h.0.ln_1.out", "h.0.attn")


def moved_by_a_name(run: Any) -> None:
    """The feed-forward network's bias is attention's, by another name."""
    own = run["given"].pop("h.0.mlp.c_proj.bias")
    run["tensors"].pop("h.0.mlp.c_proj.bias")
    assert own
    called(run, "h.0.attn.c_proj.bias", "h.0.mlp.c_proj.bias")
    for call in run["calls"]:
        for argument, name in call["inputs"].items():
            if name == "h.0.mlp.c_proj.bias":
                call["inputs"][argument] = "h.0.attn.c_proj.bias"


def called_gradient(run: Any) -> None:
    """A gradient that was given, by a further name of one that a backward makes."""
    shape = run["tensors"]["h.0.ln_2.out"]["shape"]
    run["given"]["bonus"] = record(bytes(8 * shape[0] * shape[1]), "float64", shape)
    run["tensors"]["bonus"] = {"also": [], "shape": shape, "part": "given", "error": 0}
    called(run, "bonus", "dh.0.ln_2.out")


def as_enclosure(run: Any, off: int) -> None:
    """A weight is known by an enclosure too, some units away from its float."""
    name = "h.0.ln_1.weight"
    data = b64decode(run["given"][name]["bytes"])
    middles = [int(Fraction(x) * 2**60) for x in unpack(f"<{len(data) // 8}d", data)]
    words = " ".join(f"{m + off:x}" for m in middles)
    run["enclosures"][name] = {"exponent": -60, "midpoints": words, "radii": "1"}


def outer(run: Any) -> None:
    """A product with more numbers than anybody has room for."""
    data = bytes(8 << 15)
    for name, shape in (("x", [1 << 15, 1]), ("w", [1, 1 << 15])):
        run["given"][name] = record(data, "float64", shape)
    call = call_of(run, "h.0.mlp.c_fc", "linear")
    call["inputs"] |= {"weight": "w"}
    run["calls"].append(
        call | {"path": "zz", "inputs": {"x": "x", "weight": "w"}, "outputs": ["zz.out"]}
    )
    call["inputs"] |= {"weight": "h.0.mlp.c_fc.weight"}
    run["tensors"]["zz.out"] = run["tensors"]["loss"] | {"also": []}
    for kind in ("enclosures", "floats"):
        run[kind]["zz.out"] = run[kind]["loss"]


def settings_of(run: Any, function: str, **values: Any) -> None:
    for call in run["calls"]:
        if call["function"] == function:
            call["settings"].update(values)


def angle(run: Any) -> None:
    data = bytearray(b64decode(run["given"]["rope.cos"]["bytes"]))
    (value,) = unpack("<d", data[-8:])
    data[-8:] = pack("<d", value * (1 + 2**-40))
    run["given"]["rope.cos"] = record(bytes(data), "float64", run["given"]["rope.cos"]["shape"])
    run["sha256"].pop("rope.cos", None)


def enclosed(run: Any, name: str, **fields: Any) -> None:
    run["enclosures"][name].update(fields)


ATTACKS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "two weights of one shape": (
        "ai_rocks",
        lambda run: read(run, "h.0.ln_2", "layer_norm", "bias", "h.0.ln_1.bias"),
        r"h\.0\.ln_2\.bias is h\.0\.ln_1\.bias, and by the equations",
    ),
    "tokens and targets": (
        "ai_rocks",
        lambda run: read(run, "embed", "embedding", "tokens", "targets"),
        r"embed\.tokens is targets, and by the equations .* it is tokens",
    ),
    "the mask is not read": (
        "ai_rocks",
        lambda run: call_of(run, "h.0.attn", "scaled_dot_product")["inputs"].pop("mask"),
        r"scaled_dot_product at h\.0\.attn: h\.0\.attn\.scores has other hidden scores",
    ),
    "a mask of numbers": ("ai_rocks", mask_of_numbers, r"h\.0\.attn: its mask is not of true and"),
    "what is added": ("ai_rocks", added, r"h\.0\.attn is h\.0\.ln_1\.out, and by the equations it"),
    "attention under another name": (
        "ai_rocks",
        lambda run: called(run, "h.0.attn.c_proj.out", "h.0.attn.kept"),
        r"h\.0\.attn\.kept is h\.0\.attn\.c_proj\.out, and by the equations it is h\.0\.attn\.att",
    ),
    "a weight under another name": (
        "ai_rocks",
        moved_by_a_name,
        r"h\.0\.mlp\.c_proj\.bias is h\.0\.attn\.c_proj\.bias, and by the equations",
    ),
    "a gradient under another name": (
        "ai_rocks",
        called_gradient,
        r"bonus: claimed as given, and it is no parameter and no input of a model",
    ),
    "another moment": (
        "ai_rocks",
        lambda run: rule(run, "h.0.ln_1.bias", "m_before", "h.0.ln_2.bias.m_before"),
        r"adamw_rule at h\.0\.ln_1\.bias: its m_before is h\.0\.ln_2\.bias\.m_before",
    ),
    "cosine and sine": (
        "llama_by_hand",
        lambda run: read(run, "h.0.attn.q_rope", "rotary", "cos", "rope.sin"),
        r"h\.0\.attn\.q_rope\.cos is rope\.sin, and by the equations .* it is rope\.cos",
    ),
    "cosines of another call": ("llama_by_hand", by_another_call, r"rope\.cos: claimed as given"),
    "a cosine": ("llama_by_hand", angle, r"rotary_angles at rope: rope\.cos\[.*is not what its"),
    "no gradient begins": (
        "ai_rocks",
        begun_by_nothing,
        r"cross_entropy_backward at the top: dlogits: nothing that a gradient begins with",
    ),
    "two begin": ("ai_rocks", begun_twice, r"dzz\.out: a gradient begins with it, and with loss"),
    "a gradient is left out": (
        "ai_rocks",
        lambda run: [
            run["calls"].remove(call)
            for call in list(run["calls"])
            if "h.0.ln_1.bias.new" in call["outputs"] or "dh.0.ln_1.bias" in call["outputs"]
        ],
        r"no call makes it, and it is not given",
    ),
    "few floats": (
        "ai_rocks",
        few_floats,
        r"layer_norm at h\.0\.ln_1: h\.0\.ln_1\.out: its floats",
    ),
    "a float that is none": (
        "ai_rocks",
        lambda run: float_of(run, "floats", "loss", float("nan")),
        r"cross_entropy at the top: loss: the run has nan",
    ),
    "an infinite float": (
        "ai_rocks",
        lambda run: float_of(run, "floats", "h.0.attn.att", float("-inf")),
        r"scaled_dot_product at h\.0\.attn: h\.0\.attn\.att\[0, 0, 0\]: the run has -inf",
    ),
    "a weight that is none": (
        "ai_rocks",
        lambda run: float_of(run, "given", "h.0.mlp.c_fc.bias", float("nan")),
        r"h\.0\.mlp\.c_fc\.bias holds what is no number",
    ),
    "a huge exponent": (
        "ai_rocks",
        lambda run: enclosed(run, "loss", exponent=10**9),
        r"loss has a number of more than 8192 bits",
    ),
    "a hidden number": (
        "ai_rocks",
        lambda run: enclosed(run, "loss", midpoints="-inf"),
        r"cross_entropy at the top: loss has other hidden scores",
    ),
    "no hexadecimal number": (
        "ai_rocks",
        lambda run: enclosed(run, "loss", midpoints="xyz"),
        r"cross_entropy at the top: loss has what is no hexadecimal number",
    ),
    "a distance below 0": (
        "ai_rocks",
        lambda run: run["tensors"]["loss"].update(error=-1),
        r"cross_entropy at the top: loss: its error is -1, which is no distance",
    ),
    "another shape": (
        "ai_rocks",
        lambda run: run["tensors"]["wpe.weight"].update(shape=[4, 2]),
        r"wpe\.weight: two different shapes of it are stated",
    ),
    "a weight by an enclosure of other numbers": (
        "ai_rocks",
        lambda run: as_enclosure(run, 2),
        r"h\.0\.ln_1\.weight\[0\]: stated .*, found 1\.0",
    ),
    "a product without end": (
        "ai_rocks",
        outer,
        r"linear at zz: 1 products of shape 32768 by 32768",
    ),
    "a gradient that begins with a word": (
        "ai_rocks",
        lambda run: settings_of(run, "cross_entropy_backward", dloss="1e999999999"),
        r"cross_entropy_backward at the top: its dloss is '1e999999999', which is no number",
    ),
    "powers without end": (
        "ai_rocks",
        lambda run: settings_of(run, "adamw_rule", **{"betas.0": 3, "t": 10**12}),
        r"adamw_rule at wte\.weight: it cannot be computed: OverflowError",
    ),
    "a norm elsewhere": (
        "ai_rocks",
        lambda run: settings_of(run, "block", norm="none"),
        r"block at h\.0: its norm is 'none', which is not known here",
    ),
    "a norm behind": (
        "ai_rocks",
        lambda run: settings_of(run, "block", norm="post"),
        r"h\.0\.attn\.c_attn\.x is h\.0\.ln_1\.out, and by the equations .* it is wpe\.out",
    ),
    "a negative shape": (
        "ai_rocks",
        lambda run: [
            run[kind]["h.0.ln_1.bias"].update(shape=[-2, -2]) for kind in ("given", "tensors")
        ],
        r"h\.0\.ln_1\.bias has the shape \(-2, -2\)",
    ),
    "a step of 0": (
        "ai_rocks",
        lambda run: [c["settings"].update(t=0) for c in run["calls"] if "t" in c["settings"]],
        r"adamw_rule at wte\.weight: it cannot be computed: ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_in_a_line_that_names_it(
    attack: str, made: dict[str, Path], tmp_path: Path
) -> None:
    name, change, named = ATTACKS[attack]
    code, said = checked(changed(made[name], tmp_path / "c.json", change))
    assert re.search(rf"REFUSED: .*({named})", said), said
    assert (code, said.endswith("NOT" + HOLDS.replace("\n", " ", 1))) == (1, True)


# -- what no program can know stands among what is on trust ----------------------------------------


def doubled(run: Any) -> None:
    """A gradient of twice the loss, whose enclosures are right."""
    for call in run["calls"]:
        if "dloss" in call["settings"]:
            call["settings"]["dloss"] = 2.0
        if call["function"].endswith("_backward"):
            for name in call["outputs"]:
                run["enclosures"][name]["exponent"] += 1
                run["tensors"][name]["error"] = "infinite"


def test_what_it_rests_on_is_printed(made: dict[str, Path], tmp_path: Path) -> None:
    _, said = checked(made["ai_rocks"])
    for part in (
        "14 parameters, tokens, mask (causal), targets, 28 moments that are 0",
        "2 layer_norm (eps 1e-05)",
        "1 attention (n_head 2)",
        "1 scaled_dot_product (mask mask)",
        "14 adamw_rule (t 1, learning_rate 0.01, betas.0 0.9, betas.1 0.999, eps 1e-08",
    ):
        assert part in said
    only = ("--only", "*mlp*backward", "--only", "*dh.0.mlp*")
    twice = changed(made["ai_rocks"], tmp_path / "c.json", doubled)
    assert "cross_entropy_backward at the top (dloss 2.0)" in checked(twice, *only)[1]


def test_a_name_that_nothing_confirms_is_printed(made: dict[str, Path], tmp_path: Path) -> None:
    path = changed(
        made["ai_rocks"], tmp_path / "c.json", lambda run: called(run, "loss", "perplexity")
    )
    code, said = checked(path)
    assert (code, "on trust, what they are called: perplexity of loss" in said) == (0, True)


def test_a_name_cannot_say_what_the_checker_says(made: dict[str, Path], tmp_path: Path) -> None:
    text = made["ai_rocks"].read_text(encoding="utf-8")
    forged = json.dumps(f"x{HOLDS}\x1b[2J")[1:-1]
    (tmp_path / "c.json").write_text(
        text.replace('"h.0.mlp.act', f'"{forged}').replace("h.0.mlp.act", forged), encoding="utf-8"
    )
    code, said = checked(tmp_path / "c.json")
    assert (code, HOLDS in said, "\x1b" in said) == (1, False, False)


def test_what_is_given_may_be_known_by_an_enclosure(made: dict[str, Path], tmp_path: Path) -> None:
    path = changed(made["ai_rocks"], tmp_path / "c.json", lambda run: as_enclosure(run, 0))
    code, said = checked(path)
    assert "on trust, each number within the enclosure of: h.0.ln_1.weight\n" in said
    assert (code, "REFUSED: layer_norm at h.0.ln_1: h.0.ln_1.out" in said) == (
        1,
        True,
    )  # too narrow


# -- files -----------------------------------------------------------------------------------------


def test_with_weights_a_parameter_is_looked_up_by_its_name(
    made: dict[str, Path], tmp_path: Path
) -> None:
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    params = flatten(example.model.params)
    one, other = "h.0.mlp.c_fc.weight", "h.0.attn.c_attn.weight"
    file = tmp_path / "model.safetensors"
    write_tensors(
        file, {f"transformer.{k}": v for k, v in params.items()} | {"more": params[one] + 1}
    )
    code, said = checked(made["ai_rocks"], "--weights", file)
    assert (code, "14 of them as in the file" in said) == (0, True)
    assert "on trust, that nothing has to read of the files: more" in said
    exchanged = params | {one: params[other], other: params[one]}
    write_tensors(file, exchanged)
    code, said = checked(made["ai_rocks"], "--weights", file)
    assert (code, bool(re.search(r"REFUSED: h\.0\.\S+: it is not in ", said))) == (1, True)


def test_floats_beside_the_certificate_are_no_file_of_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["pellucid.prove.checkable"], "FULL", 100)
    path = write_certificate(tmp_path / "c.json", "ai_rocks")
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    params = {name: value + 1 for name, value in flatten(example.model.params).items()}
    write_tensors(tmp_path / "other.safetensors", params)
    code, said = checked(path, "--weights", tmp_path / "other.safetensors")
    assert (code, "it is not in" in said) == (1, True)


# -- JSON ------------------------------------------------------------------------------------------

TEXTS = {
    "a key twice": ('"format": 1', '"format": 1,\n "format": 1', "says 'format' twice"),
    "a number without end": ('"digits": 4', '"digits": 1e999', "has 1e999, which is no number"),
    "not a number": ('"digits": 4', '"digits": NaN', "has NaN, which is no number"),
    "names of another kind": ('"also": []', '"also": 7', "see its tensors"),
    "an exponent of another kind": ('"exponent": -', '"exponent": 0.5e', "see its enclosures"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_what_json_would_let_pass_is_no_certificate(
    kind: str, made: dict[str, Path], tmp_path: Path
) -> None:
    old, new, named = TEXTS[kind]
    text = made["ai_rocks"].read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "c.json").write_text(text.replace(old, new, 1), encoding="utf-8")
    code, said = checked(tmp_path / "c.json")
    assert (code, said.count("\n")) == (2, 1)
    assert named in said
