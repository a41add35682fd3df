"""Databases of any size, made by SQL (fill.sql): patches as they stand after a year of work, one of ten waiting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import asyncpg

CHUNK = 250_000
TOLD_EVERY = 8  # chunks
# As fill.sql has them.
PENDING_OF, PACKAGES, CVES = 10, 2_000, 50_000

_SQL = Path(__file__).with_name("fill.sql")


def patch_name(number: int) -> str:
    """The id of a patch."""
    return f"patch-{number:09}"


async def fill(url: str, patches: int, told: Callable[[str], object] = print) -> None:
    """Make so many patches, numbered from 1."""
    conn = await asyncpg.connect(url, command_timeout=3_600)
    try:
        await conn.execute(_SQL.read_text())
        for chunk, first in enumerate(range(1, patches + 1, CHUNK), 1):
            last = min(first + CHUNK - 1, patches)
            async with conn.transaction():
                await conn.execute("SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off")
                await conn.execute("CALL fill($1, $2)", first, last)
            if chunk % TOLD_EVERY == 0:
                told(f"filled {last:,} patches")
        await conn.execute("CALL add_up()")
        await conn.execute("VACUUM (ANALYZE)")
        await conn.execute("CHECKPOINT")
    finally:
        await conn.close()
