"""Day by day: what was opened and decided, as counting everything anew would give it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2

from hitl_stream.duties import tallies
from hitl_stream.store.database import Database
from tests.sidecar.conftest import Upstream
from tests.sidecar.deciding import decide

KINDS = ("opened", "approved_by_policy", "approved_by_people", "rejected", "expired", "revoked")


async def days(client: httpx2.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    response = await client.get(f"/hitl/analytics/timeline?{query}")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["days"]
    return found


async def test_every_day_of_the_range_is_there_with_what_happened_on_it(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    review = {"ml__confidence": 0.9}
    for number, changes in enumerate(({}, {}, review, review, review, {**review, "synthetic": True})):
        await upstream.result(
            f"e-{number}", patch_id=f"p-{number}", apv_id=f"A-{number}", patch__diff=f"d {number}", **changes
        )
    await decide(client, "p-1", "revoke")
    await decide(client, "p-2", "approve")
    await decide(client, "p-3", "reject")
    *before, today = await days(client)
    assert [one["day"] for one in (*before, today)] == [
        (datetime.now(UTC).date() - timedelta(days=29 - n)).isoformat() for n in range(30)
    ]
    assert all(one[kind] == 0 for one in before for kind in KINDS)
    assert {one["auto_rate"] for one in before} == {None}
    counts = {kind: today[kind] for kind in KINDS}
    owner = await asyncpg.connect(database)
    decided = await owner.fetch("SELECT decision, mode FROM decision WHERE NOT synthetic")
    said = Counter(
        f"approved_by_{'policy' if m == 'policy' else 'people'}" if d == "approved" else d for d, m in decided
    )
    assert counts == {**dict.fromkeys(KINDS, 0), **said, "opened": 3}
    assert (today["decided_by_people"], today["auto_rate"]) == (2, 0.5)
    assert today["median_decision_time_sec"] is not None
    for _ in range(40):
        await owner.execute("INSERT INTO activity VALUES (current_date, 'opened', 1), (current_date, 'opened', -1)")
    scheduler = await Database.open(database, "hitl_scheduler", size=1, name="test-scheduler")
    async with scheduler.transaction() as conn:
        await tallies.duty().work(conn)
    await scheduler.close()
    assert await owner.fetchval("SELECT count(*) FROM activity") <= len(KINDS)
    await owner.close()
    assert (await days(client))[-1] == today, "adding up changes nothing"


async def test_a_review_that_waits_again_comes_in_again(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result()
    assert (await days(client))[-1]["opened"] == 0
    await upstream.result("e-2", ml__prediction=False, wargame__run_id="r-2")
    today = (await days(client))[-1]
    assert (today["opened"], today["approved_by_policy"], today["revoked"]) == (1, 1, 1)


async def test_of_a_long_range_the_last_year_is_told(client: httpx2.AsyncClient) -> None:
    found = await days(client, "since=2000-01-01&until=2026-01-01")
    assert (len(found), found[0]["day"], found[-1]["day"]) == (366, "2024-12-31", "2025-12-31")
    assert len(await days(client, "since=2000-01-01")) == 366
    assert await days(client, "since=2026-02-02&until=2026-02-01") == []
    assert len(await days(client, "until=0001-01-05")) == 4


async def test_what_is_no_day_is_refused(client: httpx2.AsyncClient) -> None:
    for query in ("since=yesterday", "until=2026-02-30", "day=1"):
        response = await client.get(f"/hitl/analytics/timeline?{query}")
        assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-query")


async def test_a_range_is_what_was_asked_for(client: httpx2.AsyncClient) -> None:
    assert [one["day"] for one in await days(client, "since=2026-02-27&until=2026-03-02")] == [
        "2026-02-27",
        "2026-02-28",
        "2026-03-01",
    ]
