"""Translation: the beam runs on models as they are, and what it finds is what they say."""

from typing import Any

import pytest
import torch

from pellucid.errors import ConfigError, TextError, TokenError
from pellucid.evaluate import translation_scores
from pellucid.generate import Translation, go_on, translate
from pellucid.inspect.alignment import align
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.text import Characters
from pellucid.text.parallel import BOS, EOS, PAD, ParallelText, train_parallel_bpe
from pellucid.text.parallel_rows import parallel_row, source_ids, special
from pellucid.tree import map_leaves

TEXTS = ["ab ba", "b", "abba b", "a b a b", "ab", "ba"]
TOKENIZER = train_parallel_bpe([ParallelText(text, text[::-1]) for text in TEXTS], 264)
SIZES = {"n_head": 2, "n_embd": 8, "block_size": 24}
MARKS = {key: special(TOKENIZER, mark) for key, mark in (("pad", PAD), ("bos", BOS), ("eos", EOS))}


def sharpened(model: Any) -> Any:
    """Weights of order 1, so that the texts differ."""
    return model.with_params(map_leaves(lambda leaf: leaf * 3, model.params))


def models() -> list[GPT | Transformer]:
    vocabulary = TOKENIZER.vocab_size
    pair = TransformerConfig(vocabulary, n_encoder=2, n_decoder=2, **SIZES, **MARKS)
    row = GPTConfig(vocabulary, n_layer=2, **SIZES)
    return [
        sharpened(Transformer.init(pair, seed=1, dtype=torch.float64)),
        sharpened(sharpened(GPT.init(row, seed=1, dtype=torch.float64))),
    ]


each_model = pytest.mark.parametrize("model", models(), ids=["transformer", "gpt"])


def log_prob(model: GPT | Transformer, text: str, tokens: tuple[int, ...], ended: bool) -> float:
    """What the model itself, asked once for the whole text, says of a translation."""
    wanted = [*tokens, MARKS["eos"]] if ended else list(tokens)
    if isinstance(model, Transformer):
        source = source_ids(TOKENIZER, text, "transformer")
        logits = model.forward(source, [MARKS["bos"], *tokens])[: len(wanted)]
    else:
        source = source_ids(TOKENIZER, text, "gpt")
        logits = model.forward([*source, *tokens])[len(source) - 1 :][: len(wanted)]
    return float(logits.log_softmax(-1).gather(-1, torch.tensor(wanted)[:, None]).sum())


@each_model
@pytest.mark.parametrize("width", [1, 3])
def test_a_hypothesis_has_the_probability_that_the_model_gives_it(
    model: GPT | Transformer, width: int
):
    found = translate(model, TOKENIZER, TEXTS, width=width, max_new_tokens=5)
    assert len(found) == len(TEXTS)
    for text, translation in zip(TEXTS, found, strict=True):
        best = translation.hypotheses[0]
        assert translation.text == TOKENIZER.decode(best.tokens).strip()
        for hypothesis in translation.hypotheses:
            ended = len(hypothesis.tokens) < 5
            said = {log_prob(model, text, hypothesis.tokens, end) for end in {ended, True}}
            assert any(hypothesis.log_prob == pytest.approx(value, abs=1e-9) for value in said)


@each_model
def test_texts_together_are_translated_as_each_alone(model: GPT | Transformer):
    together = translate(model, TOKENIZER, TEXTS, width=3, max_new_tokens=6)
    for text, found in zip(TEXTS, together, strict=True):
        (alone,) = translate(model, TOKENIZER, [text], width=3, max_new_tokens=6)
        assert isinstance(found, Translation)
        assert found.text == alone.text
        assert found.hypotheses[0].log_prob == pytest.approx(alone.hypotheses[0].log_prob)


@each_model
def test_a_greedy_translation_takes_the_likeliest_token_each_time(model: GPT | Transformer):
    for text in TEXTS:
        (found,) = translate(model, TOKENIZER, [text], width=1, max_new_tokens=4)
        tokens: list[int] = []
        while len(tokens) < 4:
            if isinstance(model, Transformer):
                source = source_ids(TOKENIZER, text, "transformer")
                logits = model.forward(source, [MARKS["bos"], *tokens])
            else:
                logits = model.forward([*source_ids(TOKENIZER, text, "gpt"), *tokens])
            tokens.append(int(logits[-1].argmax()))
            if tokens[-1] == MARKS["eos"]:
                break
        assert list(found.hypotheses[0].tokens) == [t for t in tokens if t != MARKS["eos"]]


