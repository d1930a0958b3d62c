"""`pellucid score`: systems against the targets, and against the first of them."""

import json
from pathlib import Path

import pytest

from pellucid.text.parallel import phrasebook, read_parallel
from tests.cli.conftest import Command

PAIRS = read_parallel(phrasebook())[:40]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The pairs, a system that drops the last word, and one that is right."""
    texts = {
        "pairs.tsv": ["\t".join(pair) for pair in PAIRS],
        "short.txt": [" ".join(pair.target.split()[:-1]) or "?" for pair in PAIRS],
        "right.txt": [pair.target for pair in PAIRS],
    }
    for name, lines in texts.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [tmp_path / name for name in texts]


def test_systems_are_scored_and_compared_with_the_first(pellucid: Command, files: list[Path]):
    ended = pellucid("score", *files, "--samples", 100)
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.out.splitlines()
    assert first.startswith(str(files[1]))
    assert "p =" not in first
    assert "BLEU 100.00 ± 0.00  (+" in second
    assert "chrF 100.00 ± 0.00  (+" in second
    assert "p = 0.0" in second
    found = json.loads(pellucid("score", *files, "--samples", 100, "--json").out)
    assert list(found) == [str(path) for path in files[1:]]
    assert found[str(files[2])]["BLEU"]["score"] == pytest.approx(100)
    assert found[str(files[1])]["BLEU"]["p_value"] is None
    assert f"{found[str(files[1])]['chrF']['score']:.2f} ± " in first


def test_what_does_not_fit_is_one_line(pellucid: Command, files: list[Path], tmp_path: Path):
    (tmp_path / "less.txt").write_text("a\nb\n", encoding="utf-8")
    refused = pellucid("score", files[0], tmp_path / "less.txt").refused()
    assert "2 of" in refused
    assert "came with 40" in refused
    assert "one came twice" in pellucid("score", *files, files[1]).refused()
