"""Generation: the same text with and without kept keys and values, and draws that are fair."""

import math
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.errors import ConfigError, PellucidError, TokenError
from pellucid.generate import Draw, Sampling, candidates, draw, generate
from pellucid.models import GPT
from tests.generate.lively import GREEDY, lively, seeded
from tests.models.examples import tiny

CONFIG = tiny(vocab_size=11, block_size=6, tied=False)
MODEL = GPT(CONFIG, lively(GPT.init(CONFIG, seed=2, dtype=torch.float64).params))
PROMPT = [3, 1]


def go_on(tokens: list[int] = PROMPT, count: int = 20, **choices: Any) -> list[Draw]:
    settings = {"sampling": Sampling(), "generator": seeded()} | choices
    return list(generate(MODEL, tokens, max_new_tokens=count, **settings))


def ids(draws: list[Draw]) -> list[int]:
    return [choice.token for choice in draws]


def logits_of(*probs: float) -> Tensor:
    return torch.tensor(probs, dtype=torch.float64).log()


def kept(logits: Tensor, **choices: Any) -> tuple[list[int], list[float]]:
    which, probs = candidates(logits, Sampling(**choices))
    return which.tolist(), probs.tolist()


# -- the model's part ------------------------------------------------------------------------------


@pytest.mark.parametrize("keep_past", [True, False])
@pytest.mark.parametrize("length", [1, 2, 5, 6])
def test_each_token_is_drawn_from_the_last_of_a_plain_pass_over_the_context(
    keep_past: bool, length: int
):
    text = [3, 1, 4, 1, 5, 9][:length]
    for choice in go_on(text, 14, keep_past=keep_past):
        expected = MODEL.forward(text[-CONFIG.block_size :])[-1].softmax(-1)
        got = torch.zeros_like(expected).index_put((choice.candidates,), choice.probs)
        assert (got - expected).abs().max() < 1e-12
        text = [*text, choice.token]
    assert len(text) == length + 14, "the context slid"


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(), Sampling(0.7, top_k=3)])
def test_the_text_is_the_same_with_and_without_kept_keys_and_values(sampling: Sampling):
    with_past, without = (go_on(sampling=sampling, keep_past=past) for past in (True, False))
    assert ids(with_past) == ids(without)
    assert len(with_past) == 20 > CONFIG.block_size
    assert len(set(ids(with_past))) > 3


def test_with_kept_keys_and_values_each_step_computes_one_position_until_the_context_is_full(
    monkeypatch: pytest.MonkeyPatch,
):
    lengths: list[int] = []
    extend = GPT.extend

    def counting(self: GPT, tokens: list[int], *rest: Any, **choices: Any) -> Any:
        lengths.append(len(tokens))
        return extend(self, tokens, *rest, **choices)

    monkeypatch.setattr(GPT, "extend", counting)
    go_on(count=8)
    go_on(count=8, keep_past=False)
    assert lengths == [2, 1, 1, 1, 1, 6, 6, 6, 2, 3, 4, 5, 6, 6, 6, 6]


def test_greedy_takes_the_most_likely_token_and_draws_nothing():
    text = list(PROMPT)
    for choice in go_on(sampling=GREEDY):
        assert choice.token == int(MODEL.forward(text[-CONFIG.block_size :])[-1].argmax())
        assert choice.u is None
        assert choice.place == 0
        text.append(choice.token)


def test_the_same_seed_gives_the_same_text_and_another_does_not():
    assert ids(go_on()) == ids(go_on())
    assert ids(go_on()) != ids(go_on(generator=seeded(6)))


def test_nothing_comes_after_the_stop():
    full = ids(go_on())
    stop = full[5]
    assert ids(go_on(stop=stop)) == full[: full.index(stop) + 1]
    assert len(go_on(count=1)) == 1
    several = {stop, full[2]}
    first = next(place for place, token in enumerate(full) if token in several)
    assert ids(go_on(stop=several)) == full[: first + 1]


def test_ids_that_the_tokenizer_lacks_are_never_drawn():
    draws = go_on(count=60, vocab_size=4)
    assert set(ids(draws)) == {0, 1, 2, 3}
    for choice in draws:
        assert sorted(choice.candidates.tolist()) == [0, 1, 2, 3]
        assert math.isclose(float(choice.probs.sum()), 1, rel_tol=1e-12)


def test_the_caller_s_prompt_stays_as_it_was():
    prompt = list(PROMPT)
    go_on(prompt)
    assert prompt == PROMPT


# -- candidates, worked by hand --------------------------------------------------------------------

FOUR = logits_of(0.1, 0.4, 0.3, 0.2)
ORDER = [1, 2, 3, 0]


