"""Another program at work: it keeps half a core busy, 5 ms at work and 5 ms not, until it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

TURN = 0.005
"""Seconds at work, and at rest."""


class Disturber:
    """Within `with`, the program runs; `process` is its number."""

    def __init__(self) -> None:
        self.program = subprocess.Popen([sys.executable, str(Path(__file__))])
        self.process = self.program.pid

    def __enter__(self) -> "Disturber":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.program.kill()
        self.program.wait()


def main(parent: int) -> None:
    """Work and rest for as long as the one that began it lives."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while os.getppid() == parent:
        ended = time.perf_counter() + TURN
        while time.perf_counter() < ended:
            pass
        time.sleep(TURN)


if __name__ == "__main__":
    main(os.getppid())
