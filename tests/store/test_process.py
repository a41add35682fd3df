"""Processes say that they are there; who does not is gone after a minute and swept away after a day."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from hitl_stream.errors import Fatal
from hitl_stream.store import process, revision
from hitl_stream.store.database import Database


@pytest.fixture(params=["worker", "scheduler", "sidecar"])
async def member(request: pytest.FixtureRequest, database: str) -> AsyncIterator[tuple[str, Database]]:
    opened = await Database.open(database, f"hitl_{request.param}", size=1, name="test")
    yield request.param, opened
    await opened.close()


async def test_every_kind_registers_beats_and_leaves(member: tuple[str, Database]) -> None:
    kind, database = member
    async with database.connection() as conn:
        me = await process.register(conn, kind)
        (seen,) = await process.alive(conn)
        assert (seen.kind, seen.host, seen.schema_revision) == (kind, me.host, revision.head())
        await process.beat(conn, me)
        assert (await process.alive(conn))[0].seen_at > seen.seen_at
        await process.leave(conn, me)
        assert await process.alive(conn) == []


async def test_who_was_swept_away_during_a_pause_registers_anew(member: tuple[str, Database], database: str) -> None:
    kind, opened = member
    owner = await asyncpg.connect(database)
    async with opened.connection() as conn:
        me = await process.register(conn, kind)
        await owner.execute("DELETE FROM process")
        await process.beat(conn, me)
        assert [seen.host for seen in await process.alive(conn)] == [me.host]
    await owner.close()


async def test_only_what_is_long_gone_is_swept_away(database: str) -> None:
    scheduler = await Database.open(database, "hitl_scheduler", size=1, name="test")
    async with scheduler.connection() as conn:
        await process.register(conn, "scheduler")
        left = await process.register(conn, "scheduler")
        await process.leave(conn, left)
        assert await process.sweep(conn) == 1
        assert len(await process.alive(conn)) == 1
        with pytest.raises(Fatal):
            await process.register(conn, "reviewer")
    await scheduler.close()
