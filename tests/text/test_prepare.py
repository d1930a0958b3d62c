"""Texts of any size into files of tokens: the ids of the whole, all files or none."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import ConfigError, PellucidError, TextError, WriteError
from pellucid.text import BPE, Words, choose_tokenizer, gpt2, load_tokenizer, sources
from pellucid.text import chunks as part_by_part
from pellucid.text import prepare as module
from pellucid.text.chunks import CHUNK
from pellucid.text.corpus import read_text
from pellucid.text.prepare import Data, prepare
from pellucid.text.prepared import read_prepared
from pellucid.text.sources import READ, TextSource
from pellucid.text.tokenizer import Ids

END = gpt2().special_tokens["<|endoftext|>"]
TEXT = "It's a fine day,  isn't it?\n\n  “Yes”, said she – größer 漢字，漢字。\n" * 40


def ids(out: Path, name: str) -> list[int]:
    """The tokens of a file, read without Pellucid's own reader."""
    dtype = json.loads((out / "data.json").read_text())["dtype"]
    return np.frombuffer((out / name).read_bytes(), np.dtype(dtype).newbyteorder("<")).tolist()


def all_ids(out: Path) -> list[int]:
    return ids(out, "train.bin") + ids(out, "valid.bin")


def file_of(folder: Path, content: str | bytes, name: str = "text.txt") -> str:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def refused(error: pytest.ExceptionInfo[PellucidError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("choice", ["gpt2", "chars", "words", "bpe:300"])
def test_the_ids_are_those_of_the_whole_text_and_the_last_tenth_is_held_out(
    tmp_path: Path, choice: str
):
    text, out = file_of(tmp_path, TEXT), tmp_path / "out"
    data = prepare([text], out, tokenizer=choice)
    tokenizer = choose_tokenizer(choice, TEXT)
    assert load_tokenizer(out).to_json() == tokenizer.to_json()
    whole = tokenizer.encode(TEXT)
    assert all_ids(out) == whole
    assert len(ids(out, "valid.bin")) == data.tokens("valid.bin") == -(-len(whole) // 10)
    assert sorted(file.name for file in out.iterdir()) == [
        *("data.json", "tokenizer.json", "train.bin", "valid.bin")
    ]


def test_what_was_done_is_written_down(tmp_path: Path):
    one, two = file_of(tmp_path, TEXT, "one"), file_of(tmp_path, gzip.compress(b"more"), "two")
    data = prepare([one], tmp_path / "out", tokenizer="bpe:300", valid=[two])
    written = json.loads((tmp_path / "out" / "data.json").read_text())
    assert Data(**written) == data
    assert (written["version"], written["dtype"], written["vocab_size"]) == (1, "uint16", 300)
    assert written["special"] is False
    assert written["separator"] == 299
    assert written["held_out"] is None
    assert written["learnt_from"] == {"characters": len(TEXT), "of": len(TEXT)}
    for name, source in zip((one, two), written["sources"], strict=True):
        content = Path(name).read_bytes()
        assert (source["name"], source["bytes"]) == (name, len(content))
        assert source["sha256"] == hashlib.sha256(content).hexdigest()
    assert [source["part"] for source in written["sources"]] == ["train.bin", "valid.bin"]
    for name, file in written["files"].items():
        content = (tmp_path / "out" / name).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file.get("tokens", len(content) // 2) == len(content) // 2


def test_documents_are_separated_once(tmp_path: Path):
    contents = ["one two\n", "three<|endoftext|>\nfour", "five<|endoftext|>", "six"]
    names = [file_of(tmp_path, content, str(place)) for place, content in enumerate(contents)]
    prepare(names, tmp_path / "gpt2", tokenizer="gpt2", special=True)
    one, two, three, six = (gpt2().with_special().encode(content) for content in contents)
    assert two.count(END) == three.count(END) == 1
    assert all_ids(tmp_path / "gpt2") == [*one, END, *two, END, *three, *six]
    prepare(names, tmp_path / "plain", tokenizer="gpt2")
    plain = [gpt2().encode(content) for content in contents]
    assert all_ids(tmp_path / "plain") == [
        *(*plain[0], END, *plain[1], END, *plain[2], END, *plain[3])
    ]
    held = prepare(names[:2], tmp_path / "valid", tokenizer="gpt2", valid=names[2:], special=True)
    assert held.special
    assert ids(tmp_path / "valid", "train.bin") == [*one, END, *two]
    assert ids(tmp_path / "valid", "valid.bin") == [*three, *six]
    assert held.held_out is None
    prepare(names, tmp_path / "chars", tokenizer="chars")
    assert load_tokenizer(tmp_path / "chars").decode(all_ids(tmp_path / "chars")) == "".join(
        contents
    )


@pytest.mark.parametrize("part", [0.5, 0.02])
def test_the_part_that_is_held_out_can_be_chosen(tmp_path: Path, part: float):
    out = tmp_path / "out"
    assert (
        prepare([file_of(tmp_path, TEXT)], out, tokenizer="chars", held_out=part).held_out == part
    )
    assert len(ids(out, "train.bin")) == int(len(TEXT) * (1 - part))


def test_a_large_vocabulary_takes_32_bits(tmp_path: Path):
    text = " ".join(map(str, range(70_000)))
    data = prepare([file_of(tmp_path, text)], tmp_path / "out", tokenizer="words")
    assert (data.dtype, data.vocab_size) == ("uint32", 70_000)
    assert all_ids(tmp_path / "out") == list(range(70_000))


def test_a_text_may_be_gzipped_or_come_by_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    packed = file_of(
        tmp_path, gzip.compress(TEXT.encode()[:500]) + gzip.compress(TEXT.encode()[500:])
    )
    prepare([packed], tmp_path / "gz", tokenizer="chars")
    for choice in ("chars", "gpt2"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        data = prepare(["-"], tmp_path / choice, tokenizer=choice)
        assert data.sources[0]["bytes"] == len(TEXT.encode())
        assert data.sources[0]["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert all_ids(tmp_path / "gz") == all_ids(tmp_path / "chars")
    assert all_ids(tmp_path / "gpt2") == gpt2().encode(TEXT)


@pytest.mark.parametrize("choice", ["chars", "gpt2"])
def test_a_mark_of_byte_order_is_no_part_of_a_text(
    tmp_path: Path, choice: str, monkeypatch: pytest.MonkeyPatch
):
    marked = b"\xef\xbb\xbf" + TEXT.encode()
    packed = file_of(tmp_path, gzip.compress(marked), "packed")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(marked)))
    plain = file_of(tmp_path, TEXT, "plain")
    for name in (plain, file_of(tmp_path, marked, "marked"), packed, "-"):
        out = tmp_path / Path(name).name.replace("-", "stdin.out")
        out = out.with_suffix(".out")
        prepare([name], out, tokenizer=choice)
        assert all_ids(out) == choose_tokenizer(choice, TEXT).encode(TEXT)
        if name != "-" and name != packed:
            assert read_text(name) == TEXT
    for empty in (b"\xef\xbb\xbf", gzip.compress(b"\xef\xbb\xbf")):
        name = file_of(tmp_path, empty, "empty")
        with pytest.raises(TextError, match="at least one character"):
            list(TextSource(name).texts())
    with pytest.raises(TextError, match="at least one character"):
        read_text(file_of(tmp_path, b"\xef\xbb\xbf", "empty"))
    bad = file_of(tmp_path, b"\xef\xbb\xbfab\xff", "bad")
    for read in (read_text, lambda name: list(TextSource(name).texts())):
        with pytest.raises(TextError, match="at byte 5"):
            read(bad)
    inside = file_of(tmp_path, "a\ufeffb", "inside")
    assert read_text(inside) == "".join(TextSource(inside).texts()) == "a\ufeffb"


@pytest.mark.parametrize("content", ["a" * 300_000, "x" * 299_999 + "1", "ab12+/" * 50_000])
def test_a_word_without_end_is_never_held_whole(
    tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
):
    encode_arrays, sizes = BPE.encode_arrays, []

    def watched(self: BPE, texts: list[str]) -> Iterator[Ids]:
        sizes.extend(map(len, texts))
        return encode_arrays(self, texts)

    monkeypatch.setattr(sources, "READ", 1 << 14)
    monkeypatch.setattr(BPE, "encode_arrays", watched)
    prepare([file_of(tmp_path, content)], tmp_path / "out", tokenizer="gpt2")
    assert max(sizes) <= 2 * CHUNK
    assert gpt2().decode(all_ids(tmp_path / "out")) == content


def test_line_breaks_are_those_of_a_text_that_is_read_whole(tmp_path: Path):
    for place in range(READ - 3, READ + 2):
        text = file_of(tmp_path, b"x" * place + "ö\r\n\r\rä\n".encode())
        assert "".join(TextSource(text).texts()) == read_text(text) == "x" * place + "ö\n\n\nä\n"


@pytest.mark.parametrize("place", [0, 17, READ - 1, READ, READ + 1, 2 * READ + 5])
@pytest.mark.parametrize("bad", [b"\xff", b"\xe2\x28\xa1", b"\xe2\x82"])
def test_bytes_that_are_not_utf8_are_named_with_their_place(tmp_path: Path, place: int, bad: bytes):
    for pack in (bytes, gzip.compress):
        text = file_of(tmp_path, pack(b"y" * place + bad))
        with pytest.raises(TextError) as error:
            list(TextSource(text).texts())
        assert f"{text} is not at byte {place}:" in refused(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "at least one character"),
        (gzip.compress(b"", mtime=0), "at least one character"),
        (gzip.compress(TEXT.encode())[:-9], "gzipped text must be whole"),
        (b"\x1f\x8bnothing", "gzipped text must be whole"),
        (gzip.compress(TEXT.encode())[:40] + b"damage" * 40, "gzipped text must be whole"),
        (b"a\xff", "at byte 1"),
        (b"a", "train.bin would have none"),
        (None, "No such file"),
    ],
)
@pytest.mark.parametrize("choice", ["gpt2", "chars"])
def test_a_text_that_cannot_be_read_leaves_nothing(
    tmp_path: Path, content: bytes | None, words: str, choice: str
):
    good = file_of(tmp_path, TEXT)
    text = str(tmp_path / "absent") if content is None else file_of(tmp_path, content, "bad")
    texts = [text] if content == b"a" else [good, text]
    with pytest.raises(TextError, match=words) as error:
        prepare(texts, tmp_path / "out", tokenizer=choice)
    refused(error)
    assert not (tmp_path / "out").exists()
    prepare([good], tmp_path / "out", tokenizer=choice)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    with pytest.raises(TextError):
        prepare(texts, tmp_path / "out", tokenizer=choice, overwrite=True)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}


def test_a_character_that_the_tokenizer_lacks_is_refused(tmp_path: Path):
    choose_tokenizer("chars", "abc").save(tmp_path / "abc.json")
    with pytest.raises(TextError, match="'d'"):
        prepare([file_of(tmp_path, "abcd")], tmp_path / "out", tokenizer=str(tmp_path / "abc.json"))


def test_settings_that_cannot_be_are_refused(tmp_path: Path):
    text = file_of(tmp_path, TEXT)
    for part in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ConfigError, match="above 0 and below 1"):
            prepare([text], tmp_path / "out", tokenizer="chars", held_out=part)
    with pytest.raises(ConfigError, match="once"):
        prepare(["-"], tmp_path / "out", tokenizer="chars", valid=["-"])
    with pytest.raises(ConfigError, match="bpe:1024"):
        prepare([text], tmp_path / "out", tokenizer="bpe:x")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="--overwrite"):
        prepare([text], tmp_path, tokenizer="chars")


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path):
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX's")
    text = file_of(tmp_path, TEXT * 20)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(TEXT), hard))
    try:
        with pytest.raises(WriteError, match=r"\(File too large\): make room there") as error:
            prepare([text], tmp_path / "out", tokenizer="chars")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    refused(error)
    assert [file.name for file in tmp_path.iterdir()] == ["text.txt"]


