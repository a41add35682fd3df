"""Half an hour at a steady rate, with people at work: does anything grow that should not? And is everything right at the end?

    python -m tests.faults.soak [--minutes 30] [--rate 60] [--seed 1] [--report FILE]

Exit code 1 where something grew by more than its limit, or anything was violated. Beside the report lies a CSV file with all
that was measured, a row a minute.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from tests.faults import report, stage
from tests.faults.episode import Episode
from tests.faults.report import Outcome

SAMPLE_S: Final = 5.0
REMEMBERS: Final = "eureka"  # the last seq of every patch, as whoever consumes decisions must
TICK_S: Final = 0.1
WARM_SHARE: Final = 1 / 3  # caches, pools and tables fill up at first; what counts is whether it ends
SLICE_S: Final = 60.0
TICKS: Final = round(SLICE_S / TICK_S)
# Those from which rows go away again: what stays of them must not grow with time. A change is kept for an hour, which is
# longer than this takes: of that table one row must not grow.
EMPTYING: Final = ("outbox", "queue", "consumer_position", "outbox_shard")
LASTING: Final = "change"
DEAD: Final = "SELECT n_dead_tup::float8 FROM pg_stat_user_tables WHERE relname = $1"
SIZE: Final = "SELECT pg_total_relation_size($1::text::regclass)::float8 / 1048576"
ROW_SIZE: Final = f"SELECT pg_total_relation_size('{LASTING}') / greatest(count(*), 1)::float8 FROM {LASTING}"
RETAINED: Final = "SELECT sum(size)::float8 / 1048576 FROM pg_ls_waldir()"
FLUSHED: Final = "SELECT pg_current_wal_flush_lsn()::text"
# What was written ahead between two places: the changes, and pages as a whole, which Postgres writes when it first changes one
# after a checkpoint.
LOOK_INSIDE: Final = "CREATE EXTENSION IF NOT EXISTS pg_walinspect"
WRITTEN: Final = """
SELECT ARRAY[sum(record_size), sum(fpi_size)]::float8[] FROM pg_get_wal_stats($1::text::pg_lsn, $2::text::pg_lsn)"""
# The clock of the first unpublished row of a shard is that of its transaction.
WAITING: Final = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(pg_xact_commit_timestamp(xmin)))::float8, 0) FROM outbox"""


@dataclass(frozen=True)
class Series:
    """What was measured again and again. `limit` is how much more it may be at the end than it was once all was warm."""

    name: str
    unit: str
    limit: float
    points: Sequence[tuple[float, float]]  # (minutes since the start, value)

    @property
    def fitted(self) -> tuple[float, float]:
        """The straight line through all points after warming up, at its two ends."""
        settled = self.points[int(len(self.points) * WARM_SHARE) :]
        if len(settled) < 2:
            raise ValueError(f"{self.name}: {len(self.points)} points are too few")
        line = statistics.linear_regression(*zip(*settled, strict=True))
        first, last = settled[0][0], settled[-1][0]
        return line.intercept + line.slope * first, line.intercept + line.slope * last

    @property
    def grows(self) -> bool:
        """Whether it grew by more than it may."""
        first, last = self.fitted
        return last - first > self.limit


