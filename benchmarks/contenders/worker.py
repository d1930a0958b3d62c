"""A process for one contender: it answers each line of JSON on its input with one on its output."""

import importlib
import json
import os
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contenders.lineup import PEERS
from contenders.task import Task


def memory() -> dict[str, int]:
    """Bytes held now, and at most so far, where the system tells."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    kib = {"resident": "VmRSS", "peak": "VmHWM"}
    return {name: int(fields[field].split()[0]) * 1024 for name, field in kib.items()}


def answer(wish: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """What a wish comes to."""
    match wish["do"]:
        case "prepare":
            task = Task(**wish["task"])
            return {"wrote": importlib.import_module(PEERS[task.peer]).prepare(task)}
        case "open":
            task = Task(**wish["task"])
            peer = importlib.import_module(PEERS[task.peer])
            imported, began = memory().get("resident", 0), time.perf_counter()
            held["contender"] = peer.open_contender(task)
            loading = time.perf_counter() - began
            versions = {name: version(name) for name in peer.PACKAGES}
            return {"versions": versions, "loading": loading, "imported": imported}
        case "check":
            return {"numbers": held["contender"].check()}
        case "measure":
            return {"found": held["contender"].measure()}
        case _:
            return memory()


def main() -> None:
    """Answer until the input ends; what libraries print goes to the log."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    held: dict[str, Any] = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), held)
        except ModuleNotFoundError as error:
            reply = {"missing": f"{error.name} is not installed"}
        except Exception as error:  # noqa: BLE001 - a peer's failure is told in the table
            traceback.print_exc()
            text = str(error).strip() or "no message"
            reply = {"failed": f"{type(error).__name__}: {text.splitlines()[0]}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
    os._exit(0)  # some libraries' threads do not end


if __name__ == "__main__":
    main()