def test_a_directory_that_was_not_finished_is_no_prepared_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text, out = file_of(tmp_path, TEXT), tmp_path / "out"
    prepare([text], out, tokenizer="chars")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_text", full)
    with pytest.raises(WriteError, match="No space left on device"):
        prepare([text], out, tokenizer="gpt2", overwrite=True)
    with pytest.raises(TextError, match="pellucid prepare"):
        read_prepared(out, "gpt2")


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path):
    text, out = file_of(tmp_path, TEXT), tmp_path / "out"
    killed = (
        "import os, signal, sys; from pathlib import Path; "
        "from pellucid.text.prepare import prepare; "
        "prepare([sys.argv[1]], Path(sys.argv[2]), tokenizer='gpt2', "
        "watch=lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
    )
    assert subprocess.run([sys.executable, "-c", killed, text, out], check=False).returncode == -9
    left = sorted(file.name for file in out.iterdir())
    assert [name[:11] for name in left] == [".train.bin.", ".valid.bin."]
    with pytest.raises(TextError, match="pellucid prepare"):
        read_prepared(out, "gpt2")
    file_of(out, "the user's own", ".train.bin.notes")
    with pytest.raises(ConfigError, match=r"instance \.train\.bin\.notes:"):
        prepare([text], out, tokenizer="chars")
    assert set(left) < {file.name for file in out.iterdir()}
    prepare([text], out, tokenizer="chars", overwrite=True)
    assert sorted(file.name for file in out.iterdir()) == [
        *(".train.bin.notes", "data.json", "tokenizer.json", "train.bin", "valid.bin")
    ]


