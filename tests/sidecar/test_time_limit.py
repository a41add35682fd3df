"""A request ends within its time, whatever holds the database up, and what it did not commit did not happen."""

from __future__ import annotations

import asyncio

import asyncpg
import httpx2
import pytest

from hitl_stream.sidecar import asked
from hitl_stream.sidecar.permission import PERMISSIONS
from tests.sidecar.conftest import Upstream

LIMIT_S = 0.3


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "TIME_LIMIT_S", LIMIT_S)


async def test_a_decision_that_has_to_wait_too_long_is_not_made(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    version = (await client.get("/hitl/patches/p-1")).headers["etag"]
    holder = await asyncpg.connect(database)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT FROM patch FOR UPDATE")
    async with asyncio.timeout(LIMIT_S * 6):
        response = await client.post("/hitl/patches/p-1/approve", headers={"If-Match": version})
    assert (response.status_code, response.json()["type"]) == (503, "/problems/unavailable")
    assert response.headers["retry-after"]
    await held.rollback()
    await holder.close()
    after = (await client.get("/hitl/patches/p-1")).json()
    assert (after["state"], after["version"], after["approvals"]) == ("pending", version, [])
    assert (await client.post("/hitl/patches/p-1/approve", headers={"If-Match": version})).status_code == 200


async def test_a_read_that_has_to_wait_too_long_says_so(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    holder = await asyncpg.connect(database)
    held = holder.transaction()
    await held.start()
    await holder.execute("LOCK TABLE evidence IN ACCESS EXCLUSIVE MODE")
    assert (await client.get("/hitl/patches/p-1")).status_code == 503
    await held.rollback()
    await holder.close()
    assert (await client.get("/hitl/patches/p-1")).status_code == 200


def test_the_gate_answers_soonest() -> None:
    gate = asked.TIME_LIMITS_S[("GET", "/hitl/patches/{patch_id}/gate")]
    assert gate < min(8.0, *(limit for limit in asked.TIME_LIMITS_S.values() if limit != gate))
    assert set(asked.TIME_LIMITS_S) <= set(PERMISSIONS)
