"""Build the library: `python -m pellucid.native.build`, and the installation runs the same.

It needs a C++ compiler with OpenMP, the one that `CXX` names or c++, g++ or clang++, and nothing
else. Where there is none, Pellucid runs without: in plain PyTorch.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
LIBRARY = HERE / "libpellucid.so.2"
FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-fopenmp", "-Wno-psabi"),
    # A product and a sum may be rounded at once, and a root need not report a negative number.
    *("-ffp-contract=fast", "-fno-math-errno"),
)
AVX512 = ("f", "bw", "vl", "dq", "vnni", "bf16")
VARIANTS = {
    "x86_64": {
        "portable": (),
        "avx2": ("-mavx2", "-mfma", "-mf16c"),
        "avx512": ("-mavx2", "-mfma", "-mf16c", *(f"-mavx512{part}" for part in AVX512)),
    },
    "aarch64": {"portable": (), "dotprod": ("-march=armv8.2-a+dotprod",)},
}


def compiler() -> str | None:
    """The path of a C++ compiler; None where there is none."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and (found := shutil.which(name)):
            return found
    return None


def build(target: Path = LIBRARY) -> str:
    """Compile the library to `target`, in place of one that is there; say why not, or nothing."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    found = compiler()
    if found is None:
        return "no C++ compiler is found"
    if sys.platform != "linux" or machine not in VARIANTS:
        return f"it is written for Linux on x86-64 and ARM, and this is {sys.platform} on {machine}"
    with tempfile.TemporaryDirectory() as directory:
        made = Path(directory)
        objects = {name: made / f"{name}.o" for name in VARIANTS[machine]}
        variants: list[tuple[str | Path, ...]] = []
        for name, flags in VARIANTS[machine].items():
            called = (f"-DTABLE=table_{name}", f'-DNAME="{name}"')
            variants.append((*flags, *called, "-c", HERE / "kernels.cpp", "-o", objects[name]))
        with ThreadPoolExecutor() as pool:  # the variants at once, on as many cores as there are
            failed = [said for said in pool.map(partial(_compiled, found), variants) if said]
        linked: tuple[str | Path, ...] = (
            "-shared",
            HERE / "library.cpp",
            *objects.values(),
            "-o",
            made / LIBRARY.name,
        )
        if said := failed[0] if failed else _compiled(found, linked):
            return f"the compiler {found} failed: {said}"
        # Another process may have the old library open: its file stays, and the name changes.
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copy2(made / LIBRARY.name, unfinished)
        unfinished.replace(target)
    return ""


def _compiled(compiler: str, words: Sequence[str | Path]) -> str:
    """Run the compiler; the first error that it prints, or nothing."""
    run = subprocess.run([compiler, *FLAGS, *words], capture_output=True, text=True, check=False)
    if not run.returncode:
        return ""
    first = next((line for line in run.stderr.splitlines() if "error" in line), "")
    return first or run.stderr[-200:]


if __name__ == "__main__":
    if came := build():
        sys.exit(f"pellucid: the native library was not built: {came}")
