"""The other commands, and what a process of its own shows: exit codes, streams, imports."""

from pathlib import Path
from typing import Any

import pytest
import torch

import pellucid as package
from pellucid.checkpoint import load
from pellucid.text import Characters, load_tokenizer
from tests.cli.conftest import Command

# -- tokenize --------------------------------------------------------------------------------------


def rows(out: str) -> list[list[str]]:
    """The lines of a table of tokens: place, id, and the rest."""
    cells = [line.split() for line in out.splitlines()]
    return [row for row in cells if row[:1] and row[0].isdecimal()]


def test_a_text_is_cut_into_gpt2_s_tokens(pellucid: Command):
    ended = pellucid("tokenize", "hello wörld")
    assert (ended.code, ended.err) == (0, "")
    found = rows(ended.out)
    ids = load_tokenizer("gpt2").encode("hello wörld")
    assert ids[0] == 31373
    assert [(int(row[0]), int(row[1])) for row in found] == list(enumerate(ids))
    assert "'hello'" in ended.out
    assert "68 65 6c 6c 6f" in ended.out


@pytest.mark.parametrize(
    ("tokenizer", "ids", "piece"),
    [("chars", [1, 2, 3, 0, 1, 2, 3], "'n'"), ("words", [0, 0], "'any'")],
)
def test_a_text_is_cut_into_its_own_characters_or_words(
    pellucid: Command, tokenizer: str, ids: list[int], piece: str
):
    text = "abc abc" if tokenizer == "chars" else "any any"
    out = pellucid("tokenize", text, "--tokenizer", tokenizer).out
    assert [int(row[1]) for row in rows(out)] == ids
    assert (piece if tokenizer == "words" else "'b'") in out


def test_a_text_is_cut_by_a_tokenizer_s_file(pellucid: Command, tmp_path: Path):
    Characters("xyz").save(tmp_path / "tokenizer.json")
    for place in (tmp_path, tmp_path / "tokenizer.json"):
        out = pellucid("tokenize", "zyx", "--tokenizer", place).out
        assert [int(row[1]) for row in rows(out)] == [2, 1, 0]
    assert "'a'" in pellucid("tokenize", "zya", "--tokenizer", tmp_path).refused()


def test_a_text_is_cut_by_the_shipped_model_s_tokenizer(pellucid: Command):
    ended = pellucid("tokenize", "And he said", "--tokenizer", "english-1M")
    assert (ended.code, ended.err) == (0, "")
    ids = load_tokenizer("english-1M").encode("And he said")
    assert [int(row[1]) for row in rows(ended.out)] == ids


def test_merges_are_shown_one_by_one(pellucid: Command):
    ended = pellucid("tokenize", "cats", "--merges")
    steps = [line for line in ended.out.splitlines() if line.lstrip().startswith("merge")]
    assert ended.code == 0
    assert "'c' · 'a' · 't' · 's'" in ended.out
    assert steps[0].rstrip().endswith("'c' · 'at' · 's'")
    ranks = [int(line.split()[1]) for line in steps]
    assert ranks == [
        load_tokenizer("gpt2").encode(piece)[0] - 256
        for piece in ("at", "ats", "cats")[: len(ranks)]
    ]
    assert [int(row[1]) for row in rows(ended.out)] == load_tokenizer("gpt2").encode("cats")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["abc", "--tokenizer", "chars", "--merges"], "--merges"),
        (["abc", "--tokenizer", "words", "--merges"], "--merges"),
        (["abc", "--tokenizer", "bpe:x"], "bpe:x"),
        (["abc", "--tokenizer", "nowhere.json"], "nowhere.json"),
        ([""], "at least one character"),
        ([" ", "--tokenizer", "words"], "word"),
    ],
)
def test_a_mistake_in_tokenize_is_one_line(pellucid: Command, arguments: list[str], words: str):
    ended = pellucid("tokenize", *arguments)
    assert words in ended.refused()
    assert ended.out == ""


# -- examples and export ---------------------------------------------------------------------------


def test_the_examples_are_listed(pellucid: Command):
    ended = pellucid("examples")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("leaf_or_flower  ")
    assert "\nai_rocks  " in ended.out


def test_an_exported_model_gives_the_same_logits_in_transformers(
    pellucid: Command, trained: Path, tmp_path: Path
):
    transformers = pytest.importorskip("transformers")
    out = tmp_path / "exported"
    ended = pellucid("export", trained, out)
    assert (ended.code, ended.err) == (0, "")
    theirs: Any = transformers.GPT2LMHeadModel.from_pretrained(out)
    ours = load(trained)
    tokens = torch.tensor([[1, 5, 2, 7, 3]])
    with torch.no_grad():
        logits = theirs.eval()(tokens).logits
    assert (logits - ours.forward(tokens)).abs().max() < 1e-5
    assert not (out / "tokenizer.json").exists(), "transformers knows no tokenizer of characters"

    assert "--overwrite" in pellucid("export", trained, out).refused()
    assert pellucid("export", trained, out, "--overwrite").code == 0


def test_a_mistake_in_export_is_one_line_and_writes_nothing(pellucid: Command, tmp_path: Path):
    out = tmp_path / "out"
    assert "nowhere" in pellucid("export", tmp_path / "nowhere", out).refused()
    assert not out.exists()


# -- in a process of its own -----------------------------------------------------------------------


def test_a_mistake_ends_the_process_with_2_and_one_line(process: Command, tmp_path: Path):
    (tmp_path / "empty.txt").touch()
    out = tmp_path / "out"
    ended = process("-m", "pellucid", "train", tmp_path / "empty.txt", "--out", out)
    assert "empty.txt" in ended.refused()
    assert ended.out == ""
    assert "\x1b" not in ended.err
    assert not out.exists()


def test_help_does_not_wait_for_pytorch(process: Command):
    watched = (
        "import atexit, sys\n"
        "heavy = ('torch', 'numpy', 'safetensors', 'tokenizers')\n"
        "atexit.register(lambda: print('loaded:', *(n for n in heavy if n in sys.modules)))\n"
    )
    for arguments in (["--help"], ["train", "--help"]):
        ended = process("-c", watched + "from pellucid.cli import main; main()", *arguments)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.splitlines()[-1] == "loaded:"
    listed = process("-m", "pellucid", "--help").out
    for command in ("walk", "examples", "tokenize", "train", "generate", "export"):
        assert command in listed


def test_tokens_do_not_wait_for_pytorch(process: Command):
    watched = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "from pellucid.cli import main; main()"
    )
    ended = process("-c", watched, "tokenize", "Hello world", "--merges")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "False"


def test_importing_the_package_does_not_wait_for_pytorch_and_every_name_can_be_reached(
    process: Command,
):
    quick = "import sys, pellucid; print('torch' in sys.modules, 'numpy' in sys.modules)"
    assert process("-c", quick).out.split() == ["False", "False"]
    for name in package.__all__:
        assert getattr(package, name) is not None, name
    assert set(package.__all__) <= set(dir(package))


def test_the_version_is_the_package_s(process: Command):
    from importlib.metadata import version

    ended = process("-m", "pellucid", "--version")
    assert (ended.code, ended.out, ended.err) == (0, f"pellucid {version('pellucid')}\n", "")