@pytest.mark.parametrize(
    ("choices", "which", "probs"),
    [
        ({}, ORDER, [0.4, 0.3, 0.2, 0.1]),
        ({"top_k": 1}, [1], [1]),
        ({"top_k": 2}, [1, 2], [4 / 7, 3 / 7]),
        ({"top_k": 4}, ORDER, [0.4, 0.3, 0.2, 0.1]),
        ({"top_k": 99}, ORDER, [0.4, 0.3, 0.2, 0.1]),
        ({"top_p": 1e-9}, [1], [1]),
        ({"top_p": 0.39}, [1], [1]),
        ({"top_p": 0.41}, [1, 2], [4 / 7, 3 / 7]),
        ({"top_p": 0.69}, [1, 2], [4 / 7, 3 / 7]),
        ({"top_p": 0.71}, [1, 2, 3], [4 / 9, 3 / 9, 2 / 9]),
        ({"top_p": 1.0}, ORDER, [0.4, 0.3, 0.2, 0.1]),
        ({"top_k": 2, "top_p": 0.95}, [1, 2], [4 / 7, 3 / 7]),
        ({"top_k": 3, "top_p": 0.5}, [1, 2], [4 / 7, 3 / 7]),
        ({"temperature": 0.5}, ORDER, [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        ({"temperature": 0.5, "top_p": 0.5}, [1], [1]),
        ({"temperature": 1e-3}, ORDER, [1, 0, 0, 0]),
        ({"temperature": 1e-310}, ORDER, [1, 0, 0, 0]),
        ({"temperature": 1e9}, ORDER, [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_candidates_and_their_probabilities(
    choices: dict[str, Any], which: list[int], probs: list[float]
):
    got_ids, got_probs = kept(FOUR, **choices)
    assert got_ids == which
    assert got_probs == pytest.approx(probs, abs=1e-8)
    assert sum(got_probs) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("choices", "which"),
    [
        ({}, [0, 1, 2, 3]),
        ({"top_k": 3}, [0, 1, 2]),
        ({"top_p": 0.25}, [0]),
        ({"top_p": 0.5}, [0, 1]),
        ({"top_p": 0.5 + 1e-9}, [0, 1, 2]),
        ({"top_p": 0.75}, [0, 1, 2]),
        ({"top_p": 1.0}, [0, 1, 2, 3]),
    ],
)
def test_ties_go_by_id_and_a_sum_that_just_reaches_p_is_enough(
    choices: dict[str, Any], which: list[int]
):
    assert kept(torch.zeros(4), **choices)[0] == which


def test_ties_go_by_id_among_many_tokens_too():
    logits = torch.zeros(100).index_fill(0, torch.tensor([70, 90]), 1.0)
    others = [token for token in range(100) if token not in {70, 90}]
    assert kept(logits)[0] == [70, 90, *others]
    assert kept(logits, top_k=5)[0] == [70, 90, 0, 1, 2]


def test_a_top_p_of_one_keeps_every_token_however_unlikely():
    logits = torch.tensor([0.0, -40.0, -50.0])
    assert kept(logits, top_p=1.0) == kept(logits)


def test_logits_of_any_dtype_and_size_are_weighed_in_float64():
    for dtype in (torch.float32, torch.bfloat16):
        which, probs = candidates(torch.tensor([3e4, 3e4, -3e4], dtype=dtype), Sampling())
        assert which.tolist() == [0, 1, 2]
        assert probs.dtype == torch.float64
        assert probs.tolist() == [0.5, 0.5, 0]


# -- draws -----------------------------------------------------------------------------------------


@pytest.fixture
def fixed_u(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def fix(u: float) -> None:
        monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor(u, dtype=torch.float64))

    yield fix
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("u", "token"),
    [
        (0.0, 0),
        (math.nextafter(0.25, 0), 0),
        (0.25, 1),
        (math.nextafter(0.5, 0), 1),
        (0.5, 2),
        (0.75, 3),
        (math.nextafter(1, 0), 3),
    ],
)
def test_a_number_on_a_boundary_belongs_to_the_next_piece(fixed_u: Any, u: float, token: int):
    fixed_u(u)
    choice = draw(torch.zeros(4), Sampling(), seeded())
    assert choice.token == choice.place == token
    assert choice.u == u


def test_the_random_number_lies_in_the_piece_of_the_token_drawn():
    for choice in go_on(count=50):
        ends = [0.0, *choice.probs.cumsum(0).tolist()]
        assert choice.u is not None
        assert ends[choice.place] <= choice.u < ends[choice.place + 1]
        assert int(choice.candidates[choice.place]) == choice.token
        assert all(before >= after for before, after in pairwise(choice.probs.tolist()))


def by_a_full_sort(logits: Tensor, sampling: Sampling, u: float) -> tuple[int, int]:
    """The token on which u falls, and its place, by the definition: everything in order, summed."""
    numbers = logits.numpy()
    exps = np.exp((numbers - numbers.max()) / sampling.temperature)
    probs = (exps / exps.sum()).tolist()
    order = sorted(range(len(probs)), key=lambda token: (-probs[token], -logits[token], token))
    sums = list(accumulate(probs[token] for token in order))
    top_k, top_p = sampling.top_k or len(sums), sampling.top_p or 1
    kept = min(top_k, len(sums))
    if top_p < 1:
        kept = min(kept, 1 + sum(before < top_p for before in sums[:-1]))
    total = 1 if top_k >= len(sums) and top_p == 1 else sums[kept - 1]
    falls = [place for place in range(kept) if u * total < sums[place]]
    # Behind all pieces, for the sums are rounded: it goes to the last that lengthened them.
    place = falls[0] if falls else sums.index(sums[kept - 1])
    return order[place], place


SIZES = st.sampled_from([1, 2, 3, 10, 300, 3000])
STEPS = st.sampled_from([0.0, 1e-17, 1e-3, 0.25, 1.0, 30.0])


@settings(deadline=None, max_examples=300)
@given(
    vocabulary=SIZES,
    values=st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=40),
    step=STEPS,
    seed=st.integers(0, 2**32),
    temperature=st.sampled_from([1.0, 0.7, 1e-3, 20.0]),
    top_k=st.sampled_from([None, 1, 2, 50, 299, 3000, 10_000]),
    top_p=st.sampled_from([None, 1e-9, 0.3, 0.5, 0.9, 0.999999, 1.0]),
    u=st.floats(0, 1, exclude_max=True) | st.sampled_from([0.25, 0.5, 0.75, math.nextafter(1, 0)]),
)
def test_the_token_is_the_one_that_putting_the_whole_vocabulary_in_order_gives(
    vocabulary: int,
    values: list[float],
    step: float,
    seed: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    u: float,
):
    """Few values, repeated, for ties; noise of any size on them, for logits that all but tie."""
    sampling = Sampling(temperature, top_k, top_p)
    noise = torch.randn(vocabulary, generator=seeded(seed), dtype=torch.float64)
    logits = torch.tensor(values, dtype=torch.float64).repeat(vocabulary)[:vocabulary]
    logits += step * noise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda *_, **__: torch.tensor(u, dtype=torch.float64))
        choice = draw(logits, sampling, seeded())
    token, place = by_a_full_sort(logits, sampling, u)
    assert (choice.token, choice.place) == (token, place)
    assert int(choice.candidates[place]) == token
    assert len(choice.candidates) == len(choice.probs)
    assert math.isclose(float(choice.probs.sum()), 1, rel_tol=1e-12)
    most_likely = draw(logits, Sampling(greedy=True), seeded())
    assert most_likely.token == int(logits.argmax()) == int(most_likely.candidates[0])


def test_candidates_are_not_worked_out_until_they_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    calls: list[Sampling] = []
    monkeypatch.setattr(
        "pellucid.generate.sampling.candidates",
        lambda logits, sampling: calls.append(sampling) or candidates(logits, sampling),
    )
    drawn = go_on(count=5) + go_on(count=5, sampling=GREEDY)
    assert calls == []
    assert [len(drawn[7].candidates), len(drawn[7].probs)] == [11, 11]
    assert calls == [GREEDY]


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
@pytest.mark.parametrize("sampling", [GREEDY, Sampling(), Sampling(top_k=2)])
def test_logits_that_are_no_numbers_are_refused(wrong: float, sampling: Sampling):
    for logits in (torch.tensor([0.0, wrong, 1.0]), torch.tensor([-math.inf, -math.inf])):
        with pytest.raises(ConfigError) as error:
            draw(logits, sampling, seeded())
        assert one_line(error).startswith("logits must be numbers")
    barred = draw(torch.tensor([0.0, -math.inf]), sampling, seeded())
    assert barred.token == 0


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, [0.1, 0.4, 0.3, 0.2]),
        ({"top_k": 2}, [0, 4 / 7, 3 / 7, 0]),
        ({"temperature": 0.5}, [1 / 30, 16 / 30, 9 / 30, 4 / 30]),
    ],
)
def test_draws_follow_the_probabilities(choices: dict[str, Any], expected: list[float]):
    count, generator = 3000, seeded(1)
    drawn = [draw(FOUR, Sampling(**choices), generator).token for _ in range(count)]
    counts = [drawn.count(token) for token in range(4)]
    assert [c for c, p in zip(counts, expected, strict=True) if p == 0 and c] == []
    chi_square = sum(
        (c - count * p) ** 2 / (count * p) for c, p in zip(counts, expected, strict=True) if p
    )
    assert chi_square < 16.3, "once in a thousand seeds, with three degrees of freedom"


