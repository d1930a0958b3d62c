"""`pellucid compare` in a pipeline: what is accepted, exit codes, and what it writes for others."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from tests.cli.conftest import Command
from tests.cli.dumps import dumped


def test_a_mistake_that_is_accepted_is_agreement_and_said(
    pellucid: Command, packed: Path, tmp_path: Path
):
    mine, file = dumped(tmp_path, "gelu_erf"), tmp_path / "found.json"
    assert pellucid("compare", mine, packed).code == 1
    ended = pellucid("compare", mine, packed, "--accept", "gelu_erf, tf32_matmul", "-o", file)
    assert (ended.code, ended.err) == (0, "")
    said = " ".join(ended.out.split())
    assert "1. h.0.mlp.act.out is not what gelu_tanh makes" in said
    assert "accepted: gelu_erf" in said
    assert "can bring it and what is accepted: gelu_erf" in said
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["agrees"]
    assert content["findings"][0]["accepted"] == ["gelu_erf"]


def test_a_mistake_beside_an_accepted_one_still_counts(
    pellucid: Command, packed: Path, tmp_path: Path
):
    mine, file = dumped(tmp_path, "gelu_erf", "adam_l2"), tmp_path / "found.json"
    ended = pellucid("compare", mine, packed, "--accept", "gelu_erf")
    assert ended.code == 1
    assert ended.out.count("accepted: ") == 1
    accept = ("--accept", "gelu_erf,adam_l2")
    ended = pellucid("compare", mine, packed, *accept, "-o", file)
    assert ended.code == 0
    # The pack's later steps have neither: what differs there is no difference, and not judged.
    assert "accepted is not in the pack's later steps, so not judged: step." in ended.out
    name = json.loads(file.read_text(encoding="utf-8"))["later_not_judged"][0]["name"]
    assert pellucid("compare", mine, packed, *accept, "--require", name).code == 3


def test_a_dtype_is_accepted_where_it_explains_all(pellucid: Command, packed: Path, tmp_path: Path):
    with np.load(dumped(tmp_path)) as arrays:
        finer = {n: a.astype(np.float64) if a.dtype == np.float32 else a for n, a in arrays.items()}
    np.savez(tmp_path / "finer.npz", **finer)
    for accept, code in (("float32", 0), ("bfloat16", 1)):
        assert pellucid("compare", tmp_path / "finer.npz", packed, "--accept", accept).code == code


def test_what_is_no_mistake_cannot_be_accepted(pellucid: Command, packed: Path, tmp_path: Path):
    refused = pellucid("compare", dumped(tmp_path), packed, "--accept", "gelu_err").refused()
    assert "'gelu_err' is neither (did you mean 'gelu_erf'?)" in refused


def test_junit_has_a_case_a_tensor_and_fails_where_it_differs(
    pellucid: Command, packed: Path, tmp_path: Path
):
    mine, file = dumped(tmp_path, "gelu_erf", "adam_l2"), tmp_path / "found.xml"

    def cases(*words: object) -> dict[str, dict[str, ET.Element]]:
        pellucid("compare", mine, packed, "--junit", file, *words)
        suite = ET.parse(file).getroot()[0]
        every = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(every)
        found = {}
        for kind, counted in (("failure", "failures"), ("error", "errors"), ("skipped",) * 2):
            found[kind] = {c.get("name", ""): c for c in every if c.find(kind) is not None}
            assert int(suite.get(counted, "")) == len(found[kind])
        return found | {"all": {case.get("name", ""): case for case in every}}

    found = cases()
    assert {"h.0.mlp.act.out", "h.1.mlp.act.out", "wte.weight.m"} <= found["failure"].keys()
    assert "h.0.attn.z" in found["all"].keys() - found["failure"].keys()
    assert not found["error"]
    failure = found["failure"]["h.0.mlp.act.out"].find("failure")
    assert failure is not None
    assert failure.get("message") == "GELU by erf, where it is by tanh"
    found = cases("--accept", "gelu_erf")
    assert "wte.weight.m" in found["failure"]
    assert not {"h.0.mlp.act.out", "h.1.mlp.act.out"} & found["failure"].keys()
    found = cases("--accept", "gelu_erf,adam_l2", "--require", "step.*")
    assert not found["failure"]
    assert found["error"]
    found = cases("--accept", "gelu_erf,adam_l2")
    assert not found["failure"]
    assert not found["error"]
    assert found["skipped"]


def test_markdown_says_what_came_of_it(pellucid: Command, packed: Path, tmp_path: Path):
    mine, file = dumped(tmp_path, "gelu_erf"), tmp_path / "found.md"
    for words, said in (
        ((), "### pellucid compare: differs"),
        (("--accept", "gelu_erf"), "| accepted: GELU by erf, where it is by tanh |"),
        (("--accept", "gelu_erf"), "### pellucid compare: agrees"),
    ):
        pellucid("compare", mine, packed, "--markdown", file, *words)
        text = file.read_text(encoding="utf-8")
        assert said in text
        assert re.search(r"^\| `h\.0\.mlp\.act\.out\[\d, \d+\]` \|", text, re.MULTILINE)


def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    pellucid: Command, packed: Path, tmp_path: Path
):
    for option in ("--junit", "--markdown"):
        ended = pellucid("compare", dumped(tmp_path), packed, option, tmp_path)
        assert "directory" in ended.refused()
        assert ended.out == ""


def test_the_tolerance_of_a_tensor_is_that_of_the_judge(
    pellucid: Command, packed: Path, tmp_path: Path
):
    ended = pellucid("compare", packed, packed, "--explain", "h.1.mlp.c_fc.out")
    assert (ended.code, ended.err) == (0, "")
    rows = re.findall(
        r"^ *(float32|bfloat16|float16) +(\S+) \(.*?\) +(\S+) ", ended.out, re.MULTILINE
    )
    assert [row[0] for row in rows] == ["float32", "bfloat16", "float16"]
    shown, behind = ([float(row[column]) for row in rows] for column in (1, 2))
    assert shown[0] < shown[2] < shown[1]
    assert all(own < gap for own, gap in zip(shown, behind, strict=True))
    refused = pellucid("compare", packed, packed, "--explain", "h.1.mlp.c_fc.ouy").refused()
    assert "did you mean 'h.1.mlp.c_fc.out'" in refused
