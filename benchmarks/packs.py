"""Write a reference pack and compare it with itself: time, processor time, peak memory and size.

    python benchmarks/packs.py                              GPT-2's 124 million parameters
    python benchmarks/packs.py --model gpt2-tiny -- --size 1MB

What stands after `--` goes to `pellucid reference`. Both commands run in processes of their own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXT = "The port must agree with this."


def measured(*words: str) -> str:
    """Run a command of Pellucid's, and say what it took."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "pellucid", *words])
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{words[0]} must end with 0, and it ended with {status}")
    peak = used.ru_maxrss / 1e6  # Linux counts it in KB
    return f"{wall:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor time, {peak:.1f} GB"


def main() -> None:
    """Measure both commands once."""
    parser = argparse.ArgumentParser(description="Measure writing and comparing a pack.")
    parser.add_argument("--model", default="gpt2-124M-random")
    parser.add_argument("more", nargs="*")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        pack = str(Path(folder) / "pack")
        wrote = measured("reference", TEXT, "--model", asked.model, "-o", pack, *asked.more)
        size = sum(file.stat().st_size for file in Path(pack).iterdir())
        compared = measured("compare", pack, pack)
    print(f"reference: {wrote}, {size / 1e9:.3f} GB written")
    print(f"compare:   {compared}")


if __name__ == "__main__":
    main()
