"""The store's share of the deadlines: which rows are due, in which order, how many at once, and what a gap gives back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from hitl_stream.store import database as connections
from hitl_stream.store import deadline, process, statement
from hitl_stream.store.database import Database
from tests.store import row

HOUR = timedelta(hours=1)


@pytest.fixture
async def scheduler(database: str) -> AsyncIterator[Database]:
    opened = await Database.open(database, "hitl_scheduler", size=2, name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def filler(database: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner, who commits."""
    conn = await asyncpg.connect(database)
    yield conn
    await conn.close()


async def pending(conn: asyncpg.Connection, patch_id: str, opened_h: float, expires_h: float, **changes: Any) -> None:
    """A review that was opened and expires so many hours from now."""
    now: datetime = await conn.fetchval("SELECT now()")
    times = {"opened_at": now + opened_h * HOUR, "expires_at": now + expires_h * HOUR}
    await row.insert(conn, "patch", row.pending(patch_id=patch_id, apv_id=patch_id, **times, **changes))


async def states(conn: asyncpg.Connection) -> dict[str, str]:
    return {found["patch_id"]: found["state"] for found in await conn.fetch("SELECT patch_id, state FROM patch")}


async def test_the_most_overdue_expire_first_and_no_more_than_asked(
    scheduler: Database, filler: asyncpg.Connection
) -> None:
    for patch_id, expires_h in (("a", -1), ("b", -3), ("c", -2), ("d", 1)):
        await pending(filler, patch_id, -9, expires_h)
    async with scheduler.transaction() as conn:
        assert await deadline.expire(conn, 2) == 2
    assert await states(filler) == {"a": "pending", "b": "expired", "c": "expired", "d": "pending"}
    async with scheduler.transaction() as conn:
        assert await deadline.expire(conn, 2) == 1
        assert await deadline.expire(conn, 2) == 0
    assert (await states(filler))["a"] == "expired"


async def test_what_is_decided_expires_no_more(scheduler: Database, filler: asyncpg.Connection) -> None:
    await pending(filler, "a", -9, -1, state="rejected", seq=1)
    async with scheduler.transaction() as conn:
        assert await deadline.expire(conn, 10) == 0


async def test_an_expiry_is_dated_by_the_database_and_says_the_limit(
    scheduler: Database, filler: asyncpg.Connection
) -> None:
    await pending(filler, "a", -9, -1, seq=3)
    async with scheduler.transaction() as conn:
        await deadline.expire(conn, 10)
    said = (await filler.fetch("SELECT seq, decided_at, reasons, valid_until, deployed, comment FROM decision"))[0]
    now = await filler.fetchval("SELECT clock_timestamp()")
    assert (said["seq"], said["valid_until"], said["deployed"], said["comment"]) == (4, None, None, None)
    assert now - said["decided_at"] < timedelta(minutes=1)
    assert "no decision until" in said["reasons"]


async def test_a_failure_after_the_work_leaves_everything_as_it_was(
    scheduler: Database, filler: asyncpg.Connection
) -> None:
    await pending(filler, "a", -9, -1)
    with pytest.raises(ZeroDivisionError):
        async with scheduler.transaction() as conn:
            await deadline.expire(conn, 10)
            raise ZeroDivisionError
    assert await states(filler) == {"a": "pending"}
    assert await filler.fetchval("SELECT (SELECT count(*) FROM decision) + (SELECT count(*) FROM outbox)") == 0


@pytest.mark.parametrize(
    ("name", "opened_h", "state", "given_h"),
    [
        ("open before", -20, "pending", 6.0),
        ("opened when it began", -10, "pending", 6.0),
        ("opened within", -7, "pending", 3.0),
        ("opened when it ended", -4, "pending", 0.0),
        ("opened later", -1, "pending", 0.0),
        ("decided meanwhile", -20, "rejected", 0.0),
    ],
)
async def test_a_gap_gives_back_what_a_review_lost(
    scheduler: Database, filler: asyncpg.Connection, name: str, opened_h: float, state: str, given_h: float
) -> None:
    """The gap went from ten to four hours ago."""
    await pending(filler, "a", opened_h, 5, **({"state": state, "seq": 1} if state != "pending" else {}))
    before = await filler.fetchval("SELECT expires_at FROM patch")
    start, end = (before - 15 * HOUR, before - 9 * HOUR)
    async with scheduler.transaction() as conn:
        last = await deadline.extend(conn, start, end, "", 10)
        assert last == ("a" if given_h else None)
    after = await filler.fetchval("SELECT expires_at FROM patch")
    assert after - before == given_h * HOUR, name


async def test_an_extension_goes_through_all_reviews_in_the_order_of_their_ids(
    scheduler: Database, filler: asyncpg.Connection
) -> None:
    for patch_id in ("b", "Z", "a", "é"):
        await pending(filler, patch_id, -20, 5)
    now = await filler.fetchval("SELECT now()")
    seen: list[str | None] = [""]
    while (after := seen[-1]) is not None:
        async with scheduler.transaction() as conn:
            seen.append(await deadline.extend(conn, now - 2 * HOUR, now - HOUR, after, 1))
    assert seen == ["", "Z", "a", "b", "é", None]
    given = await filler.fetch("SELECT DISTINCT round(extract(epoch FROM expires_at - now())) FROM patch")
    assert len(given) == 1


async def test_only_sidecars_that_said_so_lately_count(scheduler: Database, filler: asyncpg.Connection) -> None:
    async with scheduler.connection() as conn:
        assert (await deadline.sidecars(conn, 45.0))[:2] == (None, None)
        await process.register(conn, "scheduler")
        await process.register(conn, "worker")
        assert (await deadline.sidecars(conn, 45.0))[:2] == (None, None)
        for _ in range(2):
            await process.register(conn, "sidecar")
        since, seen_at, now = await deadline.sidecars(conn, 45.0)
        oldest = await filler.fetchval("SELECT min(started_at) FROM process WHERE kind = 'sidecar'")
        assert since == oldest
        assert seen_at is not None
        assert since <= seen_at <= now
        await filler.execute("UPDATE process SET seen_at = now() - interval '46 seconds'")
        assert (await deadline.sidecars(conn, 45.0))[:2] == (None, None)
        await filler.execute("UPDATE process SET seen_at = '-infinity'")
        assert (await deadline.sidecars(conn, 45.0))[:2] == (None, None)


async def test_nothing_due_takes_no_lock_and_writes_nothing(scheduler: Database) -> None:
    async with scheduler.transaction() as conn:
        assert (await deadline.end_collecting(conn, 10), await deadline.expire(conn, 10)) == (0, 0)
        assert await conn.fetchval("SELECT pg_current_xact_id_if_assigned()") is None


@pytest.mark.parametrize(
    ("name", "column"), [("evidence_overdue", "evidence_due_at"), ("reviews_overdue", "expires_at")]
)
async def test_what_is_due_is_found_without_looking_at_what_is_not(
    owner: asyncpg.Connection, name: str, column: str
) -> None:
    for setting, value in {**connections.PLANNING, "plan_cache_mode": "force_generic_plan"}.items():
        await owner.execute(f"SET LOCAL {setting} = {value}")
    prepared = await owner.prepare(statement.get(name))
    plan = "\n".join(line[0] for line in await owner.fetch(f"EXPLAIN EXECUTE {prepared.get_name()}(now(), 200)"))
    assert f"Index Cond: ({column} <= $1)" in plan, plan
