"""Adds up what was counted, so that a summary reads little however much happens."""

from __future__ import annotations

from hitl_stream.duties.duty import Duty
from hitl_stream.store import analytics
from hitl_stream.store.database import Connection

EVERY_S = 30.0
DEADLINE_S = 120.0


def duty() -> Duty:
    """The duty; one transaction does it all."""
    return Duty("tallies", EVERY_S, DEADLINE_S, _add_up)


async def _add_up(conn: Connection) -> bool:
    await analytics.add_up(conn)
    return False
