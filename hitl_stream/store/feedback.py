"""What people say about the console."""

from __future__ import annotations

from asyncpg import Connection

from hitl_stream.store import statement


async def keep(conn: Connection, person: str, text: str, page: str, build: str) -> None:
    """Keep what a person said."""
    await conn.execute(statement.get("keep_feedback"), person, text, page, build)
