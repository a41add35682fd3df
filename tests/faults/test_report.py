"""A report says what was compared, what was killed and what is wrong; the patches it is about are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.judge.view import Violation
from tests.faults.report import Outcome, Struck
from tests.faults.toll import Bite
from tests.faults.upstream import corpus

OUTCOME = Outcome(
    seed=7, commit="abc1234", seconds=12.3, deaths={"worker-1": 1}, cut=1, told={"batch_refused": 3},
    struck=[Struck("worker killed", 1.5, Bite(12), 2.5), Struck("worker killed", 9.5, Bite())],
    figures={"duplicates": 41}, failures=["KeyError('state')"],
    violations=[Violation("input_lost", "('wargaming.results', 0, 5): nowhere")], marks=["killed"],
)  # fmt: skip


def test_the_report_holds_faults_figures_and_violations(tmp_path: Path) -> None:
    report.write([OUTCOME], tmp_path / "reports" / "faults.md")
    written = (tmp_path / "reports" / "faults.md").read_text()
    for line in (
        "| worker killed | 2 | 1 | 2.5 | 2.5 |",
        "| duplicates | 41 |",
        "| faults that bit | 1 |",
        "| ended by themselves | 1 |",
        "| 7 | abc1234 | 12 | 2 | 1 | 1 |",
        "FAILED KeyError('state')",
        "VIOLATION input_lost × 1",
    ):
        assert line in written.splitlines()
    assert "**2 faults, of which 1 bit, in 1 episodes and 0 minutes: 1 violations" in written


def test_the_report_holds_what_no_program_came_to(tmp_path: Path) -> None:
    report.write([OUTCOME], tmp_path / "faults.md", {"worker-1": ["record_batch"], "scheduler": []})
    lines = (tmp_path / "faults.md").read_text().splitlines()
    assert lines[-2:] == ["- worker-1: record_batch", "- scheduler: none"]


def test_what_is_kept_of_an_episode_is_read_again(tmp_path: Path) -> None:
    report.keep(OUTCOME, tmp_path / "episode-7.json")
    assert report.load(tmp_path) == [OUTCOME]


def test_without_a_file_of_real_patches_they_are_invented_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HITL_TEST_PATCHES", raising=False)
    monkeypatch.setattr(corpus, "BESIDE", Path("/nowhere"))
    assert corpus.find() is None
    assert corpus.describe(corpus.find()) == "60 invented patches"


def test_a_file_of_real_patches_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HITL_TEST_PATCHES", str(tmp_path / "patches.jsonl"))
    with pytest.raises(FileNotFoundError):
        corpus.describe(corpus.find())
    row = {"cve_id": "CVE-2026-1", "diff": "+ fixed\n", "severity": None}
    (tmp_path / "patches.jsonl").write_text(json.dumps(row) + "\n")
    assert corpus.describe(corpus.find()) == "1 real patches of patches.jsonl"
