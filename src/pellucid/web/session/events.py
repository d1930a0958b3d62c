"""Work that tells how it goes, in a process of its own: it can be ended at any moment.

A thread could not be: what computes on long numbers gives Python's lock to nobody while it does.
"""

import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from subprocess import PIPE, Popen
from threading import Thread
from time import monotonic
from typing import Any, BinaryIO

from pellucid.errors import PellucidError, ProofError

Tell = Callable[[dict[str, Any]], None]
"""What a function calls to tell how it goes."""

PULSE = 0.25
"""Seconds after which the last event is told again: whoever reads may have gone meanwhile."""

SECONDS = 600.0
"""That the work may take."""

MEMORY = 4 << 30
"""Bytes that the process may hold, where the system can bound them."""

ENDED = (
    f"a proof must end by itself, and this one was ended: it has {MEMORY >> 30} GiB of memory "
    "here; pellucid prove in the terminal has no such bound"
)

_COMMAND = (
    sys.executable,
    "-P",
    "-c",
    f"from {__name__} import work_for_parent; work_for_parent()",
)


def events_of(
    work: Callable[..., Any],
    *arguments: Any,
    first: dict[str, Any] | None = None,
    seconds: float = SECONDS,
) -> Iterator[dict[str, Any]]:
    """Run `work(tell, *arguments)`: what it tells, and last `{"done": what it returns}`.

    `first` is told at once: until the process has begun seconds may pass, and whoever reads may go.

    The function is one of a module, and all that goes there and comes back can be pickled. Where
    the iterator is closed before the end, the process ends at once.

    Raises `ProofError` for what the work refuses, and where it takes too long or too much memory.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    until = monotonic() + seconds
    last = first
    with Popen(_COMMAND, stdin=PIPE, stdout=PIPE, env=environment) as process:
        came: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        speaker = Thread(target=_speak, args=(process, (work, arguments), came), daemon=True)
        speaker.start()
        try:
            if first:
                yield first
            while (left := until - monotonic()) > 0:
                try:
                    kind, value = came.get(timeout=min(PULSE, left))
                except Empty:
                    if last:
                        yield last
                    continue
                if kind == "event":
                    last = value
                    yield last
                elif kind == "done":
                    yield {"done": value}
                    return
                else:
                    raise (ProofError if kind == "refused" else RuntimeError)(value)
            raise ProofError(
                f"a proof must be done within {seconds:g} seconds here, and this one is not: "
                "pellucid prove in the terminal has no such bound"
            )
        finally:
            process.kill()
            speaker.join()
            # It may be over before all that was asked has gone there: then this cannot be closed.
            if process.stdin is not None:
                with suppress(BrokenPipeError):
                    process.stdin.close()


def _speak(process: Popen[bytes], asked: Any, came: SimpleQueue[tuple[str, Any]]) -> None:
    """Tell the other process what to do, and hand on what it says until it ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(asked, process.stdin)
        process.stdin.flush()
        while True:
            came.put(pickle.load(process.stdout))
    except Exception:  # noqa: BLE001 (however it ended, nothing more comes)
        came.put(("refused", ENDED))


def work_for_parent() -> None:
    """What the new process does: read what is asked, do it, tell how it goes."""
    asked, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what else is printed goes to the terminal, and not among the events

    def say(kind: str, value: Any) -> None:
        pickle.dump((kind, value), told)
        told.flush()

    try:
        work, arguments = pickle.load(asked)
        Thread(target=_end_with_parent, args=(asked,), daemon=True).start()
        _bound_memory()
        say("done", work(lambda event: say("event", event), *arguments))
    except PellucidError as error:
        say("refused", str(error))
    except (KeyboardInterrupt, BrokenPipeError, MemoryError):
        os._exit(1)  # Ctrl-C is told to all processes of a terminal
    except Exception:  # noqa: BLE001 (whatever it is, it is raised again where it is read)
        say("failed", traceback.format_exc())


def _end_with_parent(asked: BinaryIO) -> None:
    asked.read()  # nothing more comes: it returns when the parent is no more
    os._exit(1)


def _bound_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # a system without such a bound has none
        import resource  # noqa: PLC0415 (there is none on Windows)

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        bound = MEMORY if most == resource.RLIM_INFINITY else min(MEMORY, most)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, most))
