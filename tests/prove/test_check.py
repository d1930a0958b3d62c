"""The independent checker: it lets right certificates pass, and refuses a planted fault by name."""

import ast
import json
import math
import random
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint.write import write_tensors
from pellucid.cli.proved_runs import example_runs
from pellucid.errors import ConfigError
from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.models import GPT, GPTConfig
from pellucid.prove import checkable
from pellucid.tree import flatten
from tests.prove.certificates import (
    CERTIFICATE,
    CHECKER,
    INTERVALS,
    RUN,
    changed,
    checked,
    checked_alone,
    write_certificate,
    write_runs,
)
from tests.prove.planted import plant
from tests.prove.recorded_models import TEXT, model_runs, random_params, stepped

SMALL = GPTConfig(vocab_size=7, block_size=6, n_layer=1, n_head=2, n_embd=4)

PARTS = [CHECKER, *sorted((CHECKER.parent / "checking").glob("*.py"))]

ALL_HOLDS = "all that was asked for holds"


@pytest.mark.thinned(2)
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_certificate_of_each_example_holds(name: str, tmp_path: Path) -> None:
    code, said = checked(write_certificate(tmp_path / "certificate.json", name))
    assert "on trust: the enclosures" not in said
    assert said.endswith(f"\n{ALL_HOLDS}\n")
    assert (code, "REFUSED" in said) == (0, False)
    assert said.count("not checked") == said.count("not checked: loss_after, which no call here")


def test_it_needs_no_package_and_nothing_of_ours(rocks: Path, tmp_path: Path) -> None:
    code, said = checked_alone(rocks)
    assert (code, said.endswith(f"\n{ALL_HOLDS}\n")) == (0, True)
    code, said = checked_alone(tmp_path / "none.json")
    assert (code, said.count("\n"), "Traceback" in said) == (2, 1, False)


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_the_checker_imports_the_standard_library_and_itself_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert named <= {*sys.stdlib_module_names, "checking"}
    assert not {"exec", "eval", "__import__", "importlib"} & {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
    }


def test_the_page_says_how_long_each_part_is() -> None:
    page = (CHECKER.parents[1] / "docs" / "proving.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(\S+\.py)` \| (\d+) \|", page, re.MULTILINE))
    own = {
        path.relative_to(CHECKER.parent).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in PARTS
        if path.stem != "__init__"
    }
    assert {name: int(lines) for name, lines in said.items()} == own
    assert max(own.values()) <= 300


# -- planted faults --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("rocks") / "certificate.json", "ai_rocks")


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("layer_norm", r"layer_norm_backward at h\.0\.ln_2: dh\.0\.ln_2\.x\[0, 0\]: stated"),
        ("linear", r"linear_backward at h\.0\.mlp\.c_fc: dh\.0\.mlp\.c_fc\.weight\[0, 0\]: stated"),
    ],
)
def test_a_wrong_backward_is_refused_though_balls_and_floats_agree_on_it(
    fault: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, fault, both=True)
    code, said = checked(write_certificate(tmp_path / "certificate.json", "ai_rocks"))
    assert code == 1
    assert re.search(rf"REFUSED: {named}", said)
    assert "REFUSED: adamw_rule" not in said  # what was made of the wrong gradient is right


def test_a_wrong_forward_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.layers.gelu.CUBIC", 0.0447)
    code, said = checked(write_certificate(tmp_path / "certificate.json", "ai_rocks"))
    assert code == 1
    assert re.search(r"REFUSED: gelu_tanh at h\.0\.mlp\.act: h\.0\.mlp\.act\.inner\[0, 0\]", said)


def number(run: Any, name: str, place: int, change: int) -> None:
    """Another midpoint."""
    own = run["enclosures"][name]
    words = own["midpoints"].split()
    words[place] = f"{int(words[place], 16) + change:x}"
    own["midpoints"] = " ".join(words)


