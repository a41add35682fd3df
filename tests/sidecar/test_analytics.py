"""The summary: whatever happened, by whichever way, the tallies are what counting everything anew would give."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import asyncpg
import httpx2
import pytest

from hitl_stream.duties import tallies
from hitl_stream.store.database import Database
from tests.sidecar.conftest import Upstream
from tests.sidecar.deciding import decide

SIX = ["total_patches", "approved", "rejected", "pending", "auto_approved", "avg_decision_time_sec"]


async def summary(client: httpx2.AsyncClient, query: str = "") -> dict[str, Any]:
    response = await client.get(f"/hitl/analytics/summary?{query}")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


async def test_nothing_is_zero_and_no_average(client: httpx2.AsyncClient) -> None:
    body = await summary(client)
    assert {name: body[name] for name in SIX} == {**dict.fromkeys(SIX, 0), "avg_decision_time_sec": None}
    assert (body["auto_rate"], body["median_decision_time_sec"], body["by_severity"]) == (None, None, {})


async def test_what_happens_is_counted_by_every_way(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    """Recorded small and large, decided by policy and by people, revoked, contradicted, with a new artefact, and added up."""
    drawn = random.Random(7)
    scheduler = await Database.open(database, "hitl_scheduler", size=1, name="test-scheduler")
    owner = await asyncpg.connect(database)
    for number in range(60):
        changes: dict[str, Any] = {"patch_id": f"p-{number}", "apv_id": f"A-{number}", "patch__diff": f"diff {number}"}
        if drawn.random() < 0.6:
            changes["ml__confidence"] = 0.9
        if drawn.random() < 0.3:
            changes["vulnerability__severity"] = drawn.choice(["low", "critical"])
        if drawn.random() < 0.2:
            changes["wargame__expected_results"] = 2
        await upstream.result(f"e-{number}", **changes)
        match drawn.randrange(6):
            case 0:
                await decide(client, f"p-{number}", "approve")
            case 1:
                await decide(client, f"p-{number}", "reject")
            case 2:
                await decide(client, f"p-{number}", "revoke")
            case 3:
                await upstream.result(f"f-{number}", **{**changes, "patch__diff": "new", "wargame__run_id": "r-2"})
            case 4:
                changes |= {"ml__prediction": False, "wargame__run_id": "r-2", "vulnerability__severity": "medium"}
                await upstream.result(f"f-{number}", **changes)
            case _:
                async with scheduler.transaction() as conn:
                    await tallies.duty().work(conn)
    await owner.execute("UPDATE patch SET state = 'expired', seq = 9 WHERE state = 'pending' AND patch_id LIKE '%7'")
    body = await summary(client)
    stands = {tuple(row) for row in await owner.fetch("SELECT patch_id, state, approved_by, severity FROM patch")}
    states = Counter(state for _, state, _, _ in stands)
    assert len(states) > 4, "the story has every kind of end"
    assert body["total_patches"] == len(stands)
    assert body["pending"] == states["pending"] + states["collecting"]
    assert {n: body[n] for n in ("approved", "rejected", "expired", "revoked")} == {
        n: states[n] for n in ("approved", "rejected", "expired", "revoked")
    }
    assert body["auto_approved"] == sum(by == "policy" for _, _, by, _ in stands)
    assert {name: counts["total_patches"] for name, counts in body["by_severity"].items()} == Counter(
        severity for *_, severity in stands
    )
    human = await owner.fetchrow(
        """SELECT count(*) AS n, avg(extract(epoch FROM d.decided_at - p.opened_at)) AS s
             FROM decision AS d JOIN patch AS p USING (patch_id)
            WHERE d.mode = 'human' AND d.decision IN ('approved', 'rejected')"""
    )
    assert human is not None
    assert body["human_decisions"] == human["n"] > 0
    assert body["avg_decision_time_sec"] == pytest.approx(float(human["s"]), abs=0.002)
    queued = {row["patch_id"] for row in await owner.fetch("SELECT patch_id FROM queue")}
    assert queued == {patch_id for patch_id, state, _, _ in stands if state == "pending"}
    async with scheduler.transaction() as conn:
        await tallies.duty().work(conn)
    assert await summary(client) == body, "adding up changes nothing"
    await owner.close()
    await scheduler.close()


async def test_what_is_synthetic_is_not_counted(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(synthetic=True)
    assert (await summary(client))["total_patches"] == 0


async def test_quantiles_are_near(client: httpx2.AsyncClient, upstream: Upstream, database: str) -> None:
    owner = await asyncpg.connect(database)
    for number in range(1, 101):
        await owner.execute(
            "INSERT INTO decision_time VALUES ('2026-11-25', 'high', floor(20 * ln($1::float8))::int, 1, $1::float8)",
            float(number),
        )
    body = await summary(client)
    assert body["avg_decision_time_sec"] == pytest.approx(50.5)
    assert body["median_decision_time_sec"] == pytest.approx(50, rel=0.05)
    assert body["p95_decision_time_sec"] == pytest.approx(95, rel=0.05)
    await owner.close()


async def test_a_range_of_days_counts_what_was_received_then(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result()
    await upstream.result("e-2", patch_id="p-2", apv_id="A-2", patch__diff="two")
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE patch SET received_at = '2026-01-31T23:59:59Z' WHERE patch_id = 'p-1'")
    await owner.close()
    assert (await summary(client, "since=2026-01-31&until=2026-02-01"))["total_patches"] == 1
    assert (await summary(client, "until=2026-01-31"))["total_patches"] == 0
    assert (await summary(client, "since=2026-02-01"))["total_patches"] == 1
    assert (await summary(client))["total_patches"] == 2
    for query in (
        "since=yesterday",
        "until=2026-02-30",
        "since=2026-01-01&since=2026-01-02",
        "since=2026-01-01x",
        "sinse=2026-01-01",
    ):
        assert (await client.get(f"/hitl/analytics/summary?{query}")).status_code == 422
