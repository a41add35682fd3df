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
    """When a sidecar was there last, whether none is there now, and the gap that has just ended, if it was long."""

    seen_at: datetime
    away: bool = False
    gap: Gap | None = None

    @property
    def expiring(self) -> bool:
        """Whether reviews may expire now: not while an absence goes on, for it may become long enough to be given back."""
        return not self.away and self.gap is None


def look(last: Presence | None, since: datetime | None, seen_at: datetime | None, now: datetime) -> Presence:
    """What is known now. `last` is what the look before returned; `since` and `seen_at` are of sidecars that are there now
    (the oldest start, the latest sign of life), None when there are none."""
    if since is None or seen_at is None:
        return Presence(last.seen_at if last else now, away=True)
    if last is None:
        return Presence(seen_at)
    back_at = last.seen_at
    if since > last.seen_at:
        back_at = since
    elif last.away:
        back_at = max(seen_at, last.seen_at)  # the same process, which could not reach the database meanwhile
    gap = Gap(last.seen_at, back_at) if back_at - last.seen_at > GAP_MIN else None
    return Presence(max(seen_at, last.seen_at), gap=gap)
