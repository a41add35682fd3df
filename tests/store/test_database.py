"""The way to Postgres under failure: what is Unavailable, what is not, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import asyncpg
import pytest

from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.store import statement
from hitl_stream.store.database import Database
from tests.harness import database as databases
from tests.harness import wait
from tests.harness.postgres import PostgresServer

TRY_POLICY_LOCK = statement.get("take_policy_lock").replace("pg_advisory", "pg_try_advisory")
ROW = "INSERT INTO outbox_shard (shard) VALUES ($1)"


@pytest.fixture
async def worker(database: str) -> AsyncIterator[Database]:
    opened = await Database.open(database, "hitl_worker", size=3, name="test")
    yield opened
    await opened.close()


async def rows(database: Database) -> list[int]:
    async with database.connection() as conn:
        return [row["shard"] for row in await conn.fetch("SELECT shard FROM outbox_shard ORDER BY 1")]


async def kill_sessions(url: str) -> None:
    conn = await asyncpg.connect(url)
    await conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
    await conn.close()


async def test_a_session_starts_as_it_is_meant_to_be(worker: Database) -> None:
    wanted = {
        "role": "hitl_worker",
        "application_name": "test",
        "TimeZone": "UTC",
        "search_path": "public",
        "jit": "off",
        "enable_seqscan": "off",
        "statement_timeout": "16s",
        "lock_timeout": "8s",
        "idle_in_transaction_session_timeout": "30s",
    }
    for _ in range(2):  # the second time the connection comes back from the pool
        async with worker.connection() as conn:
            assert {name: await conn.fetchval("SELECT current_setting($1)", name) for name in wanted} == wanted


async def test_a_block_that_raises_leaves_nothing_and_one_that_ends_is_committed(worker: Database) -> None:
    with pytest.raises(KeyError):
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)
            raise KeyError
    async with worker.transaction() as conn:
        await conn.execute(ROW, 2)
    assert await rows(worker) == [2]


async def test_what_postgres_says_of_a_statement_is_passed_on(worker: Database) -> None:
    async with worker.transaction() as conn:
        await conn.execute(ROW, 1)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with worker.transaction() as conn:
            await conn.execute("DELETE FROM decision")
    assert await rows(worker) == [1]


@pytest.mark.parametrize("again", range(3))
async def test_a_session_ended_by_the_server_is_unavailable_and_the_next_one_works(
    worker: Database, database: str, again: int
) -> None:
    with pytest.raises(Unavailable):
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)
            await kill_sessions(database)
            await conn.execute(ROW, 2)
    assert await rows(worker) == []


async def test_a_session_ended_before_its_commit_is_unavailable(worker: Database, database: str) -> None:
    with pytest.raises(Unavailable):
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)
            await kill_sessions(database)
    assert await rows(worker) == []


async def test_a_deadlock_is_unavailable(worker: Database) -> None:
    async with worker.transaction() as conn:
        await conn.execute(ROW, 1)
        await conn.execute(ROW, 2)
    locked = asyncio.Barrier(2)

    async def cross(first: int, second: int) -> None:
        async with worker.transaction() as conn:
            for shard in (first, second):
                await conn.execute("UPDATE outbox_shard SET owner = $1 WHERE shard = $2", str(first), shard)
                if shard == first:
                    await locked.wait()

    results = await asyncio.gather(cross(1, 2), cross(2, 1), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Unavailable"]


async def test_a_lock_that_is_held_too_long_is_unavailable(database: str) -> None:
    short = await Database.open(database, "hitl_worker", size=2, name="test", command_timeout_s=0.5)
    async with short.transaction() as holder:
        await holder.execute(ROW, 1)
        with pytest.raises(Unavailable):
            async with short.transaction() as conn:
                await conn.execute(ROW, 1)
    await short.close()


async def test_a_cancelled_block_leaves_nothing_and_ends_at_once(worker: Database) -> None:
    begun = asyncio.Event()

    async def block() -> None:
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)
            begun.set()
            await conn.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(block())
    await begun.wait()
    task.cancel()
    async with asyncio.timeout(2):
        with suppress(asyncio.CancelledError):
            await task
    assert task.cancelled()
    assert await rows(worker) == []


async def test_a_commit_under_way_is_never_cancelled(worker: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is cancelled while its COMMIT is under way: what it wrote is there."""
    begun, cancelled = asyncio.Event(), asyncio.Event()
    execute = asyncpg.Connection.execute

    async def slow(self: asyncpg.Connection, query: str, *arguments: object) -> str:
        if query == "COMMIT":
            begun.set()
            await cancelled.wait()
        return str(await execute(self, query, *arguments))

    monkeypatch.setattr(asyncpg.Connection, "execute", slow)

    async def block() -> None:
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)

    task = asyncio.create_task(block())
    async with asyncio.timeout(5):
        await begun.wait()
    task.cancel()
    await wait.turn()  # the cancellation arrives
    cancelled.set()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert await rows(worker) == [1]


