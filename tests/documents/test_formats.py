"""Formats by the ending of a file's name."""

from importlib import import_module
from pathlib import Path

import pytest

from pellucid.documents.formats import WRITERS, check_path, write_document
from pellucid.errors import ConfigError, WriteError
from tests.documents.example_documents import document_of


def test_every_format_has_its_writer():
    for writer in WRITERS.values():
        module, _, function = writer.partition(".")
        assert callable(getattr(import_module(f"pellucid.documents.{module}"), function))


def test_a_document_is_written_whole_and_its_size_is_told(tmp_path: Path):
    file = tmp_path / "folder" / "walk.json"
    assert write_document(document_of("softmax"), file) == file.stat().st_size
    assert [path.name for path in file.parent.iterdir()] == ["walk.json"]


@pytest.mark.parametrize("name", ["walk", "walk.docx", "walk.html.gz", ".html"])
def test_another_ending_is_refused_with_those_that_there_are(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match=r"\.html, \.pdf, .*\.json"):
        check_path(tmp_path / name)


def test_a_directory_is_refused(tmp_path: Path):
    (tmp_path / "walk.html").mkdir()
    with pytest.raises(WriteError, match="Is a directory"):
        check_path(tmp_path / "walk.html")
