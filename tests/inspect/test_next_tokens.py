import pytest
import torch

from pellucid.checkpoint import load
from pellucid.errors import TokenError
from pellucid.inspect import next_tokens
from pellucid.models import Llama
from tests.models.llama_examples import LLAMAS

IDS = [3, 1, 4, 1]


@pytest.mark.parametrize("model", [load("gpt2-tiny"), Llama.init(LLAMAS["shared keys"], seed=3)])
def test_they_are_the_likeliest_by_softmax(model):
    probabilities = model.forward(torch.tensor(IDS))[-1].softmax(-1)
    found = next_tokens(model, IDS, 4)
    for one in found:
        assert one.probability == pytest.approx(float(probabilities[one.token]), rel=1e-5)
    rest = probabilities.clone()
    rest[[one.token for one in found]] = 0
    assert rest.max() <= min(one.probability for one in found)
    assert [one.probability for one in found] == sorted(
        (one.probability for one in found), reverse=True
    )


def test_there_are_no_more_than_the_vocabulary_has():
    model = Llama.init(LLAMAS["shared keys"])
    assert len(next_tokens(model, [1], 100)) == model.config.vocab_size


def test_a_text_must_fit():
    with pytest.raises(TokenError):
        next_tokens(Llama.init(LLAMAS["shared keys"]), [1] * 7)
    with pytest.raises(TokenError):
        next_tokens(Llama.init(LLAMAS["shared keys"]), [])
