"""Whether anything else was at work while something was measured."""

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")


class Quiet:
    """Begins to watch where it is made."""

    def __init__(self) -> None:
        self._began, self._before = time.perf_counter(), _others()

    def others(self) -> float | None:
        """How many cores other programs kept at work since then; None where nobody counts."""
        if self._before is None:
            return None
        now = _others()
        assert now is not None
        return max(0.0, (now - self._before) / (time.perf_counter() - self._began))


def _others() -> float | None:
    """Seconds of all cores that went to other processes, since the machine began."""
    if not STAT.exists():
        return None
    counts = list(map(int, STAT.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]))
    user, nice, system, _idle, _wait, *interrupts_and_stolen = counts
    busy = user + nice + system + sum(interrupts_and_stolen)
    return busy / os.sysconf("SC_CLK_TCK") - time.process_time()