def left_out(run: Any, name: str) -> None:
    """The call that made this, and what it made, are not there."""
    (call,) = [call for call in run["calls"] if name in call["outputs"]]
    run["calls"].remove(call)
    for output in call["outputs"]:
        del run["enclosures"][output], run["floats"][output]
        del run["tensors"][output]


def claimed(run: Any, name: str) -> None:
    """The call that made this is not there, and it is given instead."""
    (call,) = [call for call in run["calls"] if name in call["outputs"]]
    for output in call["outputs"]:
        del run["enclosures"][output]
        run["given"][output] = run["floats"].pop(output)
    run["calls"].remove(call)


def setting(run: Any, path: str, name: str, value: Any) -> None:
    for call in run["calls"]:
        if call["path"] == path and name in call["settings"]:
            call["settings"][name] = value


def weight(run: Any, name: str, *, hashed: bool) -> None:
    """Another first float."""
    record = run["given"][name]
    data = bytearray(b64decode(record["bytes"]))
    data[5] ^= 1
    record["bytes"] = b64encode(data).decode()
    if hashed:
        record["sha256"] = run["sha256"][name] = sha256(data).hexdigest()


def setting_function(run: Any, path: str, name: str, other: str) -> None:
    for call in run["calls"]:
        if (call["path"], call["function"]) == (path, name):
            call["function"] = other


def read_by(run: Any, path: str, argument: str, name: str) -> None:
    """A call forward reads another value."""
    for call in run["calls"]:
        if call["path"] == path and call["function"] in {"linear", "position"}:
            call["inputs"][argument] = name


def exchanged(run: Any) -> None:
    """A rule is given the gradient of another parameter, of the same shape."""
    (call,) = [c for c in run["calls"] if c["path"] == "h.0.ln_1.bias" and "dweight" in c["inputs"]]
    call["inputs"]["dweight"] = "dh.0.ln_2.bias"


def unmasked(run: Any) -> None:
    """The first position sees the second."""
    data = bytes([1, 1, 1, 1])
    run["given"]["mask"] |= {"bytes": b64encode(data).decode(), "sha256": sha256(data).hexdigest()}


def around(run: Any) -> None:
    """The first layer norm reads what the second makes."""
    (call,) = [call for call in run["calls"] if call["function"] == "layer_norm"][:1]
    call["inputs"]["x"] = "h.0.ln_2.out"


FAULTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "a number": (
        lambda run: number(run, "h.0.attn.att", 2, 400),
        r"att\[0, 1, 0\]: stated .* found",
    ),
    "a gradient": (lambda run: number(run, "dwpe.weight", 5, -600), r"dwpe.weight\[1, 1\]: stated"),
    "a sum of gradients": (lambda run: number(run, "dwte.weight", 0, 600), r"dwte.weight\[0, 0\]"),
    "a new weight": (
        lambda run: number(run, "h.0.ln_1.weight.new", 3, 400),
        r"adamw_rule at h.0.ln_1.weight: h.0.ln_1.weight.new\[3\]",
    ),
    "a radius": (
        lambda run: run["enclosures"]["loss"].update(radii="1"),
        r"cross_entropy at the top: loss: stated",
    ),
    "a negative radius": (
        lambda run: run["enclosures"]["loss"].update(radii="-1"),
        r"loss has a radius that is negative",
    ),
    "a weight": (
        lambda run: weight(run, "h.0.mlp.c_fc.weight", hashed=False),
        r"h.0.mlp.c_fc.weight: its bytes have not the SHA-256 that is stated",
    ),
    "a weight and its hash": (
        lambda run: weight(run, "h.0.mlp.c_fc.weight", hashed=True),
        r"linear at h.0.mlp.c_fc: h.0.mlp.c_fc.out\[0, 0\]",
    ),
    "an epsilon": (
        lambda run: setting(run, "h.0.ln_1", "eps", 1e-6),
        r"layer_norm at h.0.ln_1: h.0.ln_1.rstd\[0, 0\]",
    ),
    "a learning rate": (
        lambda run: setting(run, "wpe.weight", "learning_rate", 0.011),
        r"adamw_rule at wpe.weight: wpe.weight.update\[0, 0\]",
    ),
    "the number of heads": (
        lambda run: setting(run, "h.0.attn", "n_head", 4),
        r"attention at h.0.attn: h.0.attn.q has the shape",
    ),
    "the loss's own gradient": (
        lambda run: setting(run, "", "dloss", 2.0),
        r"cross_entropy_backward at the top: dlogits\[0, 0\]",
    ),
    "a call forward": (
        lambda run: left_out(run, "h.0.mlp.act.out"),
        r"h.0.mlp.act.out: read by linear at h.0.mlp.c_proj, and neither given nor made",
    ),
    "a call backward": (
        lambda run: left_out(run, "dh.0.ln_1.weight"),
        r"dh.0.ln_1.weight: read by adamw_rule at h.0.ln_1.weight, and neither",
    ),
    "a tensor that nobody makes": (
        lambda run: run["tensors"].update(extra=run["tensors"]["h.0.ln_1.mean"] | {"also": []}),
        r"extra: no call makes it, and it is not given",
    ),
    "a value as given": (
        lambda run: claimed(run, "h.0.ln_1.out"),
        r"h.0.ln_1.\w+: claimed as given, and it is no parameter and no input",
    ),
    "a gradient as given": (
        lambda run: claimed(run, "dlogits"),
        r"dlogits: claimed as given, and it is no parameter and no input",
    ),
    "a gradient as given, of what a block's part reads": (
        lambda run: claimed(run, "dh.0.attn.z"),
        r"dh.0.attn.z: claimed as given, and it is no parameter and no input",
    ),
    "a gradient that is read forward": (
        lambda run: read_by(run, "h.0.mlp.c_fc", "bias", "dh.0.mlp.c_fc.bias"),
        r"linear at h.0.mlp.c_fc: it goes forward, and reads a gradient, dh.0.mlp.c_fc.bias",
    ),
    "a value that a backward makes": (
        lambda run: setting_function(run, "h.0.mlp.act", "gelu_tanh", "gelu_tanh_backward"),
        r"linear at h.0.mlp.c_proj: it goes forward, and reads a gradient, h.0.mlp.act.out",
    ),
    "scores that are read": (
        lambda run: read_by(run, "h.0.attn.c_proj", "x", "h.0.attn.scores"),
        r"h.0.attn.c_proj.x is h.0.attn.scores, and by the equations",
    ),
    "a number too many": (
        lambda run: run["enclosures"]["losses"].update(midpoints="1 2 3"),
        r"losses has not the numbers that its shape asks for",
    ),
    "a name for two": (
        lambda run: run["tensors"]["probs"]["also"].append("loss"),
        r"loss: two tensors are called so, loss and probs|probs and loss",
    ),
    "an error": (
        lambda run: run["tensors"]["h.0.mlp.act.out"].update(error=1e-19),
        r"h.0.mlp.act.out\[\d, \d+\]: the run has .* which is farther than the error 1e-19",
    ),
    "another parameter's gradient": (
        exchanged,
        r"adamw_rule at h.0.ln_1.bias: it was given dh.0.ln_2.bias, which is not the gradient",
    ),
    "the mask": (unmasked, r"h.0.attn.scores has other hidden scores than the mask"),
    "a circle": (around, r"what it reads is made of what it makes"),
    "another norm's output": (
        lambda run: read_by(run, "h.0.mlp.c_fc", "x", "h.0.ln_1.out"),
        r"h.0.mlp.c_fc.x is h.0.ln_1.out, and by the equations .* it is h.0.ln_2.out",
    ),
    "another layer's weight": (
        lambda run: read_by(run, "h.0.attn.c_proj", "bias", "h.0.mlp.c_proj.bias"),
        r"h.0.attn.c_proj.bias is h.0.mlp.c_proj.bias, and by the equations",
    ),
    "another table": (
        lambda run: read_by(run, "wpe", "weight", "wte.weight"),
        r"wpe.weight is wte.weight, and by the equations .* it is wpe.weight",
    ),
    "a function": (
        lambda run: run["calls"][3].update(function="layer_morn"),
        r"layer_morn at h.0.ln_1: its equation is not known here: not checked",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refused_by_name(fault: str, rocks: Path, tmp_path: Path) -> None:
    plant_it, named = FAULTS[fault]
    code, said = checked(changed(rocks, tmp_path / "changed.json", plant_it))
    assert code == 1
    assert re.search(rf"REFUSED: .*{named}", said), said
    assert said.endswith("NOT all that was asked for holds\n")


def test_models_of_every_kind_hold(tmp_path: Path) -> None:
    names = []
    for name, run in model_runs():
        code, said = checked(write_runs(tmp_path / "certificate.json", [run]))
        assert (code, name, said) == (0, name, said)
        assert re.search(r"\n  \d+ connections are those of the equations\n", said)
        assert "as the certificate has it" not in said  # no connection is on trust
        names.append(name)
    assert len(names) > 25


def test_a_gradient_is_the_same_after_another_precision(rocks: Path) -> None:
    content = CERTIFICATE.read(rocks)["runs"][0]
    run = RUN.Run(content, CERTIFICATE.Files([]))
    INTERVALS.Precision.bits = 400
    before = run.read_back("h.0.mlp.act.out")
    INTERVALS.Precision.bits = 500
    for unit in run.units:
        unit.made()
    INTERVALS.Precision.bits = 400
    after = run.read_back("h.0.mlp.act.out")
    assert before.m
    assert (before.m, before.r, before.e) == (after.m, after.r, after.e)


# -- parts, and files beside it --------------------------------------------------------------------


def test_a_part_of_a_certificate_is_checked_by_pattern_or_by_chance(rocks: Path) -> None:
    code, said = checked(rocks, "--only", "*mlp.act*")
    assert (code, said.count("of 2 calls hold, of 2 asked for and 45 in all")) == (0, 1)
    assert "on trust: the enclosures that these calls read" in said
    code, said = checked(rocks, "--sample", 10, "--seed", 1)
    assert (code, said.count("of 10 calls hold, of 10 asked for")) == (0, 1)
    code, said = checked(rocks, "--only", "nothing")
    assert (code, said.count("0 numbers of 0 calls hold")) == (1, 1)


def test_a_fault_outside_of_what_is_asked_for_is_not_looked_at(rocks: Path, tmp_path: Path) -> None:
    wrong = changed(rocks, tmp_path / "c.json", lambda run: number(run, "h.0.attn.att", 2, 400))
    assert checked(wrong, "--only", "h.0.mlp*")[0] == 0
    assert checked(wrong, "--only", "h.0.attn.*")[0] == 1


def test_with_show_only_a_part_is_enclosed(tmp_path: Path) -> None:
    runs = list(example_runs("ai_rocks", None, None))
    for pattern in ("*resid_mid", "dwte.weight", "*.new", "loss", "dh.0.attn.z", "dh.0.resid_pre"):
        code, said = checked(write_runs(tmp_path / "c.json", runs, (pattern,)))
        assert (code, pattern, said.endswith(f"\n{ALL_HOLDS}\n")) == (0, pattern, True), said
    code, said = checked(write_runs(tmp_path / "c.json", runs, ("h.0.mlp.*", "dh.0.ln_2.x")))
    assert (code, said.endswith(f"\n{ALL_HOLDS}\n")) == (0, True)
    assert re.search(r"numbers of 8 calls hold, of 8 asked for and 45 in all", said), said
    assert "on trust: the enclosures that these calls read" in said
    with pytest.raises(ConfigError, match=r"a value must have a name like h\.9\.\*, and none has"):
        checkable(runs[0].tape, show=("h.9.*",))


def test_floats_that_are_too_many_stand_beside_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["pellucid.prove.checkable"], "FULL", 100)
    path = write_certificate(tmp_path / "c.json", "ai_rocks")
    assert '"bytes"' not in path.read_text(encoding="utf-8")
    code, said = checked(path)
    assert (code, "2,489 floats are as near as stated" in said) == (0, True)
    elsewhere = tmp_path / "there.safetensors"
    path.with_suffix(".safetensors").rename(elsewhere)
    code, said = checked(path)
    assert (code, said.count("not checked: ") > 10) == (1, True)
    assert ": only its SHA-256 is known; give its file with --weights" in said
    assert checked(path, "--weights", elsewhere)[0] == 0


