"""Notebooks run from top to bottom in a fresh kernel, and show the figures of the walk."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import pellucid
from pellucid.checkpoint import open_model
from pellucid.documents.build import document
from pellucid.documents.model import Document
from pellucid.documents.notebook import notebook
from pellucid.documents.recipe import demonstration_recipe, example_recipe, model_recipe
from pellucid.documents.worksheet import worksheet
from pellucid.examples import find_example
from pellucid.train import record_step
from pellucid.walkthrough import gpt_walkthrough

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

UPDATE = {"learning_rate": 1e-3, "weight_decay": 0.1}


def a_gpt_s_example() -> Document:
    example = find_example("ai_rocks")
    recipe = example_recipe("ai_rocks", example.update, None)
    return replace(document(example.walkthrough(example.update)), recipe=recipe)


def a_demonstration() -> Document:
    walkthrough = find_example("self_attention").walkthrough()
    recipe = demonstration_recipe("self_attention", walkthrough.tape)
    return replace(document(walkthrough, digits=6), recipe=recipe)


def a_text_through_a_model() -> Document:
    text = 'Say "it\'s" { here }'
    model, tokenizer = open_model("gpt2-tiny")
    trace = record_step(model, tokenizer.encode(text), tokenizer, update=UPDATE)
    walkthrough = gpt_walkthrough(trace, "gpt2-tiny", f"{text!r} through {model}")
    recipe = model_recipe(text, "gpt2-tiny", UPDATE, None, {"dtype": "torch.float32"})
    return replace(document(walkthrough), recipe=recipe)


def a_worksheet() -> Document:
    return worksheet(a_demonstration())


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a notebook: this interpreter, these sources, and none of the user's own kernels."""
    monkeypatch.setenv("PYTHONPATH", str(Path(pellucid.__file__).parents[1]))
    for place in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(place, str(tmp_path))

    def run(made: Document):
        book = nbformat.reads(notebook(made), as_version=4)
        client = nbclient.NotebookClient(book, timeout=120)
        client.create_kernel_manager()
        assert client.km.format_kernel_cmd()[0] == sys.executable
        client.execute()
        return book

    return run


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    "make", [a_gpt_s_example, a_demonstration, a_text_through_a_model, a_worksheet]
)
def test_it_runs_and_shows_the_walk_s_figures(make, run):
    made = make()
    book = run(made)
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [
        output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})
    ]
    assert shown
    text = "\n".join(shown)
    if made.answers:
        return
    for value in made.values:
        assert f"<code>{value.name}</code>" in text
        for cell in value.cells if value.whole else ():
            assert f'title="{cell.name}">{cell.text}</td>' in text
