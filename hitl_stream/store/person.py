"""What people are called, as their identity provider said when they came last. For the eye only: nothing is decided by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection

from hitl_stream.store import statement


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's name; `shared` says that somebody else has the same."""

    subject: str
    name: str
    shared: bool


async def keep_name(conn: Connection, subject: str, name: str) -> None:
    """Keep what somebody is called."""
    await conn.execute(statement.get("keep_name"), subject, name)


async def names_of(conn: Connection, subjects: Sequence[str]) -> Sequence[Person]:
    """Those of them whose names are known."""
    return [Person(*row) for row in await conn.fetch(statement.get("names_of"), list(subjects))]
