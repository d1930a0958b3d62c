"""How long programs take to start: each in new processes, which take turns."""

import statistics
import subprocess
import sys
import time
from typing import Any

STARTS = {
    "python": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import torch": ["-c", "import torch"],
    "import pellucid": ["-c", "import pellucid"],
    "pellucid --help": ["-m", "pellucid", "--help"],
    "pellucid walk ai_rocks": ["-m", "pellucid", "walk", "ai_rocks"],
    "pellucid tokenize": ["-m", "pellucid", "tokenize", "Hello world"],
    "import pellucid's GPT": ["-c", "from pellucid import GPT"],
    "import transformers' GPT-2": ["-c", "from transformers import GPT2LMHeadModel"],
    "import llama_cpp": ["-c", "import llama_cpp"],
    "import ctranslate2": ["-c", "import ctranslate2"],
    "import onnxruntime": ["-c", "import onnxruntime"],
}
"""By name: what Python is given."""


def startup(rounds: int) -> list[dict[str, Any]]:
    """A row for each start, after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in STARTS}
    broken = set()
    for number in range(rounds + 1):
        for name, words in STARTS.items():
            if name in broken:
                continue
            began = time.perf_counter()
            ran = subprocess.run([sys.executable, *words], capture_output=True, check=False)
            if ran.returncode:
                broken.add(name)
            elif number:
                seconds[name].append(time.perf_counter() - began)
    return [
        {"model": "", "work": "start", "precision": "", "condition": "quiet"}
        | {"peer": name, "variant": ""}
        | (
            {"problem": "is not installed"}
            if name in broken
            else {"seconds": taken, "median": statistics.median(taken)}
        )
        for name, taken in seconds.items()
    ]
