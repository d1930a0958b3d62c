"""Scoring a text: each token once, from its own context; figures that follow from the losses."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import ConfigError, PellucidError, TextError
from pellucid.evaluate import Evaluation, evaluate, evaluate_text, mean_loss, token_losses
from pellucid.kernels import FAST
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters, Words, train_bpe
from pellucid.tree import map_leaves

V, T = 11, 6


def model(vocab_size: int = V, dtype: torch.dtype = torch.float64) -> GPT:
    """A model whose losses differ from token to token."""
    config = GPTConfig(vocab_size, block_size=T, n_layer=2, n_head=2, n_embd=8)
    drawn = GPT.init(config, seed=1, dtype=dtype)
    return drawn.with_params(map_leaves(lambda leaf: leaf * 12, drawn.params))


def ids(count: int) -> list[int]:
    return torch.randint(V, (count,), generator=torch.Generator().manual_seed(2)).tolist()


def alone(gpt: GPT, context: list[int], token: int) -> float:
    """The loss of one token from its context, by a run of its own and PyTorch's loss."""
    logits = gpt.forward(context)[-1:]
    return float(functional.cross_entropy(logits, torch.tensor([token])))


def by_hand(gpt: GPT, tokens: list[int], window: int, stride: int) -> Tensor:
    """Each token from the context that its window gives it: place by place, without windows."""
    losses = []
    for place in range(1, len(tokens)):
        number = max(0, -(-(place - window) // stride))  # the first window that reaches the place
        losses.append(alone(gpt, tokens[number * stride : place], tokens[place]))
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("count", [2, 3, 6, 7, 8, 13, 20])
@pytest.mark.parametrize(("window", "stride"), [(6, 6), (6, 3), (6, 4), (5, 2), (1, 1), (6, 1)])
def test_each_token_is_scored_once_from_its_window(count: int, window: int, stride: int):
    gpt, tokens = model(), ids(count)
    found = token_losses(gpt, tokens, window=window, stride=stride)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, by_hand(gpt, tokens, window, stride))


@pytest.mark.parametrize("window", [1, 4, T])
def test_with_a_stride_of_1_each_token_has_its_own_full_context(window: int):
    gpt, tokens = model(), ids(23)
    own = [
        alone(gpt, tokens[max(0, place - window) : place], tokens[place])
        for place in range(1, len(tokens))
    ]
    found = token_losses(gpt, tokens, window=window, stride=1)
    torch.testing.assert_close(found, torch.tensor(own, dtype=torch.float64))


@pytest.mark.parametrize("logits", [1, 3 * V, 2 * T * V, 1 << 23])
def test_how_many_windows_are_taken_together_changes_nothing(
    logits: int, monkeypatch: pytest.MonkeyPatch
):
    gpt, tokens = model(), ids(40)
    monkeypatch.setattr(evaluate, "LOGITS_AT_ONCE", logits)
    told: list[tuple[int, int]] = []
    found = token_losses(gpt, tokens, window=6, stride=2, watch=lambda *said: told.append(said))
    torch.testing.assert_close(found, by_hand(gpt, tokens, 6, 2))
    assert told[-1] == (39, 39)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_windows_side_by_side_have_the_mean_loss_that_training_validates_by():
    gpt, tokens = model(dtype=torch.float32), torch.tensor(ids(1 + 5 * T))
    batch = (tokens[:-1].view(5, T), tokens[1:].view(5, T))
    found = token_losses(gpt, tokens.tolist(), window=T, stride=T)
    assert float(found.mean()) == pytest.approx(mean_loss(gpt, [batch]), rel=1e-5)


# -- a text ----------------------------------------------------------------------------------------

BYTES = train_bpe("", 257)  # the 256 bytes and the end of a text


def test_the_first_token_is_predicted_where_something_can_stand_in_front():
    gpt = model(257)
    found = evaluate_text(gpt, BYTES, "größer")
    tokens = BYTES.encode("größer")
    assert found.tokens == tuple(tokens)
    assert (found.begin, found.skipped, len(found.losses)) == (256, 0, 8)
    assert found.scored_bytes == len("größer".encode()) == 8
    assert (found.window, found.stride, found.exact) == (T, T // 2, True)
    torch.testing.assert_close(found.losses, by_hand(gpt, [256, *tokens], T, T // 2))
    without = evaluate_text(gpt, BYTES, "größer", begin=False)
    assert (without.begin, without.skipped, without.scored_bytes) == (None, 1, 7)
    torch.testing.assert_close(without.losses, by_hand(gpt, tokens, T, T // 2))


def test_without_a_token_for_it_the_first_is_left_out_with_its_bytes():
    found = evaluate_text(model(3), Characters("aöz"), "öazö")
    assert (found.begin, found.skipped, len(found.losses)) == (None, 1, 3)
    assert found.sizes == (2, 1, 1, 2)
    assert found.scored_bytes == 4


def test_the_figures_follow_from_the_losses():
    losses = torch.tensor([math.log(2), math.log(8), math.log(16)], dtype=torch.float64)
    found = Evaluation((1, 2, 3, 4), (9, 2, 1, 1), losses, None, 8, 4, exact=True)
    assert found.total == pytest.approx(8 * math.log(2))
    assert found.loss == pytest.approx(8 * math.log(2) / 3)
    assert found.perplexity == pytest.approx(2 ** (8 / 3))
    assert found.bits_per_byte == pytest.approx(8 / 4)
    high = replace(found, losses=losses * 300)
    assert high.perplexity == pytest.approx(math.exp(high.loss))
    assert replace(found, losses=losses * 1000).perplexity == math.inf


def test_a_model_has_the_same_bits_per_byte_under_tokenizers_that_cut_alike():
    text = "a fine day, is it not?\n"
    spare = "".join(map(chr, range(0x400, 0x400 + 257 - 128)))
    characters = Characters("".join(map(chr, range(128))) + spare)
    by_bytes = model(257)
    # The row of each character is that of its byte; the other rows come in any order.
    rows = [BYTES.encode(chr(code))[0] for code in range(128)]
    rows += sorted(set(range(257)) - set(rows))
    params = by_bytes.params | {"wte": {"weight": by_bytes.params["wte"]["weight"][rows]}}
    one = evaluate_text(by_bytes, BYTES, text, begin=False)
    other = evaluate_text(by_bytes.with_params(params), characters, text)
    assert one.tokens != other.tokens
    assert other.bits_per_byte == pytest.approx(one.bits_per_byte, rel=1e-12)
    assert one.bits_per_byte == pytest.approx(one.loss / math.log(2))


def test_bits_per_byte_share_the_total_among_the_bytes_whatever_the_pieces():
    learnt = train_bpe("the cat the hat the mat " * 9, 262)
    found = evaluate_text(model(262), learnt, "the cat, the hat")
    assert len(found.tokens) < 16 == found.scored_bytes
    assert found.bits_per_byte * 16 * math.log(2) == pytest.approx(float(found.losses.sum()))


def test_words_count_the_bytes_that_they_spell():
    words = Words(("one", "two", "(", ")", "<EOS>"))
    found = evaluate_text(model(5), words, "one\n\n( two )")
    assert found.sizes == (3, 2, 3, 1)
    assert found.begin == 4
    assert not found.exact
    assert evaluate_text(model(5), words, "one (two)").exact


def one_line(error: pytest.ExceptionInfo[PellucidError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"window": 0}, "--window must be from 1 to the model's 6"),
        ({"window": 7}, "--window must be from 1 to the model's 6"),
        ({"stride": 0}, "--stride must be from 1 to the window's 6"),
        ({"window": 4, "stride": 5}, "--stride must be from 1 to the window's 4"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, int], words: str):
    with pytest.raises(ConfigError, match=words) as error:
        evaluate_text(model(257), BYTES, "text", **settings)
    one_line(error)


def test_by_default_the_stride_is_half_of_the_window_and_never_0():
    found = [evaluate_text(model(257), BYTES, "text", window=window) for window in (1, 2, 5, T)]
    assert [one.stride for one in found] == [1, 1, 2, 3]


def test_a_text_without_a_token_to_score_is_refused():
    for tokenizer, text in ((BYTES, ""), (Characters("ab"), "a"), (Words(("a",)), " ")):
        with pytest.raises(TextError, match="another before it") as error:
            evaluate_text(model(257), tokenizer, text)
        one_line(error)
    assert len(evaluate_text(model(257), BYTES, "a").losses) == 1


def test_a_model_of_no_numbers_is_refused():
    broken = model().with_params(map_leaves(lambda leaf: leaf * math.nan, model().params))
    with pytest.raises(ConfigError, match="NaN") as error:
        token_losses(broken, ids(9), window=6, stride=3)
    one_line(error)


def test_positions_without_a_target_do_not_count_in_a_mean_over_batches():
    gpt = model()
    tokens = torch.tensor([ids(5), ids(10)[5:]])
    wanted = torch.tensor([ids(15)[10:], ids(20)[15:]])
    wanted[0, 1:] = IGNORE
    logits = gpt.forward(tokens)
    losses = functional.cross_entropy(
        logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORE, reduction="sum"
    )
    # One target in the first batch, five in the second.
    found = mean_loss(gpt, [(tokens[:1], wanted[:1]), (tokens[1:], wanted[1:])])
    assert found == pytest.approx(float(losses) / 6, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_losses_of_a_half_precision_model_are_those_of_its_logits_in_float32(dtype: torch.dtype):
    gpt, tokens = model(dtype=torch.float32).to(dtype=dtype), ids(T + 1)
    found = token_losses(gpt, tokens, window=T, stride=T)
    logits = gpt.forward(tokens[:-1], ops=FAST).float()
    right = functional.cross_entropy(logits, torch.tensor(tokens[1:]), reduction="none")
    torch.testing.assert_close(found, right.double(), rtol=1e-6, atol=1e-6)
