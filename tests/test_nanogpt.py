"""benchmarks/nanogpt.py gives both trainings the same, and measures both alike."""

import json
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "nanogpt.py"))
OPTIONS = {
    "architecture": "llama",
    "n_layer": 1,
    "n_head": 2,
    "n_kv_head": 1,
    "n_embd": 16,
    "block_size": 8,
    "batch_size": 2,
    "learning_rate": 2e-3,
    "warmup_iters": 3,
    "min_lr_ratio": 0.05,
    "weight_decay": 0.1,
    "grad_clip": 1.0,
    "dropout": 0.0,
    "seed": 7,
    "mixed": True,
    "compiled": False,
}
STAND_IN = '''
"""What nanoGPT's train.py takes and leaves behind, without the training."""
import pickle, sys
from pathlib import Path
import torch
given = dict(word[2:].split("=") for word in sys.argv[1:])
size = pickle.loads((Path("data") / given["dataset"] / "meta.pkl").read_bytes())["vocab_size"]
assert (Path("data") / given["dataset"] / "val.bin").exists()
width, n = int(given["n_embd"]), int(given["n_layer"])
args = {name: int(given[name]) for name in ("n_layer", "n_head", "n_embd", "block_size")}
args |= {"bias": True, "vocab_size": size, "dropout": 0.0}
torch.manual_seed(1)
state = {"transformer.wte.weight": torch.randn(size, width) / 10}
state["lm_head.weight"] = state["transformer.wte.weight"]
state["transformer.wpe.weight"] = torch.randn(args["block_size"], width) / 10
for name, shape in {
    "attn.c_attn": (3 * width, width), "attn.c_proj": (width, width),
    "mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width),
    "ln_1": (width,), "ln_2": (width,),
}.items():
    state[f"transformer.h.0.{name}.weight"] = torch.randn(*shape) / 10
    state[f"transformer.h.0.{name}.bias"] = torch.zeros(shape[0])
state["transformer.ln_f.weight"] = torch.ones(width)
state["transformer.ln_f.bias"] = torch.zeros(width)
out = Path(given["out_dir"])
out.mkdir(exist_ok=True)
torch.save({"model": state, "model_args": args}, out / "ckpt.pt")
with (out / "asked.txt").open("a") as file:
    print(given["max_iters"], given["eval_interval"], given["min_lr"], file=file)
print("iter 0: loss 5.0, time 9000.00ms, mfu 1%")
for n in range(1, 4):
    print(f"iter {n}0: loss 4.0, time {n}00.00ms, mfu 1%")
'''


