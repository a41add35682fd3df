"""Deadlines do not run while nobody can decide: when the sidecar was away for long, reviews get that time back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

GAP_MIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody could decide."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """When a sidecar was there last, whether reviews may expire now, and the gap that has just ended, if it was long."""

    seen_at: datetime
    expiring: bool
    gap: Gap | None = None


def look(last_seen_at: datetime | None, since: datetime | None, seen_at: datetime | None, now: datetime) -> Presence:
    """What is known now. `last_seen_at` is what the look before returned; `since` and `seen_at` are of sidecars that are
    there now, None when there are none."""
    if since is None or seen_at is None:
        before = last_seen_at or now
        return Presence(before, expiring=now - before <= GAP_MIN)
    if last_seen_at is not None and since - last_seen_at > GAP_MIN:
        return Presence(max(seen_at, last_seen_at), expiring=False, gap=Gap(last_seen_at, since))
    return Presence(max(seen_at, last_seen_at or seen_at), expiring=True)
