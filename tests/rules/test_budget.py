"""The report of a run: what is slow fails, what is skipped is named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.harness import availability, budget
from tests.harness.budget import Budget
from tests.rules.source import ROOT


def report(nodeid: str, duration: float, outcome: str = "passed", longrepr: object = None) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid, ("", 0, ""), {}, cast(Any, outcome), cast(Any, longrepr), "call", duration=duration
    )


def finish(measured: Budget) -> int:
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    measured.pytest_sessionfinish(cast(pytest.Session, session))
    return int(session.exitstatus)


@pytest.fixture(autouse=True)
def _scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_TEST_SCALE", "ci")


@pytest.mark.parametrize(("factor", "code"), [(1.4, pytest.ExitCode.OK), (1.6, pytest.ExitCode.TESTS_FAILED)])
def test_a_folder_far_over_its_budget_fails_the_run(factor: float, code: int) -> None:
    measured = Budget(None)
    measured.pytest_runtest_logreport(report("tests/unit/test_a.py::test_b", budget.BUDGETS_S["unit"] * factor))
    assert finish(measured) == code


def test_a_folder_without_a_budget_fails_the_run() -> None:
    measured = Budget(None)
    measured.pytest_runtest_logreport(report("tests/new/test_a.py::test_b", 0.1))
    assert finish(measured) == pytest.ExitCode.TESTS_FAILED


def test_every_folder_with_tests_has_a_budget_and_all_fit_in_forty_minutes() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders - budget.BUDGETS_S.keys() == set()
    assert sum(budget.BUDGETS_S.values()) <= 2_400


def test_what_was_skipped_is_named_in_the_report(tmp_path: Path) -> None:
    file = tmp_path / "reports" / "test.md"
    measured = Budget(file)
    measured.pytest_runtest_logreport(
        report("tests/unit/test_a.py::test_b", 0.1, "skipped", ("a.py", 1, "Skipped: no Java"))
    )
    lines: list[str] = []
    reporter = SimpleNamespace(write_line=lambda line, **_: lines.append(line), section=lines.append)
    measured.pytest_terminal_summary(cast(pytest.TerminalReporter, reporter))
    assert "tests/unit/test_a.py::test_b: no Java" in lines
    assert "- tests/unit/test_a.py::test_b: no Java" in file.read_text().splitlines()


def test_a_missing_service_fails_in_ci_and_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "MISSING", {})
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Apache Kafka cannot be started: no Java"):
        availability.missing("Apache Kafka", "no Java")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="Apache Kafka cannot be started: no Java"):
        availability.missing("Apache Kafka", "no Java")


def test_a_wrong_scale_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_TEST_SCALE", "huge")
    with pytest.raises(pytest.UsageError, match="ci or full"):
        availability.scale()
