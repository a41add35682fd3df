"""Rows as tests write them: valid by default, one thing changed per case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import asyncpg

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DIFF = sha256(b"diff").digest()
OTHER_DIFF = sha256(b"other").digest()
EVIDENCE = sha256(b"evidence").digest()
_NAMES = UUID(int=1)


async def insert(conn: asyncpg.Connection, table: str, row: dict[str, Any]) -> None:
    """Insert one row."""
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await conn.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())


def patch(**changes: Any) -> dict[str, Any]:
    """A patch that stands approved by policy."""
    row = {
        "patch_id": "p-1",
        "apv_id": "apv-1",
        "cve_id": "CVE-2026-1",
        "home": 0,
        "state": "approved",
        "approved_by": "policy",
        "seq": 1,
        "patch_digest": DIFF,
        "evidence_digest": EVIDENCE,
        "ml_confidence": 0.97,
        "ml_prediction": True,
        "policy_version": 1,
        "received_at": NOW,
        "changed_at": NOW,
    }
    return row | changes


def pending(**changes: Any) -> dict[str, Any]:
    """A patch that waits for a person."""
    waiting = {
        "state": "pending",
        "approved_by": None,
        "seq": 0,
        "opened_at": NOW,
        "expires_at": NOW + timedelta(days=7),
    }
    return patch(**waiting | changes)


def decision(**changes: Any) -> dict[str, Any]:
    """An approval by policy; it ends in the far future."""
    row = {
        "patch_id": "p-1",
        "seq": 1,
        "round": 1,
        "apv_id": "apv-1",
        "decision": "approved",
        "reasons": '[["confidence", "passed", "0.97", null]]',
        "policy_version": 1,
        "patch_digest": DIFF,
        "evidence_digest": EVIDENCE,
        "decided_at": NOW,
        "valid_until": datetime(2999, 1, 1, tzinfo=UTC),
        "synthetic": False,
    }
    row |= changes
    return row | {"decision_id": uuid5(_NAMES, f"{row['patch_id']} {row['seq']}")}


def by_person(**changes: Any) -> dict[str, Any]:
    """What a person said."""
    return decision(**{"mode": "human", "decided_by": "ann", "approvers": ["ann"]} | changes)
