"""What each duty did last, and what it has to remember until the next time. Survives the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from asyncpg import Connection

from hitl_stream.store import statement

ERROR_CHARACTERS_MAX = 500


async def succeeded(conn: Connection, duty: str) -> None:
    """All that was due is done."""
    await conn.execute(statement.get("note_duty_success"), duty)


async def failed(conn: Connection, duty: str, error: str) -> None:
    """It did not go through; the next attempt comes."""
    await conn.execute(statement.get("note_duty_failure"), duty, error[:ERROR_CHARACTERS_MAX])


async def recall(conn: Connection, duty: str) -> dict[str, Any]:
    """What `remember` was told last; empty at first."""
    memory = await conn.fetchval(statement.get("recall_duty"), duty)
    remembered: dict[str, Any] = orjson.loads(memory) if memory else {}
    return remembered


async def remember(conn: Connection, duty: str, memory: Mapping[str, Any]) -> None:
    """Keep this for the next time, with whatever else the transaction does."""
    await conn.execute(statement.get("remember_duty"), duty, orjson.dumps(dict(memory)).decode())
