"""How fast `pellucid prepare` is beside `tokenizers` alone, and what memory it takes.

    python benchmarks/prepare.py TEXT.txt [--megabytes 200]

The text is repeated to `--megabytes`. The two run in turn on GPT-2's tokenizer: `tokenizers` on the
text in memory, cut anywhere into parts of the size that `prepare` takes, and its ids thrown away;
`prepare` from disk to disk, hashes and all. The table gives medians and their ratio; the first line
is the highest memory of a process that prepares once and does nothing else.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pellucid.text import gpt2
from pellucid.text.chunks import BATCH, CHUNK
from pellucid.text.prepare import prepare

ALONE = (
    "import sys; from pathlib import Path; from pellucid.text.prepare import prepare; "
    "prepare([sys.argv[1]], Path(sys.argv[2]), tokenizer='gpt2', overwrite=True)"
)


def library_alone(text: str) -> int:
    """Encode with the library and nothing of Pellucid's; returns the number of tokens."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    library = Tokenizer.from_str(gpt2().to_json())
    parts = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    return sum(
        len(encoding.ids)
        for start in range(0, len(parts), BATCH)
        for encoding in library.encode_batch_fast(parts[start : start + BATCH])
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("text", type=Path)
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", type=Path, help="where to write; by default a temporary one")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        file, out = Path(folder, "text.txt"), Path(folder, "data")
        with file.open("wb") as target:
            while target.tell() < chosen.megabytes * 1_000_000:
                with chosen.text.open("rb") as source:
                    shutil.copyfileobj(source, target)
        size = file.stat().st_size
        # First of all: a process begins with the highest memory of the one that it is made from.
        subprocess.run([sys.executable, "-c", ALONE, file, out], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"prepare's highest memory on {size / 1e6:,.0f} MB: {peak:,.0f} MiB", flush=True)
        text = file.read_text(encoding="utf-8")

        def prepared() -> int:
            data = prepare([str(file)], out, tokenizer="gpt2", overwrite=True)
            return data.tokens("train.bin") + data.tokens("valid.bin")

        variants: dict[str, Callable[[], int]] = {
            "tokenizers alone": lambda: library_alone(text),
            "prepare": prepared,
        }
        times: dict[str, list[float]] = {name: [] for name in variants}
        counts = {}
        for _ in range(chosen.rounds):
            for name, run in variants.items():
                began = time.perf_counter()
                counts[name] = run()
                times[name].append(time.perf_counter() - began)
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        print(f"{size / 1e6:,.0f} MB, median of {chosen.rounds}")
        for name, seconds in medians.items():
            ratio = seconds / medians["tokenizers alone"]
            print(
                f"{name:<18} {seconds:7.1f} s  {counts[name] / seconds / 1e6:5.2f} million tokens/s"
                f"  {size / seconds / 1e6:5.2f} MB/s  {ratio:5.2f} × tokenizers alone"
            )


if __name__ == "__main__":
    main()
