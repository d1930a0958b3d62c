"""German and English from packages that are made here: read, cleaned, kept apart, recorded."""

import gzip
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import collect_pairs  # noqa: E402
from bitext import archives, cleaning, collecting, likeness, nearness, readers  # noqa: E402

NO_RULES = cleaning.Rules()

GOOD = [
    ("Heute ist ein schöner Tag.", "Today is a beautiful day."),
    ("Warum nicht?", "Why not?"),
    ("Wir haben 12.000 Schafe gezählt.", "We counted 12,000 sheep."),
    ("Der Hund hat 3 Junge.", "The dog has three puppies."),
    ("Er sagte: „Komm herein!“", 'He said: "Come in!"'),
    ("Die Tür zum Haus ist offen", "The door of the house is open"),
]
BAD = [
    ("untranslated", "", "Nothing stands here."),
    ("untranslated", "Save the file now", "Save the file now"),
    ("untranslated", "Hans Peter Meier und Anna Schmidt", "Hans Peter Meier Anna Schmidt"),
    ("markup", "Die Datei %s ist nicht da.", "The file %s is not there."),
    ("markup", "Die Datei %(name)s ist nicht da.", "The file %(name)s is not there."),
    ("markup", "Hallo $unit.name|, wie geht es?", "Hello $unit.name|, how are you?"),
    ("markup", "Öffnen Sie {0} mit der Maus.", "Open {0} with the mouse."),
    ("markup", "Siehe http://beispiel.de dazu.", "See http://example.com for this."),
    ("markup", "Der Befehl ls --all zeigt alles.", "The command ls --all shows all."),
    ("markup", "Setzen Sie max_size auf den Wert.", "Set max_size to the value."),
    ("short", "Datei öffnen", "Open file"),
    ("short", "Dateien öffnen", "Open all these files"),
    ("long", "und " * 61 + "wir", "and " * 61 + "we"),
    ("letters", "Es ist so: 12, 15, 18, 20, 25 !!!", "It is so: 12, 15, 18, 20, 25 !!!"),
    ("letters", "Das Wort мир ist russisch.", "The word мир is Russian."),
    (
        "ratio",
        "Er kommt auch mit.",
        "He will come along too, as he has always done on every Sunday.",
    ),
    ("numbers", "Wir haben 14 Schafe gezählt.", "We counted 15 sheep."),
    ("numbers", "Wir haben 40 Schafe gezählt.", "We counted forty sheep."),
    ("language", "The house is not very big.", "Das Haus ist nicht sehr groß."),
    ("language", "Der Hund schläft", "Der Hund is schläfrig das"),
    ("language", "Le chat est dans the garden of them", "Die Katze ist in dem Garten"),
]


@pytest.mark.parametrize(("german", "english"), GOOD)
def test_good_pairs_are_kept(german: str, english: str):
    assert cleaning.refusal(german, english, NO_RULES) == ""


@pytest.mark.parametrize(("step", "german", "english"), BAD)
def test_each_bad_pair_goes_at_its_step(step: str, german: str, english: str):
    assert cleaning.refusal(german, english, NO_RULES) == step
    assert step in cleaning.STEPS


def test_single_words_are_wanted_of_a_dictionary():
    assert cleaning.refusal("Hund", "dog", NO_RULES) == "short"
    assert cleaning.refusal("Hund", "dog", cleaning.Rules(words=True)) == ""


@pytest.mark.parametrize(
    ("text", "signs", "wanted"),
    [
        ("<b>Wer</b> ist <i>da</i>?", "", "Wer ist da?"),
        ("Wer &amp; was &lt;i&gt;nun&lt;/i&gt;", "", "Wer & was nun"),
        ("&Datei öffnen", "&", "Datei öffnen"),
        ("A&lter Text", "&", "Alter Text"),
        ("&Wer &amp; wo", "&", "Wer & wo"),
        ("_Speichern in max_size", "_", "Speichern in max_size"),
        ("Speichern _unter", "_", "Speichern unter"),
        ("Speichern _unter", "", "Speichern _unter"),
        ("ein\n  Wort\u00a0mehr\u00ad", "", "ein Wort mehr"),
        ("Siehe <xref linkend='a'/> dazu", "", f"Siehe {cleaning.GAP} dazu"),
        ("* ein Punkt", "", "ein Punkt"),
        ("Das \x07oSchiff\x070 sinkt", "", "Das Schiff sinkt"),
    ],
)
def test_markup_is_taken_out(text: str, signs: str, wanted: str):
    assert cleaning.plain(text, cleaning.Rules(signs)) == wanted


