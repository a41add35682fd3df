"""A disk that stands still: a standby that is waited for and never answers keeps every commit that waits for its disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest

from hitl_stream.sidecar import app
from hitl_stream.store import migration
from hitl_stream.store.database import Database
from tests.harness import database as databases
from tests.harness import people, wait
from tests.harness.postgres import PostgresServer
from tests.sidecar.conftest import ISSUER, URL, bearer, recording
from tests.sidecar.deciding import say, version

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
async def durable() -> AsyncIterator[str]:
    with PostgresServer(durable=True) as server, databases.fresh(server) as url:
        await migration.up(url)
        await databases.execute(url, people.GRANT)
        async with recording(url) as upstream:
            await upstream.result(ml__confidence=0.9)
            await upstream.result("e-2", patch_id="p-2", ml__confidence=0.9)
        yield url


async def test_a_card_is_read_while_a_decision_waits(durable: str) -> None:
    owner = await asyncpg.connect(durable)
    reader = await Database.open(durable, "hitl_sidecar", size=2, name="test", command_timeout_s=60)
    transport = httpx2.ASGITransport(app.create(reader, ISSUER), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=URL, headers=bearer("alice")) as client:
        await say(client, "alice", "claim")
        seen = await version(client, "bob", "p-2")
        await _wait_for(owner, "nobody")
        deciding = asyncio.create_task(say(client, "bob", "approve", {"reason": "r"}, seen=seen, patch_id="p-2"))
        await wait.until_async(lambda: _waits(owner))
        read = [(await client.get("/hitl/patches/p-1", headers=bearer(who))).status_code for who in ("alice", "carol")]
        assert (read, deciding.done()) == ([200, 200], False)
        await _wait_for(owner, "")
        assert (await deciding).status_code == 200
        assert await owner.fetchval("SELECT array_agg(person ORDER BY person) FROM look") == ["alice", "bob", "carol"]
    await reader.close()
    await owner.close()


async def _wait_for(owner: asyncpg.Connection, standby: str) -> None:
    await owner.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
    await owner.execute("SELECT pg_reload_conf()")


async def _waits(owner: asyncpg.Connection) -> bool:
    return bool(await owner.fetchval(WAITING))
