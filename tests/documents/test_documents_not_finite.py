"""Documents of runs that went wrong: written in every format, NaN and ∞ shown, the cause named."""

import json
from pathlib import Path

import pytest

from pellucid.documents.build import document
from pellucid.documents.formats import WRITERS, write_document
from pellucid.documents.recipe import demonstration_recipe
from pellucid.train import record_step
from pellucid.walkthrough import Walkthrough, gpt_walkthrough
from tests.tape.broken import TOKENIZER, TOKENS, broken_model, given_nan, overflowing, set_to


def walk_of(model) -> Walkthrough:
    update = {"optimizer": "sgd", "learning_rate": 0.1}
    trace = record_step(model, [*TOKENS, 4], TOKENIZER, update=update)
    return gpt_walkthrough(trace, "title", "about", range(2))


@pytest.mark.thinned
@pytest.mark.parametrize("ending", [".html", ".md", ".tex", ".json", ".ipynb"])
@pytest.mark.parametrize("model", [given_nan, overflowing])
def test_each_format_shows_them_and_names_the_first_tensor(model, ending: str, tmp_path: Path):
    walk = walk_of(model())
    made = document(walk, recipe=demonstration_recipe("softmax", walk.tape))
    path = tmp_path / f"walk{ending}"
    assert write_document(made, path) > 1000
    text = path.read_text(encoding="utf-8")
    plain = text.replace("\\", "")
    assert "is the first tensor that is not finite" in plain
    if ending != ".ipynb":  # which shows no number until it runs
        assert "NaN" in text
    if ending == ".json":
        json.loads(text, parse_constant=pytest.fail)


def test_every_format_but_pdf_is_tried():
    assert set(WRITERS) == {".html", ".md", ".tex", ".json", ".ipynb", ".pdf"}


def test_predictions_that_are_none_are_not_put_in_order():
    model = broken_model("h.0.mlp.c_fc.weight", set_to(float("nan")))
    big = type(model).init(type(model.config)(**model.config.to_dict() | {"vocab_size": 70}))
    broken = big.with_params(big.params | {"ln_f": {**big.params["ln_f"]}})
    broken.params["ln_f"]["bias"] = broken.params["ln_f"]["bias"] * float("nan")
    trace = record_step(broken, [*TOKENS, 4], TOKENIZER, update=None)
    lines = [
        line
        for part in gpt_walkthrough(trace, "t", "a").parts
        for step in part.steps
        for line in step.lines
    ]
    assert sum(line.endswith("its probabilities are not finite numbers") for line in lines) == 3
    assert not any("→" in line for line in lines)
