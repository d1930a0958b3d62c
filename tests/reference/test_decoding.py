"""A pack's decoding is what forward makes of the whole text, in any program and without a cache."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.compare import Comparison, Mine, compare
from pellucid.errors import ConfigError, TraceError
from pellucid.generate import Sampling, candidates
from pellucid.models import CausalModel
from pellucid.reference import (
    Decoding,
    Pack,
    ReferenceRun,
    open_pack,
    padded,
    tokenizer_vectors,
    write_pack,
)
from pellucid.reference.texts import HARD
from pellucid.terminal.compare import comparison_lines
from pellucid.text.bpe import gpt2
from tests.models.llama_examples import LLAMAS, drawn
from tests.port import gpt2 as port
from tests.port.models import N_HEAD, model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
PROMPT = [3, 1, 4]
SAMPLING = Sampling(0.7, top_k=6, top_p=0.9)


def written(place: Path, model: CausalModel, **other: Any) -> Pack:
    tokens, targets = torch.tensor(PROMPT), torch.tensor([*PROMPT[1:], 2])
    decoding = Decoding(6, SAMPLING, seed=5)
    run = ReferenceRun(model, "", tokens, targets, UPDATE, 1, decoding)
    write_pack(run, place, dtypes=[torch.float32, torch.float64], **other)
    return open_pack(place)


@pytest.fixture(scope="module")
def model() -> CausalModel:
    params = {name: 3 * value for name, value in small()[0].items()}
    return model_of(params, torch.float64)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, model: CausalModel) -> Pack:
    texts = tokenizer_vectors(gpt2(), "any text")
    return written(tmp_path_factory.mktemp("decoded") / "pack", model, texts=texts)


def judged(pack: Pack, **dump: Any) -> Comparison:
    tensors = {name.replace("_", "."): torch.as_tensor(value) for name, value in dump.items()}
    return compare(pack, Mine(tensors, pack.blank, None))


def said(found: Comparison) -> str:
    (wrong,) = (one for one in found.later if not one.agrees)
    return f"{wrong.name}: {wrong.said}"


def test_numpy_s_port_decodes_the_same_without_a_cache(pack: Pack):
    params = {name: 3 * value for name, value in small()[0].items()}
    for name, choice in (
        ("decode.ids", None),
        ("sample.ids", pack.tensor("sample.uniform", "float64")),
    ):
        text = list(PROMPT)
        for number in range(6):
            read = np.array(text)
            run = port.run(params, read, read, n_head=N_HEAD, dtype=np.float64, steps=0)
            row = run["logits"][-1]
            if choice is None:
                kept = pack.tensor("decode.logits", "float64")[number].numpy()
                np.testing.assert_allclose(row, kept, rtol=1e-9, atol=1e-12)
                text.append(int(row.argmax()))
            else:
                text.append(by_definition(row, float(choice[number])))
        assert text[len(PROMPT) :] == pack.tensor(name, "float64").tolist()


def by_definition(row: np.ndarray, u: float) -> int:
    """docs/reference-pack.md's rule for a sampled token, in a loop."""
    weights = np.exp((row - row.max()) / 0.7)
    probs = weights / weights.sum()
    order = sorted(range(len(row)), key=lambda token: (-probs[token], token))[:6]
    kept, total = [], 0.0
    for token in order:
        kept.append(token)
        total += probs[token]
        if total >= 0.9:
            break
    end = 0.0
    for token in kept:
        end += probs[token] / total
        if u < end:
            return token
    return kept[-1]


def test_what_is_in_it(pack: Pack, model: CausalModel):
    tape_logits = pack.tensor("logits", "float64")
    decoded = pack.tensor("decode.logits", "float64")
    torch.testing.assert_close(decoded[0], tape_logits[-1], rtol=1e-12, atol=1e-13)
    assert pack.manifest["decoding"] == {
        "prompt": PROMPT,
        "steps": 6,
        "sampling": {"temperature": 0.7, "top_k": 6, "top_p": 0.9},
    }
    text = [*PROMPT, *pack.tensor("decode.ids", "float64").tolist()[:-1]]
    _, past = model.extend(text, None)
    for layer, own in enumerate(past):
        for kind in ("k", "v"):
            kept = pack.tensor(f"decode.h.{layer}.{kind}", "float64")
            torch.testing.assert_close(kept, getattr(own, kind), rtol=1e-12, atol=1e-13)
    likeliest = [*text[len(PROMPT) :], int(decoded[-1].argmax())]
    assert pack.tensor("decode.ids", "float32").tolist() == likeliest
    found = compare(pack, Mine.open(pack.place, pack.blank))
    assert found.agrees
    assert found.missing == []
    assert {"decode.logits", "sample.ids", "texts.0", "decode.h.1.v"} <= found.judged
    assert not found.unseen