# -- mistakes --------------------------------------------------------------------------------------


def one_line(error: pytest.ExceptionInfo[PellucidError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("choices", "name"),
    [
        *[({"temperature": value}, "temperature") for value in (0, -1, math.nan, math.inf)],
        *[({"top_k": value}, "top-k") for value in (0, -2)],
        *[({"top_p": value}, "top-p") for value in (0, -0.1, 1.1, math.nan)],
    ],
)
def test_a_setting_outside_its_range_is_named(choices: dict[str, Any], name: str):
    with pytest.raises(ConfigError) as error:
        Sampling(**choices)
    assert one_line(error).startswith(name)
    assert str(*choices.values()) in one_line(error)


@pytest.mark.parametrize(
    ("tokens", "words"), [([], "at least one"), ([0] * 7, "it has 7: shorten it")]
)
def test_a_prompt_has_from_one_token_to_a_full_context(tokens: list[int], words: str):
    with pytest.raises(TokenError) as error:
        go_on(tokens)
    assert words in one_line(error)
    assert "1 to 6" in one_line(error)
    assert len(go_on([0] * 6, 1)) == 1


@pytest.mark.parametrize("count", [0, -1])
def test_at_least_one_token_is_to_be_added(count: int):
    with pytest.raises(ConfigError) as error:
        go_on(count=count)
    assert one_line(error).startswith("max-new-tokens")


def test_a_token_outside_the_vocabulary_is_named():
    with pytest.raises(TokenError) as error:
        go_on([0, 11])
    assert "not 11" in one_line(error)


# -- beside transformers ---------------------------------------------------------------------------


@pytest.mark.parametrize("top_p", [0.05, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("top_k", [1, 2, 5, 20, 49, 50])
def test_top_p_of_top_k_keeps_what_transformers_keeps_and_of_all_no_fewer(top_k: int, top_p: float):
    transformers = pytest.importorskip("transformers")
    for seed in range(20):
        logits = 2 * torch.randn(50, generator=seeded(seed), dtype=torch.float64)
        scores = logits[None] / 0.8
        for warper in (transformers.TopKLogitsWarper(top_k), transformers.TopPLogitsWarper(top_p)):
            scores = warper(None, scores)
        theirs = scores[0].softmax(-1)
        ours = Sampling(0.8, top_k, top_p, top_p_of="top-k")
        which, probs = candidates(logits, ours)
        assert set(which.tolist()) == set(theirs.nonzero().flatten().tolist())
        torch.testing.assert_close(theirs[which], probs)
        of_all, _ = kept(logits, temperature=0.8, top_k=top_k, top_p=top_p)
        assert of_all[: len(which)] == which.tolist()
        drawn = {draw(logits, ours, seeded(again)).token for again in range(20)}
        assert drawn <= set(which.tolist())


def test_a_draw_may_fall_on_any_token_of_a_long_tail(fixed_u: Any):
    """Tokens of a probability below 2^-10, and below 2^-14, are drawn as often as they should."""
    logits = -1.05 * torch.arange(1.0, 40_001.0, dtype=torch.float64).log()
    probs, sums = logits.softmax(-1), logits.softmax(-1).cumsum(0)
    assert float(probs[probs < 2**-14].sum()) > 0.1
    for u in (0.1, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.999, 0.99999):
        fixed_u(u)
        place = int((sums <= u).sum())
        choice = draw(logits, Sampling(), seeded())
        assert (choice.token, choice.place) == (place, place)
        within = draw(logits, Sampling(top_p=0.97), seeded())
        last = int((sums < 0.97).sum())
        assert within.place == int((sums[: last + 1] <= u * float(sums[last])).sum())


def test_top_p_is_of_all_or_of_top_k():
    assert kept(FOUR, top_k=2, top_p=0.5) == ([1, 2], [pytest.approx(4 / 7), pytest.approx(3 / 7)])
    assert kept(FOUR, top_k=2, top_p=0.5, top_p_of="top-k") == ([1], [1])
    assert kept(FOUR, top_p=0.5, top_p_of="top-k") == kept(FOUR, top_p=0.5)
    with pytest.raises(ConfigError, match="of all or of top-k, not of 'some'"):
        Sampling(top_p_of="some")  # type: ignore[arg-type]
