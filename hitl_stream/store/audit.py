"""The audit, page by page: what was said and done, by whom, on what. Read only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncpg import Connection

from hitl_stream.store import statement

VIEWED = "viewed"

# Later than every entry: the first page starts before it.
END = datetime(9999, 12, 31, tzinfo=UTC), "~"

Place = tuple[datetime, str]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; None is all. `since` is included, `until` is not."""

    patch_id: str | None = None
    actor: str | None = None
    action: str | None = None
    policy_version: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first; `following` is where the next page starts, None at the end."""

    rows: Sequence[Row]
    following: Place | None


async def read_page(conn: Connection, wanted: Filter, before: Place, limit: int) -> Page:
    """At most `limit` entries before this place. Who read what is shown only where action `viewed` is asked for."""
    if wanted.action == VIEWED and wanted.policy_version is not None:
        return Page([], None)  # no policy bears on who reads
    span = (wanted.since, wanted.until, limit + 1)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute(statement.get("plan_for_values"))
        if wanted.action == VIEWED:
            rows = await conn.fetch(statement.get("audit_of_looks"), *before, wanted.patch_id, wanted.actor, *span)
        else:
            named = (wanted.patch_id, wanted.actor, wanted.action, wanted.policy_version)
            rows = await conn.fetch(statement.get("audit_page"), *before, *named, *span)
    shown = [dict(row) for row in rows[:limit]]
    return Page(shown, (shown[-1]["at"], shown[-1]["key"]) if len(rows) > limit else None)
