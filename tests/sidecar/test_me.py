"""Who one is to the sidecar: roles as the database has them at this moment."""

from __future__ import annotations

import time

import asyncpg
import httpx2
import pytest

from hitl_stream.review.role import DEMO_PEOPLE
from tests.sidecar.conftest import ISSUER, bearer


@pytest.mark.parametrize("name", [*DEMO_PEOPLE])
async def test_everybody_who_has_a_role_is_told_it(client: httpx2.AsyncClient, name: str) -> None:
    response = await client.get("/hitl/me", headers=bearer(name))
    told = response.json()
    assert (response.status_code, told["subject"], told["roles"]) == (200, name, sorted(DEMO_PEOPLE[name]))
    assert told["authenticated_at"] < told["expires_at"]


async def test_a_role_that_is_taken_away_is_gone_at_once(client: httpx2.AsyncClient, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role WHERE group_name = 'demo-break-glass'")
    await owner.close()
    assert (await client.get("/hitl/me", headers=bearer("carol"))).json()["roles"] == ["reviewer"]


async def test_who_has_no_role_or_no_token_is_told_nothing(client: httpx2.AsyncClient, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role")
    await owner.close()
    assert (await client.get("/hitl/me")).status_code == 403
    assert (await client.get("/hitl/me", headers={"Authorization": ""})).status_code == 401
    old = {"Authorization": f"Bearer {ISSUER.token('alice', int(time.time()) - 7_200)}"}
    assert (await client.get("/hitl/me", headers=old)).status_code == 401
