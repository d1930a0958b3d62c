"""The site as it is read: from disk, in Chromium, by everybody."""

import re
from pathlib import Path
from typing import Any

import pytest

from pellucid.documents.build import document
from pellucid.errors import ConfigError, WriteError
from pellucid.lessons import PATH, example_run
from pellucid.site import BuiltSite, Contents, build_site
from pellucid.site.pages import Pages, words
from pellucid.site.papers import documents, write_papers
from pellucid.site.pictures import PICTURES
from pellucid.site.room_pages import rooms, write_rooms
from tests.site.conftest import Reader

CHAPTER = "lessons/softmax.html"
PAGES = ["index.html", CHAPTER, "lessons/index.html", "walks/index.html", "glossary.html"]
PAGES += ["walks/softmax.html", "api/words.html"]

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)


def exercise(page: Any, name: str) -> Any:
    return page.locator(f'[data-exercise="{name}"]')


def answer(form: Any, text: str) -> None:
    form.locator("input").first.fill(text)
    form.get_by_role("button", name="Check").first.click()


def test_every_page_opens_from_disk_and_asks_for_nothing(built: BuiltSite, reader: Reader):
    assert built.warnings == built.notes == ()
    for path in PAGES:
        page = reader.open(path)
        assert page.get_by_role("heading", level=1).count() == 1
    texts = [file.read_text("utf-8") for file in built.first.parent.rglob("*.html")]
    assert len(texts) == built.pages
    assert not [text for text in texts if re.search(r'(?:src|href)="(?:https?:)?//', text)]


def test_the_page_grades_names_slips_and_leads_along_the_way(reader: Reader):
    page = reader.open(CHAPTER)
    form = exercise(page, "softmax.share")
    said = form.locator(".said")
    answer(form, "0.333")
    assert "the powers are of 2, not of e" in said.inner_text()
    answer(form, "0.5")
    assert "What is shifted[1,0]?" in said.inner_text()
    step = said.locator("form").first
    answer(step, "-2")
    assert "Here your way leaves: shifted[1,0] = " in said.inner_text()
    answer(step, "-1")
    assert said.locator("form").count() == 2
    form.get_by_role("button", name="Hint").click()
    assert "divided by the sum" in said.inner_text()
    answer(form, "<b>")
    assert "<b> is none" in said.inner_text()
    answer(form, "0.269")
    assert said.inner_text().strip() == "Right."
    page.reload()
    assert "done" in form.get_attribute("class")
    form.get_by_role("button", name="Show the answer").click()
    assert "0.269" in said.inner_text()
    page.get_by_role("link", name="Lessons").first.click()
    page.get_by_text("(3 exercises) ✓ 1 done").wait_for()


def test_the_search_finds_words_without_a_server(reader: Reader):
    page = reader.open("index.html")
    box = page.get_by_role("textbox", name="Search")
    box.click()
    box.press_sequentially("probabilities")
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_url(re.compile(r"walks/index\.html"))


def test_everybody_can_read_it(reader: Reader):
    schemes = {CHAPTER: ("light", "dark"), "api/words.html": ("dark",), "glossary.html": ("light",)}
    for path, colors in schemes.items():
        for scheme in colors:
            page = reader.open(path, color_scheme=scheme)
            if path == CHAPTER:
                answer(exercise(page, "softmax.share"), "0.5")
            found = axe.Axe().run(page, options={"preload": False}).response["violations"]
            grave = [(one["id"], one["nodes"][0]["html"]) for one in found]
            impacts = [one["impact"] for one in found]
            assert not {"serious", "critical"} & set(impacts), (path, scheme, grave)
        for width in (400, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, width)


def test_the_glossary_leads_to_numbers_that_are_shown(reader: Reader):
    told = [one for entry in words()["glossary"].values() for one in entry.get("numbers", ())]
    shown = {
        example: {value.name for value in document(example_run(example).walkthrough).values}
        for example in {one.partition(":")[0] for one in told}
    }
    assert len(told) > 50
    assert [one for one in told if one.partition(":")[2] not in shown[one.partition(":")[0]]] == []
    lessons = {entry.get("lesson", "") for entry in words()["glossary"].values()}
    assert lessons <= {lesson.name for lesson in PATH}
    terms = [entry["term"].casefold() for entry in words()["glossary"].values()]
    assert terms == sorted(terms)
    page = reader.open("glossary.html")
    page.get_by_role("link", name="softmax.out").first.click()
    assert page.locator("#softmax\\.out").is_visible()
    page.get_by_role("link", name="All worked examples").click()
    page.get_by_role("heading", name="Worked examples").wait_for()


def test_each_picture_has_words_and_each_caption_its_picture():
    used = [one.caption for pictures in PICTURES.values() for one in pictures]
    assert sorted(used) == sorted(words()["captions"])
    assert set(PICTURES) <= {lesson.name for lesson in PATH}


def test_the_links_of_the_documents_lead_to_pages(tmp_path: Path):
    pages = Pages(tmp_path)
    assert write_papers(pages) == []
    folder = documents()
    assert folder is not None
    listed = {name for group in words()["papers"] for name in group["pages"]}
    assert {file.stem for file in folder.glob("*.md")} <= listed
    links = 0
    for file in tmp_path.rglob("*.md"):
        prose = re.sub(
            r"^ *```.*?^ *```$", "", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        for aim in re.findall(r"\]\(([^)\s#]+)", prose):
            if "://" not in aim:
                links += 1
                assert (file.parent / aim).is_file(), (file, aim)
    assert links > 50
    assert (tmp_path / "files/formal/README.md").is_file()
    layer = (tmp_path / "files/src/pellucid/layers/ops.py.md").read_text("utf-8")
    assert "````python" in layer


def test_the_api_has_a_page_for_each_room_with_all_that_it_exports(tmp_path: Path):
    write_rooms(Pages(tmp_path), rooms())
    text = (tmp_path / "api/layers.md").read_text("utf-8")
    assert "::: pellucid.layers.layer_norm.layer_norm\n" in text
    assert "::: pellucid.layers.layer_norm.layer_norm_backward\n" in text
    assert "## IDS" in (tmp_path / "api/reference.md").read_text("utf-8")


def test_what_cannot_be_written_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"it holds files.*mine\.txt.*--overwrite"):
        build_site(tmp_path)
    (tmp_path / "assets").write_text("mine")
    with pytest.raises(WriteError, match=r"must have a directory that can be written"):
        build_site(tmp_path, Contents.of([]), overwrite=True)
    monkeypatch.setattr("pellucid.site.build.find_spec", lambda _: None)
    with pytest.raises(
        ConfigError, match=r"mkdocs is not installed: pip install 'pellucid\[site\]'"
    ):
        build_site(tmp_path / "new")
    assert not (tmp_path / "new").exists()
