"""What `benchmarks/peers.py` rests on: its lineup, its check, its workers' answers; no timing."""

import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def contenders(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("lineup", "task", "process"):
        importlib.import_module(f"contenders.{name}")
    return importlib.import_module("contenders")


def test_every_work_has_pellucid_and_a_peer_wherever_it_is_done(contenders: ModuleType):
    lineup, task = contenders.lineup, contenders.task
    for work in task.WORKS:
        for precision in lineup.PRECISIONS:
            peers = {peer for peer, _ in lineup.lineup(work, precision)}
            if work == "train" and precision.startswith("int"):
                assert peers == set()
            else:
                assert peers > {"pellucid"}
    for module in lineup.PEERS.values():
        assert (BENCHMARKS / f"{module.replace('.', '/')}.py").exists()


def test_the_distance_is_relative_to_the_spread_of_logits(contenders: ModuleType):
    distance = contenders.task.distance
    logits = [float(number % 7) for number in range(700)]
    assert distance(logits, logits) == 0
    assert distance([value + 1 for value in logits], logits) == pytest.approx(0.5)
    assert distance([10.0, 9.9], [10.0, 9.0]) == pytest.approx(0.1)


def test_all_processes_are_fed_the_same_texts(contenders: ModuleType):
    task = contenders.task.Task("train", "float32", "pellucid", "", 1, 1, "nowhere")
    texts = task.texts()
    assert texts == task.texts()
    assert [len(text) for text in texts] == [257] * 4
    assert json.loads(json.dumps(task.to_dict())) == task.to_dict()


@pytest.mark.parametrize(
    ("peer", "package"),
    [("llama.cpp", "gguf"), ("CTranslate2", "ctranslate2"), ("ONNX Runtime", "onnxruntime")],
)
def test_a_peer_that_is_not_installed_says_so(
    contenders: ModuleType, peer: str, package: str, tmp_path: Path
):
    if find_spec(package):
        pytest.skip(f"{package} is installed here")
    task = contenders.task.Task("decode", "int8", peer, "", 1, 1, str(tmp_path))
    worker = contenders.process.Worker(task, tmp_path / "log.txt")
    worker.ask("prepare", task=task.to_dict())
    worker.end()
    assert worker.problem.endswith("is not installed")


def test_a_process_that_ends_is_a_problem_too(contenders: ModuleType, tmp_path: Path):
    task = contenders.task.Task("decode", "int8", "pellucid", "packed", 1, 1, str(tmp_path))
    worker = contenders.process.Worker(task, tmp_path / "log.txt")
    worker.process.kill()
    worker.process.wait()
    worker.ask("memory")
    worker.end()
    assert worker.problem == "its process ended"
