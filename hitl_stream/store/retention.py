"""Takes away what is old enough, a little at a time. How old it must be at least stands in the schema itself."""

from __future__ import annotations

from datetime import timedelta

from asyncpg import Connection

from hitl_stream.store import statement


async def retire_evidence(conn: Connection, older_than: timedelta, limit: int) -> int:
    """Payloads of evidence go, their rows and digests stay; returns how many went."""
    return await _take(conn, "retire_evidence", older_than, limit)


async def forget_seen(conn: Connection, older_than: timedelta, limit: int) -> int:
    """Identities of events whose records the topics no longer hold; returns how many went."""
    return await _take(conn, "forget_seen", older_than, limit)


async def forget_patches(conn: Connection, older_than: timedelta, limit: int) -> int:
    """Patches with everything that is known of them; returns how many went."""
    return await _take(conn, "forget_patches", older_than, limit)


async def forget_answers(conn: Connection, older_than: timedelta, limit: int) -> int:
    """Answers to requests with an Idempotency-Key; returns how many went."""
    return await _take(conn, "forget_answers", older_than, limit)


async def forget_changes(conn: Connection, older_than: timedelta, limit: int) -> int:
    """What was told to those who listen; returns how much went."""
    return await _take(conn, "forget_changes", older_than, limit)


async def _take(conn: Connection, name: str, older_than: timedelta, limit: int) -> int:
    count: int = await conn.fetchval(statement.get(name), older_than, limit)
    return count
