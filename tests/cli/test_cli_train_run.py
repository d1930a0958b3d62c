"""`pellucid train`: going on with a run, finetuning, the finder; and what is refused on the way."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint import load, open_model
from pellucid.cli import main
from pellucid.train.locked import locked
from pellucid.train.run import LAST, RUN
from pellucid.train.state import load_point
from pellucid.tree import flatten
from tests.cli.conftest import SMALL, Command
from tests.train.interrupted import differences, reached
from tests.train.small_training import TEXT

SETTINGS = [*SMALL, "--max-iters", 12, "--eval-interval", 6, "--num-samples", 0]


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, and a run of it."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        words = ["pellucid", "train", folder / "text.txt", "--out", folder / "run", *SETTINGS]
        patch.setattr(sys, "argv", [*map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code in {0, None}
    return folder


@pytest.fixture
def begun(run_of: Path, tmp_path: Path) -> Path:
    """A copy of the run, which a test may change; its text is where it was."""
    return Path(shutil.copytree(run_of / "run", tmp_path / "begun"))


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_run_that_is_over_is_said_to_be_so_and_left_as_it_is(
    pellucid: Command, run_of: Path, begun: Path
):
    ended = pellucid("train", "--resume", "--out", begun, "--num-samples", 1)
    assert (ended.code, ended.err) == (0, "")
    assert "going on after iteration 12" in ended.out
    assert "sample 1" in ended.out
    assert differences(begun, run_of / "run") == []


def test_the_log_tells_of_every_tenth_iteration_and_every_evaluation(run_of: Path):
    told = rows(run_of / "run")
    assert [row["iteration"] for row in told] == [1, 6, 10, 12]
    assert [row["iteration"] for row in told if "validation_loss" in row] == [6, 12]
    assert [row["iteration"] for row in told if "layers" in row] == [1, 10]
    assert list(told[0]["layers"]) == ["wte", "wpe", "h.0", "h.1", "h.2", "ln_f"]
    assert told[-1]["tokens"] == load_point(run_of / "run" / LAST)[0].tokens


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--learning-rate", "0.5"], "--learning-rate was 0.003"),
        (["--seed", "2"], "--seed was"),
        (["--mixed"], "--mixed was False"),
        (["--max-iters", "11"], "--max-iters may only grow: it was 12"),
    ],
)
def test_a_run_goes_on_only_as_it_was_begun(
    pellucid: Command, begun: Path, settings: list[str], words: str
):
    before = (begun / LAST).read_bytes()
    assert words in pellucid("train", "--resume", "--out", begun, *settings).refused()
    assert (begun / LAST).read_bytes() == before
    free = ["--log-interval", 3, "--save-interval", 2, "--num-samples", 0]
    assert pellucid("train", "--resume", "--out", begun, *free).code == 0
    # What may be another is taken as it is given: this one asks for several processes.
    other = pellucid("train", "--resume", "--out", begun, "--layout", "data").refused()
    assert "torchrun" in other


def test_a_run_with_an_option_that_is_gone_does_not_go_on_without_it(
    pellucid: Command, begun: Path
):
    about = json.loads((begun / RUN).read_text(encoding="utf-8"))
    about["options"]["momentum"] = 0.9
    (begun / RUN).write_text(json.dumps(about), encoding="utf-8")
    line = pellucid("train", "--resume", "--out", begun).refused()
    assert "has no momentum any more" in line
    assert "--overwrite" in line


def test_a_run_goes_on_only_with_its_own_data(pellucid: Command, run_of: Path, begun: Path):
    text = run_of / "text.txt"
    other = pellucid("train", run_of / "run" / RUN, "--resume", "--out", begun)
    assert "the text was" in other.refused()
    text.write_text(TEXT.replace("Piper", "Pipes"), encoding="utf-8")
    try:
        line = pellucid("train", "--resume", "--out", begun).refused()
    finally:
        text.write_text(TEXT, encoding="utf-8")
    assert "started with other data" in line


def test_resume_begins_where_there_is_nothing_to_go_on_with(
    pellucid: Command, run_of: Path, tmp_path: Path
):
    nothing = pellucid("train", "--resume", "--out", tmp_path / "new").refused()
    assert "needs a text" in nothing
    assert not (tmp_path / "new").exists()
    words = ["train", run_of / "text.txt", "--out", tmp_path / "new", "--resume", *SETTINGS]
    assert pellucid(*words).code == 0
    assert differences(tmp_path / "new", run_of / "run") == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    words[3] = tmp_path / "mine"
    assert "--overwrite" in pellucid(*words).refused()


@pytest.mark.parametrize("name", [RUN, LAST])
def test_a_run_whose_files_are_broken_is_one_line(pellucid: Command, begun: Path, name: str):
    (begun / name).write_bytes((begun / name).read_bytes()[:50])
    assert name in pellucid("train", "--resume", "--out", begun).refused()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_goes_on_to_the_same_end(
    run_of: Path, tmp_path: Path, sign: signal.Signals
):
    few = [str(word) for word in (*SMALL, "--eval-interval", 50, "--max-iters", 400)]
    few += ["--num-samples", "0", "--save-interval", "10"]
    begin = [sys.executable, "-m", "pellucid", "train", run_of / "text.txt", *few, "--out"]

    def listen() -> None:  # a shell's background jobs are started deaf to Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    out = tmp_path / "out"
    with subprocess.Popen([*begin, out], **pipes, preexec_fn=listen) as process:  # noqa: PLW1509 (no threads)
        while reached(out) < 20:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(sign)
        said, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (130, b"")
    assert b"stopped after iteration" in said
    stopped = load_point(out / LAST)[0].iteration
    assert f"after iteration {stopped}:" in said.decode()
    subprocess.run([*begin, out, "--resume"], check=True, capture_output=True)
    subprocess.run([*begin, tmp_path / "straight"], check=True, capture_output=True)
    assert differences(out, tmp_path / "straight") == []


def test_a_model_that_is_there_goes_on_learning(pellucid: Command, run_of: Path, tmp_path: Path):
    before, pieces = open_model(str(run_of / "run"))
    out = tmp_path / "tuned"
    few = ["--max-iters", 4, "--eval-interval", 2, "--num-samples", 0, "--learning-rate", 1e-3]
    words = ["train", run_of / "text.txt", "--model", run_of / "run", "--out", out, *few]
    assert pellucid(*words).code == 0
    tuned, own = open_model(str(out))
    assert own == pieces
    assert tuned.config == before.config
    apart = [
        float((one - other).abs().max())
        for one, other in zip(
            flatten(tuned.params).values(), flatten(before.params).values(), strict=True
        )
    ]
    assert 0 < max(apart) < 0.01, "a few small steps from where it was"
    assert "leave it out" in pellucid(*words, "--overwrite", "--n-layer", 7).refused()


def test_lora_learns_its_pairs_and_nothing_else(pellucid: Command, run_of: Path, tmp_path: Path):
    before, out = flatten(load(run_of / "run").params), tmp_path / "tuned"
    few = ["--max-iters", 6, "--eval-interval", 2, "--num-samples", 0, "--lora", 3]
    words = ["train", run_of / "text.txt", "--model", run_of / "run", "--out", out]
    assert pellucid(*words, *few).code == 0
    after = flatten(load(out).params)
    pairs = {name for name in after if "lora_" in name}
    assert len(pairs) == 2 * 4 * 3
    assert all(torch.equal(after[name], leaf) for name, leaf in before.items())
    assert all(bool(after[name].any()) for name in pairs)
    point = load_point(out / LAST)[0]
    assert set(flatten((point.state or {})["m"])) == pairs, "the others need no moments"
    assert set(flatten(point.params)) == set(after)
    alone = pellucid("train", run_of / "text.txt", "--out", tmp_path / "x", "--lora", 3).refused()
    assert "--model" in alone
    assert pellucid("train", "--resume", "--out", out, "--num-samples", 0).code == 0


def test_the_finder_suggests_a_rate_and_writes_nothing(
    pellucid: Command, run_of: Path, tmp_path: Path
):
    words = ["train", run_of / "text.txt", "--out", tmp_path / "out", *SMALL]
    ended = pellucid(*words, "--find-learning-rate")
    assert (ended.code, ended.err) == (0, "")
    assert "--learning-rate" in ended.out
    assert ended.out.count("█") > 30
    assert not (tmp_path / "out").exists()


def test_patience_is_said_to_have_ended_the_training(
    pellucid: Command, run_of: Path, tmp_path: Path
):
    wild = ["--learning-rate", 0.3, "--warmup-iters", 0, "--patience", 1, "--eval-interval", 1]
    out = tmp_path / "out"
    few = [*SMALL, "--max-iters", 500, "--num-samples", 0]
    ended = pellucid("train", run_of / "text.txt", "--out", out, *few, *wild)
    assert ended.code == 0, ended.err
    point = load_point(out / LAST)[0]
    assert f"ended after iteration {point.iteration}: no new best" in ended.out
    assert point.iteration == point.best_iteration + 1


def test_prepared_tokens_are_trained_on(pellucid: Command, run_of: Path, tmp_path: Path):
    data, out = tmp_path / "data", tmp_path / "out"
    assert pellucid("prepare", run_of / "text.txt", "--tokenizer", "chars", "-o", data).code == 0
    assert pellucid("train", data, "--out", out, *SETTINGS).code == 0
    assert differences(out, run_of / "run") == []
    tuned = pellucid("train", data, "--model", out, "--out", tmp_path / "t", "--max-iters", 1)
    assert tuned.code == 0, tuned.err
    other = tmp_path / "other"
    assert pellucid("prepare", run_of / "text.txt", "--tokenizer", "words", "-o", other).code == 0
    line = pellucid("train", other, "--model", out, "--out", tmp_path / "u").refused()
    assert "the model's tokenizer" in line


@pytest.mark.parametrize(("times", "said"), [(29.4, 1), (1.9, 0)])
def test_where_mixed_is_slow_a_line_says_so(
    pellucid: Command, run_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times, said
):
    monkeypatch.setattr("pellucid.kernels.precision.bfloat16_slowness", lambda: times)
    line = (
        "note: this processor multiplies bfloat16 29 times as slowly as float32: without --mixed "
        "it trains faster"
    )
    words = ("train", run_of / "text.txt", *SETTINGS, "--max-iters", 1)
    assert pellucid(*words, "--out", tmp_path / "m", "--mixed").out.splitlines().count(line) == said
    assert "note" not in pellucid(*words, "--out", tmp_path / "run").out


def test_without_a_compiler_a_line_says_so_and_the_training_is_the_eager_one(
    pellucid: Command, run_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CXX", "no-such-compiler")
    out = tmp_path / "run"
    ended = pellucid("train", run_of / "text.txt", "--out", out, *SETTINGS, "--compile")
    assert (ended.code, ended.err) == (0, "")
    said = [line for line in ended.out.splitlines() if "not compiled" in line]
    assert said == ["the step is not compiled, since there is no C++ compiler no-such-compiler"]
    assert differences(out, run_of / "run") == []


def test_recomputed_blocks_train_to_the_same_bits(pellucid: Command, run_of: Path, tmp_path: Path):
    out = tmp_path / "run"
    ended = pellucid("train", run_of / "text.txt", "--out", out, *SETTINGS, "--recompute")
    assert ended.code == 0
    assert differences(out, run_of / "run") == []


def test_a_run_that_is_over_is_extended_to_what_a_longer_one_would_have_been(
    pellucid: Command, run_of: Path, tmp_path: Path
):
    # With a rate that stays, how long a training will be changes nothing on the way.
    words = ["train", run_of / "text.txt", *SETTINGS, "--min-lr-ratio", 1, "--out"]
    assert pellucid(*words, tmp_path / "long", "--max-iters", 18).code == 0
    assert pellucid(*words, tmp_path / "short").code == 0
    over = pellucid("train", "--resume", "--out", tmp_path / "short")
    assert "it is the last of 12: a larger --max-iters trains further" in over.out
    ended = pellucid("train", "--resume", "--out", tmp_path / "short", "--max-iters", 18)
    assert (ended.code, ended.err) == (0, "")
    assert "going on after iteration 12" in ended.out
    assert differences(tmp_path / "short", tmp_path / "long") == []
    for place in ("short", "long"):
        about = json.loads((tmp_path / place / RUN).read_text(encoding="utf-8"))
        assert about["options"]["max_iters"] == 18, "from now on it is the run's own"
    assert [row["iteration"] for row in rows(tmp_path / "short")][-1] == 18
    assert (
        "may only grow: it was 18"
        in pellucid("train", "--resume", "--out", tmp_path / "short", "--max-iters", 12).refused()
    )


@pytest.mark.parametrize("also", [[], ["last.safetensors.gz"]])
def test_a_run_whose_last_state_is_gone_is_left_as_it_is(
    pellucid: Command, run_of: Path, begun: Path, also: list[str]
):
    (begun / LAST).unlink()
    for name in also:
        (begun / name).touch()
    before = {path.name: path.read_bytes() for path in begun.iterdir()}
    words = ["train", run_of / "text.txt", "--out", begun, *SETTINGS, "--resume"]
    for given in (words, ["train", "--resume", "--out", begun], words[:-1]):
        line = pellucid(*given).refused()
        assert "text" in line or "--overwrite" in line
        assert {path.name: path.read_bytes() for path in begun.iterdir()} == before
    assert "has none beside its model.safetensors" in pellucid(*words).refused()
    assert pellucid(*words, "--overwrite").code == 0


def test_a_run_that_was_killed_before_its_first_state_is_begun_once_more(
    pellucid: Command, run_of: Path, begun: Path
):
    for path in begun.iterdir():
        if path.name not in {RUN, "tokenizer.json"}:
            path.unlink()
    assert pellucid("train", run_of / "text.txt", "--out", begun, *SETTINGS, "--resume").code == 0
    assert differences(begun, run_of / "run") == []


def test_a_second_training_in_the_directory_is_refused(
    pellucid: Command, run_of: Path, begun: Path
):
    before = {path.name: path.read_bytes() for path in begun.iterdir()}
    words = ["train", run_of / "text.txt", "--out", begun, *SETTINGS]
    with locked(begun):
        for more in (["--resume"], ["--overwrite"]):
            line = pellucid(*words, *more).refused()
            assert "one training at a time" in line
            assert str(begun) in line
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == before
    assert pellucid(*words, "--resume").code == 0


BROKEN_PLANS: list[tuple[str, Any]] = [
    ("pellucid", 2),
    ("model", None),
    ("model", []),
    ("options", "x"),
    ("data", None),
    ("data", 3),
    *[
        (f"model.{name}", value)
        for name in ("architecture", "n_layer")
        for value in (None, "x", [])
    ],
    ("model.n_layer", 2),
    ("model.width", 2),
    *[(f"options.{name}", "x") for name in ("max_iters", "learning_rate", "mixed", "seed")],
    *[(f"options.{name}", value) for name in ("max_iters", "mixed") for value in (None, 1.5, [])],
    ("options.max_iters", True),
    ("options.batch_size", -1),
    ("options.dtype", "float12"),
    ("options.device", 3),
    ("options.text", 7),
]


@pytest.mark.parametrize(("place", "value"), BROKEN_PLANS)
def test_a_plan_with_a_wrong_field_is_one_line(
    pellucid: Command, begun: Path, place: str, value: Any
):
    about = json.loads((begun / RUN).read_text(encoding="utf-8"))
    *path, name = place.split(".")
    inner = about[path[0]] if path else about
    inner[name] = value
    (begun / RUN).write_text(json.dumps(about), encoding="utf-8")
    before = (begun / LAST).read_bytes()
    pellucid("train", "--resume", "--out", begun).refused()
    if value is None and place != "options.mixed":
        del inner[name]
        (begun / RUN).write_text(json.dumps(about), encoding="utf-8")
        if path != ["options"]:
            pellucid("train", "--resume", "--out", begun).refused()
    assert (begun / LAST).read_bytes() == before


@pytest.mark.parametrize(
    "line", [b"{}", b"[]", b"\xff\xfe", b'{"iteration": "x"}', b'{"iteration": true}', b'{"iter']
)
def test_a_log_with_a_line_that_is_none_is_one_line_and_stays(
    pellucid: Command, begun: Path, line: bytes
):
    log = begun / "log.jsonl"
    whole = log.read_bytes().splitlines(keepends=True)
    broken = b"".join([whole[0], line + b"\n", *whole[1:]])
    log.write_bytes(broken)
    assert "line 2 of" in pellucid("train", "--resume", "--out", begun).refused()
    assert log.read_bytes() == broken
    log.write_bytes(b"".join(whole) + line)  # cut off while it was written
    again = ["train", "--resume", "--out", begun, "--num-samples", 0]
    assert pellucid(*again).code == 0
    assert log.read_bytes() == b"".join(whole)


@pytest.mark.parametrize("value", ["x", "", "0", "-2"])
def test_a_number_of_processes_that_is_none_names_its_variable(
    pellucid: Command, run_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
):
    monkeypatch.setenv("WORLD_SIZE", value)
    words = ["train", run_of / "text.txt", "--out", tmp_path / "new", *SETTINGS]
    line = pellucid(*words).refused()
    assert "WORLD_SIZE in the environment must be a whole number from 1 to" in line
    assert repr(value) in line
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert pellucid(*words, "--max-iters", 1).code == 0
