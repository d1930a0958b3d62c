"""What a caller writes to changes neither model nor record, or is refused when it is read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.examples import Example, find_example
from pellucid.explain import explain
from pellucid.layers import softmax
from pellucid.models import (
    GPT,
    Classifier,
    ClassifierConfig,
    Intervention,
    Transformer,
    TransformerConfig,
    intervene,
)
from pellucid.prove import replay
from pellucid.tape import Tape, select
from pellucid.tree import flatten
from tests.tape.steps import TWO_TEXTS, model, step_of


def contents(tape: Tape) -> dict[str, Any]:
    return {name: tape[name] for name in tape}


def unchanged(tape: Tape, before: dict[str, Any]) -> bool:
    return all(torch.equal(tape[name], value) for name, value in before.items())


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("choices", [{}, {"norm": "post"}, {"lora_rank": 2}, TWO_TEXTS], ids=str)
def test_what_brackets_give_is_the_reader_s_own(choices: dict[str, Any], noisy: bool):
    tape = step_of(choices, noisy=noisy)
    before = contents(tape)
    arguments = {name for call in tape.calls for name in call.inputs.values()}
    for name in {*tape, *arguments}:
        tape[name].fill_(1)
    assert unchanged(tape, before)
    handed = [tape[name] for name in tape]
    assert len({value.untyped_storage().data_ptr() for value in handed if value.numel()}) == sum(
        value.numel() > 0 for value in handed
    ), "no two share memory"


def test_neither_do_they_change_the_model_nor_a_shipped_example():
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    before = float(example.record().tape["loss"])
    tape = example.record().tape
    for name in tape:
        tape[name].zero_()
        select(tape, name).zero_()
    assert float(example.record().tape["loss"]) == before
    gpt = model()
    weights = {name: weight.clone() for name, weight in flatten(gpt.params).items()}
    _, tape = gpt.run_with_cache([1, 2, 3])
    for part in ("wpe.rows", "wpe.rows[0]", "wte.weight[:,0]", "h.0.attn.q"):
        select(tape, part).zero_()
    for name, weight in flatten(gpt.params).items():
        assert torch.equal(weight, weights[name]), name


def test_a_tape_takes_no_memory_for_the_weights():
    gpt = model()
    _, tape = gpt.run_with_cache([1, 2, 3])
    for name, weight in flatten(gpt.params).items():
        assert tape.value(name) is weight


TEXT = torch.tensor([1, 2, 3])
ROWS = torch.tensor([[1.0, 2.0]], dtype=torch.float64)


def gpt_loss(ids: Any, tape: Tape) -> None:
    model().loss(ids, ids, tape)


def encoder_decoder(ids: Any, tape: Tape) -> None:
    config = TransformerConfig(5, block_size=8, n_encoder=1, n_decoder=1, n_head=1, n_embd=4)
    Transformer.init(config).loss(ids, ids, ids, tape)


def classifier(rows: Any, tape: Tape) -> None:
    Classifier.init(ClassifierConfig(inputs=2, hidden=(2,))).loss(rows, [1], tape)


def classes(targets: Any, tape: Tape) -> None:
    Classifier.init(ClassifierConfig(inputs=2, hidden=(2,))).loss(ROWS, targets, tape)


@pytest.mark.parametrize(
    ("run", "given"),
    [
        (gpt_loss, TEXT.clone()),
        (gpt_loss, np.array([1, 2, 3])),
        (encoder_decoder, TEXT.clone()),
        (classifier, ROWS.clone()),
        (classes, torch.tensor([1])),
    ],
)
def test_a_caller_s_input_changed_later_does_not_change_the_record(
    run: Callable[[Any, Tape], None], given: Any
):
    tape = Tape()
    run(given, tape)
    before = contents(tape)
    given[:] = 0
    assert unchanged(tape, before)
    assert list(replay(tape, lambda x: x)), "and its calls run again"


def test_a_caller_s_intervention_changed_later_does_not_change_the_model():
    value = torch.full((2,), 0.5)
    gpt = intervene(model(), [Intervention("h.0.attn.att", value, (0, 1, slice(0, 2)))])
    before = gpt.forward([1, 2, 3])
    value.zero_()
    assert torch.equal(gpt.forward([1, 2, 3]), before)


def written(gpt: GPT, tape: Tape, logits: Tensor) -> None:
    """What each of these writes to, by the name that is refused."""
    assert "wte.weight" in tape
    with torch.no_grad():
        flatten(gpt.params)["wte.weight"][0] += 1
        logits.zero_()


def test_what_the_run_itself_has_is_refused_where_it_was_written_to():
    gpt = model()
    logits, tape = gpt.run_with_cache([1, 2, 3])
    written(gpt, tape, logits)
    for name in ("wte.weight", "embed.weight", "logits"):
        with pytest.raises(TraceError, match=f"{name} has been written to in place") as caught:
            tape[name]
        assert "\n" not in str(caught.value)
    assert tape["h.0.ln_1.out"].shape == (3, 4)
    for asked in ("embed.out[0,0]", "logits[0,0]"):
        with pytest.raises(TraceError, match=r"written to in place since: record the run again"):
            explain(tape, asked)
    with pytest.raises(TraceError, match="written to in place since"):
        list(replay(tape, lambda x: x))


def test_a_view_of_what_was_written_to_is_refused_too():
    whole = torch.zeros(4)
    tape = Tape()
    softmax(whole[:2], tape=tape)
    assert tape["x"].tolist() == [0, 0]
    whole[0] = 1
    with pytest.raises(TraceError, match="x has been written to"):
        tape["x"]


def test_a_run_in_inference_mode_is_kept_as_it_is():
    with torch.inference_mode():
        _, tape = model().run_with_cache([1, 2, 3])
    assert tape["logits"].shape == (3, 7)
