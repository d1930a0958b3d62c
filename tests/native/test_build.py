"""The native library is built where it can be, and where not it is said why."""

from importlib import import_module
from pathlib import Path

import pytest

from pellucid import native
from pellucid.native import build as building

loading = import_module("pellucid.native.library")


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path


def test_without_a_compiler_nothing_is_built(no_compiler: Path):
    target = no_compiler / "library"
    assert building.build(target) == "no C++ compiler is found"
    assert not target.exists()


def test_a_compiler_that_fails_is_quoted(no_compiler: Path):
    broken = no_compiler / "g++"
    broken.write_text("#!/bin/sh\necho 'kernels.cpp:1: error: no such thing' >&2\nexit 1\n")
    broken.chmod(0o755)
    target = no_compiler / "library"
    target.write_text("the old one")
    assert "failed: kernels.cpp:1: error: no such thing" in building.build(target)
    assert target.read_text() == "the old one"


def test_the_compiler_can_be_chosen(no_compiler: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = no_compiler / "mine"
    chosen.touch(mode=0o755)
    monkeypatch.setenv("CXX", "mine")
    assert building.compiler() == str(chosen)


def test_why_there_are_no_kernels_is_one_line(monkeypatch: pytest.MonkeyPatch):
    for setting, expected in (("off", "PELLUCID_NATIVE"), ("", "native.build")):
        native.library.cache_clear()
        monkeypatch.setenv("PELLUCID_NATIVE", setting)
        monkeypatch.setattr(loading, "LIBRARY", Path("nowhere"))
        assert expected in native.missing()
        assert native.level() == ""
        assert len(native.missing().splitlines()) == 1
    native.library.cache_clear()


def test_a_library_that_cannot_be_loaded_is_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = tmp_path / "library"
    broken.write_text("not a library")
    native.library.cache_clear()
    monkeypatch.setattr(loading, "LIBRARY", broken)
    assert native.library() is None
    native.library.cache_clear()