@dataclass
class Steady:
    """So many results a second for so long, each sent when it is due, whatever becomes of those before."""

    minutes: float
    rate: float
    sampled: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    late_s: float = 0.0
    _before: tuple[str, int] | None = None

    def __call__(self, episode: Episode) -> None:
        """Send, and look at everything every few seconds."""
        episode.begin()
        episode.witness.run(LOOK_INSIDE)
        slices = max(1, round(self.minutes * 60 / SLICE_S))
        parts = [episode.plan(round(self.rate * SLICE_S), part=number) for number in range(slices)]
        started = sample_at = time.monotonic()
        for number, planned in enumerate(parts):
            for tick in range(TICKS):
                due = started + number * SLICE_S + tick * TICK_S
                episode.pause(max(0.0, due - time.monotonic()))
                self.late_s = max(self.late_s, time.monotonic() - due)
                episode.source.send(planned[tick * len(planned) // TICKS : (tick + 1) * len(planned) // TICKS])
                if time.monotonic() >= sample_at:
                    self._sample(episode, (time.monotonic() - started) / 60)
                    sample_at += SAMPLE_S
            episode.revive()

    def series(self) -> Iterator[Series]:
        """Everything that was sampled, with its limit."""
        for name, points in self.sampled.items():
            unit, limit = next(found for word, found in LIMITS.items() if word in name)
            yield Series(name, unit, limit, points)

    def _sample(self, episode: Episode, at: float) -> None:
        for program in episode.programs:
            process = psutil.Process(program.pid)
            self._add(f"descriptors of {program.name}", at, process.num_fds())
            if program.name != REMEMBERS:
                self._add(f"memory of {program.name}", at, process.memory_info().rss / 2**20)
        for table in EMPTYING:
            self._add(f"dead rows of {table}", at, episode.witness.ask(DEAD, table))
            self._add(f"disk of {table}", at, episode.witness.ask(SIZE, table))
        self._add(f"dead rows of {LASTING}", at, episode.witness.ask(DEAD, LASTING))
        self._add(f"bytes a row of {LASTING}", at, episode.witness.ask(ROW_SIZE))
        self._add("records not recorded yet", at, episode.witness.everything().unrecorded)
        self._add("WAL that is kept", at, episode.witness.ask(RETAINED))
        self._add("age of the outbox", at, episode.witness.ask(WAITING))
        flushed, recorded = episode.witness.ask(FLUSHED), episode.witness.recorded()
        if self._before is not None and recorded > self._before[1]:
            changes, pages = episode.witness.ask(WRITTEN, self._before[0], flushed)
            self._add("WAL of a record", at, changes / (recorded - self._before[1]) / 1024)
            self._add("whole pages of a record", at, pages / (recorded - self._before[1]) / 1024)
        self._before = flushed, recorded

    def _add(self, name: str, at: float, value: float) -> None:
        self.sampled.setdefault(name, []).append((at, value))


# By a word of the name; the first that is in it counts.
LIMITS: Final[Mapping[str, tuple[str, float]]] = {
    "memory": ("MB", 4.0),
    "descriptors": ("", 4.0),
    "dead rows": ("", 2_000.0),
    "disk": ("MB", 8.0),
    "age of": ("s", 0.5),
    "not recorded": ("", 100.0),
    "bytes a row": ("B", 32.0),
    "WAL of": ("KB", 1.5),
    # The more pages the indexes on random keys have, the more of them are changed for the first time after a checkpoint:
    # up to one for each row and index, docs/scale.md says where that ends.
    "whole pages": ("KB", 4.0),
    "WAL that": ("MB", 600.0),
}


def run(steady: Steady, seed: int, directory: Path) -> Outcome:
    """On servers of its own. Raises Fatal when they cannot be had."""
    with stage.standing() as standing:
        return Episode(standing, directory, seed).run(steady)


def text(steady: Steady, outcome: Outcome) -> Iterator[str]:
    """As Markdown."""
    yield f"# {steady.minutes:g} minutes at a steady rate"
    yield ""
    yield f"Seed {outcome.seed}, commit {outcome.commit}: {steady.rate:g} results a second and all that belongs to them,"
    yield "two workers, two sidecars with six reviewers, three listeners and a client of the gate. Lines are fitted after the"
    yield "first third; what they were at their beginning and at their end. The latest record was sent"
    yield f"{steady.late_s * 1000:.0f} ms after it was due."
    yield ""
    yield "| | warm | at the end | may grow by | |"
    yield "|---|--:|--:|--:|---|"
    for series in steady.series():
        first, last = series.fitted
        judged = "GROWS" if series.grows else "steady"
        unit = f" {series.unit}".rstrip()
        yield f"| {series.name} | {first:,.2f}{unit} | {last:,.2f}{unit} | {series.limit:g}{unit} | {judged} |"
    yield ""
    yield "```"
    yield report.text(outcome)
    yield "```"


def write_minutes(path: Path, sampled: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Everything as CSV: a row a minute, the median of what was measured in it."""
    minutes = sorted({int(at) for points in sampled.values() for at, _ in points})
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["minute", *sampled])
        for minute in minutes:
            found = ([value for at, value in points if int(at) == minute] for points in sampled.values())
            writer.writerow([minute, *(f"{statistics.median(values):.6g}" if values else "" for values in found)])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=60.0, help="results per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args(arguments)
    steady = Steady(given.minutes, given.rate)
    with tempfile.TemporaryDirectory(prefix="hitl-soak-") as scratch:
        outcome = run(steady, given.seed, Path(scratch))
        if not outcome.is_good:
            kept = tempfile.mkdtemp(prefix="hitl-soak-wrong-")
            shutil.copytree(scratch, kept, dirs_exist_ok=True)
            print(f"Logs and a copy of the world are in {kept}.")
    told = "\n".join(text(steady, outcome)) + "\n"
    print(told)
    if given.report:
        given.report.write_text(told)
        write_minutes(given.report.with_suffix(".csv"), steady.sampled)
    is_right = outcome.is_good and not any(outcome.deaths.values())
    return 1 if not is_right or any(series.grows for series in steady.series()) else 0


if __name__ == "__main__":
    sys.exit(main())
