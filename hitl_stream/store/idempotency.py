"""What was answered to a request with an Idempotency-Key: the same request again gets the same answer, and does nothing.

The answer is kept in the transaction of what it tells of. A refusal changes nothing and is not kept: asking again asks anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncpg import Connection

from hitl_stream.errors import Refused
from hitl_stream.store import statement


class KeyInFlight(Refused):
    """A request with this Idempotency-Key is being answered at this moment."""


class KeyUsedOtherwise(Refused):
    """This Idempotency-Key was used for another request."""


@dataclass(frozen=True, slots=True)
class Key:
    """One person's key and what it was sent with: `request_sha256` covers method, path and body."""

    person: str
    key: str
    request_sha256: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was sent: its status, entity tag and body."""

    status: int
    etag: str | None
    answer: bytes


async def find(conn: Connection, key: Key) -> Kept | None:
    """The answer of before, None if there is none yet. To be called in the transaction that will do what is asked.

    Raises KeyInFlight, KeyUsedOtherwise.
    """
    row = await conn.fetchrow(statement.get("find_answer"), key.person, key.key)
    if row is None or not row["held"]:
        raise KeyInFlight()
    if row["request_sha256"] is None:
        return None
    if row["request_sha256"] != key.request_sha256:
        raise KeyUsedOtherwise()
    return Kept(row["status"], row["etag"], row["answer"])


async def keep(conn: Connection, key: Key, kept: Kept) -> None:
    """Remember what is answered. To be called in the transaction that did it."""
    await conn.execute(
        statement.get("keep_answer"), key.person, key.key, key.request_sha256, kept.status, kept.etag, kept.answer
    )
