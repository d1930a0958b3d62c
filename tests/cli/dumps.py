"""What a port dumps of the step of which the fixture `packed` is the pack."""

from pathlib import Path

import numpy as np

from tests.port import gpt2 as port
from tests.port.models import N_HEAD, small


def dumped(place: Path, *mistakes: str) -> Path:
    """The file of a run of the port with these mistakes."""
    params, tokens, targets = small()
    found = port.run(params, tokens, targets, n_head=N_HEAD, mistakes=mistakes)
    np.savez(place / "mine.npz", **found)
    return place / "mine.npz"