def test_as_many_steps_as_there_is_room_for(tmp_path: Path, model: CausalModel):
    run = ReferenceRun(
        model, "", torch.tensor([1] * 9), torch.tensor([1] * 9), UPDATE, 1, Decoding(6)
    )
    write_pack(run, tmp_path / "p", dtypes=[torch.float64])
    assert open_pack(tmp_path / "p").rows["decode.ids"]["shape"] == [2]
    with pytest.raises(ConfigError, match="--decode must be at least 0"):
        Decoding(-1)


# -- what compare says of mistakes -----------------------------------------------------------------


def cached(model: CausalModel, read: list[int], wrong: Callable[..., Any]) -> Tensor:
    """A port's own loop, whose cache or positions `wrong` changes before each step."""
    rows, past = model.extend(PROMPT, None, last=1)
    kept = past
    for token in read:
        past = wrong(kept, past)
        row, past = model.extend([token], past, last=1)
        rows = torch.cat([rows, row])
    return rows


def test_a_wrong_cache_is_named(pack: Pack, model: CausalModel):
    true, ids = pack.tensor("decode.logits", "float64"), pack.tensor("decode.ids", "float64")
    read = ids.tolist()[:-1]
    assert judged(pack, decode_logits=true, decode_ids=ids).agrees
    whole = model.extend([*PROMPT, PROMPT[-1], *read], None)[0]
    shifted = {**model.params, "wpe": {"weight": model.params["wpe"]["weight"].roll(-1, 0)}}
    later = model.with_params(shifted)
    ahead = torch.cat([true[:1], _continued(model, later, read)])
    for dump, cause in (
        (cached(model, read, lambda *_: None), "the cache is not read"),
        (cached(model, read, lambda kept, _: kept), "the cache stays the prompt's"),
        (torch.cat([true[:1], true[:-1]]), "each is that of the step before"),
        (torch.cat([true[:1], whole[len(PROMPT) + 1 :]]), "is read twice"),
        (ahead, "counted one too high"),
    ):
        told = said(judged(pack, decode_logits=dump))
        assert "right, from" in told, told
        assert cause in told
    first = torch.cat([model.extend(PROMPT, None)[0][:1], true[1:]])
    assert "first position is taken, not its last" in said(judged(pack, decode_logits=first))


def _continued(model: CausalModel, later: CausalModel, read: list[int]) -> Tensor:
    _, past = model.extend(PROMPT, None)
    rows = []
    for token in read:
        row, past = later.extend([token], past, last=1)
        rows.append(row)
    return torch.cat(rows)


def test_where_a_cache_goes_wrong_is_said(pack: Pack):
    true = pack.tensor("decode.logits", "float64")
    wrong = true.clone()
    wrong[4:] += torch.linspace(0, 1, true.shape[-1])
    assert said(judged(pack, decode_logits=wrong)) == (
        "decode.logits: steps 0 to 3 are right, from 4 on wrong"
    )
    cache = pack.tensor("decode.h.1.k", "float64").clone()
    cache[:, 3] = 0
    assert said(judged(pack, decode_h_1_k=cache)) == ("decode.h.1.k: only position 3 of 8 is wrong")


def test_each_step_is_judged_after_the_tokens_that_were_chosen(pack: Pack, model: CausalModel):
    ids = pack.tensor("decode.ids", "float64").clone()
    ids[2] = (ids[2] + 1) % model.config.vocab_size
    own = model.extend([*PROMPT, *ids.tolist()[:-1]], None, last=6)[0]
    ids[3:] = own[3:].argmax(-1)
    own = model.extend([*PROMPT, *ids.tolist()[:-1]], None, last=6)[0]
    ids[4:] = own[4:].argmax(-1)
    own = model.extend([*PROMPT, *ids.tolist()[:-1]], None, last=6)[0]
    ids[5:] = own[5:].argmax(-1)
    own = model.extend([*PROMPT, *ids.tolist()[:-1]], None, last=6)[0]
    told = said(judged(pack, decode_ids=ids, decode_logits=own))
    assert told.startswith(f"decode.ids: after step 2 yours is {ids[2]}, with a logit of")