def test_parameters_are_compared_with_those_of_a_file(rocks: Path, tmp_path: Path) -> None:
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    params = flatten(example.model.params)
    write_tensors(tmp_path / "model.safetensors", params)
    code, said = checked(rocks, "--weights", tmp_path / "model.safetensors")
    assert (code, "14 parameters, 14 of them as in the file" in said) == (0, True)
    params["h.0.ln_1.bias"] = params["h.0.ln_1.bias"] + 1
    write_tensors(tmp_path / "other.safetensors", params)
    code, said = checked(rocks, "--weights", tmp_path / "other.safetensors")
    assert (code, "REFUSED: h.0.ln_1.bias: it is not in " in said) == (1, True)
    code, said = checked(rocks, "--weights", rocks)
    assert (code, "is no safetensors file that can be read" in said) == (2, True)


@pytest.mark.parametrize("planted", [math.nan, math.inf, 1e38])
def test_what_is_not_finite_is_not_checked_and_named(planted: float, tmp_path: Path) -> None:
    gpt = GPT(SMALL, random_params(SMALL)).to(dtype=torch.float32)
    gpt.params["h"]["0"]["mlp"]["c_fc"]["weight"][0, 0] = planted
    code, said = checked(write_runs(tmp_path / "c.json", [stepped(gpt, TEXT, "sgd")]))
    assert code == 1
    assert re.search(r"(not checked|REFUSED): .*h\.0\.mlp", said), said
    assert "REFUSED: layer_norm at h.0.ln_1" not in said


