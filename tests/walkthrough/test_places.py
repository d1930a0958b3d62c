"""Where a number stands, in words."""

import pytest

from pellucid.examples import Example, find_example
from pellucid.models import Llama
from pellucid.text import Characters
from pellucid.train import Trace, record_step
from pellucid.walkthrough import describe, in_words
from tests.models.llama_examples import LLAMAS
from tests.walkthrough.recordings import RECORDINGS

PIECES = Characters("abcdefg")


@pytest.fixture(scope="module")
def llama() -> Trace:
    return record_step(Llama.init(LLAMAS["shared keys"], seed=3), [0, 1, 2, 3], PIECES, update=None)


def test_attention_says_who_looks_how_much_at_whom(llama: Trace):
    share = float(llama.tape["h.1.attn.att"][1, 2, 0])
    said = in_words(llama.tape, "h.1.attn.att[1,2,0]", llama.piece)
    assert said == f"layer 1, head 1: 'c' looks {100 * share:.3g}% at 'a'"
    assert in_words(llama.tape, "h.1.attn.att[1,2,0]") == "layer 1, head 1"


def test_a_probability_says_what_comes_after_what(llama: Trace):
    share = float(llama.tape["probs"][1, 6])
    said = in_words(llama.tape, "probs[1,6]", llama.piece)
    assert said == f"after 'b' comes 'g' with {100 * share:.3g}%"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("h.0.attn.k_heads[0,2,1]", "layer 0, key-value head 0: at 'c'"),
        ("h.0.attn.k[1,2,1]", "layer 0, head 1: at 'c'"),
        ("h.0.attn.scores[1,2,0]", "layer 0, head 1: at 'c', looking at 'a'"),
        ("dh.1.attn.att[0,1,1]", "layer 1, head 0: at 'b', looking at 'b'"),
        ("logits[0,5]", "at 'a', for 'f'"),
        ("h.1.ln_1.weight[2]", "layer 1"),
        ("embed.out[1,1]", "at 'b'"),
        ("loss", ""),
        ("h.0.attn.att[1]", ""),
        ("rope.cos[1,0]", "at 'b'"),
    ],
)
def test_other_numbers_say_their_layer_head_and_tokens(llama: Trace, name: str, said: str):
    assert in_words(llama.tape, name, llama.piece) == said


def test_a_place_in_another_text_has_no_tokens_to_name():
    tape = RECORDINGS["transformer, pre, tied, bias"]()
    for name in ("enc.h.0.attn.att[1,2,0]", "dec.h.1.cross.att[1,2,0]"):
        assert in_words(tape, name) == in_words(tape, name, str).partition(": ")[0] == "head 1"


def test_a_name_means_what_the_layer_says_that_made_it(llama: Trace):
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    gpt = example.record().tape
    for name, norm, rms in [
        ("h.0.ln_1.out", "γ x̂ + β", "γ x̂"),
        ("h.0.ln_1.rstd", "1/√(σ²+ε)", "1/RMS(x)"),
        ("dh.0.ln_1.out", "∂L/∂(γ x̂ + β)", "∂L/∂(γ x̂)"),
    ]:
        assert describe(name, gpt).symbol == norm
        assert describe(name, llama.tape).symbol == rms
        assert describe(name).symbol == norm