def test_a_number_before_both_is_taken_off():
    assert list(cleaning.cleaned("2.1. Die ersten Schritte", "2.1. The first steps", NO_RULES)) == [
        ("Die ersten Schritte", "The first steps", "")
    ]
    ((german, _, refused),) = cleaning.cleaned("3. Der Weg ist weit", "The way is long", NO_RULES)
    assert (german, refused) == ("3. Der Weg ist weit", "")


def test_signs_are_those_of_the_sentences_to_be_translated():
    assert cleaning.typeset("It's \"so\" - isn't it...", german=False) == 'It’s "so" – isn’t it…'
    assert cleaning.typeset('Er sagt "so" und "da".', german=True) == "Er sagt „so“ und „da“."
    assert cleaning.typeset('Ein Zitat, das "endet.', german=True) == "Ein Zitat, das endet."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Er kam. Sie ging! Wer blieb? Ich.", ["Er kam.", "Sie ging!", "Wer blieb?", "Ich."]),
        ("Wir sahen z. B. Hunde. Sie bellten.", ["Wir sahen z. B. Hunde.", "Sie bellten."]),
        ("Am 3. Mai kam Dr. Meier.", ["Am 3. Mai kam Dr. Meier."]),
        ('"Komm!" Er ging.', ['"Komm!"', "Er ging."]),
        ("Version 2.5 ist da.", ["Version 2.5 ist da."]),
    ],
)
def test_sentences_end_where_the_next_begins(text: str, wanted: list[str]):
    assert cleaning.sentences(text) == wanted


def test_a_paragraph_is_split_only_where_both_sides_have_as_many_sentences():
    assert cleaning.aligned("Er kam. Sie ging.", "He came. She went.") == [
        ("Er kam.", "He came."),
        ("Sie ging.", "She went."),
    ]
    whole = ("Er kam. Sie ging.", "He came, and she went.")
    assert cleaning.aligned(*whole) == [whole]
    shifted = ("Ja. Er kam gestern mit dem Zug nach Haus.", "He came home by train yesterday. Yes.")
    assert cleaning.aligned(*shifted) == [shifted]
    fewer = ("Er kam. Sie ging. Wir auch.", "He came. She and we went.")
    assert cleaning.aligned(*fewer) == [fewer]
    parts = cleaning.paragraphs("Eins.\n\nZwei.", "One.\n \nTwo.")
    assert parts == [("Eins.", "One."), ("Zwei.", "Two.")]
    assert len(cleaning.paragraphs("Eins.\n\nZwei.", "One. Two.")) == 1


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def test_near_sentences_are_those_that_a_comparison_with_each_finds():
    words = [
        "ich",
        "du",
        "er",
        "wir",
        "haben",
        "sehen",
        "den",
        "das",
        "Haus",
        "Hund",
        "Baum",
        "nicht",
    ]
    draw = random.Random(3)
    texts = [" ".join(draw.choices(words, k=draw.randint(3, 8))) for _ in range(300)]
    held, asked = texts[:12], texts[12:]
    judge = nearness.HeldOut(held)
    found = 0
    for text in asked:
        runs = nearness.runs_of(text)
        near = False
        for other in map(nearness.runs_of, held):
            inside = len(runs & other) / len(other) >= nearness.CONTAINED
            near |= jaccard(runs, other) >= nearness.JACCARD
            near |= inside and len(other) >= nearness.CONTAINED_FROM
        assert judge.near(text) == near, text
        found += near
    assert 0 < found < len(asked)


def test_a_held_out_sentence_is_found_whatever_its_signs_and_inside_another():
    judge = nearness.HeldOut(["Das Wetter wird morgen schlechter.", "Komm!"])
    assert judge.near("das Wetter wird – morgen – schlechter")
    assert judge.near("DAS WETTER WIRD MORGEN SCHLECHTER")
    assert judge.near("Das Wetter wird heute schlechter.")
    assert judge.near(
        "Wir wissen alle, dass es so kommt: das Wetter wird morgen schlechter, und der Wind dreht."
    )
    assert not judge.near("Kommen wir nun zu dem, was heute in der Zeitung steht.")
    assert not judge.near("Die Zeitung von heute liegt auf dem Tisch.")


