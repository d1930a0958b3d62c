"""What `benchmarks/peers.py` rests on: its lineup, its check, its workers' answers; no timing."""

import importlib
import json
import runpy
import time
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pellucid.models import Llama, LlamaConfig

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def contenders(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("lineup", "task", "process"):
        importlib.import_module(f"contenders.{name}")
    return importlib.import_module("contenders")


def task_of(contenders: ModuleType, folder: Path, **more: Any) -> Any:
    names = {"work": "decode", "precision": "int8", "peer": "pellucid", "variant": "packed"}
    return contenders.task.Task(
        **({"model": "gpt2-124M"} | names | more), threads=1, folder=str(folder), layers=1
    )


def test_every_work_has_pellucid_and_a_peer_wherever_it_is_done(contenders: ModuleType):
    lineup, task = contenders.lineup, contenders.task
    done = {
        (model, work)
        for model in task.MODELS
        for work in task.WORKS
        for precision in lineup.PRECISIONS
        for peers in [{peer for peer, _ in lineup.lineup(model, work, precision)}]
        if peers and peers > {"pellucid"}
    }
    assert done == {
        *(("gpt2-124M", work) for work in task.WORKS),
        *(("smollm2-135m", work) for work in task.WORKS if work != "train"),
        ("llama-30M", "train"),
    }
    assert not lineup.lineup("gpt2-124M", "train", "int8")
    for module in lineup.PEERS.values():
        assert (BENCHMARKS / f"{module.replace('.', '/')}.py").exists()


def test_the_distance_is_relative_to_the_spread_of_logits(contenders: ModuleType):
    distance = contenders.task.distance
    logits = [float(number % 7) for number in range(700)]
    assert distance(logits, logits) == 0
    assert distance([value + 1 for value in logits], logits) == pytest.approx(0.5)
    assert distance([10.0, 9.9], [10.0, 9.0]) == pytest.approx(0.1)


def test_tokens_agree_up_to_the_first_that_is_another(contenders: ModuleType):
    agreeing = contenders.task.agreeing
    assert agreeing([5, 6, 7, 8], [5, 6, 0, 8]) == 2
    assert agreeing([5, 6, 7], [5, 6]) == 2


def test_all_processes_are_fed_the_same_texts(contenders: ModuleType, tmp_path: Path):
    task = task_of(contenders, tmp_path, work="train")
    task.common.mkdir()
    weights = importlib.import_module("contenders.weights")
    texts = weights.drawn(65, contenders.task.WORKS["train"], 1)
    assert texts == weights.drawn(65, contenders.task.WORKS["train"], 1)
    assert [len(text) for text in texts] == [257] * 4
    (task.common / "train.json").write_text(json.dumps({"texts": texts, "numbers": [1.0]}))
    assert task.texts() == texts
    assert json.loads(json.dumps(task.to_dict())) == task.to_dict()


def test_what_follows_english_is_what_the_reference_finds_likeliest(contenders: ModuleType):
    weights = importlib.import_module("contenders.weights")
    model = Llama.init(LlamaConfig(40, 1200, 1, 2, 1, 8, 12))
    english = [number % 40 for number in range(1100)]
    batch = weights.fed(model, "batch", english)
    assert batch["texts"][1] == english[64:128]
    assert len(batch["texts"]) == 16
    after = english[:64]
    for token in batch["greedy"][:3]:
        assert token == int(model.forward(after)[-1].argmax())
        after = [*after, token]


def test_ratios_are_taken_round_by_round(contenders: ModuleType):
    tables = importlib.import_module("contenders.tables")
    ours, theirs = {"seconds": [1.0, 2.0, 4.0]}, {"seconds": [2.0, 2.0, 6.0]}
    assert tables.ratios(theirs, ours) == (1.5, 1.0, 2.0)


def test_a_disturber_is_at_work_half_of_the_time_and_ends(contenders: ModuleType):
    process = contenders.process
    if not process.busy():
        pytest.skip("this system does not count a process's time")
    disturber = importlib.import_module("contenders.disturber").Disturber()
    with disturber:
        until = time.monotonic() + 60
        while not (taken := process.own(disturber.process)) and time.monotonic() < until:
            time.sleep(0.1)
    assert disturber.program.poll() is not None
    assert taken > 0


def test_a_run_of_the_peers_saves_a_row_in_the_place_of_the_one_before(
    contenders: ModuleType, tmp_path: Path
):
    peers = runpy.run_path(str(BENCHMARKS / "peers.py"))
    names = dict.fromkeys(peers["KEY"], "a")
    for seconds in (1.0, 2.0):
        rows = [names | {"seconds": [seconds], "versions": {"torch": "2"}}]
        peers["save"](tmp_path / "peers.json", rows, {"threads": 1})
    found = json.loads((tmp_path / "peers.json").read_text())
    assert [row["seconds"] for row in found["rows"]] == [[2.0]]
    assert found["versions"]["torch"] == "2"


@pytest.mark.parametrize(
    ("peer", "package"),
    [("llama.cpp", "gguf"), ("CTranslate2", "ctranslate2"), ("ONNX Runtime", "onnxruntime")],
)
def test_a_peer_that_is_not_installed_says_so(
    contenders: ModuleType, peer: str, package: str, tmp_path: Path
):
    if find_spec(package):
        pytest.skip(f"{package} is installed here")
    task = task_of(contenders, tmp_path, peer=peer, variant="")
    worker = contenders.process.Worker(task, tmp_path / "log.txt")
    worker.ask("prepare", task=task.to_dict())
    worker.end()
    assert worker.problem.endswith("is not installed")


def test_a_process_that_ends_is_a_problem_too(contenders: ModuleType, tmp_path: Path):
    task = task_of(contenders, tmp_path)
    worker = contenders.process.Worker(task, tmp_path / "log.txt")
    worker.process.kill()
    worker.process.wait()
    worker.ask("memory")
    worker.end()
    assert worker.problem == "its process ended"
