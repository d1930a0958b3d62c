"""Dumps of the ports, and what compare finds in them."""

import numpy as np
import torch

from pellucid.compare import Finding
from pellucid.compare.finding import find
from pellucid.compare.step import JudgedStep
from tests.port.gpt2 import Port, ran
from tests.port.llama import LlamaPort
from tests.port.models import LLAMA_CONFIG, LLAMA_SETTINGS, N_HEAD, llama_of, model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
DTYPES = {"float64": (np.float64, torch.float64), "float32": (np.float32, torch.float32)}


def findings(kind: str, *mistakes: str, dtype: str = "float64") -> list[Finding]:
    """What is found where the port of that kind, gpt2 or llama, makes the mistakes."""
    numpy_dtype, torch_dtype = DTYPES[dtype]
    if kind == "llama":
        params, tokens, targets = small(config=LLAMA_CONFIG)
        port = LlamaPort(params, LLAMA_SETTINGS, mistakes, numpy_dtype)
    else:
        params, tokens, targets = small()
        port = Port(params, N_HEAD, mistakes, dtype=numpy_dtype)
    model = (llama_of if kind == "llama" else model_of)(params, torch_dtype)
    dumped = ran(port, tokens, targets, 1)
    mine = {name: torch.from_numpy(np.array(value)) for name, value in dumped.items()}
    batch = torch.from_numpy(tokens), torch.from_numpy(targets)
    return find(JudgedStep(model, *batch, UPDATE, mine, torch_dtype))[1]


def named(finding: Finding) -> list[str]:
    """The names of the mistakes that a finding is put down to."""
    return [mistake.name for fit in finding.named for mistake in fit.mistakes]
