"""How Postgres finds what the sidecar reads: the plans of its statements on a full database, and how large its tables are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from benchmarks.sidecar import fill
from hitl_stream.store import database, review, statement
from hitl_stream.store.queue import COUNT_MAX, FEW_MAX, START

_ALL: Final[tuple[Any, ...]] = ([], [], [], [], *[None] * 11)
_FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC), "", "")
_SEVERE: Final = (["ecosystem:npm"], *_ALL[1:-4], "high", None, None, None)  # as the list asks: one severity is no tag
_RARE: Final = (["package:package-17", "cwe_class:xss"], *_ALL[1:])  # as the list asks: two tags are found together
_PACKAGE: Final = (*_ALL[:-2], "package-17", None)

_SIZES = """
SELECT c.relname, c.reltuples::bigint AS rows, pg_total_relation_size(c.oid) AS bytes
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'public'
 WHERE c.relkind = 'r' AND c.reltuples > 1000 ORDER BY bytes DESC"""


async def sizes(url: str) -> list[str]:
    """The large tables with their indexes, one a line."""
    conn = await asyncpg.connect(url)
    try:
        rows = await conn.fetch(_SIZES)
    finally:
        await conn.close()
    return [f"{row['relname']}: {row['rows']:,} rows, {row['bytes'] / 1e6:,.0f} MB with its indexes" for row in rows]


async def plans(url: str, patches: int) -> list[str]:
    """What the hot statements do, as Markdown."""
    some = fill.patch_name(patches // 20 * fill.PENDING_OF)
    asked: dict[str, tuple[str, tuple[Any, ...]]] = {
        "the first page": ("queue_by_priority", (*START, 51, *_ALL, 0)),
        "a page of what is severe and of one ecosystem": ("queue_by_priority", (*START, 51, *_SEVERE, 0)),
        "what is of one package": ("queue_few", (*START, 51, *_PACKAGE, 0, "risk", COUNT_MAX + 1)),
        "what is of one package and one class": ("queue_few", (*START, 51, *_RARE, 0, "risk", FEW_MAX + 1)),
        "the count of all": ("queue_count", (COUNT_MAX + 1, *_ALL)),
        "the count of two filters": ("queue_count", (COUNT_MAX + 1, *_SEVERE)),
        "one patch": ("patch_detail", (some, "reviewer-1")),
        "its results": ("patch_results", (some, 1, *_FIRST, review.RESULTS_MAX, review.RESULT_BYTES_MAX)),
        "the summary": ("count_patches", (None, None)),
    }
    settings = database.session_settings("hitl_sidecar", "plans", 60.0)
    conn = await asyncpg.connect(url, server_settings=settings)
    try:
        return [
            f"{title} (`{name}`)\n\n```\n{await _plan(conn, name, given)}\n```"
            for title, (name, given) in asked.items()
        ]
    finally:
        await conn.close()


async def _plan(conn: asyncpg.Connection, name: str, given: tuple[Any, ...]) -> str:
    async with conn.transaction():
        await conn.execute(statement.get("plan_for_values"))
        rows = await conn.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement.get(name)}", *given)
    return "\n".join(row[0][:160] for row in rows)
