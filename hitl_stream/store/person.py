"""What people are called, as their identity provider said when they came last. For the eye only: nothing is decided by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection, ReadOnlySQLTransactionError

from hitl_stream.store import statement


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's name; `shared` says that it looks like somebody else's."""

    subject: str
    name: str
    shared: bool


async def keep_name(conn: Connection, subject: str, name: str, alike: str) -> None:
    """Keep what somebody is called, if that is new; where nothing can be written at the moment it is kept another time.

    `alike` is the same for names that look alike. Not to be called in a transaction.
    """
    if [one.name for one in await names_of(conn, [subject])] == [name]:
        return
    try:
        await conn.execute(statement.get("keep_name"), subject, name, alike)
    except ReadOnlySQLTransactionError:
        return


async def names_of(conn: Connection, subjects: Sequence[str]) -> Sequence[Person]:
    """Those of them whose names are known."""
    return [Person(*row) for row in await conn.fetch(statement.get("names_of"), list(subjects))]


async def forget_name(conn: Connection, subject: str) -> bool:
    """Forget what somebody is called; whether it was known."""
    done: str = await conn.execute(statement.get("forget_name"), subject)
    return done != "DELETE 0"
