"""The worked examples as documents, pages and worksheets."""

from functools import cache

import torch

from pellucid.documents.build import document
from pellucid.documents.html import html
from pellucid.documents.model import Document
from pellucid.documents.worksheet import worksheet
from pellucid.evaluate import Evaluation
from pellucid.text import BPE, Tokenizer
from tests.documents.page import Page
from tests.examples.walkthroughs import walkthrough_of


@cache
def document_of(name: str) -> Document:
    return document(walkthrough_of(name), colophon=("Pellucid", f"pellucid walk {name}"))


@cache
def html_of(name: str) -> str:
    return html(document_of(name))


@cache
def page_of(name: str) -> Page:
    return Page(html_of(name))


@cache
def worksheet_of(name: str) -> tuple[Document, str]:
    made = worksheet(document_of(name), seed=1)
    return made, html(made)


def evaluation(tokenizer: Tokenizer, text: str, losses: list[float] | None = None) -> Evaluation:
    """An evaluation with losses that all differ."""
    tokens = tokenizer.encode(text)
    begin = 50256 if isinstance(tokenizer, BPE) else None
    count = len(tokens) - (begin is None)
    found = torch.tensor(
        losses or [0.25 * (place + 1) for place in range(count)], dtype=torch.float64
    )
    sizes = tuple(len(tokenizer.piece(token)) for token in tokens)
    return Evaluation(tuple(tokens), sizes, found, begin, 8, 4, exact=True)
