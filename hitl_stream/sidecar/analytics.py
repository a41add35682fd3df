"""How it goes: how many patches stand where, how much policy decides by itself, how long people take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response

from hitl_stream.sidecar import query, reply
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.query import Query
from hitl_stream.sidecar.raw_path import invalid_query
from hitl_stream.store import analytics
from hitl_stream.store.analytics import Day, Summary

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KNOWN = frozenset(("since", "until"))
DAYS_DEFAULT, DAYS_MAX = 30, 366
HAPPENED = ("opened", "approved_by_policy", "approved_by_people", "rejected", "expired", "revoked")

router = APIRouter()


@router.get("/hitl/analytics/summary")
async def show_summary(asked: Asker) -> Response:
    """Of all patches, or with `since` and `until` of those received on these days (UTC, `until` not included)."""
    async with asked.reading() as conn:
        asked_for = query.read(asked.request, _KNOWN)
        found = await analytics.read_summary(conn, _day(asked_for, "since"), _day(asked_for, "until"))
    return reply.make(_body(found)).response()


@router.get("/hitl/analytics/timeline")
async def show_timeline(asked: Asker) -> Response:
    """Day by day (UTC) from `since` until before `until`, by default the last 30 days; of more than a year the end."""
    async with asked.reading() as conn:
        asked_for = query.read(asked.request, _KNOWN)
        until = _day(asked_for, "until") or datetime.now(UTC).date() + timedelta(days=1)
        since = _day(asked_for, "since") or _before(until, DAYS_DEFAULT)
        found = await analytics.read_days(conn, max(since, _before(until, DAYS_MAX)), until)
    return reply.make({"days": [_of_day(one) for one in found]}).response()


def _before(day: date, days: int) -> date:
    """So many days before, as far as there are any."""
    return day - timedelta(days=min(days, (day - date.min).days))


def _of_day(found: Day) -> dict[str, Any]:
    counts = {name: found.counts.get(name, 0) for name in HAPPENED}
    people = counts["approved_by_people"] + counts["rejected"]
    decided = people + counts["approved_by_policy"]
    return {
        "day": found.day.isoformat(),
        **counts,
        "decided_by_people": people,
        "auto_rate": round(counts["approved_by_policy"] / decided, 4) if decided else None,
        "median_decision_time_sec": _rounded(found.times.median_s),
    }


def _body(found: Summary) -> dict[str, Any]:
    """The six fields that are promised, and more beside them. Averages are over human decisions only."""
    return {
        **_counts(found.states),
        "avg_decision_time_sec": _rounded(found.times.average_s),
        "median_decision_time_sec": _rounded(found.times.median_s),
        "p95_decision_time_sec": _rounded(found.times.p95_s),
        "human_decisions": found.times.decisions,
        "auto_rate": _auto_rate(found.states),
        "by_severity": {name: _counts(counts) for name, counts in sorted(found.by_severity.items())},
    }


def _counts(states: Mapping[str, int]) -> dict[str, int]:
    """Pending includes what still collects evidence, approved what policy approved."""
    by_state = {name: states.get(name, 0) for name in ("approved", "rejected", "expired", "revoked")}
    pending = states.get("pending", 0) + states.get("collecting", 0)
    total = sum(by_state.values()) + pending
    return {"total_patches": total, **by_state, "pending": pending, "auto_approved": states.get("auto_approved", 0)}


def _auto_rate(states: Mapping[str, int]) -> float | None:
    """The part of approvals and rejections that policy made alone; None while there are none."""
    decided = states.get("approved", 0) + states.get("rejected", 0)
    return round(states.get("auto_approved", 0) / decided, 4) if decided else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _day(asked_for: Query, name: str) -> date | None:
    value = asked_for.once(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value if _DAY.fullmatch(value) else "")
    except ValueError as error:
        raise invalid_query(f"{name}: a day as in 2026-11-25") from error
