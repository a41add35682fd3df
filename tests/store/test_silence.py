"""Who stands still within a statement keeps its locks for ever, as far as Postgres is concerned; who waits for them ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import asyncpg

from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Unavailable
from hitl_stream.store.database import Database
from tests.harness import database as databases
from tests.harness import wait
from tests.harness.postgres import PostgresServer

SILENT_S, LATE_S, EARLY_S = 30.0, 30.0, 1.0  # it began to be silent before it was seen to be
SILENT = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND wait_event = 'ClientRead'"


async def test_a_lock_is_taken_from_who_stands_still_within_a_statement_and_from_nobody_before(
    postgres: PostgresServer, embedded_postgres: Postgres
) -> None:
    with databases.migrated(postgres) as one, databases.migrated(embedded_postgres) as other:
        await asyncio.gather(_are_taken(one), _are_taken(other))  # half a minute each


async def _are_taken(database: str) -> None:
    async with Database.opened(database, "hitl_worker", name="rows") as opened, opened.transaction() as conn:
        await conn.execute("INSERT INTO outbox_shard (shard) VALUES (1), (2)")
    told: list[str] = []
    ended = await asyncio.gather(
        _is_taken(database, 1, _copy_and_stop, told), _is_taken(database, 2, _prepare_and_stop, told)
    )
    said = [text for text in told if "silent within a statement" in text]
    assert all(any(str(pid) in text for text in said) for pid in ended), (ended, told)


async def _is_taken(
    database: str, shard: int, stop: Callable[[asyncpg.Connection], Awaitable[None]], told: list[str]
) -> int:
    """Which session it was taken from. `told` are the words of those who waited in vain."""
    waiting = await Database.open(database, "hitl_worker", size=2, name="waiting", command_timeout_s=1.0)
    frozen = await asyncpg.connect(database, server_settings={"application_name": "hitl-worker"})
    pid = frozen.get_server_pid()
    standing = asyncio.create_task(_stand_still(frozen, shard, stop))

    async def taken() -> bool:
        try:
            async with waiting.transaction() as conn:
                await conn.execute("UPDATE outbox_shard SET owner = 'next' WHERE shard = $1", shard)
                return True
        except Unavailable as failure:
            told.append(str(failure))
            return False

    try:
        await wait.until_async(lambda: _is_silent(database, pid))
        began = time.monotonic()
        await wait.until_async(taken, SILENT_S + LATE_S)
        assert time.monotonic() - began >= SILENT_S - EARLY_S
        return pid
    finally:
        standing.cancel()
        with suppress(asyncio.CancelledError, asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
            await standing
        frozen.terminate()
        await waiting.close()


async def _stand_still(
    conn: asyncpg.Connection, shard: int, stop: Callable[[asyncpg.Connection], Awaitable[None]]
) -> None:
    await conn.execute(f"BEGIN; UPDATE outbox_shard SET owner = 'frozen' WHERE shard = {shard}")
    await stop(conn)


async def _copy_and_stop(conn: asyncpg.Connection) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b""
        await asyncio.Event().wait()

    await conn.copy_to_table("outbox_shard", source=rows(), columns=["shard"])


async def _prepare_and_stop(conn: asyncpg.Connection) -> None:
    await conn.prepare("SELECT epoch FROM outbox_shard WHERE shard = $1")
    await asyncio.Event().wait()


async def _is_silent(database: str, pid: int) -> bool:
    owner = await asyncpg.connect(database)
    try:
        return bool(await owner.fetchval(SILENT, pid))
    finally:
        await owner.close()
