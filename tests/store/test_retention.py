"""What is append-only goes only by age, through three functions, and never sooner than the law of the house allows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.store import row

YEAR = timedelta(days=365)


async def age(conn: asyncpg.Connection, years: float) -> Any:
    return await conn.fetchval("SELECT now() - $1::interval", years * YEAR)


async def evidence(conn: asyncpg.Connection, patch_id: str, years: float) -> None:
    at = await age(conn, years)
    values = {"patch_id": patch_id, "source": "/s", "event_id": patch_id, "round": 1, "topic": "t", "partition": 0}
    values |= {"record_offset": 0, "payload_sha256": row.DIFF, "payload": b"{}", "received_at": at}
    await row.insert(conn, "evidence", values)


async def patch(conn: asyncpg.Connection, patch_id: str, years: float, **changes: Any) -> None:
    at = await age(conn, years)
    standing = row.pending if changes.get("state") == "pending" else row.patch
    await row.insert(
        conn, "patch", standing(patch_id=patch_id, apv_id=patch_id, received_at=at, changed_at=at, **changes)
    )
    await row.insert(
        conn,
        "decision",
        row.decision(patch_id=patch_id, apv_id=patch_id, decided_at=at, valid_until=at + timedelta(days=30)),
    )
    await evidence(conn, patch_id, years)
    await row.insert(conn, "action", {"at": at, "action": "review_opened", "patch_id": patch_id})


async def as_scheduler(conn: asyncpg.Connection, call: str) -> int:
    await conn.execute("SET LOCAL ROLE hitl_scheduler")
    count: int = await conn.fetchval(f"SELECT {call}")
    await conn.execute("RESET ROLE")
    return count


@pytest.mark.parametrize("asked", ["1 year", "1 second"])
async def test_a_payload_goes_after_a_year_and_its_row_stays(owner: asyncpg.Connection, asked: str) -> None:
    await evidence(owner, "old", 1.1)
    await evidence(owner, "young", 0.9)
    assert await as_scheduler(owner, f"retire_evidence_payloads('{asked}', 10)") == 1
    found = await owner.fetch("SELECT patch_id, payload FROM evidence ORDER BY 1")
    assert [tuple(f) for f in found] == [("old", None), ("young", b"{}")]
    assert await as_scheduler(owner, f"retire_evidence_payloads('{asked}', 10)") == 0


async def test_a_seen_event_goes_when_it_is_old_enough(owner: asyncpg.Connection) -> None:
    for name, years in (("old", 0.1), ("young", 0.001)):
        at = await age(owner, years)
        await row.insert(
            owner, "event_seen", {"source": "/s", "event_id": name, "payload_sha256": row.DIFF, "seen_at": at}
        )
    assert await as_scheduler(owner, "forget_seen_events('14 days', 10)") == 1
    assert await owner.fetchval("SELECT array_agg(event_id) FROM event_seen") == ["young"]
    assert await as_scheduler(owner, "forget_seen_events('0 seconds', 10)") == 0, "never sooner than a day"


async def test_a_patch_goes_whole_after_seven_years_and_not_while_anything_of_it_is_young(
    owner: asyncpg.Connection,
) -> None:
    await patch(owner, "old", 7.1)
    await patch(owner, "young", 6.9)
    await patch(owner, "waiting", 7.1, state="pending")
    await patch(owner, "touched", 7.1)
    await row.insert(owner, "action", {"at": await age(owner, 1), "action": "commented", "patch_id": "touched"})
    await owner.execute("INSERT INTO other_apv SELECT 'apv-9', patch_id FROM patch")
    assert await as_scheduler(owner, "forget_old_patches('1 day', 10)") == 1
    for table in ("patch", "decision", "evidence", "action", "other_apv"):
        left = await owner.fetchval(f"SELECT array_agg(DISTINCT patch_id ORDER BY patch_id) FROM {table}")
        assert left == ["touched", "waiting", "young"], table


async def test_no_more_than_asked_goes_at_once(owner: asyncpg.Connection) -> None:
    for number in range(5):
        await evidence(owner, f"p-{number}", 2)
    assert await as_scheduler(owner, "retire_evidence_payloads('1 year', 3)") == 3
    assert await as_scheduler(owner, "retire_evidence_payloads('1 year', 3)") == 2
