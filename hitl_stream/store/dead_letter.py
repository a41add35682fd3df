"""Records that could not be used: what they were, why, and what an operator did about them. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection
from asyncpg import Record as Row

from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import Conflict, Refused
from hitl_stream.store import operation, outbox, statement

REPLAYED, DISCARDED = "replayed", "discarded"


class UnknownDeadLetter(Refused):
    """There is no such dead letter."""


class ConflictReplayed(Refused):
    """A conflict says something else under an id that was used: nothing that is mended here makes it another event."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row. `bytes` is the length of the original value, None for a tombstone; `state` is open, replayed or discarded."""

    id: int
    cluster_id: str
    topic: str
    partition: int
    record_offset: int
    error: str
    reason: str
    at: datetime
    state: str
    settled_by: str | None
    settled_at: datetime | None
    note: str | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which to list; None means any."""

    state: str | None = "open"
    error: str | None = None
    topic: str | None = None


async def page(conn: Connection, wanted: Filter, after: int, limit: int) -> Sequence[DeadLetter]:
    """At most `limit` behind the id `after`, in order of arrival."""
    rows = await conn.fetch(statement.get("dead_letters_page"), after, wanted.state, wanted.error, wanted.topic, limit)
    return [DeadLetter(*row) for row in rows]


async def read(conn: Connection, number: int) -> tuple[DeadLetter, StoredRecord]:
    """One dead letter with the original record. Raises UnknownDeadLetter."""
    row = await conn.fetchrow(statement.get("dead_letter"), number)
    if row is None:
        raise UnknownDeadLetter(f"no dead letter {number}")
    letter = DeadLetter(*tuple(row)[:13])
    headers = outbox.unpack_headers(row["headers"])
    at_ms = int(letter.at.timestamp() * 1000)
    record = StoredRecord(
        letter.topic, letter.partition, letter.record_offset, at_ms, row["record_key"], row["record_value"], headers
    )
    return letter, record


async def replay(
    conn: Connection,
    numbers: Sequence[int],
    publish: Callable[[Sequence[StoredRecord]], Awaitable[None]],
    actor: str,
    reason: str,
) -> list[int]:
    """Publish the open ones of these again, as they were, and note it; returns which. Call it inside a transaction.

    Should it end between publishing and noting, they are open still and can be replayed again: a record that is
    published twice is one event. Raises ConflictReplayed, and then nothing is published: once identities are forgotten,
    it would be applied as if it were new.
    """
    rows = await conn.fetch(statement.get("lock_dead_letters"), list(numbers))
    conflicts = [str(row["id"]) for row in rows if row["error"] == Conflict.kind]
    if conflicts:
        told = "under its id something else was said before. Discard it; its producer sends it under an id of its own"
        raise ConflictReplayed(f"{', '.join(conflicts)}: {told}")
    if rows:
        await publish([_record(row) for row in rows])
    return await _settle(conn, [row["id"] for row in rows], REPLAYED, actor, reason)


async def discard(conn: Connection, numbers: Sequence[int], actor: str, reason: str) -> list[int]:
    """Say of the open ones of these that nothing will be done; returns which. Call it inside a transaction."""
    rows = await conn.fetch(statement.get("lock_dead_letters"), list(numbers))
    return await _settle(conn, [row["id"] for row in rows], DISCARDED, actor, reason)


def _record(row: Row) -> StoredRecord:
    headers = outbox.unpack_headers(row["headers"])
    return StoredRecord(row["topic"], row["partition"], row["id"], 0, row["record_key"], row["record_value"], headers)


async def _settle(conn: Connection, ids: list[int], state: str, actor: str, reason: str) -> list[int]:
    if ids:
        await conn.execute(statement.get("settle_dead_letters"), ids, state, actor, reason)
        await operation.write(conn, actor, f"dead_letters_{state}", reason, detail={"ids": ids})
    return ids
