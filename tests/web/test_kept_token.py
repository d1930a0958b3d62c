"""The token of an address is kept for its user alone, and from no file that others may open."""

import os
from pathlib import Path

import pytest

from pellucid.web.http.kept_token import kept_token

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions are those of POSIX")


def test_it_is_kept_where_nobody_else_reads_it(tmp_path: Path):
    folder = tmp_path / "deep" / "state"
    first = kept_token(folder)
    assert len(first) * 6 >= 192
    assert kept_token(folder) == first
    (file,) = folder.iterdir()
    assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    assert kept_token(folder) != first


@pytest.mark.parametrize(
    "came", ["", "x" * 31, "x" * 33, "../" + "x" * 29, "x" * 32 + "\n", "é" * 32]
)
def test_what_is_no_token_is_replaced(tmp_path: Path, came: str):
    file = tmp_path / "page-token"
    file.write_text(came, encoding="utf-8")
    file.chmod(0o600)
    found = kept_token(tmp_path)
    assert found != came
    assert kept_token(tmp_path) == found
    assert [one.name for one in tmp_path.iterdir()] == ["page-token"]


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_open_is_not_trusted(tmp_path: Path, mode: int):
    first = kept_token(tmp_path)
    file = tmp_path / "page-token"
    file.chmod(mode)
    second = kept_token(tmp_path)
    assert second != first
    assert file.stat().st_mode & 0o777 == 0o600
    assert kept_token(tmp_path) == second


@posix
def test_a_link_is_not_followed(tmp_path: Path):
    first = kept_token(tmp_path / "real")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "page-token").symlink_to(tmp_path / "real" / "page-token")
    assert kept_token(tmp_path / "own") != first
    assert kept_token(tmp_path / "real") == first


def test_where_nothing_can_be_kept_it_is_new_each_time(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert kept_token(tmp_path / "file") != kept_token(tmp_path / "file")
