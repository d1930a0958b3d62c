"""Formulas: nothing is lost in reading them, and each writer writes what its readers can read."""

import re
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pellucid.documents.formulas import latex, mathml, typst
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import (
    Fraction,
    Gap,
    Name,
    Number,
    Prose,
    Root,
    Row,
    pieces,
    plain,
)
from tests.documents.formula_texts import formulas, symbols


def every_text() -> tuple[str, ...]:
    """They are many, and made when a test runs: to collect tests is to be quick."""
    return (*formulas(), *symbols())


def without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_nothing_is_lost_by_reading():
    for text in every_text():
        assert without_spaces(plain(formula(text))) == without_spaces(text)
        parts = "".join(map(plain, pieces(formula(text))))
        assert without_spaces(parts) == without_spaces(text)


def test_what_the_walkthroughs_say_is_read_and_not_only_kept():
    """What falls back to words as a whole has no sign in it that a formula would have."""
    for text in every_text():
        tree = formula(text)
        if len(tree.items) == 1 and isinstance(tree.items[0], Prose):
            assert not re.search(r"[=+/√Σ_²ᵀ(\[]|\d", text), text


def test_there_are_formulas_of_every_kind_among_them():
    said = " ".join(formulas())
    for sign in ("Σᵢ", "√(", "½", "^(2i/C)", "ᵀ", "erf", "m_hat", "η λ w", "∞", "←", "…"):
        assert sign in said
    assert len(formulas()) > 100


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("x / C", [Fraction(Row((Name("x"),)), Row((Name("C"),)))]),
        ("√d", [Root(Row((Name("d"),)))]),
        ("att v", [Name("att"), Gap(), Name("v")]),
        ("number of targets", [Prose("number of targets")]),
        ("a sum's x", [Prose("a sum's"), Gap(), Name("x")]),
        ("2h", [Number("2"), Name("h")]),
        ("f(x", [Prose("f(x")]),
        ("= ) /", [Prose("= ) /")]),
        ("x ^ y", [Prose("x ^ y")]),
        ("10 €", [Prose("10 €")]),
        (" / 2", [Prose(" / 2")]),
        ("|x", [Prose("|x")]),
        ("", []),
    ],
)
def test_what_is_read(text: str, items: list[object]):
    assert list(formula(text).items) == items


@given(st.text("xWd √Σ/^()[]|,;:=-+·½²ᵀᵢ'._12e\u0302", max_size=24))
@example("√√")
@example("Σ")
@example("x^(")
@example("|x| |")
def test_no_text_is_lost_or_refused(text: str):
    assert without_spaces(plain(formula(text))) == without_spaces(text)
    ElementTree.fromstring(f"<p>{mathml(text)}</p>")
    assert latex(text).count("{") == latex(text).count("}")
    assert isinstance(typst(text), str)


SHAPES = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "mover": 2, "msubsup": 3, "msqrt": 1}


def seen(text: str) -> str:
    """What is seen of a text when nothing but letters, figures and signs in a line counts."""
    text = re.sub(r"\b([A-Za-z])_([A-Za-z0-9])(?![A-Za-z0-9_]|\.\w)", r"\1\2", text)
    text = re.sub("([²³ᵀᵗ])([₀-₉])", r"\2\1", text)
    text = text.translate(str.maketrans("−∑′\u0302", "-Σ'^"))
    return re.sub(r"[\s√/()^\u2044]", "", unicodedata.normalize("NFKC", text))


def test_mathml_is_well_formed_and_shows_every_letter_figure_and_sign():
    for text in every_text():
        page = ElementTree.fromstring(f"<p>{mathml(text)}</p>")
        for element in page.iter():
            if element.tag in SHAPES:
                assert len(element) == SHAPES[element.tag], (text, element.tag)
        assert seen("".join(page.itertext())) == seen(text), text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1 / √v", "<mfrac><mn>1</mn><msqrt><mi>v</mi></msqrt></mfrac>"),
        ("a = rstd", "<mrow><mi>a</mi><mo form='infix'>=</mo><mi>rstd</mi></mrow>"),
        ("W'", "<msup><mi>W</mi><mrow><mo lspace='0' rspace='0'>′</mo></mrow></msup>"),
        ("Kᵀ", "<msup><mi>K</mi><mrow><mi mathvariant='normal'>T</mi></mrow></msup>"),
        ("a sum of <i> & more", "a sum of &lt;i&gt; &amp; more"),
    ],
)
def test_mathml(text: str, shown: str):
    within = mathml(text).removeprefix('<math displaystyle="true">').removesuffix("</math>")
    assert within == shown.replace("'", '"')


def test_latex_s_braces_and_fences_are_closed():
    for text in every_text():
        shown = latex(text)
        bare = re.sub(r"\\[{}]", "", shown)
        assert bare.count("{") == bare.count("}"), text
        assert shown.count(r"\left(") == shown.count(r"\right)"), text
        assert shown.isascii() or formula(text).items == (Prose(text),), shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("scores = q kᵀ / √d", r"\mathrm{scores} = \frac{q\, k^{\mathsf{T}}}{\sqrt{d}}"),
        ("dW' = act.outᵀ dout", r"\mathrm{dW}' = \mathrm{act.out}^{\mathsf{T}}\, \mathrm{dout}"),
        ("t / 10000^(2i/C)", r"\frac{t}{10000^{2i/C}}"),
        ("c_fc.out", r"\mathrm{c\_fc.out}"),
        ("m = β₁ᵗ, 50% of all", r"50"),
    ],
)
def test_latex(text: str, shown: str):
    assert shown in latex(text)


def test_typst():
    assert typst("q kᵀ / √d, -∞ at padding") == (
        r"$display(frac(q thin k^(upright(T)), sqrt(d)) \, - ∞)$ at padding"
    )
    assert typst("a sum *of* two #things") == r"a sum \*of\* two \#things"
