"""What the sidecar reads: the list of reviews, one patch with everything a decision needs, and the gate's answer.

Nothing here writes. A detail is read in one snapshot, so that its version covers all that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from asyncpg import Connection

from hitl_stream.policy.document import PolicyDocument
from hitl_stream.store import policy, statement

COUNT_MAX = 10_000
RESULTS_MAX = 500
HISTORY_MAX = 500

# Greater than no row and smaller than every row: the list starts after it.
START = datetime(1, 1, 2, tzinfo=UTC), ""

Place = tuple[datetime, str]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of reviews. `total` stops at COUNT_MAX + 1; `following` is where the next page starts."""

    rows: Sequence[Row]
    total: int
    following: Place | None


@dataclass(frozen=True, slots=True)
class Detail:
    """One patch with its current round. `policy` is the document it was last judged by.

    `truncated` is true when there were more results than RESULTS_MAX.
    """

    patch: Row
    results: Sequence[Row]
    truncated: bool
    history: Sequence[Row]
    related: Sequence[Row]
    policy: PolicyDocument


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The gate's answer. `deployable` is true only together with reason `approved` and a decision."""

    deployable: bool
    reason: str
    decision_id: UUID | None
    decided_at: datetime | None
    expires_at: datetime | None


async def read_pending(conn: Connection, after: Place, limit: int) -> Page:
    """At most `limit` reviews behind `after`, the nearest time limit first."""
    rows = await _rows(conn, "pending_page", *after, limit + 1)
    total = await conn.fetchval(statement.get("pending_count"), COUNT_MAX + 1)
    shown = rows[:limit]
    following = (shown[-1]["expires_at"], shown[-1]["patch_id"]) if len(rows) > limit else None
    return Page(shown, total, following)


async def read_detail(conn: Connection, patch_id: str) -> Detail | None:
    """Everything a decision on this patch needs; None if there is no such patch."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        patch = await conn.fetchrow(statement.get("patch_detail"), patch_id)
        if patch is None:
            return None
        results = await _rows(conn, "patch_results", patch_id, patch["round"], RESULTS_MAX + 1)
        history = await _rows(conn, "patch_history", patch_id, HISTORY_MAX)
        related = await _rows(conn, "patch_related", patch_id, patch["apv_id"], patch["patch_digest"])
        document = await policy.read(conn, patch["policy_version"])
    return Detail(dict(patch), results[:RESULTS_MAX], len(results) > RESULTS_MAX, history, related, document)


async def read_version(conn: Connection, patch_id: str) -> tuple[int, str] | None:
    """The version and state of a patch; None if there is no such patch."""
    row = await conn.fetchrow(statement.get("patch_version"), patch_id)
    return (row["version"], row["state"]) if row is not None else None


async def ask_gate(conn: Connection, patch_id: str, digest: bytes | None) -> GateAnswer:
    """May this artefact of this patch be deployed? Anything but a whole, consistent yes is a no."""
    row = await conn.fetchrow(statement.get("gate"), patch_id, digest)
    if row is None:
        return GateAnswer(False, "unknown_patch", None, None, None)
    whole = row["reason"] == "approved" and None not in (row["decision_id"], row["decided_at"], row["expires_at"])
    if row["deployable"] is True and whole:
        return GateAnswer(True, "approved", row["decision_id"], row["decided_at"], row["expires_at"])
    return GateAnswer(False, "no_decision" if row["reason"] == "approved" else row["reason"], None, None, None)


async def check_database(conn: Connection) -> None:
    """Raises Unavailable through the connection when the database does not answer."""
    await conn.execute(statement.get("database_answers"))


async def _rows(conn: Connection, name: str, *arguments: Any) -> list[Row]:
    return [dict(row) for row in await conn.fetch(statement.get(name), *arguments)]
