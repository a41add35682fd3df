"""What a campaign came to: figures for people, on the screen and as reports/faults.md."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.judge.view import Violation
from tests.faults.toll import Blow

SHOWN_PER_KIND_MAX = 5


@dataclass(frozen=True)
class Summary:
    """One run. `deaths` are processes that ended by themselves, `codes` how they ended when asked to."""

    seed: int
    results: int
    corpus: str
    seconds: float
    kills: Mapping[str, int]
    deaths: Mapping[str, int]
    codes: Mapping[str, int]
    blows: Sequence[Blow]
    cut: int
    told: Mapping[str, int]
    figures: Mapping[str, int]
    violations: Sequence[Violation]
    marks: Sequence[str]

    @property
    def bites(self) -> int:
        """Blows after which the victim left something unrecorded or unpublished."""
        return sum(blow.bit for blow in self.blows)

    @property
    def reach(self) -> dict[str, int]:
        """Whether the kills hit anything, in figures."""
        return {
            "blows": len(self.blows),
            "blows that left work undone": self.bites,
            "records unrecorded at kills": sum(blow.unrecorded for blow in self.blows),
            "outbox rows unpublished at kills": sum(blow.unpublished for blow in self.blows),
            "transactions cut by a kill": self.cut,
            "batches refused for their position": self.told.get("batch_refused", 0),
            "partitions claimed": self.told.get("partition_claimed", 0),
        }


def text(summary: Summary) -> str:
    """For the screen."""
    lines = [f"seed {summary.seed}, {summary.results:,} results, {summary.corpus}, {summary.seconds:.0f} s"]
    lines += [f"{name:<36} {number:>9,}" for name, number in {**summary.figures, **summary.reach}.items()]
    lines += [f"killed -9: {_named(summary.kills)}", f"ended by themselves: {_named(summary.deaths)}"]
    return "\n".join([*lines, f"exit codes: {_named(summary.codes)}", *_violations(summary)])


def write(summaries: Sequence[Summary], file: Path) -> None:
    """As Markdown."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(_markdown(summaries)) + "\n")


def _markdown(summaries: Sequence[Summary]) -> Iterator[str]:
    yield "# Nothing lost: processes, broker and database killed -9 under load"
    yield ""
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, Python {platform.python_version()},"
    yield f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}."
    yield "Apache Kafka with 4 partitions, Postgres 15 with fsync on."
    yield "`python -m tests.faults.campaign` makes this; what is compared stands in `tests/faults/checker.py`."
    yield ""
    yield f"| | {' | '.join(f'seed {summary.seed}' for summary in summaries)} |"
    yield "|---|" + "---:|" * len(summaries)
    rows: dict[str, list[str]] = {}
    for summary in summaries:
        cells = {
            "results asked for": f"{summary.results:,}",
            "seconds": f"{summary.seconds:.0f}",
            **{f"{name} killed -9": str(times) for name, times in summary.kills.items()},
            "ended by themselves": str(sum(summary.deaths.values())),
            **{name: f"{number:,}" for name, number in {**summary.reach, **summary.figures}.items()},
            "**violations**": f"**{len(summary.violations)}**",
        }
        for name, cell in cells.items():
            rows.setdefault(name, []).append(cell)
    for name, row in rows.items():
        yield f"| {name} | {' | '.join(row)} |"
    for summary in summaries:
        yield from ("", f"## Seed {summary.seed}, {summary.corpus}", "", "```")
        yield from (*summary.marks, *_violations(summary), "```")


def _violations(summary: Summary) -> Iterator[str]:
    for kind, times in Counter(v.kind for v in summary.violations).most_common():
        yield f"VIOLATION {kind} × {times}"
        found = [v for v in summary.violations if v.kind == kind]
        yield from (f"    {v.detail[:300]}" for v in found[:SHOWN_PER_KIND_MAX])
    yield f"{len(summary.violations)} violations"


def _named(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.items())


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