# -- what is no certificate ------------------------------------------------------------------------

NO_CERTIFICATES = {
    "nothing": "",
    "half of one": '{"format": 1, "runs": [{"calls"',
    "a list": "[]",
    "another format": '{"format": 2, "runs": [{}]}',
    "no runs": '{"format": 1, "runs": []}',
    "runs of another kind": '{"format": 1, "runs": [7]}',
    "a run of nothing": '{"format": 1, "runs": [{}]}',
    "calls of another kind": '{"format": 1, "runs": [{"calls": 7}]}',
    "no number": '{"format": 1, "runs": [{"calls": [NaN]}]}',
    "too deep": "[" * 100_000,
    "too large a number": '{"format": 1, "runs": [' + "9" * 10_000 + "]}",
}


@pytest.mark.parametrize("text", NO_CERTIFICATES.values(), ids=NO_CERTIFICATES)
def test_what_is_no_certificate_is_told_in_a_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    code, said = checked(path)
    assert code == 2
    assert said.startswith("no certificate to check: ")
    assert said.count("\n") == 1
    assert checked(tmp_path / "none.json")[0] == 2


def test_whatever_is_changed_there_is_an_answer(rocks: Path, tmp_path: Path) -> None:
    """Values of the wrong kind, without bounds, or not there: never a traceback, and no hang."""
    draw, text = random.Random(0), rocks.read_text(encoding="utf-8")
    values = [
        None,
        True,
        -1,
        2**70,
        10**400,
        1e308,
        "",
        "-inf",
        "zz",
        [],
        {},
        [1],
        "f" * 5000,
        2**40,
    ]
    codes = set()
    for _ in range(60):
        content = json.loads(text)
        inner = content["runs"][0]
        while isinstance(inner, dict | list) and inner:
            place = draw.choice(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
            if draw.random() < 0.3 or not isinstance(inner[place], dict | list):
                inner[place] = draw.choice(values)
                break
            inner = inner[place]
        (tmp_path / "c.json").write_text(json.dumps(content), encoding="utf-8")
        codes.add(checked(tmp_path / "c.json")[0])
    assert codes == {0, 1, 2}
