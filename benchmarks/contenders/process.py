"""A contender's process, as the one that measures sees it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from contenders.task import Task

WORKER = Path(__file__).with_name("worker.py")
PAUSES = hasattr(signal, "SIGSTOP")
"""Whether processes can be stopped, so that nobody's idle threads take another's time."""

KEEPS_HEAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "99999999999"}
"""How glibc is told to keep the memory that a program frees, for its next use."""


def busy() -> float:
    """Seconds that all cores together have worked since the start, by whomever; 0 if unknown."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    user, nice, system, _idle, _wait, *more = map(int, path.read_text().split("\n")[0].split()[1:])
    return (user + nice + system + sum(more[:3])) / os.sysconf("SC_CLK_TCK")


def own(process: int) -> float:
    """Seconds that a process's threads have worked."""
    path = Path(f"/proc/{process}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Worker:
    """One contender: asked by `ask`, and stopped whenever it is not."""

    def __init__(self, task: Task, log: Path) -> None:
        self.task, self.problem = task, ""
        environment = os.environ | {
            "OMP_NUM_THREADS": str(task.threads),
            # Graphs that were compiled for another version of an operator are not for this one.
            "TORCHINDUCTOR_CACHE_DIR": str(Path(task.folder) / "compiled"),
        }
        if "heap" in task.variant:
            environment |= KEEPS_HEAP
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Its answer; what went wrong is kept as `problem`, after which it is asked no more."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if PAUSES:
            self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if PAUSES and line:
            self.process.send_signal(signal.SIGSTOP)
        reply: dict[str, Any] = json.loads(line) if line else {"failed": "its process ended"}
        self.problem = reply.get("missing") or reply.get("failed") or ""
        return reply

    def measure(self, patience: int, disturber: int | None = None) -> dict[str, Any]:
        """One measurement, in which no other program took more than a twentieth of a core.

        It is made anew up to `patience` times; `disturbed` is 1 where others were always at work.
        Threads that wait for each other lose far more time by that than the others take. The
        process `disturber` is at work on purpose, and is no other.
        """
        known = [self.process.pid, *([] if disturber is None else [disturber])]
        found: dict[str, Any] = {}
        for _ in range(patience + 1):
            began, before = time.perf_counter(), busy() - sum(map(own, known))
            found = self.ask("measure").get("found", {})
            others = busy() - sum(map(own, known)) - before
            # The system counts in hundredths of a second.
            disturbed = others > 0.03 + 0.05 * (time.perf_counter() - began)
            if self.problem or not disturbed:
                return found and found | {"disturbed": 0.0}
        return found and found | {"disturbed": 1.0}

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