async def test_a_transaction_whose_failure_nobody_minded_says_that_nothing_was_committed(worker: Database) -> None:
    with pytest.raises(RuntimeError, match="ROLLBACK"):
        async with worker.transaction() as conn:
            await conn.execute(ROW, 1)
            with suppress(asyncpg.UndefinedTableError):
                await conn.execute("SELECT FROM nowhere")
    assert await rows(worker) == []


async def test_the_first_statement_is_inside_the_transaction(worker: Database, database: str) -> None:
    other = await asyncpg.connect(database)
    async with worker.transaction(first="share_policy_lock"):
        assert not await other.fetchval(TRY_POLICY_LOCK)
    assert await other.fetchval(TRY_POLICY_LOCK)
    await other.close()


async def test_the_pool_being_empty_for_long_is_unavailable(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await Database.open(database, "hitl_worker", size=1, name="test")
    async with one.connection():
        monkeypatch.setattr("hitl_stream.store.database.CONNECT_TIMEOUT_S", 0.2)
        with pytest.raises(Unavailable):
            async with one.connection():
                pass
    await one.close()


@pytest.fixture
def frozen_server() -> Iterator[PostgresServer]:
    """A server of its own: it will be stopped in the middle of everything."""
    server = PostgresServer().start()
    yield server
    for process in sessions(server):
        os.kill(process, signal.SIGCONT)
    server.stop()


def sessions(server: PostgresServer) -> list[int]:
    import psutil

    return [server.pid, *(child.pid for child in psutil.Process(server.pid).children(recursive=True))]


async def test_a_frozen_server_holds_nobody_up_for_long(frozen_server: PostgresServer) -> None:
    """SIGSTOP: connections stay open and nothing answers, as when a disk hangs. Afterwards everything goes on."""
    with databases.migrated(frozen_server) as url:
        worker = await Database.open(url, "hitl_worker", size=2, name="test", command_timeout_s=0.5)
        frozen = sessions(frozen_server)
        for process in frozen:
            os.kill(process, signal.SIGSTOP)
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable):
                async with worker.transaction() as conn:
                    await conn.execute(ROW, 1)
        async with asyncio.timeout(7):
            waiting = asyncio.create_task(rows(worker))
            done, _ = await asyncio.wait({waiting}, timeout=0.2)
            assert not done
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
        for process in frozen:
            os.kill(process, signal.SIGCONT)
        async with asyncio.timeout(20):
            assert await rows(worker) == []
            await worker.close()


async def test_a_restarted_server_is_found_again(frozen_server: PostgresServer) -> None:
    with databases.migrated(frozen_server) as url:
        worker = await Database.open(url, "hitl_worker", size=2, name="test")
        frozen_server.halt()
        with pytest.raises(Unavailable):
            await rows(worker)
        frozen_server.start()
        assert await rows(worker) == []
        await worker.close()


@pytest.mark.parametrize("held", [True, False])
async def test_whoever_holds_connections_has_all_of_them_from_the_start(database: str, held: bool) -> None:
    opened = await Database.open(database, "hitl_sidecar", size=3, name="test", held=held)
    assert opened.pool.get_size() == (3 if held else 1)
    async with opened.connection() as conn:
        there = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test'"
        assert await conn.fetchval(there) == opened.pool.get_size()
    await opened.close()


async def test_wrong_credentials_are_fatal_and_a_missing_role_is_worth_waiting_for(
    database: str, empty_database: str
) -> None:
    with pytest.raises(Fatal, match="refuses"):
        await Database.open(database.replace("postgres:", "nobody:"), "hitl_worker", size=1, name="test")
    with pytest.raises(Unavailable, match="migrate up"):
        await Database.open(empty_database, "hitl_missing", size=1, name="test")
