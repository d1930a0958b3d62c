"""What is seen while texts are prepared and scored: bars in a terminal, nothing in a file."""

import io
from pathlib import Path

from rich.console import Console

from pellucid.documents.losses import scoring
from pellucid.terminal.preparing import prepared_lines, preparing
from pellucid.text.prepare import Data


def screen(*, terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def seen(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_bytes_are_counted_for_each_thing_that_is_done():
    console = screen()
    with preparing(console) as watch:
        watch("reading", 4000, 1500)
        watch("reading", 4000, 1500)
        first = seen(console)
        watch("encoding", 4000, 500)
        watch("encoding", 4000, 500)
    assert "encoding" not in first
    assert "encoding" in seen(console)
    assert "1.0/4.0 kB" in seen(console)


def test_where_no_end_is_known_the_bytes_are_still_counted():
    console = screen()
    with preparing(console) as watch:
        watch("encoding", None, 2500)
    assert "2.5/?" in seen(console)


def test_tokens_are_counted_as_they_are_scored():
    console = screen()
    with scoring(console) as watch:
        watch(3, 7)
        watch(5, 7)
    assert "5/7" in seen(console)


def test_a_file_gets_no_bars():
    console = screen(terminal=False)
    with preparing(console) as watch:
        watch("reading", 4000, 1500)
    with scoring(console) as scored:
        scored(3, 7)
    assert seen(console) == ""


def test_the_lines_tell_a_sample_from_the_whole():
    files = {
        "train.bin": {"tokens": 1900},
        "valid.bin": {"tokens": 100},
        "tokenizer.json": {"kind": "bpe"},
    }
    sample = Data(
        300, "uint16", 299, 0.05, {"characters": 4000, "of": 9000}, [], files, special=False
    )
    whole = Data(
        300, "uint16", None, None, {"characters": 9000, "of": 9000}, [], files, special=False
    )
    learnt, *rest = prepared_lines(sample, Path("out"))
    assert learnt == "bpe learnt from 4,000 of 9,000 characters, in pieces spread evenly over them"
    assert rest == [
        f"{Path('out', 'train.bin')}: 1,900 tokens to train on",
        f"{Path('out', 'valid.bin')}: 100 tokens to validate, the last 0.05 of all tokens",
        "bpe, 300 ids, uint16; token 299 between two documents",
    ]
    learnt, _, held, last = prepared_lines(whole, Path("out"))
    assert learnt == "bpe learnt from 9,000 of 9,000 characters"
    assert held.endswith("tokens to validate, named")
    assert last.endswith("nothing between two documents")
