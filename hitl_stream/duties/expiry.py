"""Reviews that nobody decided in time expire, closed. Time in which no sidecar was there does not count.

What was seen last and how far a gap has been given back are remembered in the database, in the transaction that does it: a
scheduler that dies in the middle gives nothing back twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hitl_stream.duties.duty import Duty
from hitl_stream.observe import log
from hitl_stream.review import downtime
from hitl_stream.store import deadline, duty_run
from hitl_stream.store.database import Connection
from hitl_stream.store.process import BEAT_S

NAME = "review_expiry"
EVERY_S = 1.0
DEADLINE_S = 30.0
REVIEWS_MAX = 200
SIDECAR_GONE_S = 3 * BEAT_S


def duty() -> Duty:
    """Expire and extend."""
    return Duty(NAME, EVERY_S, DEADLINE_S, _work)


async def _work(conn: Connection) -> bool:
    memory = await duty_run.recall(conn, NAME)
    if "gap" in memory:
        return await _extend(conn, memory)
    since, seen_at, now = await deadline.sidecars(conn, SIDECAR_GONE_S)
    last_seen_at = _time(memory["seen_at"]) if "seen_at" in memory else None
    presence = downtime.look(last_seen_at, since, seen_at, now)
    remembered: dict[str, Any] = {"seen_at": presence.seen_at}
    if presence.gap is not None:
        start, end = presence.gap.start, presence.gap.end
        log.get().warning("sidecar_was_away", since=start.isoformat(), until=end.isoformat())
        remembered["gap"] = {"start": start, "end": end, "after": ""}
    if presence.seen_at != last_seen_at:
        await duty_run.remember(conn, NAME, remembered)
    if not presence.expiring:
        return presence.gap is not None
    return await deadline.expire(conn, REVIEWS_MAX) == REVIEWS_MAX


async def _extend(conn: Connection, memory: dict[str, Any]) -> bool:
    """Give some reviews their time back, in the order of their ids."""
    gap = memory["gap"]
    last = await deadline.extend(conn, _time(gap["start"]), _time(gap["end"]), gap["after"], REVIEWS_MAX)
    if last is None:
        del memory["gap"]
    else:
        gap["after"] = last
    await duty_run.remember(conn, NAME, memory)
    return True


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
