"""Circuits: products of weights against what runs make of them, and heads made by hand."""

import pytest
import torch
from torch import Tensor

from pellucid.errors import ConfigError, TraceError
from pellucid.inspect import (
    composition,
    copying,
    head_circuit,
    induction_score,
    last_occurrences,
    previous_token_score,
    without_head,
)
from pellucid.models import GPT, CausalModel, GPTConfig, Llama, LlamaConfig
from pellucid.tree import flatten, unflatten
from tests.models.examples import random_params

TOKENS = [3, 1, 4, 1, 5]


def random_gpt(**choices: object) -> GPT:
    sizes = {"vocab_size": 7, "block_size": 6, "n_layer": 2, "n_head": 2, "n_embd": 8}
    config = GPTConfig(**{**sizes, "bias": False, "tied": False, **choices})  # type: ignore[arg-type]
    return GPT(config, random_params(config))


def with_leaves(model: CausalModel, **leaves: Tensor) -> CausalModel:
    named = {name.replace("__", "."): leaf for name, leaf in leaves.items()}
    return model.with_params(unflatten(dict(flatten(model.params)) | named))


# -- the products, beside what a run makes --------------------------------------------------------


@pytest.mark.parametrize("choices", [{}, {"lora_rank": 2}])
def test_a_head_looks_by_qk_and_writes_by_ov(choices: dict[str, int]):
    model = random_gpt(**choices)
    _, tape = model.run_with_cache(TOKENS)
    for layer in range(2):
        x = tape.value(f"h.{layer}.resid_pre") * tape.value(f"h.{layer}.ln_1.rstd")
        for head in range(2):
            found = head_circuit(model, layer, head)
            scores = x @ found.qk @ x.mT / 2  # the root of d = 4
            ran = tape.value(f"h.{layer}.attn.scores")[head]
            torch.testing.assert_close(scores.tril(), ran.tril())
            less, other = without_head(model, layer, head).run_with_cache(TOKENS)
            del less
            place = f"h.{layer}.attn.c_proj.out"
            added = tape.value(f"h.{layer}.attn.att")[head] @ x @ found.ov
            torch.testing.assert_close(tape.value(place) - other.value(place), added)


@pytest.mark.parametrize("choices", [{}, {"tied": True}, {"final_norm": False}])
def test_copying_is_told_by_the_eigenvalues_of_the_whole_way(choices: dict[str, bool]):
    model = random_gpt(**choices)
    for head in range(2):
        params, ov = model.params, head_circuit(model, 1, head).ov
        gain = params["ln_f"]["weight"] if "ln_f" in params else torch.ones(8)
        table = (params.get("lm_head") or params["wte"])["weight"] * gain
        if "ln_f" in params:
            table = table - table.mean(-1, keepdim=True)
        whole = torch.linalg.eigvals(params["wte"]["weight"].double() @ ov @ table.double().mT)
        assert copying(model, 1, head) == pytest.approx(
            float(whole.real.sum() / whole.abs().sum()), abs=1e-9
        )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_head_that_hands_on_what_it_reads_copies(sign: float):
    model = random_gpt(n_head=1, vocab_size=8, final_norm=False)
    # An orthogonal table, values as they come, and the head's own weights as their output.
    table, _ = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))
    made = with_leaves(
        model,
        wte__weight=table,
        lm_head__weight=table,
        h__0__ln_1__weight=torch.ones(8).double(),
        h__0__attn__c_attn__weight=torch.eye(8).double().repeat(1, 3),
        h__0__attn__c_proj__weight=sign * torch.eye(8).double(),
    )
    assert copying(made, 0, 0) == pytest.approx(sign)


