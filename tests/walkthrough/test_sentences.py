"""What a number is, in a sentence: of every name that runs of all kinds have."""

import math
import re

import pytest

from pellucid.tape import Tape
from pellucid.walkthrough import Sentences, describe
from pellucid.words import figure, share
from tests.walkthrough.said import KINDS, llama_on, said_of, some


@pytest.fixture(scope="module")
def llama() -> Sentences:
    return said_of("llama")


@pytest.fixture(scope="module")
def rocks() -> Sentences:
    return said_of("ai_rocks")


@pytest.mark.parametrize("name", [*KINDS, "optimizers"])
def test_every_number_has_a_sentence_whose_figures_are_those_of_the_run(name: str):
    said = said_of(name)
    for full in some(said.tape):
        text = said.of(full)
        whole, _, index = full.rstrip("]").partition("[")
        assert text[-1] == ".", full
        assert text[0].isupper() or text[0] in "'0123456789", text
        rest = re.sub(r"'[^']*'", "''", text)  # what stands in quotes is the text's, or a label
        assert not re.search(r"[{}\[\]]|\bh\.\d|\b(nan|None)\b", rest), text
        assert ": ." not in rest
        number = said.tape.value(whole)
        at = tuple(map(int, index.split(","))) if index else ()
        check_figures(said.tape, whole, at, float(number[at]), rest)
        assert said.short(full)


def check_figures(tape: Tape, name: str, at: tuple[int, ...], number: float, text: str) -> None:
    """Each figure that is no whole number is one of the run's, and a gradient's sign is its own."""
    allowed = (
        {figure(number), share(number), figure(abs(number))} if math.isfinite(number) else set()
    )
    if name.rpartition(".")[-1] == "losses" and f"{name[:-6]}probs" in tape:
        target = int(tape.value(f"{name[:-6]}targets")[at])
        allowed.add(figure(float(tape.value(f"{name[:-6]}probs")[(*at, target)])))
    for found in re.findall(r"(?<![\w.])-?\d[\d.]*(?:e-?\d+)?%?(?![\w])", text):
        one = found.rstrip(".")
        assert one in allowed or one.lstrip("-") in allowed or one.isdecimal(), (name, text)
    call = tape.shown_by(name)
    if call is not None and call.backward and "would" in text:
        word = "grow by" if number > 0 else "fall by" if number < 0 else "stay as it is"
        assert f"would {word}" in text, (name, text)


def test_attention_says_who_looks_how_much_at_whom(llama: Sentences):
    part = float(llama.tape["h.1.attn.att"][1, 2, 0])
    assert llama.of("h.1.attn.att[1,2,0]") == f"Block 1, head 1: 'c' looks {share(part)} at 'a'."
    own = float(llama.tape["h.1.attn.att"][1, 2, 2])
    assert llama.of("h.1.attn.att[1,2,2]") == f"Block 1, head 1: 'c' looks {share(own)} at itself."
    assert llama.of("h.1.attn.att[0,0,1]") == (
        "Block 1, head 0: hidden: 'b' comes later in the text, so 'a' looks 0% at it."
    )
    bare = Sentences(llama.tape)
    assert bare.of("h.1.attn.att[1,2,0]") == (
        f"Block 1, head 1: position 2 looks {share(part)} at position 0."
    )


def test_a_loss_and_a_probability_say_how_they_come_about(rocks: Sentences):
    chance = float(rocks.tape["probs"][0, 1])
    assert rocks.of("losses[0]") == (
        f"'AI' → 'rocks' had probability {figure(chance)}; "
        f"loss = −log {figure(chance)} = {figure(-math.log(chance))}."
    )
    assert rocks.of("probs[0,1]") == (
        f"After 'AI' the model gives 'rocks' a probability of {share(chance)}, and that is what "
        "comes."
    )
    loss = float(rocks.tape["loss"])
    assert rocks.of("loss").startswith(f"How wrong the model was: {figure(loss)}, the mean of 2 ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "h.0.attn.q[0,1,1]",
            "Block 0, head 0: the query of 'rocks': channel 1 of what it is looking for.",
        ),
        (
            "h.0.attn.c_attn.weight[3,10]",
            (
                "Block 0: the weight from channel 3 to channel 0 of the value in head 1 in the map "
                "to queries, keys and values."
            ),
        ),
        ("h.0.resid_mid[1,2]", "Block 0: channel 2 of the stream of 'rocks' after attention."),
        ("tokens[1]", "The token at position 1: 'rocks', number 1 of the vocabulary."),
        ("mask[0,1]", "'AI' may not look at 'rocks'."),
    ],
)
def test_other_numbers_say_what_they_are(rocks: Sentences, name: str, said: str):
    assert rocks.of(name) == said


def test_a_gradient_says_what_the_loss_would_do(rocks: Sentences):
    number = float(rocks.tape["dh.0.attn.att"][0, 1, 0])
    assert number > 0
    grows = f"grew by a little, the loss would grow by {figure(number)} times that."
    assert rocks.of("dh.0.attn.att[0,1,0]") == (
        f"Block 0, head 0: if the share of its attention that 'rocks' gives to 'AI' {grows}"
    )
    assert rocks.effect("h.0.attn.att[0,1,0]") == f"If this number {grows}"
    assert rocks.effect("tokens[0]") == rocks.effect("dh.0.attn.att[0,1,0]") == ""
    alone = rocks.of("dh.0.ln_2.x[0,0]")
    assert alone.endswith("times that, counted through the second norm alone.")


def test_a_token_that_stands_twice_is_told_apart():
    text = llama_on(0, 1, 0, 3).of("h.0.attn.att[0,2,1]")
    assert text.startswith("Block 0, head 0: 'a' (position 2) looks ")


def test_padding_is_hidden_without_being_later():
    said = said_of("encoder_decoder")
    scores = said.tape["enc.h.0.attn.scores"]
    hidden = [at for at in (scores == -math.inf).nonzero().tolist() if at[3] > at[2]]
    text = said.of(f"enc.h.0.attn.att[{','.join(map(str, hidden[0]))}]")
    assert "is not to look at" in text
    assert "later" not in text


def test_a_name_means_what_the_layer_says_that_made_it(llama: Sentences):
    gpt = said_of("ai_rocks").tape
    for name, norm, rms in [
        ("h.0.ln_1.out", "γ x̂ + β", "γ x̂"),
        ("h.0.ln_1.rstd", "1/√(σ²+ε)", "1/RMS(x)"),
        ("dh.0.ln_1.out", "∂L/∂(γ x̂ + β)", "∂L/∂(γ x̂)"),
    ]:
        assert describe(name, gpt).symbol == norm
        assert describe(name, llama.tape).symbol == rms
        assert describe(name).symbol == norm
