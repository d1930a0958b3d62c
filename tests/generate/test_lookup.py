"""Prompt look-up: the same text as without, in fewer passes where it repeats itself."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.checkpoint import open_model
from pellucid.errors import ConfigError
from pellucid.generate import Draw, Sampling, generate, looked_up
from pellucid.kernels.packing import Form
from pellucid.models import GPT, packed
from tests.generate.lively import GREEDY, lively, seeded
from tests.models.examples import tiny

CONFIG = tiny(vocab_size=5, block_size=24, tied=False)
MODEL = GPT(CONFIG, lively(GPT.init(CONFIG, seed=3, dtype=torch.float64).params))


class Passes:
    """The model's passes: how many positions each began with, and how many it added."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[int, int]] = []
        extend = GPT.extend

        def counting(model: GPT, tokens: list[int], past: Any, **choices: Any) -> Any:
            self.seen.append((past[0].k.shape[-2] if past else 0, len(tokens)))
            return extend(model, tokens, past, **choices)

        patch.setattr(GPT, "extend", counting)


def go_on(tokens: list[int], count: int, **choices: Any) -> list[Draw]:
    given = {"sampling": GREEDY, "generator": seeded()} | choices
    return list(generate(MODEL, tokens, max_new_tokens=count, **given))


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ([], 4, []),
        ([7], 4, []),
        ([1, 2, 3, 4, 1, 2], 4, [3, 4, 1, 2]),
        ([1, 2, 3, 4, 1, 2], 1, [3]),
        ([1, 2, 3, 4, 1, 2], 0, []),
        ([1, 2, 3, 4, 1, 2], -3, []),
        ([1, 2, 3, 4, 9, 2], 4, []),  # one token in common is too little
        ([0, 1, 2, 7, 3, 1, 2, 8, 0, 1, 2], 2, [7, 3]),  # three in common before two
        ([1, 2, 7, 1, 2, 8, 1, 2], 1, [8]),  # of two alike the latest
        ([1, 1, 1], 4, [1]),  # a run goes on
        ([5] * 40, 4, [5]),
    ],
)
def test_what_followed_the_same_end_before_is_guessed(
    text: list[int], count: int, expected: list[int]
):
    assert looked_up(text, count) == expected


@settings(deadline=None, max_examples=60)
@given(
    tokens=st.lists(st.integers(0, 4), min_size=1, max_size=24),
    lookup=st.integers(1, 30),
    sampling=st.sampled_from(
        [GREEDY, Sampling(), Sampling(0.3), Sampling(top_k=2), Sampling(top_p=0.8)]
    ),
    keep_past=st.booleans(),
    count=st.integers(1, 40),
    stop=st.sampled_from([None, 2]),
)
def test_the_text_is_the_one_that_comes_without_guessing(
    tokens: list[int],
    lookup: int,
    sampling: Sampling,
    keep_past: bool,
    count: int,
    stop: int | None,
):
    """The same tokens for the same reasons, before and after the context begins to slide."""
    with pytest.MonkeyPatch.context() as patch:
        passes = Passes(patch)
        choices = {"sampling": sampling, "keep_past": keep_past, "stop": stop, "vocab_size": 4}
        tokens = [token % 4 for token in tokens]
        plain, guessing = seeded(), seeded()
        without = go_on(tokens, count, generator=plain, **choices)
        alone = len(passes.seen)
        with_guesses = go_on(tokens, count, generator=guessing, lookup=lookup, **choices)
    assert [draw.token for draw in with_guesses] == [draw.token for draw in without]
    assert [draw.u for draw in with_guesses] == [draw.u for draw in without]
    assert [draw.place for draw in with_guesses] == [draw.place for draw in without]
    for one, other in zip(with_guesses, without, strict=True):
        assert torch.allclose(one.probs, other.probs, rtol=1e-9, atol=1e-12)
    assert plain.get_state().equal(guessing.get_state())
    assert len(passes.seen) - alone <= alone
    assert all(known + added <= CONFIG.block_size for known, added in passes.seen)


def test_a_text_that_repeats_itself_takes_fewer_passes(monkeypatch: pytest.MonkeyPatch):
    passes = Passes(monkeypatch)
    text = [0, 1, 2, 3, 0, 1]
    without = [draw.token for draw in go_on(text, 18)]
    assert len(passes.seen) == 18
    passes.seen.clear()
    assert [draw.token for draw in go_on(text, 18, lookup=4)] == without
    assert len(passes.seen) < 18
    assert max(added for _, added in passes.seen[1:]) == 5, "what was drawn last and four guesses"
    assert sum(added for _, added in passes.seen) >= len(text) + 17
    ends = [known + added for known, added in passes.seen]
    assert any(known < end for (known, _), end in zip(passes.seen[1:], ends, strict=False)), (
        "positions that were guessed wrongly are forgotten"
    )


@pytest.mark.parametrize("form", [None, "float32"])
def test_the_model_that_comes_along_says_the_same_in_fewer_passes(
    monkeypatch: pytest.MonkeyPatch, form: Form | None
):
    model, tokenizer = open_model("english-1M")
    if form is not None:
        model = packed(model, form)
    passes = Passes(monkeypatch)
    prompt = "And the king said, Behold, the people. And the king said, Behold, the"

    def text(lookup: int) -> list[int]:
        passes.seen.clear()
        draws = generate(
            model,
            tokenizer.encode(prompt),
            max_new_tokens=100,
            sampling=GREEDY,
            generator=seeded(),
            lookup=lookup,
        )
        return [draw.token for draw in draws]

    without = text(0)
    assert len(passes.seen) == 100
    assert text(8) == without
    assert len(passes.seen) < 80


def test_less_than_nothing_cannot_be_guessed():
    with pytest.raises(ConfigError, match="lookup must be at least 0 tokens, such as 8, not -1"):
        go_on([1], 3, lookup=-1)
