"""Memory that is kept: tensors made again and again bring no new pages after the first."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.train.memory import give_back, keep_memory

FAULTS = """
import resource, sys
import torch
from pellucid.train.memory import keep_memory

if "keep" in sys.argv:
    assert keep_memory()

def step():
    made = [torch.zeros(12 << 20) for _ in range(4)]  # 48 MiB each

for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults * resource.getpagesize() >> 20)
"""

HUGE = """
from pathlib import Path
import torch
from pellucid.train.memory import keep_memory

keep_memory()
made = torch.ones(64 << 20)
parts = Path("/proc/self/smaps").read_text().split("[heap]")[1:]
kib = [line.split()[1] for part in parts for line in part.splitlines() if "AnonHuge" in line]
print(sum(map(int, kib)) >> 10)
"""

PIECES = """
from pellucid.train.memory import give_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

pieces = [bytes([1]) * 50_000 for _ in range(12000)]  # 600 MB, in pieces
last = bytes([1]) * 50_000  # it stands behind them, and stays
cycle = [pieces]
cycle.append(cycle)
full = resident()
del pieces, cycle
assert give_back()
print(100 * resident() // full)
"""

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

needs_glibc = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="glibc's malloc is what has these settings",
)


def megabytes_anew(*how: str) -> int:
    """What five steps of 192 MiB take from the system after five others."""
    run = subprocess.run(
        [sys.executable, "-c", FAULTS, *how], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@needs_glibc
def test_a_process_that_keeps_its_memory_takes_no_more_from_the_system():
    assert megabytes_anew() > 500
    assert megabytes_anew("keep") < 5


@needs_glibc
@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(), reason="needs huge pages"
)
def test_large_tensors_come_in_huge_pages():
    run = subprocess.run([sys.executable, "-c", HUGE], capture_output=True, text=True, check=True)
    assert int(run.stdout) > 128  # MiB, of the 256 that were made: as the system has them free


@needs_glibc
def test_what_nothing_uses_is_given_back_though_something_stands_behind_it():
    run = subprocess.run([sys.executable, "-c", PIECES], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 50  # percent of what it had


@pytest.mark.parametrize("missing", [AttributeError, OSError, TypeError])
def test_where_there_is_no_glibc_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, missing: type[Exception]
):
    def none(_: None) -> None:
        raise missing

    monkeypatch.setattr(ctypes, "CDLL", none)
    assert keep_memory() is False
    assert give_back() is False
