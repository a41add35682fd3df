"""One scheduler is active: who holds the lease, how it passes on, and what a holder of before can still do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from hitl_stream.store import lease
from hitl_stream.store.database import Database
from hitl_stream.store.lease import Lease, LeaseLost
from tests.harness import wait

SOON_S = 5.0


class Holders:
    """Two schedulers on one database, and an owner who makes leases expire."""

    def __init__(self, scheduler: Database, owner: asyncpg.Connection) -> None:
        self.scheduler = scheduler
        self.owner = owner

    async def take(self, holder: str) -> Lease | None:
        async with self.scheduler.connection() as conn:
            return await lease.take(conn, holder)

    async def taken(self, holder: str) -> Lease:
        held = await self.take(holder)
        assert held is not None
        return held

    async def release(self, held: Lease) -> None:
        async with self.scheduler.connection() as conn:
            await lease.release(conn, held)

    async def expire(self) -> None:
        await self.owner.execute("UPDATE duty_lease SET expires_at = clock_timestamp() - interval '1 second'")

    async def work(self, held: Lease) -> None:
        """What a duty does: hold the lease, then write."""
        async with self.scheduler.transaction() as conn:
            await lease.hold(conn, held)
            await conn.execute("INSERT INTO duty_run (duty) VALUES ($1)", held.holder)

    async def written(self) -> list[str]:
        return [row["duty"] for row in await self.owner.fetch("SELECT duty FROM duty_run ORDER BY 1")]

    async def someone_waits(self) -> bool:
        query = """SELECT EXISTS (SELECT FROM pg_stat_activity
                    WHERE wait_event_type = 'Lock' AND datname = current_database())"""
        return bool(await self.owner.fetchval(query))


@pytest.fixture
async def holders(database: str) -> AsyncIterator[Holders]:
    scheduler = await Database.open(database, "hitl_scheduler", size=25, name="test")
    owner = await asyncpg.connect(database)
    yield Holders(scheduler, owner)
    await owner.close()
    await scheduler.close()


async def test_the_first_one_has_it_and_keeps_its_epoch(holders: Holders) -> None:
    assert await holders.take("a") == Lease("a", 1)
    assert await holders.take("b") is None
    assert await holders.take("a") == Lease("a", 1)
    before = await holders.owner.fetchval("SELECT expires_at FROM duty_lease")
    await holders.take("a")
    assert await holders.owner.fetchval("SELECT expires_at FROM duty_lease") > before


async def test_when_it_has_expired_another_takes_it_under_the_next_epoch(holders: Holders) -> None:
    first = await holders.taken("a")
    await holders.expire()
    assert await holders.take("b") == Lease("b", 2)
    assert await holders.take("a") is None
    with pytest.raises(LeaseLost):
        await holders.work(first)
    assert await holders.written() == []
    await holders.work(Lease("b", 2))
    assert await holders.written() == ["b"]


async def test_an_expired_lease_is_lost_although_nobody_took_it(holders: Holders) -> None:
    first = await holders.taken("a")
    await holders.expire()
    with pytest.raises(LeaseLost):
        await holders.work(first)
    assert await holders.take("a") == Lease("a", 2)


async def test_a_takeover_waits_for_what_the_holder_has_under_way(holders: Holders) -> None:
    first = await holders.taken("a")
    async with holders.scheduler.transaction() as conn:
        await lease.hold(conn, first)
        await holders.expire()
        taking = asyncio.create_task(holders.take("b"))
        await wait.until_async(holders.someone_waits)
        assert not taking.done()
        await conn.execute("INSERT INTO duty_run (duty) VALUES ('a')")
    assert await taking == Lease("b", 2)
    assert await holders.written() == ["a"]


async def test_prolonging_never_waits_for_what_is_under_way(holders: Holders) -> None:
    first = await holders.taken("a")
    async with holders.scheduler.transaction() as one, holders.scheduler.transaction() as other:
        await lease.hold(one, first)
        await lease.hold(other, first)
        async with asyncio.timeout(SOON_S):
            assert await holders.take("a") == first
            assert await holders.take("b") is None
            await holders.release(first)


async def test_what_was_prolonged_meanwhile_is_still_held(holders: Holders) -> None:
    first = await holders.taken("a")
    async with holders.scheduler.transaction() as conn:
        await lease.hold(conn, first)
        await holders.take("a")
        await holders.expire()
        taking = asyncio.create_task(holders.take("b"))
        await wait.until_async(holders.someone_waits)
    assert await taking == Lease("b", 2)


async def test_a_waiting_takeover_gives_up_when_the_lease_was_prolonged_after_all(holders: Holders) -> None:
    first = await holders.taken("a")
    async with holders.scheduler.transaction() as conn:
        await lease.hold(conn, first)
        await holders.expire()
        taking = asyncio.create_task(holders.take("b"))
        await wait.until_async(holders.someone_waits)
        await holders.owner.execute("UPDATE duty_lease SET expires_at = clock_timestamp() + interval '1 minute'")
    assert await taking is None
    assert await holders.take("a") == first


async def test_released_it_can_be_taken_at_once(holders: Holders) -> None:
    await holders.release(await holders.taken("a"))
    assert await holders.take("b") == Lease("b", 2)


async def test_who_lost_it_cannot_release_it(holders: Holders) -> None:
    first = await holders.taken("a")
    await holders.expire()
    second = await holders.taken("b")
    await holders.release(first)
    assert await holders.take("c") is None
    await holders.work(second)


async def test_of_many_at_once_one_gets_it(holders: Holders) -> None:
    for epoch in (1, 2, 3):
        answers = await asyncio.gather(*(holders.take(f"h-{number}") for number in range(20)))
        assert [held.epoch for held in answers if held] == [epoch]
        await holders.expire()