def pellucid(words: str) -> None:
    subprocess.run([sys.executable, "-m", "pellucid", *shlex.split(words)], check=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory of scripts/shipped_model.py, of a small model."""
    folder = tmp_path_factory.mktemp("nanogpt") / "work"
    (folder / "valid").mkdir(parents=True)
    for name in ("one", "two"):
        (folder / "valid" / f"{name}.txt").write_text("It was said, and done again. " * 9)
    (folder / "text.txt").write_text("It was said and it was done. " * 200)
    data = folder / "data"
    pellucid(f"prepare {folder / 'text.txt'} --tokenizer bpe:270 -o {data}")
    pellucid(
        f"train {data} --out {folder / 'run'} --architecture llama --n-layer 1 --n-head 2 "
        "--n-kv-head 1 --n-embd 16 --block-size 8 --batch-size 2 --max-iters 6 --num-samples 0 "
        "--log-interval 1"
    )
    return folder


@pytest.fixture
def work(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "work"))


@pytest.fixture
def nanogpt(tmp_path: Path) -> Path:
    (tmp_path / "nanoGPT").mkdir()
    (tmp_path / "nanoGPT" / "train.py").write_text(STAND_IN)
    return tmp_path / "nanoGPT"


def test_nanogpt_gets_our_settings():
    words = SCRIPT["nanogpt_words"](OPTIONS, 400, Path("out"), 100)
    given = dict(word[2:].split("=") for word in words[2:])
    for name in ("n_layer", "n_head", "n_embd", "block_size", "batch_size", "learning_rate"):
        assert float(given[name]) == OPTIONS[name]
    for name in ("warmup_iters", "weight_decay", "grad_clip", "dropout"):
        assert float(given[name]) == OPTIONS[name]
    assert float(given["min_lr"]) == pytest.approx(1e-4)
    assert given["max_iters"] == given["lr_decay_iters"] == "400"
    assert given["eval_interval"] == "100"


def test_our_new_training_has_the_settings_of_the_old():
    words = SCRIPT["our_words"](OPTIONS, 400, Path("out"), 100)
    said = " ".join(words)
    for option in (
        "--architecture llama",
        "--n-kv-head 1",
        "--learning-rate 0.002",
        "--min-lr-ratio 0.05",
        "--seed 7",
        "--max-iters 400",
        "--eval-interval 100",
    ):
        assert option in said
    assert "--mixed" in words
    assert "--compile" not in words
    assert "--compile" in SCRIPT["our_words"](OPTIONS | {"compiled": True}, 4, Path("o"), 1)


def test_the_time_of_an_iteration_is_the_median_without_the_start(tmp_path: Path):
    printed = "time 9000.00ms\ntime 100.00ms\ntime 300.00ms\ntime 200.00ms\n"
    assert SCRIPT["nanogpt_seconds"](printed) == pytest.approx(0.2)
    rows = [(1, 50.0), (10, 60.0), (20, 61.0), (30, 63.0), (40, 66.0)]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f'{{"iteration": {n}, "seconds": {s}}}\n' for n, s in rows))
    assert SCRIPT["our_seconds"](log) == pytest.approx(0.2)


@pytest.mark.parametrize(("seconds", "each", "wanted"), [(480, 1.0, 480), (10, 0.9, 8), (1, 9, 4)])
def test_the_last_iteration_is_evaluated(seconds: float, each: float, wanted: int):
    assert SCRIPT["fitting"](seconds, each) == wanted


def test_both_are_measured_on_the_same_texts(work: Path, nanogpt: Path, tmp_path: Path):
    (tmp_path / "modern.txt").write_text("It is said today that it is done. " * 9)
    found = SCRIPT["compare"](nanogpt, work, None, 1, [tmp_path / "modern.txt"])
    ours, theirs = found
    assert [one.name for one in found] == ["ours", "nanoGPT"]
    last = json.loads((work / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert ours.iterations == last["iteration"] == 6
    assert ours.seconds_each == pytest.approx(last["seconds"] / 6)
    assert theirs.iterations == SCRIPT["fitting"](last["seconds"], 0.2)
    assert theirs.seconds_each == pytest.approx(0.2)
    for one in found:
        assert 1 < one.bits_per_byte < 9
        assert set(one.also) == {"modern"}
        assert 1 < one.also["modern"] < 9
    assert ours.bits_per_byte != theirs.bits_per_byte
    assert ours.parameters != theirs.parameters


def test_both_may_have_so_many_minutes(work: Path, nanogpt: Path, tmp_path: Path, monkeypatch: Any):
    file = tmp_path / "found.json"
    monkeypatch.setattr(
        sys, "argv", ["x", str(nanogpt), str(work), "--minutes", "0.02", "--json", str(file)]
    )
    SCRIPT["main"]()
    ours, theirs = json.loads(file.read_text())
    asked = (work / "nanogpt" / "asked.txt").read_text().split("\n")
    assert asked[1].split()[0] == str(theirs["iterations"]) == "4"
    assert asked[1].split()[1] == "1"
    assert ours["iterations"] % 4 == 0
    assert (work / "minutes" / "model.safetensors").exists()
    options = json.loads((work / "minutes" / "run.json").read_text())["options"]
    assert options["max_iters"] == ours["iterations"]
    assert options["architecture"] == "llama"


def test_what_fails_is_one_line(work: Path, nanogpt: Path, monkeypatch: pytest.MonkeyPatch):
    (nanogpt / "train.py").write_text("raise ValueError('no compiler here')")
    with pytest.raises(
        SystemExit, match=r"error: train.py must train in .*: ValueError: no compil"
    ):
        SCRIPT["compare"](nanogpt, work, None, 1, [])
    monkeypatch.setattr(sys, "argv", ["x", str(nanogpt), str(work / "absent")])
    with pytest.raises(SystemExit, match=r"error: .*run.json must be there, and is not"):
        SCRIPT["main"]()
