"""How fast `pellucid prepare` is beside `tokenizers` and `tiktoken`, and what memory it takes.

    python benchmarks/prepare.py TEXT.txt [--megabytes 200]

The text is repeated to `--megabytes`. All run in turn on GPT-2's tokenizer: `tokenizers` and, where
it is installed, `tiktoken`, on as many threads, on the text in memory, cut anywhere into parts of
the size that `prepare` takes, and their ids thrown away; `prepare` from disk to disk, hashes and
all. The table gives medians, and how many times as fast `prepare` is, round by round; the first
line is the highest memory of a process that prepares once and does nothing else.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pellucid.text import gpt2
from pellucid.text.byte_level import spell
from pellucid.text.chunks import BATCH, CHUNK
from pellucid.text.prepare import prepare
from pellucid.text.quick import PIECES

ALONE = (
    "import sys; from pathlib import Path; from pellucid.text.prepare import prepare; "
    "prepare([sys.argv[1]], Path(sys.argv[2]), tokenizer='gpt2', overwrite=True)"
)


def parts_of(text: str) -> Iterator[list[str]]:
    """The text cut as `prepare` cuts it, in batches."""
    parts = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    for start in range(0, len(parts), BATCH):
        yield parts[start : start + BATCH]


def library_alone(text: str) -> int:
    """Encode with the library and nothing of Pellucid's; returns the number of tokens."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    library = Tokenizer.from_str(gpt2().to_json())
    return sum(
        len(encoding.ids)
        for batch in parts_of(text)
        for encoding in library.encode_batch_fast(batch)
    )


def tiktoken_alone(text: str, threads: int) -> int:
    """The same with tiktoken; its vocabulary is made of GPT-2's, and not fetched."""
    import tiktoken  # noqa: PLC0415

    vocabulary = json.loads(gpt2().to_json())["model"]["vocab"]
    ranks = {
        spell(piece): number
        for piece, number in vocabulary.items()
        if number < len(vocabulary) - 1  # the last is <|endoftext|>
    }
    library = tiktoken.Encoding("gpt2", pat_str=PIECES, mergeable_ranks=ranks, special_tokens={})
    return sum(
        len(ids)
        for batch in parts_of(text)
        for ids in library.encode_ordinary_batch(batch, num_threads=threads)
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("text", type=Path)
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", type=Path, help="where to write; by default a temporary one")
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--out", type=Path, metavar="FILE")
    chosen = options.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(chosen.threads)
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
            **(
                {"tiktoken": lambda: tiktoken_alone(text, chosen.threads)}
                if find_spec("tiktoken")
                else {}
            ),
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
        ratios = {
            name: [one / own for one, own in zip(taken, times["prepare"], strict=True)]
            for name, taken in times.items()
        }
        for name, seconds in medians.items():
            print(
                f"{name:<18} {seconds:7.1f} s  {counts[name] / seconds / 1e6:5.2f} million tokens/s"
                f"  {size / seconds / 1e6:5.2f} MB/s  prepare is "
                f"{statistics.median(ratios[name]):5.2f} × as fast"
            )
    if chosen.out:
        found: dict[str, Any] = {"bytes": size, "peak": peak * 2**20, "threads": chosen.threads}
        found |= {"tokens": counts, "seconds": times, "ratios": ratios}
        chosen.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
