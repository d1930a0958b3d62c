"""The kernels under AddressSanitizer and UndefinedBehaviorSanitizer, on memory of exact sizes."""

import platform
import subprocess
from pathlib import Path

import pytest

from pellucid import native
from pellucid.native.build import FLAGS, HERE, VARIANTS, compiler

SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

CASES = 24


def test_the_kernels_read_and_write_what_is_theirs(tmp_path: Path):
    """For the best processor that this one is: its loops are unrolled the most."""
    found, level = compiler(), native.level()
    if found is None or not level:
        pytest.skip("there is no C++ compiler, or no native library")
    program, flags = tmp_path / "sanitized", VARIANTS[platform.machine()][level]
    given = [flag for flag in FLAGS if flag not in {"-O3", "-fPIC"}]
    source = Path(__file__).parent / "sanitized.cpp"
    command = [found, *given, *flags, *SANITIZED, f"-I{HERE}", source, "-o", program]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in built.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert built.returncode == 0, built.stderr[-2000:]
    # libgomp keeps its threads' memory to the end.
    environment = {"ASAN_OPTIONS": "detect_leaks=0", "OMP_NUM_THREADS": "3"}
    run = subprocess.run(
        [program], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert (run.returncode, run.stdout) == (0, f"{CASES}\n"), run.stderr[-3000:]