def test_probabilities_over_a_vocabulary_are_one_and_the_nearer_text_scores_lower():
    known = frozenset(["der", "hund", "bellt"])
    model = likeness.Bigrams(["der Hund bellt", "der Hund", "der Mond bellt"], known)
    for before in [likeness.BETWEEN, "der", "hund", "bellt", likeness.RARE]:
        words = [*known, likeness.RARE, likeness.BETWEEN]
        assert sum(model.probability(word, before) for word in words) == pytest.approx(1)
    everyday = [("Ich gehe nach Hause.", "I am going home."), ("Ich bin müde.", "I am tired.")] * 3
    manual = [("Der Befehl listet Dateien.", "The command lists files.")] * 6
    judge = likeness.Likeness(everyday, everyday + manual)
    near, far = judge.score("Ich bin zu Hause.", "I am home."), judge.score(*manual[0])
    assert near < 0 < far


PO = """\
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgctxt "menu"
msgid "race^The cat sleeps."
msgstr "Die Katze schläft."

#, fuzzy
msgid "The dog barks."
msgstr "Der Vogel singt."

msgid "One sheep is here."
msgid_plural "Many sheep are here."
msgstr[0] "Ein Schaf ist hier."
msgstr[1] "Viele Schafe sind hier."

#~ msgid "Old words."
#~ msgstr "Alte Worte."
"""
CATALOGUE = [
    ("Die Katze schläft.", "The cat sleeps."),
    ("Ein Schaf ist hier.", "One sheep is here."),
    ("Viele Schafe sind hier.", "Many sheep are here."),
]


def test_catalogues_give_what_is_translated_and_not_in_doubt(tmp_path: Path):
    polib = pytest.importorskip("polib", reason="catalogues are read by polib: pip install polib")
    assert list(readers.catalogue({"de.po": PO.encode()})) == CATALOGUE
    polib.pofile(PO).save_as_mofile(str(tmp_path / "de.mo"))
    data = (tmp_path / "de.mo").read_bytes()
    assert sorted(readers.catalogue({"de.mo": data})) == sorted(CATALOGUE)
    with pytest.raises(archives.CollectError, match=r"de\.mo must be a whole gettext catalogue"):
        list(readers.catalogue({"de.mo": data[:40]}))


def test_a_library_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "polib", None)
    with pytest.raises(archives.CollectError, match="pip install polib"):
        list(readers.catalogue({"de.po": PO.encode()}))


def page(title: str, *paragraphs: str) -> bytes:
    body = "".join(f"<p>{one}</p>" for one in paragraphs)
    return f"<page xmlns='urn:x'><title>{title}</title>{body}</page>".encode()


def test_pages_of_one_structure_give_their_blocks_and_others_nothing():
    files = {
        "h/de/a.page": page("Eins", "Das <em>ist</em> da.", "Mit <xref ref='x'/>."),
        "h/C/a.page": page("One", "That <em>is</em> there.", "With <xref ref='x'/>."),
        "h/de/b.page": page("Eins", "Einer mehr.", "Zwei."),
        "h/C/b.page": page("One", "Two."),
    }
    found = list(readers.pages(files, german="h/de/", english="h/C/"))
    assert found == [
        ("Eins", "One"),
        ("Das ist da.", "That is there."),
        (f"Mit {cleaning.GAP}.", f"With {cleaning.GAP}."),
    ]


def test_elements_are_paired_by_their_ids_once():
    def html(*elements: tuple[str, str]) -> bytes:
        body = "".join(f'<p id="{name}">{words}</p>' for name, words in elements)
        body += '<ul class="x docnav"><li id="next">weiter</li></ul>'
        return f"<html><body>{body}<p>ohne</p></body></html>".encode()

    german = html(("a", "Größe ändern"), ("b", "<span hidden='true'>x</span>Weiter"))
    files = {
        "de/1.html": german,
        "en/1.html": html(("b", "Next"), ("a", "Change the size")),
        "de/2.html": german,
        "en/2.html": html(("a", "Change the size")),
        "de/3.html": german,
    }
    found = list(readers.elements(files, german="de/", english="en/"))
    assert found == [("Größe ändern", "Change the size"), ("Weiter", "Next")]


