"""Vectors are a call of each function, what it read and made, under its own names."""

import pytest
import torch

from pellucid.reference.vectors import dumped_vectors, listed, vectors_of
from pellucid.tape import Tape
from tests.reference.kits import gpt, llama, run_of


def tape_of(kind: str) -> Tape:
    run = run_of(gpt() if kind == "gpt" else llama())
    return run.first_step(torch.float32)


def maps_of(tape: Tape) -> list[torch.Tensor]:
    """The weights of the linear maps."""
    calls = [call for call in tape.calls if call.function.__name__ == "linear"]
    return [call.arguments["weight"] for call in calls]


@pytest.mark.parametrize("kind", ["gpt", "llama"])
def test_each_function_that_calls_no_other_is_there_once_with_its_tensors(kind: str):
    tape = tape_of(kind)
    outer = {id(call.outer) for call in tape.calls}
    inner = [call for call in tape.calls if id(call) not in outer and not call.undoes]
    found = {one.function: one for one in vectors_of(tape)}
    assert list(found) == list(dict.fromkeys(call.function.__name__ for call in inner))
    for one in found.values():
        for key, name in one.in_run.items():
            assert torch.equal(one.tensors[key], tape.value(name)), (one.function, key)
    assert found["linear"].tensors["weight"].numel() == min(map(torch.numel, maps_of(tape)))
    norm = found["layer_norm" if kind == "gpt" else "rms_norm"]
    assert norm.at == "h.0.ln_1"
    assert {"x", "weight", "eps", "out", "dout", "dx", "dweight"} <= set(norm.tensors)
    assert "eps" not in norm.in_run
    assert norm.in_run["dweight"] == "dh.0.ln_1.weight"


def test_the_backward_is_that_of_the_same_call():
    found = {one.function: one for one in vectors_of(tape_of("gpt"))}
    linear = found["linear"].tensors
    torch.testing.assert_close(linear["x"] @ linear["weight"] + linear["bias"], linear["out"])
    torch.testing.assert_close(linear["dout"] @ linear["weight"].mT, linear["dx"])
    torch.testing.assert_close(linear["x"].mT @ linear["dout"], linear["dweight"])


def test_what_is_large_is_left_to_the_pack(monkeypatch: pytest.MonkeyPatch):
    tape = tape_of("gpt")
    sizes = {one.function: one.size for one in vectors_of(tape)}
    monkeypatch.setattr("pellucid.reference.vectors.MOST", sizes["gelu_tanh"])
    kept = vectors_of(tape)
    assert {one.function for one in kept} == {
        name for name, count in sizes.items() if count <= sizes["gelu_tanh"]
    }
    assert set(listed(kept)) == {name.split(".")[0] for name in dumped_vectors(kept)}