@each_model
def test_what_cannot_be_translated_is_one_line(model: GPT | Transformer):
    with pytest.raises(TokenError, match="at least one word"):
        translate(model, TOKENIZER, [" "])
    with pytest.raises(TokenError, match=r"at most 23 tokens, and .* has 101: cut it"):
        translate(model, TOKENIZER, ["xy" * 50])
    with pytest.raises(ConfigError, match="beam"):
        translate(model, TOKENIZER, ["a"], width=0)


@each_model
def test_a_translation_never_leaves_the_model_s_positions(model: GPT | Transformer):
    (found,) = translate(model, TOKENIZER, ["a b a b"], width=2, max_new_tokens=1000)
    longest = max(len(hypothesis.tokens) for hypothesis in found.hypotheses)
    assert longest <= model.config.block_size


@each_model
def test_an_alignment_is_the_attention_that_ran(model: GPT | Transformer):
    target = TOKENIZER.encode("ba")
    alignment = align(model, TOKENIZER, "ab ba", target)
    assert alignment.target[-1] == "<EOS>"
    layers, heads, rows, columns = alignment.weights.shape
    assert (layers, heads) == (2, 2)
    assert (rows, columns) == (len(alignment.target), len(alignment.source))
    sums = alignment.weights.sum(-1)
    if isinstance(model, Transformer):
        torch.testing.assert_close(sums, torch.ones_like(sums))
    else:  # the first row stands at <SEP>, and has nothing but the source to look at
        torch.testing.assert_close(sums[..., 0], torch.ones_like(sums[..., 0]))
        assert sums.max() <= 1 + 1e-12
        assert sums[..., 1:].min() < 0.9


@each_model
def test_a_translation_that_ends_with_the_positions_can_be_looked_at(model: GPT | Transformer):
    source = source_ids(TOKENIZER, "ab ba", "gpt")  # of as many tokens as for the transformer
    room = 24 if isinstance(model, Transformer) else 24 - len(source) + 1
    tokens = TOKENIZER.encode("b" * 24)
    for length in (room - 1, room):
        target = tokens[:length]
        alignment = align(model, TOKENIZER, "ab ba", target)
        ended = ("<EOS>",) if length < room else ()
        assert alignment.target == (*("b" for _ in target), *ended)
        assert alignment.weights.shape[-2:] == (len(alignment.target), len(source))
    shorter = align(model, TOKENIZER, "ab ba", tokens[: room - 1])
    torch.testing.assert_close(alignment.weights, shorter.weights)
    (found,) = translate(model, TOKENIZER, ["ab ba"], width=2, max_new_tokens=1000)
    for hypothesis in found.hypotheses:
        align(model, TOKENIZER, "ab ba", hypothesis.tokens)


def test_a_row_for_training_is_what_translation_begins_with():
    for form in ("transformer", "gpt"):
        row = parallel_row(TOKENIZER, ParallelText("ab", "ba"), form)
        source = source_ids(TOKENIZER, "ab", form)
        assert row[0][: len(source)] == source


def test_scores_are_sacrebleu_s():
    references = ["the cat sat on the mat today", "where do you live now my friend"]
    same = translation_scores(references, references)
    assert same == {"BLEU": pytest.approx(100.0), "chrF": pytest.approx(100.0)}
    for texts, said in ((references[:1], "1 came with 2"), (["a"] * 3, "3 came with 2")):
        with pytest.raises(TextError, match=said) as error:
            translation_scores(texts, references)
        assert "\n" not in str(error.value)
    with pytest.raises(TextError, match="0 came with 0"):
        translation_scores([], [])
    other = translation_scores(["a dog", "who"], references)
    assert other["BLEU"] < 5
    # By hand: 5 of 6 words, 4 of 5 pairs, 3 of 4 threes, 2 of 3 fours, and no brevity penalty.
    texts = ["the cat sat on the hat"]
    by_hand = 100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    assert translation_scores(texts, ["the cat sat on the mat"])["BLEU"] == pytest.approx(by_hand)


