"""Rounds whose evidence did not arrive in time go to a person."""

from __future__ import annotations

from hitl_stream.duties.duty import Duty
from hitl_stream.store import deadline
from hitl_stream.store.database import Connection

NAME = "evidence_deadline"
EVERY_S = 1.0
DEADLINE_S = 30.0
PATCHES_MAX = 200


def duty(*, auto_approve: bool) -> Duty:
    """`auto_approve` is this process's own switch, shown among the reasons."""

    async def work(conn: Connection) -> bool:
        return await deadline.end_collecting(conn, PATCHES_MAX, auto_approve) == PATCHES_MAX

    return Duty(NAME, EVERY_S, DEADLINE_S, work)
