"""The planted faults: each has its place still, and the script tells what is noticed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plant import NOTICED, ROOT, SOURCE, SURVIVED, Fault, faults, plant

FAULTS = list(faults())


@pytest.mark.parametrize("file", sorted({fault.file for fault in FAULTS}))
def test_a_fault_has_its_place(file: str) -> None:
    for fault in (one for one in FAULTS if one.file == file):
        text = (SOURCE / fault.path).read_text(encoding="utf-8")
        assert fault.planted(text) != text, fault
        for named in fault.tests.split():
            assert (ROOT / named.partition("::")[0]).exists(), named


def test_no_fault_is_planted_twice() -> None:
    assert len({(fault.file, fault.old, fault.new) for fault in FAULTS}) == len(FAULTS)


def test_the_script_tells_what_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "pellucid").mkdir()
    whole = "def double(x):\n    return 2 * x  # twice\n"
    (tmp_path / "pellucid" / "double.py").write_text(whole)
    module = tmp_path / "pellucid" / "double.py"
    (tmp_path / "test_double.py").write_text(
        "import runpy\n\ndef test_double():\n"
        f"    assert runpy.run_path({str(module)!r})['double'](3) == 6\n"
    )
    fault = Fault("none", "double.py", "2 * x", "3 * x", str(tmp_path / "test_double.py"))
    assert plant(fault, tmp_path) == NOTICED
    assert plant(replace(fault, old="twice", new="doubled"), tmp_path) == SURVIVED
    assert module.read_text() == whole
    with pytest.raises(ValueError, match="has it 2 times"):
        replace(fault, old="x").planted("x x")
