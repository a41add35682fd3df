"""Who stands still within a COPY keeps its locks for ever, as far as Postgres is concerned; who waits for them cuts it off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg

from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Unavailable
from hitl_stream.store.database import Database
from tests.harness import database as databases
from tests.harness import wait
from tests.harness.postgres import PostgresServer

SILENT_S, LATE_S, EARLY_S = 30.0, 15.0, 1.0  # it began to be silent before it was seen to be
LOCK = "UPDATE outbox_shard SET owner = 'frozen' WHERE shard = 1"


async def test_a_lock_is_taken_from_who_stands_still_within_a_copy_and_from_nobody_before(
    postgres: PostgresServer, embedded_postgres: Postgres
) -> None:
    with databases.migrated(postgres) as one, databases.migrated(embedded_postgres) as other:
        await asyncio.gather(_is_taken(one), _is_taken(other))  # half a minute each


async def _is_taken(database: str) -> None:
    waiting = await Database.open(database, "hitl_worker", size=2, name="waiting", command_timeout_s=1.0)
    async with waiting.transaction() as conn:
        await conn.execute("INSERT INTO outbox_shard (shard) VALUES (1)")
    frozen = await asyncpg.connect(database)
    pid = frozen.get_server_pid()
    copying = asyncio.create_task(_copy_and_stop(frozen))
    told: list[str] = []

    async def taken() -> bool:
        try:
            async with waiting.transaction() as conn:
                await conn.execute("UPDATE outbox_shard SET owner = 'next' WHERE shard = 1")
                return True
        except Unavailable as failure:
            told.append(str(failure))
            return False

    try:
        await wait.until_async(lambda: _is_copying(waiting, pid))
        began = time.monotonic()
        await wait.until_async(taken, SILENT_S + LATE_S)
        assert time.monotonic() - began >= SILENT_S - EARLY_S
        assert [text for text in told if "ended session" in text] == [told[-1]]
        assert f"ended session {pid}: silent within a COPY" in told[-1]
    finally:
        copying.cancel()
        with suppress(asyncio.CancelledError, asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
            await copying
        frozen.terminate()
        await waiting.close()


async def _copy_and_stop(conn: asyncpg.Connection) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b""
        await asyncio.Event().wait()

    async with conn.transaction():
        await conn.execute(LOCK)
        await conn.copy_to_table("outbox_shard", source=rows(), columns=["shard"])


async def _is_copying(database: Database, pid: int) -> bool:
    async with database.connection() as conn:
        return bool(await conn.fetchval("SELECT count(*) FROM pg_stat_progress_copy WHERE pid = $1", pid))
