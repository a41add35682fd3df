"""What changes while somebody looks: read after a cursor that is a snapshot, so that no transaction slips in behind it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import asyncpg
from asyncpg import Connection, Record

from hitl_stream.errors import Refused
from hitl_stream.store import statement

KINDS: Final = frozenset(("review_opened", "review_changed", "decision_made", "claim_changed"))
_MEMBERS: Final = ("kind", "patch_id", "version", "decision", "decided_by", "claimed_by")


class UnknownCursor(Refused):
    """This is no cursor, or one of so long ago that what came after it is forgotten."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, and until when at the latest."""

    person: str
    groups: tuple[str, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a patch, with how it stands now. `tags` are what its review is filtered by, None where nobody knows."""

    kind: str
    patch_id: str
    version: int
    decision: str | None
    decided_by: str | None
    claimed_by: str | None
    tags: Set[str] | None = None


async def give_ticket(conn: Connection, ticket: str, listener: Listener) -> datetime:
    """Let whoever brings this ticket listen as this person, once; returns until when it is good."""
    at: datetime = await conn.fetchval(
        statement.get("give_ticket"), _hashed(ticket), listener.person, list(listener.groups), listener.until
    )
    return at


async def take_ticket(conn: Connection, ticket: str) -> Listener | None:
    """Who may listen with it; None if it is unknown, used or too old."""
    row = await conn.fetchrow(statement.get("take_ticket"), _hashed(ticket))
    return None if row is None else Listener(row["person"], tuple(row["groups"]), row["until"])


async def present(conn: Connection) -> str:
    """The cursor behind which everything is still to come."""
    cursor: str = await conn.fetchval(statement.get("present_cursor"))
    return cursor


async def tags(conn: Connection, given: Sequence[str]) -> Sequence[str]:
    """These as tags are written."""
    written: Sequence[str] = await conn.fetchval(statement.get("written_tags"), list(given))
    return written


async def read_after(conn: Connection, cursor: str, limit: int) -> tuple[Sequence[Change], str]:
    """At most `limit` changes that the cursor does not see, and the cursor that sees them. Raises UnknownCursor."""
    try:
        rows = await conn.fetch(statement.get("changes_after"), cursor, limit)
    except asyncpg.DataError as error:
        raise UnknownCursor() from error
    return [_change(row) for row in rows], rows[-1]["cursor"] if rows else cursor


async def read_missed(conn: Connection, cursor: str, limit: int) -> tuple[Sequence[Change], str]:
    """`read_after` for a cursor that was away, perhaps for long. Raises UnknownCursor."""
    missed = await read_after(conn, cursor, limit)
    # Asked afterwards: what is forgotten meanwhile is not overlooked.
    if await conn.fetchval(statement.get("may_miss"), cursor):
        raise UnknownCursor()
    return missed


def _change(row: Record) -> Change:
    tags = None if row["for_everybody"] else frozenset(row["tags"])
    return Change(**{name: row[name] for name in _MEMBERS}, tags=tags)


def _hashed(ticket: str) -> bytes:
    return sha256(ticket.encode()).digest()
