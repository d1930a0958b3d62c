"""`pellucid reach`: the heads in order, and the first one's whole row."""

import re
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import open_model, save
from pellucid.cli.screen import WIDTH
from pellucid.examples import Example, find_example
from pellucid.models import GPT
from pellucid.text import load_tokenizer
from tests.cli.conftest import Command

DAMIAN = (
    "Damian had a secret child, a girl, and he had written in his will that all his belongings, "
    "along with the magical orb, will belong to"
)
RANKED = re.compile(r"^ +(\d+) +(\d+)\.(\d+) +(\S+) +(\S+) +(\S+)   (.*)$")
ROW = re.compile(r"^(→|) +(\d+) '(.*)' +(\d\.\d{6})  (█*)$")


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Hello World as a checkpoint: its heads' tables are known."""
    example = find_example("hello_world")
    assert isinstance(example, Example)
    save(example.model, tmp_path)
    example.tokenizer.save(tmp_path)
    return tmp_path


def test_known_heads_are_ranked_and_the_first_one_s_row_is_drawn(pellucid: Command, known: Path):
    ended = pellucid("reach", "He llo Wo rld", "--model", known, "--to", "rld")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "3 'rld' looks back over 4 positions, in 2 heads"
    ranked = [RANKED.match(line).groups() for line in lines if RANKED.match(line)]
    assert ranked == [
        ("1", "0", "0", "0.400000", "0.250000", "1.60", "3 'rld'"),
        ("2", "0", "1", "0.250000", "0.250000", "1.00", "3 'rld'"),
    ]
    assert "layer 0, head 0: h.0.attn.att[0,3]" in lines
    rows = [ROW.match(line).groups() for line in lines if ROW.match(line)]
    assert rows == [
        ("", "0", "He", "0.200000", "█" * 20),
        ("", "1", "llo", "0.200000", "█" * 20),
        ("", "2", "Wo", "0.200000", "█" * 20),
        ("→", "3", "rld", "0.400000", "█" * 40),
    ]


def test_the_place_that_looks_is_chosen(pellucid: Command, known: Path):
    ended = pellucid("reach", "He llo Wo rld", "--model", known, "--from", "llo", "--to", "0")
    lines = ended.out.splitlines()
    assert lines[0] == "1 'llo' looks back over 2 positions, in 2 heads"
    assert [RANKED.match(line)[4] for line in lines[2:4]] == ["0.700000", "0.500000"]
    assert "layer 0, head 0: h.0.attn.att[0,1]" in lines
    alone = pellucid("reach", "He", "--model", known).out.splitlines()
    assert alone[0] == "0 'He' looks back over 1 position, in 2 heads"


def test_without_a_target_each_head_has_the_place_it_looks_at_most(pellucid: Command, known: Path):
    lines = pellucid("reach", "He llo Wo", "--model", known).out.splitlines()
    first = RANKED.match(lines[2])
    assert first is not None
    assert first.groups() == ("1", "0", "0", "0.600000", "0.333333", "1.80", "2 'Wo'")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_back_from_the_blank_to_the_girl(pellucid: Command, dtype: str):
    ended = pellucid("reach", DAMIAN, "--to", "girl", "--model", "gpt2-tiny", "--dtype", dtype)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    model, tokenizer = open_model("gpt2-tiny", dtype=getattr(torch, dtype))
    tokens = tokenizer.encode(DAMIAN)
    place = [tokenizer.piece(token) for token in tokens].index(b" girl")
    _, tape = model.run_with_cache(tokens)
    ranked = [match.groups() for line in lines if (match := RANKED.match(line))]
    assert len(ranked) == 4
    for _, layer, head, weight, even, times, at in ranked:
        exact = float(tape[f"h.{layer}.attn.att"][int(head), -1, place])
        assert float(weight) == pytest.approx(exact, abs=5.1e-7)
        assert float(even) == pytest.approx(1 / len(tokens), abs=5.1e-7)
        assert float(times) == pytest.approx(exact * len(tokens), abs=5.1e-3)
        assert at == f"{place} ' girl'"
    assert [float(row[3]) for row in ranked] == sorted((float(r[3]) for r in ranked), reverse=True)
    rows = [match.groups() for line in lines if (match := ROW.match(line))]
    assert [int(row[1]) for row in rows] == list(range(len(tokens)))
    assert [row[0] for row in rows].index("→") == place
    best = tape[f"h.{ranked[0][1]}.attn.att"][int(ranked[0][2]), -1].tolist()
    assert [float(row[3]) for row in rows] == pytest.approx(best, abs=5.1e-7)


def test_as_many_heads_are_listed_as_are_asked_for(pellucid: Command):
    def listed(*options: object) -> list[str]:
        out = pellucid("reach", DAMIAN, "--model", "gpt2-tiny", *options).out
        return [match[1] for line in out.splitlines() if (match := RANKED.match(line))]

    assert listed("--top", 2) == ["1", "2"]
    assert listed("--top", 99) == ["1", "2", "3", "4"]
    ended = pellucid("reach", DAMIAN, "--model", "gpt2-tiny", "--top", 0)
    assert ended.code == 2


def test_a_model_of_characters_and_its_line_breaks(pellucid: Command, trained: Path):
    ended = pellucid("reach", "a\npick", "--model", trained, "--to", "pick", "--top", "1")
    assert (ended.code, ended.err) == (0, "")
    (ranked,) = [line for line in ended.out.splitlines() if RANKED.match(line)]
    assert ranked.endswith("2 'p', 3 'i', 4 'c', 5 'k'")
    assert "'\\n'" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pickled", "--to", "peppers"], "'peppers'"),
        (["pickled", "--to", "7"], "0 to 6"),
        (["pickled", "--from", "99"], "0 to 6"),
        (["pickled", "--from", "2", "--to", "3"], "after 2"),
        ([""], "at least one character"),
        (["Ω"], "'Ω'"),
        (["pickled peppers picked"], "16 positions"),
        (["pickled", "--device", "abacus"], "--device"),
    ],
)
def test_a_mistake_is_one_line(pellucid: Command, trained: Path, arguments: list[str], words: str):
    ended = pellucid("reach", "--model", trained, *arguments)
    assert words in ended.refused()
    assert ended.out == ""


def test_a_text_and_a_model_that_is_there_are_needed(pellucid: Command, tmp_path: Path):
    assert pellucid("reach", "--model", "gpt2-tiny").code == 2
    assert "nowhere" in pellucid("reach", "a", "--model", tmp_path / "nowhere").refused()


# -- a checkpoint of GPT-1 -------------------------------------------------------------------------


def test_a_gpt1_of_transformers_is_walked_and_looked_through(pellucid: Command, tmp_path: Path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.OpenAIGPTConfig(
        vocab_size=7, n_positions=9, n_embd=8, n_layer=2, n_head=2, initializer_range=0.5
    )
    transformers.OpenAIGPTLMHeadModel(config).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(
        '{"pellucid": "characters", "alphabet": "abcdefg"}', encoding="utf-8"
    )
    model, _ = open_model(str(tmp_path))
    assert isinstance(model, GPT)
    assert load_tokenizer(tmp_path).vocab_size == 7

    ended = pellucid("walk", "abcdefg", "--model", tmp_path, "--full")
    assert (ended.code, ended.err) == (0, "")
    assert "h.1.sum_2" in ended.out
    assert "Final layer norm" not in ended.out
    ended = pellucid("reach", "abcdefg", "--model", tmp_path, "--to", "abcdefg")
    assert ended.out.count("   1.00   0 'a', 1 'b'") == 4
