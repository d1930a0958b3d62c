"""SmolLM2-135M, where it was fetched before: a trained Llama, its numbers and its pieces."""

import pytest

from pellucid.checkpoint import open_model
from pellucid.inspect import next_tokens
from pellucid.shipped import is_fetched
from pellucid.train import record_step

NAME = "smollm2-135m"

pytestmark = pytest.mark.skipif(
    not is_fetched(NAME), reason=f"{NAME} was not fetched: pellucid get {NAME}"
)


@pytest.fixture(scope="module")
def opened():
    return open_model(NAME)


def test_it_knows_the_capital_of_france(opened):
    """The figures are those of an independent forward on the same weights."""
    model, pieces = opened
    found = next_tokens(model, pieces.prompt("The capital of France is"))
    told = {pieces.piece(one.token).decode(): round(one.probability, 3) for one in found}
    assert told == {" Paris": 0.773, " the": 0.065, " London": 0.012, " Le": 0.01, " New": 0.009}


def test_it_is_unsure_of_a_secret_child(opened):
    model, pieces = opened
    shares = {}
    for word in ("girl", "boy"):
        text = (
            f"Damian had a secret child, a {word}, and he had written in his will that all his "
            "belongings, along with the magical orb, will belong to"
        )
        logits = model.forward(pieces.prompt(text))[-1].softmax(-1)
        shares[word] = [float(logits[pieces.encode(f" {one}")[0]]) for one in ("her", "his")]
    assert shares["girl"] == pytest.approx([0.074, 0.170], abs=2e-3)
    assert shares["boy"][0] < shares["girl"][0] / 2


def test_its_loss_has_a_gradient_by_every_weight(opened):
    model, pieces = opened
    trace = record_step(model, pieces.prompt("The capital of France is"), pieces, update=None)
    assert "dh.29.mlp.c_proj.weight" in trace.tape
    assert float(trace.tape["loss"]) > 0
