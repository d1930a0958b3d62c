"""Documents on paper: every format of every example, with the figures of the terminal's walk."""

import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from pellucid.documents.build import document
from pellucid.documents.latex import latex_article, text
from pellucid.documents.markdown import escaped, markdown
from pellucid.documents.model import Document
from pellucid.documents.notebook import notebook
from pellucid.documents.paper import groups
from pellucid.documents.pdf import pdf
from pellucid.documents.recipe import demonstration_recipe, example_recipe
from pellucid.documents.values import Cell, ValueTable
from pellucid.documents.worksheet import worksheet
from pellucid.errors import ConfigError
from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.tape import Tape
from pellucid.terminal.text import Walk, print_walk
from pellucid.walkthrough import Part, Step, Walkthrough
from tests.documents.formula_texts import formulas, symbols
from tests.examples.walkthroughs import walkthrough_of

each_example = pytest.mark.parametrize("name", EXAMPLES)


@cache
def made(name: str) -> Document:
    example = find_example(name)
    recipe = (
        example_recipe(name, example.update, None)
        if isinstance(example, Example)
        else demonstration_recipe(name, walkthrough_of(name).tape)
    )
    return replace(document(walkthrough_of(name)), recipe=recipe)


def figures(shown: str) -> Counter[str]:
    """All numbers with a point in a text, but for what stands in names, and how often."""
    return Counter(re.findall(r"(?<![\w.])-?\d+\.\d+(?:e[-+]\d+)?(?![\w.])", shown))


@cache
def of_the_terminal(name: str) -> Counter[str]:
    console = Console(width=5000, record=True, file=StringIO(), highlight=False)
    print_walk(console, Walk(made(name), width=5000))
    return figures(console.export_text())


def agree(shown: Counter[str], name: str) -> bool:
    """Whether all of the terminal's figures are shown, and no other but those of broken labels."""
    tables = (table for value in made(name).values if value.whole for table in value.tables)
    labels = [label for table in tables for label in (*(table.rows or ()), *(table.columns or ()))]
    wanted = of_the_terminal(name)
    return not wanted - shown and not shown - wanted - figures(" ".join(labels))


@pytest.mark.thinned(4)
@each_example
def test_markdown_has_the_terminal_s_figures(name: str):
    _, _, below = markdown(made(name)).partition('<a id="part-1">')  # behind the contents
    assert agree(figures(below), name)


@pytest.mark.thinned(4)
@each_example
def test_latex_has_the_terminal_s_figures(name: str):
    _, _, body = latex_article(made(name)).partition(r"\begin{document}")
    assert agree(figures(body.replace("~", " ")), name)


def test_other_figures_would_not_agree():
    shown = of_the_terminal("softmax")
    assert agree(shown, "softmax")
    assert not agree(shown + Counter(["0.1234"]), "softmax")
    assert not agree(shown - Counter([next(iter(shown))]), "softmax")


@pytest.mark.thinned(4)
@each_example
def test_a_pdf_has_the_terminal_s_figures(name: str, tmp_path: Path):
    pages = pdf(made(name))
    assert pages.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext reads the text of a PDF, and is not installed")
    file = tmp_path / "walk.pdf"
    file.write_bytes(pages)
    read = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, check=True)
    shown = figures(read.stdout.decode().replace("−", "-"))
    assert set(shown) == set(of_the_terminal(name))


@pytest.mark.thinned(4)
@each_example
def test_a_notebook_says_what_the_walkthrough_says_and_shows_each_of_its_values(name: str):
    cells = json.loads(notebook(made(name)))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    said = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] != "code")
    for value in made(name).values:
        assert f'"{value.name}"' in code
    for step in made(name).steps:
        assert escaped(step.title) in said
        assert all(line in said for line in step.lines)


@pytest.mark.thinned(4)
@each_example
def test_links_lead_to_places(name: str):
    shown = markdown(made(name))
    places = set(re.findall(r'<a id="([^"]+)"></a>', shown))
    assert set(re.findall(r"\]\(#([^)]+)\)", shown)) <= places
    article = latex_article(made(name))
    targets = re.findall(r"\\hypertarget\{([^}]+)\}", article)
    assert set(re.findall(r"\\hyperlink\{([^}]+)\}", article)) <= set(targets)
    assert len(targets) == len(set(targets))


