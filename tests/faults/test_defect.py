"""Every planted defect still finds the text that it changes; whether it is caught, `python -m tests.faults.defect` shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import defect
from tests.faults.defect import DEFECTS, Change, Defect
from tests.faults.nemesis.catalogue import KINDS


@pytest.mark.parametrize("planted", DEFECTS, ids=lambda planted: planted.name)
def test_a_defect_can_be_planted(planted: Defect, tmp_path: Path) -> None:
    product = defect.plant(planted, tmp_path)
    for change in planted.changes:
        assert (defect.PRODUCT / change.file).read_text() != (product / "hitl_stream" / change.file).read_text()
    for file in (product / "hitl_stream").rglob("*.py"):
        compile(file.read_text(), str(file), "exec")
    assert set(planted.struck) <= KINDS.keys()


def test_a_text_that_is_not_there_any_more_is_said(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="has 0 times"):
        defect.plant(Defect("gone", [Change("cli.py", "no such text", "")], []), tmp_path)


def test_the_copy_is_what_a_program_imports(tmp_path: Path) -> None:
    product = defect.plant(Defect("none", [], []), tmp_path)
    said = [sys.executable, "-c", "import hitl_stream; print(hitl_stream.__file__)"]
    done = subprocess.run(said, cwd="/", env={"PYTHONPATH": str(product)}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(product))