def test_composition_is_of_the_side_that_reads():
    model = random_gpt(n_head=1, n_layer=2)
    eye, one = torch.eye(8).double(), torch.ones(8).double()
    high = torch.cat([torch.zeros_like(eye[:4]), eye[:4]])  # what reads the upper half alone
    low = torch.cat([eye[:4], torch.zeros_like(eye[:4])])
    made = with_leaves(
        model,
        h__0__ln_1__weight=one,
        h__1__ln_1__weight=one,
        h__0__attn__c_attn__weight=eye.repeat(1, 3),
        h__0__attn__c_proj__weight=torch.diag(high.sum(-1)),  # writes to the upper half alone
        h__1__attn__c_proj__weight=eye,
    )
    for side, (q, k, v) in enumerate(((high, low, low), (low, high, low), (low, low, high))):
        reads = with_leaves(made, h__1__attn__c_attn__weight=torch.cat([q, k, v], 1))
        found = composition(reads, (0, 0), (1, 0))[:3]
        assert found[side] > 2 * max(one for place, one in enumerate(found) if place != side)


def test_a_head_that_writes_nothing_composes_with_none():
    model = without_head(random_gpt(n_head=1), 0, 0)
    assert composition(model, (0, 0), (1, 0))[:3] == (0.0, 0.0, 0.0)


def test_drawn_matrices_compose_by_chance():
    model = random_gpt(n_embd=64, n_head=1)
    found = composition(model, (0, 0), (1, 0))
    for share in found[:3]:
        assert share == pytest.approx(found.chance, rel=0.5)


# -- where heads look -----------------------------------------------------------------------------


def test_scores_of_tables_that_are_known():
    before = torch.eye(4).roll(-1, -1).tril()  # (T, T): each place looks one back
    before[0, 0] = 1.0
    even = torch.ones(4, 4).tril() / torch.arange(1, 5)[:, None]
    tables = torch.stack([before, even])
    assert previous_token_score(tables).tolist() == pytest.approx(
        [1.0, (1 / 2 + 1 / 3 + 1 / 4) / 3]
    )
    batch = torch.stack([tables, tables.flip(0)])
    assert previous_token_score(batch).tolist() == pytest.approx([(1 + 13 / 36) / 2] * 2)
    # 'abab': the third place saw 'a' at 0, so looks at 1; the fourth 'b' at 1, so at 2.
    found = induction_score(tables, torch.tensor([0, 1, 0, 1]))
    assert found.tolist() == pytest.approx([1.0, (1 / 3 + 1 / 4) / 2])
    # 'aaba': the second place saw 'a' at 0, so looks at itself; the last saw it at 1, last of two.
    found = induction_score(tables, torch.tensor([0, 0, 1, 0]))
    assert found.tolist() == pytest.approx([1 / 2, (1 / 2 + 1 / 4) / 2])


def test_the_last_occurrence_counts():
    rows, places, before = last_occurrences(
        torch.tensor([[0, 1, 0, 0], [2, 3, 4, 5], [1, 1, 2, 1]])
    )
    assert list(zip(rows.tolist(), places.tolist(), before.tolist(), strict=True)) == [
        *((0, 2, 0), (0, 3, 2)),
        *((2, 1, 0), (2, 3, 1)),
    ]


def test_what_no_head_can_be_asked_is_refused_in_a_line():
    model, att = random_gpt(), torch.ones(2, 1, 1)
    for layer, head in ((2, 0), (0, 2), (-1, 0), (0, -1)):
        with pytest.raises(ConfigError, match="counted from 0"):
            head_circuit(model, layer, head)
        with pytest.raises(ConfigError, match="counted from 0"):
            without_head(model, layer, head)
    with pytest.raises(ConfigError, match="earlier head first"):
        composition(model, (1, 0), (1, 1))
    with pytest.raises(ConfigError, match="norms before"):
        copying(random_gpt(norm="post"), 0, 0)
    llama = LlamaConfig(vocab_size=7, block_size=6, n_layer=1, n_head=2, n_kv_head=2, n_embd=8)
    with pytest.raises(ConfigError, match="of a GPT"):
        head_circuit(Llama.init(llama), 0, 0)
    with pytest.raises(TraceError, match="two tokens"):
        previous_token_score(att)
    with pytest.raises(TraceError, match="none does"):
        induction_score(torch.ones(1, 3, 3), torch.tensor([0, 1, 2]))
