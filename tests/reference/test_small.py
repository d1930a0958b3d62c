"""A pack of a given size: runs and checksums that any program can make, and honest verdicts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.checkpoint import save
from pellucid.compare import Comparison, Mine, compare
from pellucid.errors import CheckpointError, ConfigError, TooLittleError
from pellucid.models import GPT, GPTConfig
from pellucid.reference import Decoding, Pack, ReferenceRun, bytes_of, open_pack, write_pack
from pellucid.reference.checksum import (
    RUN,
    checksums,
    part_of_runs,
    projections_apart,
    runs_of,
)
from pellucid.terminal.compare import comparison_lines

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
CONFIG = GPTConfig(vocab_size=211, block_size=32, n_layer=2, n_head=4, n_embd=64)
SIZE = 800_000


def run_of(source: str) -> ReferenceRun:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, CONFIG.vocab_size, (21,), generator=generator)
    model = GPT.init(CONFIG, seed=3)
    return ReferenceRun(model, source, ids[:-1], ids[1:], UPDATE, 2, Decoding(2))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    place = tmp_path_factory.mktemp("whole") / "pack"
    write_pack(run_of("not here"), place)
    return open_pack(place)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    place = tmp_path_factory.mktemp("small") / "pack"
    write_pack(run_of("not here"), place, size=SIZE)
    return open_pack(place)


def test_a_pack_is_no_larger_than_asked_and_not_much_smaller(small: Pack, whole: Pack):
    size = sum(file.stat().st_size for file in small.place.iterdir())
    assert 0.7 * SIZE < size <= SIZE
    assert list(small.rows) == list(whole.rows)
    assert small.manifest["pellucid_reference"] == 2
    cut = [name for name, one in small.rows.items() if "runs" in one]
    assert {"wte.weight", "dwte.weight", "probs", "step.2.wte.weight.new"} <= set(cut)
    for name in cut:
        for dtype in ("float32", "float64"):
            full = whole.tensor(name, dtype).reshape(-1)
            runs = small.tensor(name, dtype)
            for number, own in zip(small.rows[name]["runs"], runs, strict=True):
                assert torch.equal(own, full[RUN * number : RUN * (number + 1)])
    for name in set(small.rows) - set(cut):
        if "same_as" not in small.rows[name]:
            assert torch.equal(small.tensor(name, "float64"), whole.tensor(name, "float64"))


def mixed(index: int) -> int:
    """docs/reference-pack.md's hash, in Python's own integers."""
    mask = (1 << 64) - 1
    z = (index + 1) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 5)])
def test_checksums_are_as_they_are_documented(shape: tuple[int, ...]):
    values = torch.randn(shape, dtype=torch.float64)
    if values.numel() > 6:
        values.view(-1)[2] = -torch.inf
    found, width = checksums(values), shape[-1] if shape else 1
    numbers = [0.0 if abs(x) == float("inf") else x for x in values.reshape(-1).tolist()]
    assert found["finite"] == int(values.isfinite().sum())
    assert found["sum"] == pytest.approx(sum(numbers), abs=1e-12)
    assert found["squares"] == pytest.approx(sum(x * x for x in numbers), abs=1e-12)
    assert found["largest"] == max(map(abs, numbers))
    for k, own in enumerate(found["projections"]):
        expected = 0.0
        for place, x in enumerate(numbers):
            i, j = divmod(place, width)
            negative = (mixed(i) >> k & 1) ^ (mixed(j) >> k + 4 & 1)
            expected += -x if negative else x
        assert own == pytest.approx(expected, abs=1e-12)


def test_runs_are_spread_over_all_of_a_tensor():
    runs = runs_of(10_000, 320)
    assert len(runs) == len(set(runs)) == 10
    assert runs == sorted(runs)
    assert all(place * 31 <= run < (place + 1) * 32 for place, run in enumerate(runs))
    assert runs_of(33, 1) == [0]
    assert part_of_runs(torch.arange(100), [1]).tolist() == [list(range(32, 64))]


def judged(pack: Pack, dump: dict[str, Tensor]) -> Comparison:
    return compare(pack, Mine(dump, pack.blank, None))


def dump_of(whole: Pack, dtype: str = "float32") -> dict[str, Tensor]:
    return {name: whole.tensor(name, dtype) for name in whole.rows}


def test_with_its_model_every_step_is_made_again(tmp_path: Path, whole: Pack):
    run = run_of(str(tmp_path / "model"))
    save(run.model, tmp_path / "model")
    write_pack(run, tmp_path / "pack", size=SIZE)
    pack = open_pack(tmp_path / "pack")
    dump = dump_of(whole)
    found = judged(pack, dump)
    assert found.agrees
    assert found.modelled
    assert found.missing == []
    dump["h.1.attn.z"] = dump["h.1.attn.z"] * 1.01
    assert judged(pack, dump).findings[0].fault.name == "h.1.attn.z"


def test_without_its_model_runs_and_checksums_judge_and_it_is_said(small: Pack, whole: Pack):
    found = judged(small, dump_of(whole))
    assert found.agrees
    assert not found.modelled
    assert found.missing == []
    told = "\n".join(map(str, comparison_lines(found, "")))
    assert "the pack's model is not here, so no step was made again" in told
    assert "agrees: no tensor is far from the pack's, as far as the pack has it" in told

    wrong = dump_of(whole)
    for name in ("h.1.attn.z", "h.1.resid_mid", "logits"):
        wrong[name] = wrong[name] * 1.01
    first = [one for one in judged(small, wrong).later if not one.agrees]
    assert [one.name for one in first] == ["h.1.attn.z", "h.1.resid_mid", "logits"]
    assert "that the pack has of it differ: yours is" in first[0].said


def test_a_checksum_sees_what_no_run_does(small: Pack, whole: Pack):
    dump = dump_of(whole)
    runs = set(small.rows["dwte.weight"]["runs"])
    free = [run for run in range(CONFIG.vocab_size * CONFIG.n_embd // RUN) if run not in runs]
    changed = dump["dwte.weight"].clone()
    for run in free[: len(free) // 2]:
        changed.view(-1)[RUN * run : RUN * (run + 1)] *= -1
    dump["dwte.weight"] = changed
    (wrong,) = (one for one in judged(small, dump).later if not one.agrees)
    assert wrong.name == "dwte.weight"
    assert wrong.said.endswith("are right, and a checksum of the whole is not")
    dump["dwte.weight"] = whole.tensor("dwte.weight", "float32").roll(1, 0)
    assert judged(small, dump).differs


def test_differences_add_up_in_a_checksum_as_in_a_random_walk():
    generator = torch.Generator().manual_seed(4)
    values, noise = (torch.randn(64, 64, generator=generator).double() for _ in range(2))
    assert not projections_apart(values + 0.01 * noise, checksums(values), 0.01)
    assert projections_apart(values + 0.3 * noise, checksums(values), 0.01)
    assert projections_apart(values + 0.3, checksums(values), 0.01)


def test_what_is_hidden_from_a_position_is_not_judged_without_the_model_either(
    small: Pack, whole: Pack
):
    dump = dump_of(whole)
    for layer in range(2):
        scores = dump[f"h.{layer}.attn.scores"]
        dump[f"h.{layer}.attn.scores"] = scores.clamp(min=-1e9)
        hidden = scores == -torch.inf
        dump[f"dh.{layer}.attn.att"] = dump[f"dh.{layer}.attn.att"].masked_fill(hidden, 0)
    assert judged(small, dump).agrees


def test_what_is_too_little_is_said(small: Pack, whole: Pack):
    with pytest.raises(TooLittleError, match="at least one tensor that the pack has"):
        judged(small, {"tokens": whole.tensor("tokens", "float32")})
    found = compare(
        small,
        Mine({"logits": whole.tensor("logits", "float32")}, small.blank, None),
        require=["dh*"],
    )
    assert not found.agrees
    assert found.required[0].startswith("dh.")


def test_a_size_that_is_none_or_too_small_is_refused_in_one_line(tmp_path: Path):
    for text in ("x", "-3MB", "MB", "nan", "1e999"):
        with pytest.raises(ConfigError, match="--size must be a size, such as 20MB"):
            bytes_of(text)
    with pytest.raises(ConfigError, match="--size must have room for 32 numbers of each tensor"):
        write_pack(run_of(""), tmp_path / "pack", size=1000)
    assert list(tmp_path.iterdir()) == []


RUNS: dict[str, Any] = {
    "runs of text": (lambda one: one.update(runs="x"), "runs must be a list of numbers"),
    "no runs": (lambda one: one.update(runs=[]), "runs must be a list of numbers"),
    "kept too": (lambda one: one.update(kept=[1, 1]), "in the place of kept"),
    "a run twice": (lambda one: one.update(runs=[1, 1]), "in rising order"),
    "a run beyond": (lambda one: one.update(runs=[1 << 40]), "below 422"),
    "fewer runs": (lambda one: one.update(runs=[1]), "a file whose wte.weight has its shape"),
    "no checks": (lambda one: one.pop("checks"), "checks must have the numbers finite"),
    "a sum of text": (lambda one: one["checks"].update(sum="x"), "checks must have the numbers"),
    "one projection": (lambda one: one["checks"].update(projections=[1]), "must be 4 numbers"),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_row_of_runs_is_as_written_or_refused(small: Pack, tmp_path: Path, case: str):
    manifest = json.loads((small.place / "manifest.json").read_text())
    change, said = RUNS[case]
    change(next(one for one in manifest["tensors"] if one["name"] == "wte.weight"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for file in small.place.glob("*.safetensors"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CheckpointError, match=said) as raised:
        open_pack(tmp_path).tensor("wte.weight", "float64")
    assert "\n" not in str(raised.value)


def test_a_pack_without_decoding_is_cut_too(tmp_path: Path):
    run = replace(run_of(""), decoding=Decoding(0), steps=1)
    write_pack(run, tmp_path / "pack", dtypes=[torch.float32], size=350_000)
    assert sum(file.stat().st_size for file in (tmp_path / "pack").iterdir()) <= 350_000
