"""The scripts in `benchmarks/` still fit the package: each can be loaded; no timing."""

import runpy
from pathlib import Path

import pytest

from pellucid import native
from pellucid.models import GPT, GPTConfig

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_can_be_loaded(script: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    try:
        runpy.run_path(str(script))
    except ModuleNotFoundError as error:
        if str(error.name).startswith(("pellucid", "contenders")):
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.skipif(native.library() is None, reason="there are no native kernels")
def test_a_tokens_time_is_taken_apart():
    profile = runpy.run_path(str(BENCHMARKS / "decoding.py"))["profile"]
    model = GPT.init(GPTConfig(n_layer=1, n_head=2, n_embd=64, vocab_size=100, block_size=80))
    taken, block, head, rest, reading, size = profile(model, "int8", 10)
    assert taken == pytest.approx(block + head + rest, rel=0.5)
    assert min(block, head, reading, size) > 0
