"""Races: many people and one patch. One decision, one audit entry, one message, whoever wins; the others learn who won."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest

from hitl_stream.sidecar import app
from hitl_stream.store.database import Database
from tests.sidecar.conftest import ISSUER, URL, Upstream, bearer

ROUNDS = 1_000 if os.environ.get("HITL_TEST_SCALE") == "full" else 60
CROWD = 50


@pytest.fixture
async def crowd(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A sidecar with connections enough for a real race."""
    reader = await Database.open(database, "hitl_sidecar", size=16, name="test-crowd", command_timeout_s=30)
    transport = httpx2.ASGITransport(app.create(reader, ISSUER), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as made:
        yield made
    await reader.close()


async def test_of_many_who_decide_at_once_one_wins(
    crowd: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    owner = await asyncpg.connect(database)
    as_alice, as_bob = bearer("alice"), bearer("bob")
    for number in range(ROUNDS):
        patch_id = f"p-{number}"
        await upstream.result(f"e-{number}", patch_id=patch_id, apv_id=f"A-{number}", ml__confidence=0.9)

        async def decide(n: int, patch_id: str = patch_id) -> httpx2.Response:
            action = "approve" if n % 2 else "reject"
            headers = {**(as_alice if n % 4 < 2 else as_bob), "If-Match": '"1"'}
            return await crowd.post(f"/hitl/patches/{patch_id}/{action}", headers=headers, json={"reason": f"I am {n}"})

        answers = await asyncio.gather(*(decide(n) for n in range(CROWD)))
        (won,) = [answer.json() for answer in answers if answer.status_code == 200]
        for answer in answers:
            assert answer.status_code in (200, 409, 412), answer.text
            if answer.status_code == 409:
                assert (answer.json()["decision"], answer.json()["decision_id"]) == (
                    won["decision"],
                    won["decision_id"],
                )
        counts = await owner.fetchrow(
            """SELECT (SELECT count(*) FROM decision WHERE patch_id = $1) AS decisions,
                      (SELECT count(*) FROM audit_entry WHERE patch_id = $1 AND actor <> 'policy') AS entries,
                      (SELECT count(*) FROM outbox WHERE messages[1] = 'decisions' AND messages[2] = convert_to($1, 'UTF8'))
                        AS messages""",
            patch_id,
        )
        assert counts is not None
        assert tuple(counts) == (1, 1, 1)
    await owner.close()
