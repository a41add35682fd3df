"""What happens to patches when time passes: rounds whose evidence is overdue, reviews that nobody decided.

Each call is one transaction's work on some patches, in the order of locks that everybody keeps. What was due when it was
looked for may have been decided before it was locked: it is looked at again then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from asyncpg import Connection

from hitl_stream.review import lifecycle
from hitl_stream.review.state import State, Step
from hitl_stream.store import policy, statement, surroundings, writing
from hitl_stream.store.surroundings import Surroundings, TooMuchEvidence


class Sidecars(NamedTuple):
    """Since when a sidecar is there and when one said so last, None when there is none; and the database's time."""

    since: datetime | None
    seen_at: datetime | None
    now: datetime


async def sidecars(conn: Connection, within_s: float) -> Sidecars:
    """Which sidecars said so within that time."""
    row = await conn.fetchrow(statement.get("sidecars_seen"), within_s)
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return Sidecars(*row)


async def end_collecting(conn: Connection, limit: int, auto_approve: bool = True) -> int:
    """Send rounds whose evidence is overdue to a person, at most `limit`; returns how many were due."""
    await policy.share_lock(conn)
    current = await policy.current(conn)
    due = await _due(conn, "evidence_overdue", current.now, limit)
    patches = await surroundings.lock_patches(conn, due)
    still = [
        patch
        for patch in patches.values()
        if patch.state is State.COLLECTING
        and patch.evidence_due_at is not None
        and patch.evidence_due_at <= current.now
    ]
    while still:
        around = Surroundings(current.now, current.policy, current.auto_approve and auto_approve)
        try:
            await around.read(conn, {patch.patch_id: patch for patch in still}, (), ())
        except TooMuchEvidence:
            still = still[: len(still) // 2]  # the rest stays due
            continue
        await _write(conn, [lifecycle.evidence_overdue(patch, around.of(patch)) for patch in still])
        break
    return len(due)


async def expire(conn: Connection, limit: int) -> int:
    """End reviews whose time limit has passed, at most `limit`; returns how many were due."""
    current = await policy.current(conn)
    due = await _due(conn, "reviews_overdue", current.now, limit)
    patches = await surroundings.lock_patches(conn, due)
    steps = [
        lifecycle.expire(patch, current.now)
        for patch in patches.values()
        if patch.state is State.PENDING and patch.expires_at is not None and patch.expires_at <= current.now
    ]
    if steps:
        await _write(conn, steps)
    return len(due)


async def extend(conn: Connection, start: datetime, end: datetime, after: str, limit: int) -> str | None:
    """Give reviews that were open in a gap their time back, at most `limit` behind the patch `after`.

    Returns the last patch looked at, None when there are no more.
    """
    patch_ids = [row["patch_id"] for row in await conn.fetch(statement.get("reviews_open_before"), end, after, limit)]
    if not patch_ids:
        return None
    await surroundings.lock_patches(conn, patch_ids)
    await conn.execute(statement.get("extend_reviews"), patch_ids, start, end)
    return str(patch_ids[-1])


async def _due(conn: Connection, name: str, now: datetime, limit: int) -> list[str]:
    return [row["patch_id"] for row in await conn.fetch(statement.get(name), now, limit)]


async def _write(conn: Connection, steps: Sequence[Step]) -> None:
    await writing.write(conn, steps, writing.step_messages(steps))
