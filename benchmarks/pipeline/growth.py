"""What ten million events do to the worker: resident memory, the cost of each million, and the bytes that stay.

Topics keep a gibibyte each, so that the disk holds them; nothing is taken out of the database.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.pipeline import contestant as contestants
from benchmarks.pipeline import measure
from benchmarks.pipeline.contestant import OURS
from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.measure import Meter, Usage
from benchmarks.pipeline.run import RunFailed, wait_ready
from benchmarks.pipeline.world import Stage, World

SAMPLE_S = 1.0
STUCK_S = 300.0  # a checkpoint of a large database takes its time
MILLION = 1_000_000
WARM = 50_000  # events before the first million: code is compiled, statements are prepared
RETENTION = 2**30
TABLES = """
    SELECT relname AS name, pg_total_relation_size(c.oid)::bigint AS bytes, pg_indexes_size(c.oid)::bigint AS of_indexes
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname = 'public' ORDER BY 2 DESC"""
WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"


@dataclass(frozen=True, slots=True)
class Sample:
    """At one moment: events concluded, seconds since the first, resident bytes, CPU used until then."""

    events: int
    seconds: float
    rss: int
    used: Usage


@dataclass(frozen=True, slots=True)
class Growth:
    """One long run. `tables` are (bytes, of it indexes) at its end, `wal_bytes` what was written ahead during it."""

    size: int
    samples: Sequence[Sample]
    tables: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    wal_bytes: int = 0

    @property
    def events(self) -> int:
        """How many events the run had, those to get warm on included."""
        return self.samples[-1].events

    @property
    def settled(self) -> Sequence[Sample]:
        """The samples after the first million; after the first third where there are fewer than three."""
        since = min(MILLION, self.events / 3)
        return [sample for sample in self.samples if sample.events >= since]

    @property
    def mb(self) -> float:
        """Mean resident size after the first million."""
        return sum(sample.rss for sample in self.settled) / max(1, len(self.settled)) / 1e6

    @property
    def mb_per_million(self) -> float:
        """Growth after the first million, in MB per million events."""
        return measure.slope((float(sample.events), float(sample.rss)) for sample in self.settled)

    @property
    def costs(self) -> list[tuple[float, float]]:
        """Of each whole million: µs of CPU per event of worker and Postgres, and of Postgres alone."""
        at = [self._used(WARM + number * MILLION) for number in range(1 + (self.events - WARM) // MILLION)]
        spent = [later - earlier for earlier, later in pairwise(at)]
        return [(one.contestant_s + one.postgres_s, one.postgres_s) for one in spent]

    @property
    def bytes_per_million(self) -> float:
        """What a million events leave in the database."""
        return sum(total for total, _ in self.tables.values()) / self.events * MILLION

    def _used(self, events: float) -> Usage:
        """CPU until so many events, on the line between the samples around."""
        after = next(number for number, sample in enumerate(self.samples) if sample.events >= events)
        later = self.samples[after]
        if after == 0:
            return later.used
        earlier = self.samples[after - 1]
        share = (events - earlier.events) / (later.events - earlier.events)
        step = later.used - earlier.used
        return Usage(
            earlier.used.contestant_s + step.contestant_s * share,
            earlier.used.postgres_s + step.postgres_s * share,
            earlier.used.broker_s + step.broker_s * share,
        )


def watch(world: World, size: int, events: int) -> Growth:
    """Let one worker process record so many events. Raises RunFailed."""
    with world.stage(retention_bytes=RETENTION) as stage:
        children = contestants.start(OURS, stage, 1)
        try:
            wait_ready(OURS, stage, children, 1)
            meter = Meter((children[0].pid,), stage.postgres_pid, stage.broker_pid)
            written = stage.fetch(WAL)[0][0]
            with Feed(stage, size, events + WARM) as feed:
                samples = _sample(feed, events + WARM, meter)
            written = stage.fetch(WAL)[0][0] - written
            if samples[-1].events < events + WARM:
                raise RunFailed(f"the worker stands still at {samples[-1].events}: {children[0].log_tail()}")
        finally:
            for child in children:
                child.stop()
        return Growth(size, samples, _tables(stage), written)


def _sample(feed: Feed, events: int, meter: Meter) -> list[Sample]:
    """Until all are concluded, or nothing moves any more."""
    before, started = meter.read(), time.monotonic()
    samples = [Sample(0, 0.0, measure.rss_bytes(meter.contestant), before - before)]
    while samples[-1].events < events:
        time.sleep(SAMPLE_S)
        concluded, seconds = feed.concluded(), time.monotonic() - started
        if concluded > samples[-1].events:
            samples.append(Sample(concluded, seconds, measure.rss_bytes(meter.contestant), meter.read() - before))
        elif seconds - samples[-1].seconds > STUCK_S:
            break
    return samples


def _tables(stage: Stage) -> dict[str, tuple[int, int]]:
    return {row["name"]: (row["bytes"], row["of_indexes"]) for row in stage.fetch(TABLES)}
