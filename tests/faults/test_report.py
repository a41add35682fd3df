"""A report says what was compared, what was killed and what is wrong; the patches it is about are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.judge.view import Violation
from tests.faults.report import Summary
from tests.faults.toll import Blow
from tests.faults.upstream import corpus

SUMMARY = Summary(
    seed=7, results=1_000, corpus="60 invented patches", seconds=12.3, kills={"worker-1": 5}, deaths={"worker-1": 1},
    codes={"worker-1": 0}, blows=[Blow("worker-1", 12, 0), Blow("worker-1", 0, 0)], cut=1, told={"batch_refused": 3},
    figures={"duplicates": 41}, violations=[Violation("input_lost", "('wargaming.results', 0, 5): nowhere")], marks=["killed"],
)  # fmt: skip


def test_the_report_holds_figures_kills_and_violations(tmp_path: Path) -> None:
    report.write([SUMMARY], tmp_path / "reports" / "faults.md")
    written = (tmp_path / "reports" / "faults.md").read_text()
    for line in (
        "| worker-1 killed -9 | 5 |",
        "| duplicates | 41 |",
        "| blows that left work undone | 1 |",
        "| records unrecorded at kills | 12 |",
        "| **violations** | **1** |",
        "VIOLATION input_lost × 1",
    ):
        assert line in written.splitlines()


def test_without_a_file_of_real_patches_they_are_invented_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HITL_PATCHES", raising=False)
    monkeypatch.setattr(corpus, "BESIDE", Path("/nowhere"))
    assert corpus.find() is None
    assert corpus.describe(corpus.find()) == "60 invented patches"


def test_a_file_of_real_patches_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HITL_PATCHES", str(tmp_path / "patches.jsonl"))
    with pytest.raises(FileNotFoundError):
        corpus.describe(corpus.find())
    row = {"cve_id": "CVE-2026-1", "diff": "+ fixed\n", "severity": None}
    (tmp_path / "patches.jsonl").write_text(json.dumps(row) + "\n")
    assert corpus.describe(corpus.find()) == "1 real patches of patches.jsonl"