def test_the_formats_of_games():
    lua = r"""
dialogId("a-1", "font", "Who said \"no\"?")
dialogStr("Wer sagte \"nein\"?")

dialogId("a-2", "font", "This has no German.")

dialogId("a-3", "font", "Come here.")
dialogStr("Komm her.")
"""
    assert list(readers.dialogs({"x": lua.encode()})) == [
        ('Wer sagte "nein"?', 'Who said "no"?'),
        ("Komm her.", "Come here."),
    ]
    table = '["Come here."] = "Komm her.", -- x\n["One\\nTwo"]="Eins\\nZwei",'
    assert list(readers.lua_table({"x": table.encode()})) == [
        ("Komm her.", "Come here."),
        ("Eins\nZwei", "One\nTwo"),
    ]
    assert list(readers.tr_file({"x": b"# textdomain: x\nGood day@n=Guten Tag\n"})) == [
        ("Guten Tag", "Good day ")
    ]
    keys = {
        "de.txt": "# A\nYES\nJa\n\nLONG\n'''Eins\n\nZwei'''\n",
        "en.txt": "LONG\n'''One\n\nTwo'''\n\nYES\nYes\n",
    }
    files = {name: text.encode() for name, text in keys.items()}
    assert list(readers.string_table(files, german="de.txt", english="en.txt")) == [
        ("Ja", "Yes"),
        ("Eins\n\nZwei", "One\n\nTwo"),
    ]
    files = {
        "d/de/a.txt": b"%%%%\nkey\n\nEin Wort\n%%%%\nleer\n\n",
        "d/a.txt": b"%%%%\nkey\n\nA word\n",
    }
    assert list(readers.keyed_blocks(files, german="d/de/", english="d/")) == [
        ("Ein Wort", "A word")
    ]


def test_descriptions_are_paired_by_package_and_checksum():
    german = (
        "Package: hund\nDescription-md5: 1\nDescription-de: ein Hund\n Er bellt.\n .\n"
        " Er kann:\n  * laufen\n  * schlafen\n\n"
        "Package: alt\nDescription-md5: 2\nDescription-de: veraltet\n\n"
    )
    english = (
        "Package: alt\nDescription-md5: 3\nDescription-en: newer\n\n"
        "Package: hund\nDescription-md5: 1\nDescription-en: a dog\n It barks.\n .\n"
        " It can:\n  * walk\n  * sleep\n\n"
    )
    files = {"Translation-de": german.encode(), "Translation-en": english.encode()}
    short, long = readers.descriptions(files)
    assert short == ("ein Hund", "a dog")
    split = cleaning.paragraphs(*long)
    assert [one.strip() for _, one in split] == ["It barks.", "It can:", "walk", "sleep"]


def test_a_dictionary_gives_each_word_its_first_rendering():
    text = "Hund /hʊnt/ <masc, n, sg>\n [zool.] dog <n>, hound\n see: {Hunde}\n\n"
    text += "Leer /x/\n see: {Hund}\n"
    files = {"x.dict.dz": gzip.compress(text.encode()), "x.index": b""}
    assert list(readers.dictionary(files)) == [("Hund", "dog")]


def test_licences_are_the_package_s_own_and_those_of_parts():
    text = (
        "Format: x\n\nFiles: *\nCopyright: a\nLicense: GPL-2+\n\n"
        "Files: debian/*\nLicense: MIT\n\nLicense: GPL-2+\n words\n"
    )
    assert archives.licences(text) == (["GPL-2+"], ["MIT"])
    old = "It is under the GNU General Public License: /usr/share/common-licenses/GPL-2."
    assert archives.licences(old) == (["GPL-2"], [])
    assert archives.licences("under the GNU General Public License")[0] == ["GPL"]
    assert archives.licences("Copy it as you like.") == (["in its own words"], [])


DEBIAN = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="packages are made and opened by dpkg-deb"
)


