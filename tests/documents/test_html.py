"""The HTML page, read by a parser: nothing but one file, every number the tape's, links resolve."""

import re
from dataclasses import replace

import pytest

from pellucid.documents.html import MINUS, html
from pellucid.examples import EXAMPLES
from tests.documents.example_documents import document_of, page_of, worksheet_of
from tests.documents.page import Element, Page, numbers

each_example = pytest.mark.parametrize("name", EXAMPLES)


def value_of(page: Page, name: str) -> Element:
    (value,) = (div for div in page.root.all("div") if div.attributes.get("id") == name)
    return value


@pytest.mark.thinned(4)
@each_example
def test_every_number_of_every_table_is_the_document_s(name: str):
    page = page_of(name)
    for value in document_of(name).values:
        if value.whole and value.anchor:
            wanted = [cell.text.replace("-", MINUS) for cell in value.cells]
            assert numbers(page, value.anchor) == wanted, value.name


@each_example
def test_anchors_are_unique_and_links_lead_to_them(name: str):
    elements = list(page_of(name).root.all())
    anchors = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(set(anchors)) == len(anchors)
    links = [element.attributes["href"] for element in elements if "href" in element.attributes]
    assert links
    assert all(link.startswith("#") for link in links), "nothing leads out of the page"
    assert {link.removeprefix("#") for link in links} <= set(anchors)
    targets = {e.attributes["popovertarget"] for e in elements if "popovertarget" in e.attributes}
    assert targets <= set(anchors)


@each_example
def test_the_page_is_one_file_that_runs_nothing(name: str):
    elements = list(page_of(name).root.all())
    outside = {"script", "link", "img", "iframe", "object", "embed", "form", "video", "audio"}
    assert not outside & {element.tag for element in elements}
    attributes = {key for element in elements for key in element.attributes}
    assert not [key for key in attributes if key.startswith("on") or key == "src"]
    (policy,) = page_of(name).root.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    (style,) = page_of(name).root.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_the_page_is_made_of_what_it_means():
    root = page_of("ai_rocks").root
    for tag in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(list(root.all(tag))) == 1, tag
    made = document_of("ai_rocks")
    assert [h2.text for h2 in root.all("h2")] == [section.heading for section in made.sections]
    sections = {section.attributes.get("id"): section for section in root.all("section")}
    for step in made.steps:
        titles = [title.text for title in sections[step.anchor].all("h3")]
        assert len(titles) == bool(step.title)
        assert all(step.title in title for title in titles)
        formulas = list(sections[step.anchor].all("p", **{"class": "formula"}))
        assert len(formulas) == len(step.formulas)
    for table in root.all("table"):
        assert len(list(table.all("caption"))) == 1
        assert {th.attributes.get("scope") for th in table.all("th")} <= {"row", "col"}
    assert list(root.all("math"))
    (footer,) = root.all("footer")
    assert "pellucid walk ai_rocks" in footer.text


def test_the_contents_list_every_step():
    made = document_of("where_do_you_live")
    (nav,) = page_of("where_do_you_live").root.all("nav")
    listed = {link.attributes["href"].removeprefix("#") for link in nav.all("a")}
    assert {step.anchor for step in made.steps if step.title} <= listed


def test_backward_stands_beside_the_step_that_it_undoes():
    rows = page_of("ai_rocks").root.all("div", **{"class": "row"})
    pairs = [[step.attributes["id"] for step in row.all("section")] for row in rows]
    made = document_of("ai_rocks")
    undone = {step.undoes: step.anchor for step in made.steps if step.undoes}
    assert undone
    assert [pair for pair in pairs if len(pair) == 2] == [
        [step.anchor, undone[step.anchor]] for step in made.steps if step.anchor in undone
    ]


def test_a_number_s_panel_has_its_arithmetic_and_every_digit():
    made = document_of("ai_rocks")
    (value,) = (value for value in made.values if value.name == "h.0.attn.att")
    shown = value_of(page_of("ai_rocks"), "h.0.attn.att")
    panels = [panel.text for panel in shown.all("div") if "popover" in panel.attributes]
    for cell, panel in zip(value.cells, panels, strict=True):
        assert panel.startswith(f"{cell.name} {cell.number!r}\n= ")
        lines = " ".join(made.arithmetic(cell.name)).removeprefix(f"{cell.name} ")
        assert panel.partition("\n")[2].split() == lines.split()


def test_the_tint_is_a_property_of_each_cell_and_its_sign_a_class():
    made = document_of("ai_rocks")
    (value,) = (value for value in made.values if value.name == "wte.weight")
    cells = [td for td in value_of(page_of("ai_rocks"), "wte.weight").all("td") if td.children]
    for cell, td in zip(value.cells, cells, strict=True):
        assert td.attributes["style"] == f"--t:{abs(cell.tint):.2f}"
        assert td.attributes["class"] == ("n" if cell.number < 0 else "p")


def test_what_a_value_reads_and_who_reads_it_are_links():
    (ways,) = value_of(page_of("ai_rocks"), "h.0.ln_1.xhat").all("p", **{"class": "links"})
    assert [link.text for link in ways.all("a")] == [
        *("wpe.out", "h.0.ln_1.mean", "h.0.ln_1.rstd"),
        *("h.0.ln_1.out", "dh.0.ln_1.weight", "dh.0.ln_1.x", "dh.0.ln_1.xhat"),
    ]
    assert "x = wpe.out" in " ".join(ways.text.split())


def test_text_that_looks_like_a_tag_is_text():
    title = "<script>alert(1)</script> & more"
    page = Page(html(replace(document_of("softmax"), title=title, notes=(title,))))
    assert not list(page.root.all("script"))
    (heading,) = page.root.all("h1")
    assert heading.text == title
    (notes,) = page.root.all("section", **{"class": "notes"})
    assert title in notes.text


def test_a_worksheet_s_blanks_are_fields_and_none_of_their_numbers_is_told():
    made, content = worksheet_of("ai_rocks")
    page = Page(content)
    fields = {field.attributes["aria-label"] for field in page.root.all("input")}
    blanks = [cell for value in made.values if value.whole for cell in value.cells if cell.blank]
    assert fields == {f"blank {cell.blank}, {cell.name}" for cell in blanks}
    before = content.partition('<section class="answers"')[0]
    long = [repr(cell.number) for cell in blanks if len(repr(cell.number)) > 8]
    assert long
    assert not [number for number in long if number in before]
    assert not [cell.name for cell in blanks if f"<b>{cell.name}</b>" in before]
    (key,) = page.root.all("section", **{"class": "answers"})
    rows = [[td.text for td in row.all("td")] for row in key.all("tr")]
    assert [row[1].replace(MINUS, "-") for row in rows[1:]] == [a.text for a in made.answers]
    assert re.search(r"\.answers \{ break-before: page \}", content)