@pytest.mark.parametrize(
    ("wrong", "order", "cause"),
    [
        (SAMPLING, "ids", "in the order of ids"),
        (replace(SAMPLING, temperature=1 / 0.7), "", "multiplied by the temperature"),
        (replace(SAMPLING, top_k=None, top_p=None), "", "top-k and top-p are left out"),
        (SAMPLING, "backwards", "the likeliest come last"),
    ],
)
def test_another_rule_of_sampling_is_named(tmp_path: Path, wrong: Sampling, order: str, cause: str):
    model, tokens = model_of(small()[0], torch.float64), torch.tensor([1])
    run = ReferenceRun(model, "", tokens, tokens, UPDATE, 1, Decoding(9, SAMPLING, seed=2))
    write_pack(run, tmp_path / "p", dtypes=[torch.float64])
    pack, text = open_pack(tmp_path / "p"), [1]
    for u in pack.tensor("sample.uniform", "float64").tolist():
        ids, probs = candidates(model.forward(text)[-1], wrong)
        if order:
            places = ids.argsort() if order == "ids" else torch.arange(len(ids)).flip(0)
            ids, probs = ids[places], probs[places]
        text.append(int(ids[min(int((probs.cumsum(0) <= u).sum()), len(ids) - 1)]))
    assert cause in said(judged(pack, sample_ids=torch.tensor(text[1:])))


def test_a_tokenizer_s_first_other_id_is_said(pack: Pack):
    texts = pack.manifest["texts"]
    assert [row["text"] for row in texts[:2]] == ["any text", ""]
    assert {row["text"] for row in texts} >= set(HARD)
    assert texts[-1]["special"]
    dump: dict[str, Any] = {
        f"texts.{number}": torch.tensor(row["ids"], dtype=torch.int32)
        for number, row in enumerate(texts)
    }
    assert judged(pack, **dump).agrees
    place = next(n for n, row in enumerate(texts) if "don't" in row["text"])
    dump[f"texts.{place}"] = dump[f"texts.{place}"].clone()
    dump[f"texts.{place}"][3] = 7
    found = judged(pack, **dump)
    told = said(found)
    assert told.startswith(f"texts.{place}: \"I'm, you're,")
    assert told.endswith(f"at 3 yours is 7, and the pack's {texts[place]['ids'][3]}")
    assert any(told in str(line) for line in comparison_lines(found, ""))
    dump[f"texts.{place}"] = dump[f"texts.{place}"][:3]
    assert "the first 3 ids are the same, and yours has 3 of" in said(judged(pack, **dump))


def test_what_cannot_be_judged_is_refused_in_one_line(pack: Pack):
    with pytest.raises(TraceError, match=r"decode.logits must have the shape \(6, 11\)"):
        judged(pack, decode_logits=torch.zeros(5, 11))
    with pytest.raises(TraceError, match=r"decode.ids must be tokens .* and yours has 99"):
        judged(pack, decode_ids=torch.tensor([1, 99, 99, 99, 99, 99]))


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_llama_s_family_is_decoded_too(kind: str, tmp_path: Path):
    name = next(one for one in LLAMAS if kind in one or one)
    own = drawn(LLAMAS[name]).to(dtype=torch.float64)
    pack = written(tmp_path / "pack", own)
    found = compare(pack, Mine.open(pack.place, pack.blank))
    assert found.agrees
    assert found.missing == []
    read = pack.tensor("decode.ids", "float64").tolist()[:-1]
    dump = cached(own, read, lambda kept, _: kept)
    assert "the cache stays the prompt's" in said(judged(pack, decode_logits=dump))


def test_texts_of_several_lengths_are_one_batch(tmp_path: Path, model: CausalModel):
    tokens, targets = padded([[3, 1, 4, 2], [5, 6], [7, 8, 9]])
    assert tokens.tolist() == [[3, 1, 4], [5, 0, 0], [7, 8, 0]]
    run = ReferenceRun(model, "", tokens, targets, UPDATE, 1, Decoding(2))
    write_pack(run, tmp_path / "p", dtypes=[torch.float64], text=["a", "b", "c"])
    pack = open_pack(tmp_path / "p")
    alone = [
        float(model.loss(ids[:-1], ids[1:])) * (len(ids) - 1)
        for ids in ([3, 1, 4, 2], [5, 6], [7, 8, 9])
    ]
    assert float(pack.tensor("loss", "float64")) == pytest.approx(sum(alone) / 6, rel=1e-12)
    assert compare(pack, Mine.open(pack.place, pack.blank)).agrees
    assert pack.manifest["decoding"]["prompt"] == [3, 1, 4]
    losses = pack.tensor("losses", "float64").clone()
    wrong = {"losses": losses, "loss": losses.sum() / 9}
    assert judged(pack, **wrong).differs