def test_a_beam_goes_on_from_a_prompt():
    _, model = models()
    prompt = TOKENIZER.encode("ab a")
    found = go_on(model, TOKENIZER, prompt, width=3, alpha=0.0, max_new_tokens=4)
    assert len(found) == 3
    for hypothesis in found:
        logits = model.forward([*prompt, *hypothesis.tokens, MARKS["eos"]])
        wanted = [*hypothesis.tokens, MARKS["eos"]]
        said = logits.log_softmax(-1)[len(prompt) - 1 :][: len(wanted)]
        each = [float(row[token]) for row, token in zip(said, wanted, strict=True)]
        ended = len(hypothesis.tokens) < 4
        either = {sum(each) if end else sum(each[:-1]) for end in {ended, True}}
        assert any(hypothesis.log_prob == pytest.approx(value, abs=1e-9) for value in either)
    greedy = go_on(model, TOKENIZER, prompt, width=1, alpha=0.0, max_new_tokens=4)
    assert found[0].log_prob >= greedy[0].log_prob - 1e-9


def test_a_beam_without_an_ending_token_goes_to_the_end_of_the_positions():
    letters = Characters.from_text("abc")
    model = GPT.init(GPTConfig(3, block_size=6, n_layer=1, n_head=1, n_embd=4))
    (best, *_) = go_on(model, letters, [0, 1], width=2, alpha=1.0, max_new_tokens=99)
    assert len(best.tokens) == 5  # the last one is written and not read
    for prompt in ([], [0] * 7):
        with pytest.raises(TokenError, match="a prompt must have from 1 to 6 tokens"):
            go_on(model, letters, prompt, width=2, alpha=1.0, max_new_tokens=3)


# -- to the last position, and no further ----------------------------------------------------------


def one_letter(vocab_size: int, **scores: float) -> GPT:
    """A GPT that scores the letters so, whatever it has read; of ids beyond, the last is first."""
    sizes = SIZES | {"n_head": 1}
    model = GPT.init(GPTConfig(vocab_size, n_layer=1, tied=False, **sizes), dtype=torch.float64)
    params = map_leaves(lambda leaf: leaf * 0, model.params)
    params["ln_f"]["bias"] += 1
    for letter, score in scores.items():
        (token,) = TOKENIZER.encode(letter)
        params["lm_head"]["weight"][token] = score
    if vocab_size > TOKENIZER.vocab_size:
        params["lm_head"]["weight"][-1] = 9
    return model.with_params(params)


@pytest.mark.parametrize("text", ["ab ba", "b"])
def test_a_text_that_does_not_end_is_written_to_the_last_position(text: str):
    model = one_letter(TOKENIZER.vocab_size, a=2)
    source = source_ids(TOKENIZER, text, "gpt")
    for width in (1, 2):
        (found,) = translate(model, TOKENIZER, [text], width=width, max_new_tokens=99)
        # The last is written and not read.
        assert found.text == "a" * (24 - len(source) + 1)


def test_a_padded_model_writes_no_id_that_its_tokenizer_lacks():
    padded = TOKENIZER.vocab_size + 9
    model = one_letter(padded, a=2)
    (found,) = translate(model, TOKENIZER, ["ab"], width=2, max_new_tokens=3)
    assert found.text == "aaa"
    (best, *_) = go_on(model, TOKENIZER, [0, 1], width=2, alpha=1.0, max_new_tokens=3)
    assert TOKENIZER.decode(best.tokens) == "aaa"
    many = TransformerConfig(padded + 500, n_encoder=1, n_decoder=1, **SIZES, **MARKS)
    translator = sharpened(Transformer.init(many, seed=2, dtype=torch.float64))
    source = torch.tensor([source_ids(TOKENIZER, "ab", "transformer")])
    logits = translator.forward(source[0], [MARKS["bos"], *TOKENIZER.encode("ab")])
    assert (logits.argmax(-1) >= TOKENIZER.vocab_size).any()
    (found,) = translate(translator, TOKENIZER, ["ab"], width=3, max_new_tokens=6)
    written = [token for hypothesis in found.hypotheses for token in hypothesis.tokens]
    assert len(written) > 6
    assert max(written) < TOKENIZER.vocab_size


@each_model
def test_a_source_may_fill_all_positions_and_not_one_more(model: GPT | Transformer):
    text = "y" * 22  # and the space in front, and the mark behind
    (found,) = translate(model, TOKENIZER, [text], width=1, max_new_tokens=2)
    assert len(found.hypotheses) == 1
    with pytest.raises(TokenError, match=r"at most 23 tokens, and .* has 24: cut it"):
        translate(model, TOKENIZER, [text + "y"])
