"""`pellucid reach --contrast`: heads by what they add to two next tokens, and the terms' sum."""

import re
from pathlib import Path

import pytest

from pellucid.checkpoint import save
from pellucid.inspect import contrast
from pellucid.models import Llama, LlamaConfig
from pellucid.text import Words
from tests.cli.conftest import Command
from tests.models.examples import random_params

TEXT = "a girl has a will and all will belong to"
WORDS = Words.from_text(f"{TEXT} her his boy")
HEAD = re.compile(r"^ +(\d+) +(\d+)\.(\d+) +(\S+) +(\S+)(?: +(\S+) +(\S+) +(\S+) %)?   (.*)$")
SUM = re.compile(r"^      (\d+ )?(\S+)((?: +[+-]\d+\.\d{4})+)(   .*)?$")


def llama() -> Llama:
    config = LlamaConfig(
        vocab_size=WORDS.vocab_size, block_size=20, n_layer=2, n_head=4, n_kv_head=2, n_embd=8,
        n_inner=12, out_bias=True,
    )  # fmt: skip
    return Llama(config, random_params(config))


@pytest.fixture
def known(tmp_path: Path) -> Path:
    save(llama(), tmp_path)
    WORDS.save(tmp_path)
    return tmp_path


def heads_of(out: str) -> list[tuple[str, ...]]:
    return [found.groups() for line in out.splitlines() if (found := HEAD.match(line))]


def sums_of(out: str) -> dict[str, list[float]]:
    found = [SUM.match(line) for line in out.splitlines()]
    return {one[2]: [float(number) for number in one[3].split()] for one in found if one}


def test_a_patch_ranks_the_heads_and_the_terms_add_up(pellucid: Command, known: Path):
    ended = pellucid(
        "reach", TEXT, "--model", known, "--contrast", " her", " his", "--patch", "girl", "boy",
        "--top", "3",
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    found = contrast(llama(), WORDS, TEXT, (" her", " his"), swap=("girl", "boy"), top=3)
    assert found.patching is not None
    assert found.other_attribution is not None
    assert found.together is not None
    first, second, *_ = ended.out.splitlines()
    one, other = found.probabilities
    assert first == (
        f"after 9 'to': log p(' her') - log p(' his') = {found.attribution.difference:+.4f}  "
        f"(p {one:.3g} and {other:.3g})"
    )
    assert second.startswith(f"with 'boy' for 'girl' it is {found.patching.other:+.4f}  (p ")
    assert heads_of(ended.out) == [
        (
            str(rank),
            str(layer),
            str(head),
            f"{found.looks[layer, head].weight:.4f}",
            f"{found.attribution.heads[layer, head]:+.4f}",
            f"{found.other_attribution.heads[layer, head]:+.4f}",
            f"{found.patching.changes[layer, head]:+.4f}",
            f"{100 * float(found.patching.shares[layer, head]):.1f}",
            "1 'girl'",
        )
        for rank, (layer, head) in enumerate(found.ranked[:3], start=1)
    ]
    (together,) = [line for line in ended.out.splitlines() if line.startswith("these 3 together")]
    share = found.patching.share(found.together)
    assert together.split()[3:5] == [
        f"{found.together - found.patching.before:+.4f}", f"{100 * share:.1f}",
    ]  # fmt: skip
    sums = sums_of(ended.out)
    assert list(sums) == ["embedding", "heads", "feed-forwards", "biases", "sum"]
    for column, whole in enumerate([found.attribution.difference, found.patching.other]):
        parts = [row[column] for name, row in sums.items() if name != "sum"]
        assert sum(parts) == pytest.approx(sums["sum"][column], abs=3e-4)
        assert sums["sum"][column] == pytest.approx(whole, abs=1e-4)
    assert all(len(line) <= 80 for line in ended.out.splitlines())


def test_without_a_patch_there_is_one_column(pellucid: Command, known: Path):
    ended = pellucid("reach", TEXT, "--model", known, "--contrast", " her", " his", "--from", "and")
    assert (ended.code, ended.err) == (0, "")
    found = contrast(llama(), WORDS, TEXT, (" her", " his"), start="and")
    assert [row[1:3] for row in heads_of(ended.out)] == [
        (str(layer), str(head)) for layer, head in found.ranked
    ]
    assert "together" not in ended.out
    assert sums_of(ended.out)["sum"] == [round(found.attribution.difference, 4)]


def test_at_one_place_alone_and_drawn(pellucid: Command, known: Path, tmp_path: Path):
    pytest.importorskip("matplotlib", reason="pictures are drawn by Matplotlib, an extra")
    picture = tmp_path / "heads.svg"
    ended = pellucid(
        "reach", TEXT, "--model", known, "--contrast", " her", " his", "--patch", "girl", "boy",
        "--at", "to", "-o", picture,
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    found = contrast(llama(), WORDS, TEXT, (" her", " his"), swap=("girl", "boy"), at="to")
    assert [row[1:3] for row in heads_of(ended.out)] == [
        (str(layer), str(head)) for layer, head in found.ranked
    ]
    assert ended.out.splitlines()[-1] == f"drawn to {picture}"
    assert "<svg" in picture.read_text(encoding="utf-8")
    alone = tmp_path / "reach.png"
    assert pellucid("reach", TEXT, "--model", known, "-o", alone).code == 0
    assert alone.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--patch", "girl", "boy"], "--contrast"),
        (["--contrast", " her", " his", "--at", "to"], "--patch"),
        (["--contrast", " her", " hers"], "'hers'"),
        (["--contrast", " her his", " his"], "'her', 'his'"),
        (["--contrast", " her", " her"], "the same one"),
        (["--contrast", " her", " his", "--patch", "king", "boy"], "'king'"),
        (["--contrast", " her", " his", "--patch", "girl", "a boy"], "10 and 11 tokens"),
        (["--contrast", " her", " his", "-o", "heads.txt"], ".svg"),
    ],
)
def test_a_mistake_is_one_line(pellucid: Command, known: Path, arguments: list[str], words: str):
    ended = pellucid("reach", TEXT, "--model", known, *arguments)
    assert words in ended.refused()
    assert ended.out == ""