def debian(folder: Path, package: str, files: dict[str, str], *, rights: str = "License: MIT\n"):
    """A small package in a folder."""
    root = folder / f"root-{package}"
    texts = {"DEBIAN/control": f"Package: {package}\nVersion: 1.2-3\nArchitecture: all\n"}
    texts["DEBIAN/control"] += "Maintainer: A <a@example.org>\nDescription: x\n"
    if rights:
        texts[f"usr/share/doc/{package}/copyright"] = rights
    for name, text in (texts | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    path = folder / f"{package}_1.2-3_all.deb"
    words = ["dpkg-deb", "--root-owner-group", "--build", str(root), str(path)]
    subprocess.run(words, check=True, capture_output=True)
    shutil.rmtree(root)
    return path


DIALOGUE = [
    ("Heute ist ein schöner Tag.", "Today is a beautiful day."),
    ("Das Wetter wird morgen schlechter.", "The weather gets worse tomorrow."),
    ("Heute ist ein schöner Tag!", "Today is a beautiful day!"),
    ("Nimm %s mit nach Hause.", "Take %s home with you."),
    ("Wir gehen jetzt in die Stadt.", "We are going to town now."),
]
SOURCES = """
[[source]]
name = "fish"
about = "talk of fish"
packages = ["fish-*-data"]
reader = "dialogs"
files = ["usr/share/games/*/dialogs_de.lua"]
"""


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder with one package, and the program on it."""
    lua = "".join(
        f'dialogId("a", "f", "{english}")\ndialogStr("{german}")\n' for german, english in DIALOGUE
    )
    (tmp_path / "archives").mkdir()
    debian(tmp_path / "archives", "fish-7-data", {"usr/share/games/fish/dialogs_de.lua": lua})
    (tmp_path / "sources.toml").write_text(SOURCES)
    monkeypatch.setattr(collect_pairs, "SOURCES", tmp_path / "sources.toml")
    held = tmp_path / "valid.tsv"
    held.write_text("Das Wetter wird morgen schlechter.\tIt will rain.\n")
    base = ["--archives", tmp_path / "archives", "--out", tmp_path / "out", "--held-out", held]

    def run(*words: Any) -> int:
        return collect_pairs.main([str(word) for word in [*base, "--offline", *words]])

    run.out = tmp_path / "out"
    return run


@DEBIAN
def test_a_package_becomes_a_file_a_report_and_licences(kitchen, capsys):
    assert kitchen("--table") == 0
    lines = (kitchen.out / "fish.tsv").read_text(encoding="utf-8").splitlines()
    assert lines == ["\t".join(DIALOGUE[0]), "\t".join(DIALOGUE[4])]
    report = json.loads((kitchen.out / "report.json").read_text())["fish"]
    assert report["packages"] == {"fish-7-data": "1.2-3"}
    assert (report["texts"], report["sentences"], report["kept"]) == (5, 5, 2)
    removed = {step: count for step, count in report["removed"].items() if count}
    assert removed == {"markup": 1, "duplicate": 1, "held out": 1}
    rights = json.loads((kitchen.out / "licences.json").read_text())["fish"]["fish-7-data"]
    assert (rights["version"], rights["licences"]) == ("1.2-3", ["MIT"])
    assert (kitchen.out / rights["copyright"]).read_text() == "License: MIT\n"
    out = capsys.readouterr().out
    assert "| fish | 5 | 5 | 2 | 1 | 1 | 1 | 5.5 / 5.5 | MIT |" in out
    assert "| all | 5 | 5 | 2 | 1 | 1 | 1 | | |" in out


@DEBIAN
def test_check_compares_and_writes_nothing(kitchen, capsys):
    assert kitchen() == 0
    before = {path: path.read_bytes() for path in kitchen.out.rglob("*") if path.is_file()}
    assert kitchen("--check") == 0
    path = kitchen.out / "fish.tsv"
    path.write_text("Etwas anderes.\tSomething else.\n")
    assert kitchen("--check") == 1
    assert "fish.tsv must be what is collected now" in capsys.readouterr().err
    assert path.read_text() == "Etwas anderes.\tSomething else.\n"
    assert set(before) == {path for path in kitchen.out.rglob("*") if path.is_file()}


@DEBIAN
def test_the_closest_pairs_come_nearest_first(kitchen, tmp_path):
    like = tmp_path / "like.tsv"
    like.write_text("Heute ist Tag.\tToday is a day.\nHeute ist Tag!\tToday is a day!\n")
    assert kitchen("--closest", 1, "--like", like) == 0
    assert (kitchen.out / "closest.tsv").read_text(encoding="utf-8") == (
        "\t".join(DIALOGUE[0]) + "\n"
    )
    assert json.loads((kitchen.out / "closest.json").read_text())["fish"]["chosen"] == 1


@DEBIAN
def test_test_pairs_are_split_from_training_pairs_and_held_out_too(kitchen, tmp_path):
    train = tmp_path / "train.tsv"
    rows = [f"Satz {i} handelt von {i * 7} Äpfeln.\tNumber {i * 13} is odd {i}." for i in range(9)]
    rows += ["Das Wetter wird morgen noch schlechter.\tOther words.", "\t".join(DIALOGUE[4])]
    train.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert kitchen("--train", train, "--test", 11) == 0
    chosen = (kitchen.out / "test.tsv").read_text(encoding="utf-8").splitlines()
    assert set(chosen) == {row for row in rows if "Wetter" not in row}
    assert (kitchen.out / "train.tsv").read_text() == ""
    lines = (kitchen.out / "fish.tsv").read_text(encoding="utf-8").splitlines()
    assert lines == ["\t".join(DIALOGUE[0])]


@DEBIAN
def test_of_phrases_those_near_to_held_out_pairs_go(kitchen, tmp_path, capsys):
    kept = [("blau", "blue"), ("in die Stadt", "to town")]
    near = [("das Wetter wird morgen noch schlechter", "rain"), ("Regen", "It will rain, rain")]
    path = tmp_path / "phrases.tsv.gz"
    path.write_bytes(gzip.compress(collect_pairs.lines([near[0], *kept, near[1]])))
    assert kitchen("--phrases", path) == 0
    assert "phrases: 2 of 4 kept" in capsys.readouterr().err
    assert collect_pairs.table(kitchen.out / "phrases.tsv.gz") == kept
    assert kitchen("--phrases", path, "--check") == 0
    path.write_bytes(path.read_bytes()[:-20])
    assert kitchen("--phrases", path) == 1
    assert "phrases.tsv.gz must be a file of German, tab, English" in capsys.readouterr().err


def test_of_a_split_no_training_pair_is_near_to_a_test_pair():
    pairs = [(f"Das ist Wort {a}{b}.", f"Word {b * 9}{a * 7}") for a in "abcdef" for b in "xyz"]
    test, rest = collecting.split(pairs, 5, [])
    assert len(test) == 5
    near = collecting.near_to(test)
    assert not any(near(pair) for pair in rest)
    assert collecting.split(pairs[::-1], 5, [])[0] == test


@DEBIAN
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "birds"], "--only must name sources, not birds: fish"),
        (["--closest", "3"], "--closest N and --like FILE must come together"),
        (["--held-out", "nowhere.tsv"], "nowhere.tsv must be a file of German, tab, English"),
    ],
)
def test_a_mistake_is_one_line(kitchen, capsys, words, said):
    assert kitchen(*words) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@DEBIAN
def test_a_table_s_broken_line_is_named(kitchen, capsys, tmp_path):
    (tmp_path / "valid.tsv").write_text("Eins\tOne\nZwei\n")
    assert kitchen() == 1
    assert "valid.tsv, line 2 must be German, tab, English, and has 1 column" in (
        capsys.readouterr().err
    )


@DEBIAN
def test_a_package_without_rights_or_cut_short_is_refused(kitchen, capsys, tmp_path):
    folder = tmp_path / "archives"
    path = debian(folder, "fish-8-data", {"usr/share/games/fish/other.txt": "x" * 99}, rights="")
    assert kitchen() == 1
    assert "fish-8-data_1.2-3_all.deb must have its copyright file" in capsys.readouterr().err
    path = debian(folder, "fish-8-data", {"usr/share/games/fish/other.txt": "x" * 99})
    assert kitchen() == 0
    path.write_bytes(path.read_bytes()[:-60])
    assert kitchen() == 1
    assert "fish-8-data_1.2-3_all.deb must be a whole Debian package" in capsys.readouterr().err


def test_every_source_has_a_reader_and_places_where_it_asks_for_them():
    import tomllib

    entries = tomllib.loads(collect_pairs.SOURCES.read_text(encoding="utf-8"))["source"]
    assert len({entry["name"] for entry in entries}) == len(entries)
    assert not {"train", "test", "closest"} & {entry["name"] for entry in entries}
    for entry in entries:
        assert entry["reader"] in readers.READERS, entry["name"]
        placed = {"pages", "elements", "string table", "keyed blocks"}
        assert ("german" in entry) == (entry["reader"] in placed), entry["name"]
        assert entry["about"], entry["name"]
        assert entry["files"], entry["name"]
