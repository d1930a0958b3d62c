"""`pellucid prepare`: texts in, files of tokens and a few lines out."""

from pathlib import Path

from pellucid.text import gpt2
from pellucid.text.corpus import open_corpus
from tests.cli.conftest import Command
from tests.train.small_training import TEXT


def test_a_text_becomes_a_directory_of_tokens(pellucid: Command, text: Path, tmp_path: Path):
    out = tmp_path / "data"
    ended = pellucid("prepare", text, "-o", out)
    assert (ended.code, ended.err) == (0, "")
    count = len(gpt2().encode(TEXT))
    held = -(-count // 10)
    assert ended.out.splitlines() == [
        f"{out}/train.bin: {count - held:,} tokens to train on",
        f"{out}/valid.bin: {held:,} tokens to validate, the last 0.1 of all tokens",
        "bpe, 50,257 ids, uint16; token 50256 between two documents",
    ]
    corpus, _ = open_corpus(out, None, 2)
    assert len(corpus.training) == count - held


def test_what_is_held_out_may_be_named_and_a_sample_is_told(
    pellucid: Command, text: Path, tmp_path: Path
):
    out = tmp_path / "data"
    how = ("-o", out, "--tokenizer", "bpe:270", "--valid", text, "--valid", text)
    ended = pellucid("prepare", text, text, *how)
    assert (ended.code, ended.err) == (0, "")
    first, *_, last = ended.out.splitlines()
    assert first == f"bpe learnt from {2 * len(TEXT):,} of {2 * len(TEXT):,} characters"
    assert "tokens to validate, named" in ended.out
    assert last == "bpe, 270 ids, uint16; token 269 between two documents"
    refused = pellucid("prepare", text, *how, "--held-out", 0.1, "--overwrite").refused()
    assert "leave out --held-out or --valid" in refused
    assert "--overwrite" in pellucid("prepare", text, *how).refused()
    assert pellucid("prepare", text, *how, "--overwrite").code == 0


def test_a_mistake_is_one_line(pellucid: Command, text: Path, tmp_path: Path):
    out = tmp_path / "data"
    (tmp_path / "latin").write_bytes(b"Gr\xf6\xdfe")
    assert "at byte 2" in pellucid("prepare", text, tmp_path / "latin", "-o", out).refused()
    assert "No such file" in pellucid("prepare", tmp_path / "none", "-o", out).refused()
    assert "bpe:1024" in pellucid("prepare", text, "-o", out, "--tokenizer", "bpe").refused()
    assert not out.exists()
