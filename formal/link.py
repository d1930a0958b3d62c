"""Link the theorems to the code: each layer's Python, run on terms, is written out for Rocq.

    python formal/link.py DIR              writes a file for each layer into DIR
    python formal/link.py DIR --check      and has Rocq check them, beside the compiled theorems
    python formal/link.py DIR --check linear softmax      these layers alone

A layer's forward and backward are run on terms, numbers that remember how they were made. Each
value that the code shows becomes a line, an equation that says how the code made each of its
numbers from those before. What is proved is that numbers which obey these lines are those of the
definitions in formal/, of which the theorems are: so a formula that is changed in
src/pellucid/layers is refused.

The widths are small and fixed; the numbers are any reals. Constants of the code are taken as the
fractions that their floats are, but for roots and π, which are read as the numbers they stand for.
A score of -∞ is worked out here: the maximum of a row ignores it, it stays when a number is taken
from it, and exp makes 0 of it. A choice that depends on a number that is not fixed is refused.
"""

import argparse
import sys
import time
from pathlib import Path

from linking.files import accepted, write, write_same
from linking.layers import LAYERS


def main() -> None:
    """Write the files, and have them checked where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("layers", nargs="*", help=f"which: {', '.join(LAYERS)}; all without")
    parser.add_argument("--check", action="store_true", help="have Rocq check them")
    asked = parser.parse_intermixed_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    paths = [write_same(asked.folder)]
    paths += [write(name, asked.folder) for name in asked.layers or LAYERS]
    refused: list[str] = []
    for path in paths if asked.check else []:
        begun = time.perf_counter()
        if said := accepted(path):
            refused.append(said)
        print(f"{path.name:24} {time.perf_counter() - begun:6.1f}", flush=True)
    if refused:
        sys.exit("Rocq refuses " + "\n".join(refused))


if __name__ == "__main__":
    main()
