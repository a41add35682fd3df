"""What a run took and left out: seconds per folder against its budget, and every skipped test by name.

A folder that takes more than 150 % of its budget fails the run: slow tests are how a suite dies. With `--report FILE` the
same is written as Markdown.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.harness.availability import MISSING, scale

# Seconds on 2 cores at scale `ci`; all of them together stay under 40 minutes.
BUDGETS_S = {
    "broker": 40,
    "console": 450,
    "demo": 120,
    "duties": 90,
    "embedded": 35,
    "faults": 220,
    "pipeline": 70,
    "property": 50,
    "provider": 90,
    "replay": 10,
    "rules": 15,
    "sidecar": 335,
    "simulation": 35,
    "store": 370,
    "stream": 430,
    "unit": 40,
}
FULL_FACTOR = 8
FAIL_AT = 1.5


class Budget:
    """Collects what the report says."""

    def __init__(self, report: Path | None) -> None:
        self._report = report
        self._seconds: dict[str, float] = defaultdict(float)
        self._outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self._skipped: list[tuple[str, str]] = []
        self._failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        folder = _folder(report.nodeid)
        self._seconds[folder] += report.duration
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._skipped.append((report.nodeid, reason.removeprefix("Skipped: ")))
        if report.failed:
            self._failed.append(f"{report.nodeid} ({report.when})")
        if report.when == "call" or not report.passed:
            self._outcomes[folder][report.outcome] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        terminalreporter.section(f"time budgets, scale {scale()}")
        for folder, seconds, budget, over in self._rows():
            counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self._outcomes[folder].items()))
            write(
                f"{folder:<12} {seconds:7.1f} s of {budget:5.0f} s  {counted}{_verdict(budget) if over else ''}",
                red=over,
            )
        if self._skipped:
            terminalreporter.section("skipped, by name")
            for name, reason in self._skipped:
                write(f"{name}: {reason}", yellow=True)
        for service, why in MISSING.items():
            write(f"missing: {service}: {why}", yellow=True)
        if self._report:
            self._report.parent.mkdir(parents=True, exist_ok=True)
            self._report.write_text("\n".join(self._markdown()) + "\n")
            write(f"report: {self._report}")

    def _rows(self) -> Iterator[tuple[str, float, float, bool]]:
        for folder, seconds in sorted(self._seconds.items()):
            budget = BUDGETS_S.get(folder, 0) * (FULL_FACTOR if scale() == "full" else 1)
            yield folder, seconds, budget, seconds > FAIL_AT * budget

    def _over(self) -> list[str]:
        return [folder for folder, _, _, over in self._rows() if over]

    def _markdown(self) -> Iterator[str]:
        yield f"# Test report, scale {scale()}"
        yield ""
        yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, Python {platform.python_version()},"
        yield f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
        yield ""
        yield "| folder | passed | failed | skipped | seconds | budget |"
        yield "|---|---|---|---|---|---|"
        for folder, seconds, budget, over in self._rows():
            counts = self._outcomes[folder]
            cells = (folder, counts["passed"], counts["failed"], counts["skipped"], f"{seconds:.0f}", f"{budget:.0f}")
            yield f"| {' | '.join(map(str, cells))}{' **over**' if over else ''} |"
        yield from _list("Failed", self._failed)
        yield from _list("Skipped", [f"{name}: {reason}" for name, reason in self._skipped])


def _verdict(budget: float) -> str:
    return "  OVER BUDGET" if budget else "  HAS NO BUDGET: give it one in tests/harness/budget.py"


def _list(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield from ("", f"## {title}", "")
        yield from (f"- {line}" for line in lines)


def _folder(nodeid: str) -> str:
    parts = Path(nodeid.split("::", maxsplit=1)[0]).parts
    return parts[1] if len(parts) > 2 else parts[0]


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
