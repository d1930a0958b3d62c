"""Build a program of the C kit, or skip where the machine has no compiler."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def tool(*names: str) -> str:
    """The first of these programs that there is; the test is skipped where there is none."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"there is no {' or '.join(names)} on this machine")
    return found


@cache
def sanitizers() -> tuple[str, ...]:
    """The flags of the sanitizers, where the compiler has their libraries."""
    asked = [tool("cc", "gcc", "clang"), *SANITIZED, "-x", "c", "-", "-o", "/dev/null"]
    tried = subprocess.run(
        asked, input=b"int main(void) { return 0; }", capture_output=True, check=False
    )
    return SANITIZED if tried.returncode == 0 else ()


def built(out: Path, *sources: Path, flags: tuple[str, ...] = (), include: Path | None = None):
    """The program of these sources, built without a warning."""
    where = () if include is None else ("-I", str(include))
    command = [tool("cc", "gcc", "clang"), *STRICT, *flags, *where, "-o", str(out)]
    ran(*command, *map(str, sources), "-lm", at=out.parent)
    return out


def ran(*command: str, at: Path, code: int = 0) -> str:
    """What a program says; it must end with this code."""
    ended = subprocess.run(
        command, cwd=at, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr
