"""What tests of the kernel of human decisions do with SQL alone, as the sidecar's role: vote, conclude, tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from hitl_stream.contract import digest, encode
from hitl_stream.contract.encode import DecisionEvent
from tests.event import binary, data
from tests.store.world import World

REVIEWERS = ["security-engineers"]
GLASS = ["breakers"]
VALID = timedelta(days=30)


async def pending(world: World, patch_id: str = "p-1", **changes: Any) -> int:
    """A review that waits; its version."""
    changes = {"ml__confidence": 0.5, **changes}
    content = data(patch_id=patch_id, apv_id=f"APV-{patch_id}", **changes)
    await world.feed(binary(f"e-{patch_id}", content))
    ((state, version),) = await world.rows("SELECT state, version FROM patch WHERE patch_id = $1", patch_id)
    assert state == "pending"
    return int(version)


async def vote(
    conn: asyncpg.Connection,
    version: int,
    who: str = "ann",
    groups: list[str] = REVIEWERS,
    *,
    patch_id: str = "p-1",
    said: str | None = None,
    glass: bool = False,
    login_age_s: float | None = 1,
) -> asyncpg.Record:
    login = None if login_age_s is None else datetime.now(UTC) - timedelta(seconds=login_age_s)
    row = await conn.fetchrow(
        "SELECT * FROM cast_vote($1, $2, $3, $4, $5, $6, $7, 't-1', 'r-1')",
        *(patch_id, version, who, groups, said, glass, login),
    )
    assert row is not None
    return row


async def message(conn: asyncpg.Connection, patch: str, moment: datetime, **told: Any) -> list[bytes | None]:
    """What the sidecar would publish of the next decision, changed by `told`; `envelope` changes what is around."""
    row = await conn.fetchrow("SELECT * FROM patch WHERE patch_id = $1", patch)
    assert row is not None
    decision = told.pop("recorded", "approved")
    event = DecisionEvent(
        patch, row["apv_id"], row["cve_id"], row["round"], row["seq"] + 1, decision, "human", "ann",
        ("ann",) if decision == "approved" else (), told.pop("comment", None),
        () if decision == "revoked" else tuple(encode.parse_reasons(row["reasons"])),
        ("incomplete_fix",) if decision == "rejected" else (),
        row["policy_version"], row["patch_digest"], row["evidence_digest"], row["ml_confidence"], row["ml_prediction"],
        moment, moment + VALID if decision == "approved" else None, "unknown" if decision == "revoked" else None,
        row["synthetic"], None,
    )  # fmt: skip
    (true,) = encode.decision_messages(event)
    around = told.pop("envelope", {})
    content = orjson.loads(true.value or b"")
    content["data"] |= told
    return [true.topic.encode(), true.key, orjson.dumps(content | around), None]


async def conclude(
    conn: asyncpg.Connection,
    version: int,
    moment: datetime,
    who: str = "ann",
    groups: list[str] = REVIEWERS,
    *,
    patch_id: str = "p-1",
    messages: list[bytes | None] | None = None,
    said: str | None = None,
    **told: Any,
) -> None:
    if messages is None:
        messages = await message(conn, patch_id, moment, comment=said, decided_by=who, **told)
    await conn.execute(
        "SELECT conclude_approval($1, $2, $3, $4, $5, $6, $7, $8, 't-1', 'r-1', $9)",
        *(patch_id, version, await next_id(conn, patch_id), who, groups, said, moment, moment + VALID, messages),
    )


async def next_id(conn: asyncpg.Connection, patch_id: str) -> str:
    """The id of the patch's next decision."""
    row = await conn.fetchrow("SELECT round, seq FROM patch WHERE patch_id = $1", patch_id)
    assert row is not None
    return digest.decision_id(patch_id, row["round"], row["seq"] + 1)


def refused(status: str, words: str | None = None) -> Any:
    return pytest.raises(asyncpg.PostgresError, match=words, check=lambda error: error.sqlstate == f"HT{status}")
