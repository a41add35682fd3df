"""Decisions as others want them: every row of the compliance view in one snapshot, streamed, never all in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg import Connection

from hitl_stream.store import statement

PREFETCH = 500
COLUMNS = (
    *("id", "patch_id", "apv_id", "cve_id", "decision", "comment", "ml_confidence", "ml_prediction", "decided_by"),
    *("decided_at", "round", "synthetic", "audit_log"),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What to export; None means everything. Times are of the decision, `since` included, `until` not."""

    since: datetime | None = None
    until: datetime | None = None
    decision: str | None = None
    patch_id: str | None = None
    apv_id: str | None = None
    cve_id: str | None = None
    synthetic: bool = False


async def decisions(conn: Connection, wanted: Filter) -> AsyncGenerator[dict[str, Any], None]:
    """Rows by COLUMNS, ordered by patch and round; `audit_log` is JSON text."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        rows = conn.cursor(
            statement.get("export_decisions"),
            wanted.since,
            wanted.until,
            wanted.decision,
            wanted.patch_id,
            wanted.apv_id,
            wanted.cve_id,
            wanted.synthetic,
            prefetch=PREFETCH,
        )
        async for row in rows:
            yield dict(row)
