"""A walk prints what is there: no bias where there is none, and the norm where it stands."""

import json
from collections.abc import Callable
from functools import cache
from io import BytesIO, StringIO

import pytest
from rich.console import Console

from pellucid.documents.build import document
from pellucid.documents.html import html
from pellucid.documents.latex import latex_article
from pellucid.documents.markdown import markdown
from pellucid.documents.model import Document
from pellucid.documents.notebook import notebook
from pellucid.documents.pdf import pdf
from pellucid.documents.recipe import model_recipe
from pellucid.examples.where_do_you_live import PAIRS, WORDS
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.terminal.text import Walk, print_walk
from pellucid.text import Characters
from pellucid.train import record_step
from pellucid.walkthrough import Walkthrough, gpt_walkthrough, transformer_walkthrough
from pellucid.web import Library, SessionApi
from tests.documents.page import Page
from tests.models.examples import random_params
from tests.web.examples import answer

LETTERS = Characters("abcdef")
TEXT = "abcde"


def model_of(*, bias: bool) -> GPT:
    config = GPTConfig(LETTERS.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=4, bias=bias)
    return GPT(config, random_params(config))


@cache
def walkthrough_of(*, bias: bool) -> Walkthrough:
    update = {"learning_rate": 0.1, "weight_decay": 0.1}
    trace = record_step(model_of(bias=bias), LETTERS.encode(TEXT), LETTERS, update=update)
    return gpt_walkthrough(trace, "A model", "and what it does")


def terminal(made: Document) -> str:
    console = Console(width=80, record=True, file=StringIO(), highlight=False)
    print_walk(console, Walk(made, width=80))
    return console.export_text()


def pages(made: Document) -> str:
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    return "".join(sheet.extract_text() for sheet in pypdf.PdfReader(BytesIO(pdf(made))).pages)


WRITERS: dict[str, Callable[[Document], str]] = {
    "terminal": terminal,
    "html": lambda made: Page(html(made)).root.text,
    "pdf": pages,
    "notebook": notebook,
    "latex": latex_article,
    "markdown": markdown,
}


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("form", WRITERS)
def test_a_walk_names_a_bias_where_there_is_one(form: str, bias: bool):
    recipe = model_recipe(TEXT, "a model", None, None, {})
    made = WRITERS[form](document(walkthrough_of(bias=bias), recipe=recipe))
    assert "attn" in made
    assert "xhat" in made
    assert ("bias" in made) is bias


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_the_page_names_a_bias_where_there_is_one(bias: bool):
    api = SessionApi(Library({"a model": (model_of(bias=bias), LETTERS)}))
    experiment = {"subject": {"model": "a model"}, "text": TEXT}
    shown = json.dumps(answer(api, "open", experiment=experiment)["outline"], ensure_ascii=False)
    assert "c_attn" in shown
    assert "xhat" in shown
    assert ("bias" in shown) is bias


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_transformer_s_walk_prints_its_norm_where_it_stands(norm: str):
    """A norm before a sum reads the stream; one behind it reads the sum."""
    sizes = {"block_size": 8, "n_encoder": 1, "n_decoder": 1, "n_head": 2, "n_embd": 4}
    config = TransformerConfig(WORDS.vocab_size, norm=norm, **sizes)
    model = Transformer(config, random_params(config))
    made = transformer_walkthrough(model, WORDS, PAIRS[0], "", "")
    encoder, decoder, backward = ([*part.steps] for part in made.parts)
    titles = [step.title for step in encoder if step.layer == 0]
    norms = ["Layer norm 1", "Self-attention of the source", "Residual connection"]
    assert titles[:3] == (norms if norm == "pre" else [norms[1], norms[2], norms[0]])
    steps = (*encoder, *decoder, *backward)
    formulas = ",   ".join(line for step in steps for line in step.formulas)
    for text, of in (
        ("resid_mid = resid_pre + attn.c_proj.out", "pre"),
        ("sum_1 = resid_pre + attn.c_proj.out", "post"),
        ("resid_cross = resid_mid + cross.c_proj.out", "pre"),
        ("sum_3 = resid_cross + mlp.c_proj.out", "post"),
        ("dresid_mid = dresid_post + dln_2.x", "pre"),
    ):
        assert (text in formulas) is (norm == of), text
