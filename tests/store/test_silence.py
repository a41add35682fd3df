"""Who stands still within a statement keeps its locks for ever, as far as Postgres is concerned; who waits for them ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg

from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Unavailable
from hitl_stream.store.database import Database
from tests.harness import database as databases
from tests.harness import wait
from tests.harness.postgres import PostgresServer

SILENT_S, LATE_S = 30.0, 30.0
SILENCE = """SELECT extract(epoch FROM clock_timestamp() - state_change)::float8 FROM pg_stat_activity
              WHERE pid = $1 AND state = 'active' AND wait_event = 'ClientRead'"""
SINCE = "SELECT extract(epoch FROM clock_timestamp())::float8"

Stop = Callable[[asyncpg.Connection], Coroutine[None, None, None]]


async def test_a_lock_is_taken_from_who_stands_still_within_a_statement_and_from_nobody_before(
    postgres: PostgresServer, embedded_postgres: Postgres
) -> None:
    with databases.migrated(postgres) as one, databases.migrated(embedded_postgres) as other:
        await asyncio.gather(_are_taken(one), _are_taken(other))  # half a minute each


async def _are_taken(url: str) -> None:
    async with AsyncExitStack() as stack:
        owner = await asyncpg.connect(url)
        stack.push_async_callback(owner.close)
        await owner.execute("INSERT INTO outbox_shard (shard) VALUES (1), (2), (3)")
        copying = await stack.enter_async_context(_frozen(url, "hitl-worker", 1, _copy_and_stop))
        prepared = await stack.enter_async_context(_frozen(url, "hitl-sidecar", 2, _prepare_and_stop))
        somebody = await stack.enter_async_context(_frozen(url, "psql", 3, _copy_and_stop))
        begun = min([await owner.fetchval(SINCE) - await _silence(owner, pid) for pid in (copying, prepared, somebody)])
        await asyncio.gather(_take(url, 1), _take(url, 2))
        assert await owner.fetchval(SINCE) - begun > SILENT_S
        assert await owner.fetchval(SILENCE, copying) is None
        assert await owner.fetchval(SILENCE, prepared) is None
        assert await owner.fetchval(SILENCE, somebody) > SILENT_S  # an operator's: nobody here knows what it waits for


async def _take(url: str, shard: int) -> None:
    """As a process of ours would: with a time limit for the lock, again and again."""
    waiting = await Database.open(url, "hitl_worker", size=2, name="waiting", command_timeout_s=1.0)
    refused = 0

    async def taken() -> bool:
        nonlocal refused
        try:
            async with waiting.transaction() as conn:
                await conn.execute("UPDATE outbox_shard SET owner = 'next' WHERE shard = $1", shard)
                return True
        except Unavailable:
            refused += 1
            return False

    try:
        await wait.until_async(taken, SILENT_S + LATE_S)
        assert refused > 1
    finally:
        await waiting.close()


@asynccontextmanager
async def _frozen(url: str, name: str, shard: int, stop: Stop) -> AsyncIterator[int]:
    """A session that holds a lock, and whose client stands still within a statement."""
    conn = await asyncpg.connect(url, server_settings={"application_name": name})
    await conn.execute(f"BEGIN; UPDATE outbox_shard SET owner = 'frozen' WHERE shard = {shard}")
    standing = asyncio.create_task(stop(conn))
    try:
        yield conn.get_server_pid()
    finally:
        standing.cancel()
        with suppress(asyncio.CancelledError, asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
            await standing
        conn.terminate()


async def _copy_and_stop(conn: asyncpg.Connection) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b""
        await asyncio.Event().wait()

    await conn.copy_to_table("outbox_shard", source=rows(), columns=["shard"])


async def _prepare_and_stop(conn: asyncpg.Connection) -> None:
    await conn.prepare("SELECT epoch FROM outbox_shard WHERE shard = $1")
    await asyncio.Event().wait()


async def _silence(owner: asyncpg.Connection, pid: int) -> float:
    """How long it has been silent, as soon as it is."""
    found: list[float] = []

    async def is_silent() -> bool:
        found.append(await owner.fetchval(SILENCE, pid))
        return found[-1] is not None

    await wait.until_async(is_silent)
    return found[-1]
