"""llm.c's own files, under the names that its train_gpt2.c and test_gpt2.c open."""

from dataclasses import replace
from pathlib import Path

import torch

from pellucid.checkpoint import export_llm_c, write_state
from pellucid.checkpoint.llm_c import write_llm_c_tokenizer
from pellucid.files import write_text
from pellucid.models import merged
from pellucid.reference.run import ReferenceRun
from pellucid.text import Tokenizer

MODEL, STATE = "gpt2_124M.bin", "gpt2_124M_debug_state.bin"
TOKENIZER, LOSSES = "gpt2_tokenizer.bin", "expected_losses.txt"

TESTED = {"optimizer": "adamw", "learning_rate": 1e-4, "weight_decay": 0.01}
"""How test_gpt2.c moves the weights, ten times; there biases and gains decay too, by 1e-6 a step.

Source: karpathy/llm.c, test_gpt2.c.
"""


def write_llm_c_files(run: ReferenceRun, place: Path, tokenizer: Tokenizer | None = None) -> None:
    """The model, its state, the losses that test_gpt2.c is to come to, and the tokenizer.

    In float32; LoRA's matrices, for which llm.c has no place, are merged.
    """
    model = merged(run.model.to(dtype=torch.float32))
    own = replace(run, model=model, update=TESTED, steps=10)
    export_llm_c(model, place / MODEL)
    tape = own.first_step(torch.float32)
    write_state(place / STATE, model.config, {name: tape.value(name) for name in tape})
    del tape
    losses = [after.loss for after in own.updates(torch.float32)]
    write_text(place / LOSSES, expected_losses(losses))
    if tokenizer is not None:
        write_llm_c_tokenizer(place / TOKENIZER, tokenizer)


def expected_losses(losses: list[float]) -> str:
    """The losses as test_gpt2.c has them, to be put in the place of its own.

    >>> print(expected_losses([5.25, 4.0]), end="")
        float expected_losses[2] = {
            5.25f,
            4.0f
        };
    """
    rows = ",\n".join(f"        {loss!r}f" for loss in losses)
    return f"    float expected_losses[{len(losses)}] = {{\n{rows}\n    }};\n"
