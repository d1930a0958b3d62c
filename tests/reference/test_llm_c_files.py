"""llm.c's files are those that its programs open, and the losses those of its own ten steps."""

import re
import struct
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import load
from pellucid.checkpoint.llm_c import read_state, write_llm_c_tokenizer
from pellucid.errors import TextError
from pellucid.optim import adamw
from pellucid.reference import write_pack
from pellucid.reference.llm_c_files import LOSSES, MODEL, STATE, TOKENIZER
from pellucid.text import Characters, Tokenizer, Words, gpt2, train_bpe
from tests.reference.kits import gpt, run_of


def read_tokenizer(file: Path) -> tuple[tuple[int, ...], list[bytes]]:
    """As llm.c's tokenizer.h reads it: a header, then a length and so many bytes for each."""
    content = file.read_bytes()
    header, at, pieces = struct.unpack("<256I", content[:1024]), 1024, []
    for _ in range(header[2]):
        pieces.append(content[at + 1 : at + 1 + content[at]])
        at += 1 + content[at]
    assert at == len(content)
    return header, pieces


@pytest.mark.parametrize("tokenizer", [train_bpe("aababb" * 9, 260), gpt2()], ids=["own", "gpt2"])
def test_a_tokenizer_is_the_bytes_of_its_pieces(tokenizer: Tokenizer, tmp_path: Path):
    write_llm_c_tokenizer(tmp_path / "t.bin", tokenizer)
    header, pieces = read_tokenizer(tmp_path / "t.bin")
    end = tokenizer.special_tokens["<|endoftext|>"]
    assert header == (20240328, 2, tokenizer.vocab_size, end, *[0] * 252)
    assert pieces == [tokenizer.piece(token) for token in range(tokenizer.vocab_size)]


def test_without_an_end_the_last_token_is_it_and_long_pieces_are_refused(tmp_path: Path):
    write_llm_c_tokenizer(tmp_path / "t.bin", Characters("abcé"))
    assert read_tokenizer(tmp_path / "t.bin")[0][:4] == (20240328, 2, 4, 3)
    write_llm_c_tokenizer(tmp_path / "t.bin", Words(("<EOS>", "a", "b")))
    assert read_tokenizer(tmp_path / "t.bin")[0][:4] == (20240328, 2, 3, 0)
    with pytest.raises(TextError, match="1 to 255 bytes for each token, and token 0 has 256"):
        write_llm_c_tokenizer(tmp_path / "t.bin", Words(("a" * 256,)))


def test_the_files_are_there_and_the_losses_are_those_of_its_ten_steps(tmp_path: Path):
    run, tokenizer = run_of(gpt(), batched=True), train_bpe("", 257)
    write_pack(run, tmp_path / "pack", llm_c=True, tokenizer=tokenizer)
    place = tmp_path / "pack"
    assert load(place / MODEL).config == run.model.config
    assert torch.equal(read_state(place / STATE, run.model.config)["tokens"], run.tokens)
    assert len(read_tokenizer(place / TOKENIZER)[1]) == 257
    # As llm.c does it: everything decays.
    params, state, losses = run.model.params, None, []
    for _ in range(10):
        loss, grads = run.model.with_params(params).loss_and_grads(run.tokens, run.targets)
        losses.append(float(loss))
        params, state = adamw(params, grads, state, learning_rate=1e-4, weight_decay=0.01)
    text = (place / LOSSES).read_text(encoding="utf-8")
    assert text.startswith("    float expected_losses[10] = {\n        ")
    assert text.endswith("f\n    };\n")
    found = [float(number) for number in re.findall(r"^ +([\d.e-]+)f,?$", text, re.MULTILINE)]
    assert found == pytest.approx(losses, abs=2e-5)
    assert found[9] < found[0]
    write_pack(run, tmp_path / "again", llm_c=True)  # without a tokenizer
    assert not (tmp_path / "again" / TOKENIZER).exists()
