"""Try random inputs for some minutes: `python -m tests.fuzz --minutes 20`.

Each target has the same share of the time, in rounds with seeds of their own. What fails is made
smaller by Hypothesis, said, and counted; the exit code is 1 if anything did.
"""

import argparse
import multiprocessing
import secrets
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

EXAMPLES = 25
"""Inputs in a round."""


def one_round(target: Target, start: int) -> tuple[Counter[str], list[str]]:
    """Some inputs of a target: how many ended how, and what failed, made as small as can be."""
    ended: Counter[str] = Counter()

    @seed(start)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def taken(came: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ended[target.take(came, Path(folder))] += 1

    try:
        taken()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
        return ended, list(told(error))
    return ended, []


def told(error: BaseException) -> Iterator[str]:
    """What a failure says: the error, where it was raised, and the input."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from told(one)
        return
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames[-3:]]
    notes = "\n".join(getattr(error, "__notes__", ()))
    yield "\n  ".join([f"{type(error).__name__}: {str(error)[:1500]}", *places, notes[:2500]])


def in_a_process(target: Target, start: int) -> tuple[Counter[str], list[str]]:
    """A round in a process of its own, so that one which is aborted is a failure like others."""
    forked = multiprocessing.get_context("fork")
    here, there = forked.Pipe()
    process = forked.Process(target=lambda: there.send(one_round(target, start)))
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        process.join()
        return Counter(), [f"its process ended with {process.exitcode}"]
    finally:
        process.join()


def main() -> int:
    """Go round all targets until the time is over, then say what came of them."""
    parser = argparse.ArgumentParser(description="Try random inputs for some minutes.")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--match", default="", help="only targets whose name holds this")
    options = parser.parse_args()
    targets = [target for target in TARGETS if options.match in target.name]
    counts: dict[str, Counter[str]] = {target.name: Counter() for target in targets}
    seconds = dict.fromkeys(counts, 0.0)
    failures: dict[str, list[str]] = {target.name: [] for target in targets}
    for target in targets:
        target.inputs()  # what all rounds begin with is made once, here
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        # The target that has had the least time is next; one that fails again and again rests.
        target = min(targets, key=lambda one: seconds[one.name] * (1 + len(failures[one.name])))
        start, begun = secrets.randbits(32), time.monotonic()
        ended, failed = in_a_process(target, start)
        counts[target.name] += ended
        seconds[target.name] += time.monotonic() - begun
        failures[target.name] += failed
        for failure in failed:
            print(f"\n{target.name} (seed {start}): {failure}", flush=True)
    for name, ended in counts.items():
        told = ", ".join(f"{count} {how}" for how, count in sorted(ended.items()))
        print(f"{name:26} {told}; {len(failures[name])} failures; {seconds[name]:.0f} s")
    all_of_them = sum(sum(ended.values()) for ended in counts.values())
    found = sum(map(len, failures.values()))
    print(f"{all_of_them} inputs in {options.minutes:g} minutes, {found} failures")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