def test_an_interrupt_leaves_nothing(tmp_path: Path):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    text = file_of(tmp_path, TEXT)
    for choice in ("gpt2", "chars", "bpe:270"):
        with pytest.raises(KeyboardInterrupt):
            prepare([text], tmp_path / "out", tokenizer=choice, watch=interrupt)
        assert not (tmp_path / "out").exists()


def test_an_empty_directory_of_the_user_s_stays_when_nothing_comes_of_it(tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(TextError):
        prepare([file_of(tmp_path, b"a\xff")], tmp_path / "out", tokenizer="gpt2")
    assert list((tmp_path / "out").iterdir()) == []


def test_standard_input_is_kept_only_to_be_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def no_room(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", no_room)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    prepare(["-"], tmp_path / "gpt2", tokenizer="gpt2")
    with pytest.raises(WriteError, match="No space left on device"):
        prepare(["-"], tmp_path / "chars", tokenizer="chars")


def test_a_directory_that_may_not_be_looked_into_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text, looked = file_of(tmp_path, TEXT), Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:  # root may look everywhere
        if "locked" in path.parts:
            raise PermissionError(13, "Permission denied")
        return looked(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(ConfigError, match=r"can be made \(Permission denied\)") as error:
        prepare([text], tmp_path / "locked" / "out", tokenizer="chars")
    refused(error)


def test_a_closed_standard_input_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", None)
    for choice in ("gpt2", "chars"):
        with pytest.raises(TextError, match="standard input, and it is closed") as error:
            prepare(["-"], tmp_path / "out", tokenizer=choice)
        refused(error)
        assert not (tmp_path / "out").exists()


def test_a_bpe_is_learnt_from_a_sample_of_a_long_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "SAMPLE", 100_000)
    text = TEXT * 100
    data = prepare([file_of(tmp_path, text)], tmp_path / "out", tokenizer="bpe:280")
    assert data.learnt_from is not None
    assert data.learnt_from["of"] == len(text)
    assert 40_000 < data.learnt_from["characters"] <= 100_000
    tokenizer = load_tokenizer(tmp_path / "out")
    assert isinstance(tokenizer, BPE)
    assert tokenizer.vocab_size == 280
    assert all_ids(tmp_path / "out") == tokenizer.encode(text)


def test_the_watch_is_told_of_every_byte(tmp_path: Path):
    text, told = file_of(tmp_path, TEXT), []
    prepare(
        [text, text], tmp_path / "out", tokenizer="words", watch=lambda *said: told.append(said)
    )
    size = 2 * len(TEXT.encode())
    for what in ("reading", "encoding"):
        assert {total for doing, total, _ in told if doing == what} == {size}
        assert sum(count for doing, _, count in told if doing == what) == size


@pytest.mark.parametrize("choice", ["chars", "words", "gpt2"])
def test_memory_does_not_grow_with_the_text(
    tmp_path: Path, choice: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "READ", 1 << 14)
    monkeypatch.setattr(module, "READ", 1 << 14)
    monkeypatch.setattr(part_by_part, "BATCH", 2)
    prepare([file_of(tmp_path, TEXT)], tmp_path / "warm", tokenizer=choice)
    peaks = []
    for times in (40, 160):
        name = file_of(tmp_path, TEXT * times)
        tracemalloc.start()
        prepare([name], tmp_path / str(times), tokenizer=choice)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_words_end_a_document_where_they_have_a_word_for_it(tmp_path: Path):
    blank = " \n" * CHUNK  # whose parts have no tokens
    names = [
        file_of(tmp_path, text, text[:3]) for text in ("one two <EOS>" + blank, "three", "four")
    ]
    prepare(names, tmp_path / "out", tokenizer="words", special=True)
    words = load_tokenizer(tmp_path / "out")
    assert isinstance(words, Words)
    assert words.decode(all_ids(tmp_path / "out")) == "one two <EOS> three <EOS> four"
    prepare(names, tmp_path / "plain", tokenizer="words")
    words = load_tokenizer(tmp_path / "plain")
    assert words.decode(all_ids(tmp_path / "plain")) == "one two < EOS > three four"


def test_a_bpe_is_not_learnt_from_what_is_held_out_by_name(tmp_path: Path):
    told, kept = tmp_path / "told.txt", tmp_path / "kept.txt"
    told.write_text("a rose is a rose is a rose. " * 50, encoding="utf-8")
    kept.write_text("zyzzyva! " * 500, encoding="utf-8")
    data = prepare([str(told)], tmp_path / "out", tokenizer="bpe:280", valid=[str(kept)])
    assert data.learnt_from == {"characters": 1400, "of": 1400}
    pieces = load_tokenizer(tmp_path / "out" / "tokenizer.json")
    assert len(pieces.encode("zyzzyva!")) == 8
    assert len(pieces.encode(" rose")) < 5


@pytest.mark.parametrize("choice", ["chars", "words"])
def test_what_is_held_out_by_name_is_spelt_too(tmp_path: Path, choice: str):
    told, kept = file_of(tmp_path, "one two", "told"), file_of(tmp_path, "xyz xyz", "kept")
    prepare([told], tmp_path / "out", tokenizer=choice, valid=[kept])
    tokenizer = load_tokenizer(tmp_path / "out")
    assert tokenizer.decode(ids(tmp_path / "out", "valid.bin")) == "xyz xyz"
