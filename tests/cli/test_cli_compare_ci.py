"""`pellucid compare` in a pipeline: what is accepted, exit codes, and what it writes for others."""

import json
from pathlib import Path

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