def test_a_worksheet_s_blanks_are_blank_and_their_answers_at_the_end():
    whole, sheet = made("ai_rocks"), worksheet(made("ai_rocks"))
    blanks = [cell for value in sheet.values for cell in value.cells if cell.blank is not None]
    hidden = figures(" ".join(cell.text for cell in blanks))
    assert len(blanks) > 100

    def body(shown: str) -> str:
        return shown.partition(r"\begin{document}")[2] or shown

    for write, key in ((markdown, "## Answers"), (latex_article, r"\section{Answers}")):
        shown, _, answers = body(write(sheet)).partition(key)
        assert not hidden - (figures(body(write(whole))) - figures(shown))
        assert all(answer.text in answers for answer in sheet.answers)
        for cell in blanks:
            assert f"({cell.blank}) ＿" in shown or rf"\blank{{{cell.blank}}}" in shown
    cells = ["".join(cell["source"]) for cell in json.loads(notebook(sheet))["cells"]]
    assert not hidden - (figures(body(markdown(whole))) - figures("\n".join(cells[:-1])))
    assert all(answer.text in cells[-1] for answer in sheet.answers)
    assert pdf(sheet).startswith(b"%PDF-")


def test_typst_reads_every_formula():
    """What it cannot read it refuses, by a formula's place in the list."""
    from typst import Compiler

    from pellucid.documents.formulas import typst

    said = "\n\n".join(map(typst, (*formulas(), *symbols())))
    pages = Compiler(said.encode()).compile(format="svg")
    assert pages


def test_wide_tables_are_cut_into_groups_of_columns():
    wide = next(value for value in made("ai_rocks").values if value.shape == (4, 12))
    (table,) = wide.tables
    parts = list(groups(table, 30, 1))
    assert len(parts) > 1
    assert [cell for part in parts for cell in part.rows[0]] == list(table.cells[0])
    assert [part.first for part in parts] == [0, *(part.first for part in parts[1:])]
    for part in parts:
        assert sum(len(cell.text) + 1 for cell in part.rows[0]) <= 30


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("50 % & more_or_less {#}", r"50 \% \& more\_or\_less \{\#\}"),
        ("√d ≤ ∞", r"\ensuremath{\surd}d \ensuremath{\leq} \ensuremath{\infty}"),
        ("Kᵀ x₁", r"K\textsuperscript{T} x\textsubscript{1}"),
        ("é ß Ł", "é ß Ł"),
        ("--show, a-b", "-{}-show, a-b"),
        ("日", r"\unknown{65E5}{日}"),
        ("\x00", r"\unknown{0}{}"),
    ],
)
def test_any_text_can_stand_in_latex(plain: str, shown: str):
    assert text(plain) == shown


def test_a_long_label_has_several_lines_and_is_not_cut():
    row = (Cell("x", 1.0, "1", 0.0),)
    table = ValueTable("", ("antidisestablishmentarianism", "0123456789abcd[e]"), None, (row, row))
    (group,) = groups(table, 60, 1)
    assert group.labels == ("antidisestabli\nshmentarianism", "0123456789abcd\n[e]")
    tape = Tape()
    tape.given({"x": torch.eye(2)})
    labels = [table.rows, None]
    story = Walkthrough("", "", tape, (Part("", (Step("", names=("x",)),)),), lambda _: labels)
    written = latex_article(document(story))
    assert r"\head{\shortstack[l]{antidisestabli\\{}shmentarianism}} &" in written
    assert r"\head{\shortstack[l]{0123456789abcd\\{}[e]}} &" in written


def test_any_text_can_stand_in_markdown():
    assert escaped("<a> | *b* _c_ $d$ `e`") == r"&lt;a> \| \*b\* \_c\_ \$d\$ \`e\`"


@pytest.mark.parametrize(("write", "package"), [(pdf, "typst"), (notebook, "nbformat")])
def test_what_is_not_installed_is_said_in_one_line(write, package: str, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ConfigError, match=r"pip install 'pellucid\[document\]'"):
        write(made("softmax"))


def test_a_notebook_needs_a_recipe():
    with pytest.raises(ConfigError, match="no recipe"):
        notebook(document(walkthrough_of("softmax")))
