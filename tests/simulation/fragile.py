"""A way to Postgres on which its user dies before or after any statement, that of COMMIT among them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from asyncpg import Connection

from hitl_stream.store.database import Database

ASKED = ("fetch", "fetchrow", "fetchval", "execute", "executemany", "copy_records_to_table")


class Died(Exception):
    """The process is gone."""


class Fuse:
    """Burns down statement by statement: the process dies before or `after` the `statements`-th one. Never, where None."""

    def __init__(self, statements: int | None, *, after: bool) -> None:
        self.left = statements
        self.after = after
        self.died = False

    async def run(self, work: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """One statement, if the process lives to ask it and to hear the answer."""
        if self.died:  # the product would say ROLLBACK now
            raise Died
        dies = self.left == 0
        if self.left is not None:
            self.left -= 1
        if dies and not self.after:
            self.died = True
            raise Died
        answer = await work(*arguments, **named)
        if dies:
            self.died = True
            raise Died
        return answer


class FragileConnection:
    """A connection with a fuse."""

    def __init__(self, conn: Connection, fuse: Fuse) -> None:
        self._conn, self._fuse = conn, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._conn, name)
        if name not in ASKED:
            return found

        async def asked(*arguments: Any, **named: Any) -> Any:
            return await self._fuse.run(found, arguments, named)

        return asked


@dataclass(slots=True)
class FragileDatabase(Database):
    """A database whose next uses burn down `fuse`."""

    fuse: Fuse

    @classmethod
    def of(cls, database: Database, fuse: Fuse) -> FragileDatabase:
        """The same way, with a fuse."""
        return cls(database.pool, database.role, fuse)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection with the fuse."""
        async with Database.connection(self) as conn:
            try:
                yield cast(Connection, FragileConnection(conn, self.fuse))
            except Died:
                conn.terminate()  # the server rolls back what was under way
                raise
