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


async def test_of_two_who_claim_at_once_one_holds_it(crowd: httpx2.AsyncClient, upstream: Upstream) -> None:
    for number in range(ROUNDS // 4):
        patch_id = f"p-{number}"
        await upstream.result(f"e-{number}", patch_id=patch_id, apv_id=f"A-{number}", ml__confidence=0.9)
        answers = await asyncio.gather(
            *(crowd.post(f"/hitl/patches/{patch_id}/claim", headers=bearer(name)) for name in ("alice", "bob", "carol"))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        (holder,) = [answer.json()["claimed_by"] for answer in answers if answer.status_code == 200]
        assert all(holder in answer.json()["detail"] for answer in answers if answer.status_code == 409)


async def test_a_decision_against_new_evidence_is_about_what_was_seen(
    crowd: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    owner = await asyncpg.connect(database)
    outcomes = set()
    for number in range(ROUNDS // 2):
        patch_id = f"p-{number}"
        given = {"patch_id": patch_id, "apv_id": f"A-{number}", "ml__confidence": 0.9}
        await upstream.result(f"e-{number}", **given)
        seen = await owner.fetchval("SELECT evidence_digest FROM patch WHERE patch_id = $1", patch_id)
        headers = {**bearer("alice"), "If-Match": '"1"'}
        answer, _ = await asyncio.gather(
            crowd.post(f"/hitl/patches/{patch_id}/approve", headers=headers),
            upstream.result(f"f-{number}", wargame__run_id="run-2", **given),
        )
        decided = await owner.fetchval("SELECT evidence_digest FROM decision WHERE patch_id = $1", patch_id)
        assert (answer.status_code, decided) in ((200, seen), (412, None))
        outcomes.add(answer.status_code)
    assert outcomes == {200, 412}, "both sides won now and then"
    await owner.close()


async def test_a_decision_against_the_loss_of_the_role_is_either_before_or_never(
    crowd: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    owner = await asyncpg.connect(database)
    for number in range(ROUNDS // 4):
        patch_id = f"p-{number}"
        await upstream.result(f"e-{number}", patch_id=patch_id, apv_id=f"A-{number}", ml__confidence=0.9)
        headers = {**bearer("alice"), "If-Match": '"1"'}

        async def take_away() -> None:
            await owner.execute("DELETE FROM access_group_role WHERE group_name = 'demo-reviewer'")

        answer, _ = await asyncio.gather(crowd.post(f"/hitl/patches/{patch_id}/approve", headers=headers), take_away())
        state = await owner.fetchval("SELECT state FROM patch WHERE patch_id = $1", patch_id)
        assert (answer.status_code, state) in ((200, "approved"), (403, "pending"))
        late = await crowd.post(f"/hitl/patches/{patch_id}/reject", headers=headers, json={"reason": "late"})
        assert late.status_code == 403
        await owner.execute("INSERT INTO access_group_role VALUES ('demo-reviewer', 'reviewer', 'test')")
    await owner.close()
