"""How many patches, and how long people took. Read from tallies, so that ten million patches take as long as ten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from asyncpg import Connection

from hitl_stream.store import statement


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from opening a review to its human decision; None where there was none. Quantiles are within 3 %."""

    decisions: int
    average_s: float | None
    median_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """`states` counts by state, with `auto_approved` beside `approved`, which includes it; `by_severity` the same for each."""

    states: Mapping[str, int]
    by_severity: Mapping[str, Mapping[str, int]]
    times: Times


@dataclass(frozen=True, slots=True)
class Day:
    """`counts` by what happened: opened, approved_by_policy, approved_by_people, rejected, expired, revoked."""

    day: date
    counts: Mapping[str, int]
    times: Times


async def read_summary(conn: Connection, since: date | None, until: date | None) -> Summary:
    """All patches first received, and decisions made, from `since` until before `until` (days in UTC), at one moment."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        counted = await conn.fetch(statement.get("count_patches"), since, until)
        buckets = await conn.fetch(statement.get("decision_times"), since, until)
    states: Counter[str] = Counter()
    by_severity: dict[str, Counter[str]] = {}
    for severity, state, approved_by, patches in counted:
        for counts in (states, by_severity.setdefault(severity or "unknown", Counter())):
            counts[state] += patches
            counts["auto_approved"] += patches if approved_by == "policy" else 0
    return Summary(states, by_severity, _times([tuple(row) for row in buckets]))


async def read_days(conn: Connection, since: date, until: date) -> Sequence[Day]:
    """Every day from `since` until before `until` (UTC), at one moment."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        happened = await conn.fetch(statement.get("activity_by_day"), since, until)
        buckets = await conn.fetch(statement.get("decision_times_by_day"), since, until)
    counts: dict[date, dict[str, int]] = {}
    for day, kind, entries in happened:
        counts.setdefault(day, {})[kind] = entries
    times: dict[date, list[tuple[int, int, float]]] = {}
    for day, *bucket in buckets:
        times.setdefault(day, []).append(tuple(bucket))
    days = (since + timedelta(days=n) for n in range((until - since).days))
    return [Day(day, counts.get(day, {}), _times(times.get(day, []))) for day in days]


def _times(buckets: Sequence[tuple[int, int, float]]) -> Times:
    decisions = sum(count for _, count, _ in buckets)
    if decisions == 0:
        return Times(0, None, None, None)
    average = sum(seconds for _, _, seconds in buckets) / decisions
    return Times(decisions, average, _quantile(buckets, decisions * 0.5), _quantile(buckets, decisions * 0.95))


def _quantile(buckets: Sequence[tuple[int, int, float]], rank: float) -> float:
    """The mean of the bucket that holds the rank-th decision."""
    seen = 0
    for _, count, seconds in buckets:
        seen += count
        if seen >= rank:
            return seconds / count
    raise ValueError("no bucket holds that rank")


async def add_up(conn: Connection) -> int:
    """Let the scheduler add up what was counted; returns how many rows went into sums."""
    rows: int = await conn.fetchval(statement.get("add_up_tallies"))
    return rows
