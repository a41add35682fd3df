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
EXTENSIONS_MAX = 2_000
SIDECAR_GONE_S = 3 * BEAT_S


def duty() -> Duty:
    """Expire and extend."""
    return Duty(NAME, EVERY_S, DEADLINE_S, _work)


async def _work(conn: Connection) -> bool:
    memory = await duty_run.recall(conn, NAME)
    if "gap" in memory:
        return await _extend(conn, memory)
    last = downtime.Presence(_time(memory["seen_at"]), memory.get("away", False)) if memory else None
    presence = downtime.look(last, *await deadline.sidecars(conn, SIDECAR_GONE_S))
    if presence != last:
        await duty_run.remember(conn, NAME, _memory(presence))
    if presence.gap is not None:
        start, end = presence.gap.start, presence.gap.end
        log.get().warning("sidecar_was_away", since=start.isoformat(), until=end.isoformat())
    if not presence.expiring:
        return presence.gap is not None
    return await deadline.expire(conn, REVIEWS_MAX) == REVIEWS_MAX


def _memory(presence: downtime.Presence) -> dict[str, Any]:
    memory: dict[str, Any] = {"seen_at": presence.seen_at, "away": presence.away}
    if presence.gap is not None:
        memory["gap"] = {"start": presence.gap.start, "end": presence.gap.end, "after": ""}
    return memory


async def _extend(conn: Connection, memory: dict[str, Any]) -> bool:
    """Give some reviews their time back, in the order of their ids."""
    gap = memory["gap"]
    last = await deadline.extend(conn, _time(gap["start"]), _time(gap["end"]), gap["after"], EXTENSIONS_MAX)
    if last is None:
        del memory["gap"]
    else:
        gap["after"] = last
    await duty_run.remember(conn, NAME, memory)
    return True


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
